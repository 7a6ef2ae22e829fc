//! The binary `stoa`: reads what it is told, wires the parts together, and runs them.
#![forbid(unsafe_code)]

mod admin;
mod blobs;
mod build;
mod bundle;
mod cli;
mod client;
mod commands;
mod componentize;
mod compose;
mod configuration;
mod deploy;
mod doctor;
mod fetched;
mod file;
mod initial;
mod logs;
mod mounts;
mod output;
mod overrides;
mod printouts;
mod progress;
mod registry;
mod seed;
mod state;
mod stores;
mod telemetry;
mod triggers;
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
