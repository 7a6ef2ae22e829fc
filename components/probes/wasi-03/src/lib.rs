//! Calls each function of `wasi:cli`, `wasi:clocks` and `wasi:random` 0.3, for the host's tests. The calls and their answers
//! are those of `wasi-02`, without `many`.
#![cfg(target_family = "wasm")]

use probe_kit_03::{Call, Refusal, lines, text};
use stoa_sdk::http::{Request, Response};
use wasip3::cli::{
    environment, exit, stderr, stdin, stdout, terminal_stderr, terminal_stdin, terminal_stdout,
};
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::random::{insecure, insecure_seed, random};
use wasip3::wit_bindgen::StreamReader;
use wasip3::{spawn_local, wit_stream};

stoa_sdk::service!(handle);

/// A millisecond, in nanoseconds.
const PAUSE: u64 = 1_000_000;
const BYTES: u64 = 32;
/// Seconds from 1970 to 2020: a clock of this century.
const IN_2020: i64 = 1_577_836_800;
/// A second, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    match call.op()? {
        "cli" => Ok(facts(cli().await)),
        "clocks" => Ok(facts(clocks().await)),
        "random" => Ok(facts(random_numbers())),
        "exit" => {
            exit::exit(Err(()));
            Ok(text("it goes on"))
        }
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

fn facts(facts: Vec<String>) -> Response {
    lines(facts.into_iter().map(String::into_bytes))
}

async fn cli() -> Vec<String> {
    let greeting = environment::get_environment();
    let greeting = greeting.into_iter().find(|(name, _)| name == "GREETING");
    let (mut typed, _end) = stdin::read_via_stream();
    let (_, nothing) = typed.read(Vec::with_capacity(1)).await;
    let printed = stdout::write_via_stream(line(b"out\n")).await;
    let complained = stderr::write_via_stream(line(b"err\n")).await;
    vec![
        format!("environment {:?}", greeting.map(|(_, value)| value)),
        format!("arguments {:?}", environment::get_arguments()),
        format!("initial-cwd {:?}", environment::get_initial_cwd()),
        format!("stdin {}", nothing.is_empty()),
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

/// A stream of these bytes.
fn line(bytes: &'static [u8]) -> StreamReader<u8> {
    let (mut writer, reader) = wit_stream::new();
    spawn_local(async move {
        writer.write_all(bytes.to_vec()).await;
    });
    reader
}

async fn clocks() -> Vec<String> {
    let start = monotonic_clock::now();
    monotonic_clock::wait_for(PAUSE).await;
    let between = monotonic_clock::now();
    monotonic_clock::wait_until(between + PAUSE).await;
    let end = monotonic_clock::now();
    let resolution = system_clock::get_resolution();
    let fine = resolution > 0 && resolution < SECOND;
    vec![
        format!("duration {}", between >= start + PAUSE),
        format!("instant {}", end >= between + PAUSE),
        format!(
            "monotonic resolution {}",
            monotonic_clock::get_resolution() > 0
        ),
        format!("wall resolution {fine}"),
        format!("wall {}", system_clock::now().seconds > IN_2020),
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
    let seed = insecure_seed::get_insecure_seed();
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
