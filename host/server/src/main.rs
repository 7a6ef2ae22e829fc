//! The binary `stoa`: reads what it is told, wires the parts together, and runs them.
#![forbid(unsafe_code)]

mod blobs;
mod build;
mod cli;
mod commands;
mod compose;
mod configuration;
mod output;
mod progress;
mod seed;
mod state;
mod stores;
mod telemetry;
mod wiring;

use std::process::ExitCode;

/// Guests' answers pass through many small allocations on several cores; the system's allocator was a tenth slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
