//! Tasks of this repository that are more than one cargo command: `cargo xtask …`.
//!
//! Nothing here is part of the product: the tasks see it from the outside, as its users do.
#![forbid(unsafe_code)]

mod abi;
mod accept;
mod bare;
mod bench;
mod host;
mod http;
mod load;
mod manifest;
mod process;
mod random;
mod scratch;
mod stage;
mod wasmtime;

use std::process::ExitCode;

use accept::Scale;

/// Bad input of the user: `EX_USAGE` of sysexits.h.
const EXIT_USAGE: u8 = 64;
/// The task ran and did not succeed.
const EXIT_FAILURE: u8 = 1;

const USAGE: &str = "\
usage: cargo xtask accept                   names the acceptance lists
       cargo xtask accept <name> [--full] [--only <point>]
                                            runs one, or one point of it, against the built binary
       cargo xtask bench [--quick] [--only <workload>] [--out <file>]
                                            measures it beside others and writes docs/benchmarks.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["accept"] => {
            accept::NAMES.iter().for_each(|name| println!("{name}"));
            ExitCode::SUCCESS
        }
        ["accept", name] => accepted(name, Scale::Brief, None),
        ["accept", name, "--only", point] => accepted(name, Scale::Brief, Some(point)),
        ["accept", name, "--full"] | ["accept", "--full", name] => {
            accepted(name, Scale::Full, None)
        }
        ["accept", name, "--full", "--only", point] => accepted(name, Scale::Full, Some(point)),
        ["bench", options @ ..] => match bench::Options::parse(options) {
            Some(options) => finished(bench::run(&options)),
            None => wrong(USAGE),
        },
        // Not for people: benchmarks start this program once more, as the least that a server does.
        ["serve-bare", address, work] => match bare::Work::named(work) {
            Some(work) => finished(bare::run(address, work)),
            None => wrong(USAGE),
        },
        _ => wrong(USAGE),
    }
}

fn finished(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

fn accepted(name: &str, scale: Scale, only: Option<&str>) -> ExitCode {
    let Some(tally) = accept::run(name, scale, only) else {
        let known = accept::NAMES.join(", ");
        return wrong(&format!(
            "error: there is no acceptance list `{name}`; there is: {known}"
        ));
    };
    println!("{tally}");
    match tally.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_FAILURE),
    }
}

fn wrong(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(EXIT_USAGE)
}
