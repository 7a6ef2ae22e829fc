//! The binary `stoa`: reads what it is told, wires the parts together, and runs them.
#![forbid(unsafe_code)]

mod admin;
mod blobs;
mod build;
mod bundle;
mod cli;
mod client;
mod commands;
mod compose;
mod configuration;
mod deploy;
mod file;
mod logs;
mod output;
mod progress;
mod registry;
mod seed;
mod state;
mod stores;
mod telemetry;
mod watch;
mod watching;
mod wiring;

use std::process::ExitCode;

/// Guests' answers pass through many small allocations on several cores; the system's allocator was a tenth slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
