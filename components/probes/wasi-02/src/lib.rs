//! Calls each function of `wasi:cli`, `wasi:clocks` and `wasi:random` 0.2, and what other probes leave out of
//! `wasi:keyvalue`, for the host's tests.
//!
//! `GET /?op=O…`, where O is one of:
//!
//! | op | answer |
//! |---|---|
//! | `cli` | what the program was started with, one fact per line; a line goes to standard output and one to error |
//! | `clocks` | what both clocks say of themselves, one fact per line |
//! | `random` | whether each source gives as many bytes as it is asked for, and others the next time |
//! | `exit` | none: the program ends itself |
//! | `many` | with `api` (`draft` or `draft2`) and `label`: two keys are set, one of them and another deleted; what is left |
//!
//! An error of a store is answered with 403, a request that the probe does not understand with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod many;

use probe_kit_02::{Answer, Call};
use wasip2::cli::{
    environment, exit, stderr, stdin, stdout, terminal_stderr, terminal_stdin, terminal_stdout,
};
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::random::{insecure, insecure_seed, random};

/// A millisecond, in nanoseconds.
const PAUSE: u64 = 1_000_000;
const BYTES: u64 = 32;
/// Seconds from 1970 to 2020: a clock of this century.
const IN_2020: u64 = 1_577_836_800;

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "cli" => Ok(facts(cli())),
        "clocks" => Ok(facts(clocks())),
        "random" => Ok(facts(random_numbers())),
        "exit" => {
            exit::exit(Err(()));
            Ok(Answer::text("it goes on"))
        }
        "many" => many::left(call),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn facts(facts: Vec<String>) -> Answer {
    Answer::lines(facts.into_iter().map(String::into_bytes))
}

fn cli() -> Vec<String> {
    let greeting = environment::get_environment();
    let greeting = greeting.into_iter().find(|(name, _)| name == "GREETING");
    let printed = stdout::get_stdout().blocking_write_and_flush(b"out\n");
    let complained = stderr::get_stderr().blocking_write_and_flush(b"err\n");
    vec![
        format!("environment {:?}", greeting.map(|(_, value)| value)),
        format!("arguments {:?}", environment::get_arguments()),
        format!("initial-cwd {:?}", environment::initial_cwd()),
        format!("stdin {}", stdin::get_stdin().blocking_read(1).is_err()),
        format!("stdout {}", printed.is_ok()),
        format!("stderr {}", complained.is_ok()),
        format!(
            "terminal {}",
            terminal_stdin::get_terminal_stdin().is_some()
        ),
        format!(
            "terminal {}",
            terminal_stdout::get_terminal_stdout().is_some()
        ),
        format!(
            "terminal {}",
            terminal_stderr::get_terminal_stderr().is_some()
        ),
    ]
}

fn clocks() -> Vec<String> {
    let start = monotonic_clock::now();
    monotonic_clock::subscribe_duration(PAUSE).block();
    let between = monotonic_clock::now();
    monotonic_clock::subscribe_instant(between + PAUSE).block();
    let end = monotonic_clock::now();
    let (resolution, wall) = (wall_clock::resolution(), wall_clock::now());
    let fine = resolution.seconds == 0 && resolution.nanoseconds > 0;
    vec![
        format!("duration {}", between >= start + PAUSE),
        format!("instant {}", end >= between + PAUSE),
        format!("monotonic resolution {}", monotonic_clock::resolution() > 0),
        format!("wall resolution {fine}"),
        format!("wall {}", wall.seconds > IN_2020),
    ]
}

fn random_numbers() -> Vec<String> {
    let secure = || random::get_random_bytes(BYTES);
    let insecure = || insecure::get_insecure_random_bytes(BYTES);
    let numbers = (random::get_random_u64(), random::get_random_u64());
    let others = (
        insecure::get_insecure_random_u64(),
        insecure::get_insecure_random_u64(),
    );
    let seed = insecure_seed::insecure_seed();
    vec![
        format!("random {}", differ(&secure(), &secure())),
        format!("insecure {}", differ(&insecure(), &insecure())),
        format!("random number {}", numbers.0 != numbers.1),
        format!("insecure number {}", others.0 != others.1),
        format!("seed {}", seed != (0, 0)),
    ]
}

fn differ(one: &[u8], other: &[u8]) -> bool {
    one.len() as u64 == BYTES && other.len() as u64 == BYTES && one != other
}
