//! The figures as Markdown.

use super::contender::Name;
use super::layers::{Added, Layers};
use super::machine::Machine;
use super::row::{Entry, Row};
use crate::load::{CONNECTIONS, Rounds};

const MIB: f64 = 1024.0 * 1024.0;

const HEAD: &str = "\
| workload | contender | requests/s | × wasmtime serve | × bare hyper \
| latencies at, /s | p50, ms | p99, ms | p99.9, ms \
| memory, MiB | first answer, ms | failures |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

const GATEWAY: &str = "\
## Layers of the gateway

What each adds to a request of one core, from the inside out, around an inner service that answers at once: without
sockets, hyper and the kernel, which are bare hyper's line above. The first line makes the request and drops its answer.";

const RUNTIME: &str = "\
## Layers of the runtime

A request from the component's handler to the end of its answer, on one core: the limits, the instance, the guest and
the way back. What each step adds tells what it costs.";

pub(super) fn text(
    machine: &Machine,
    rounds: Rounds,
    rows: &[Row],
    layers: Option<&Layers>,
    problems: &[String],
) -> String {
    let mut text = format!("{}\n{HEAD}", preface(machine, rounds));
    for row in rows {
        for entry in &row.entries {
            text.push_str(&line(row, entry));
        }
    }
    if let Some(layers) = layers {
        text.push_str(&table(GATEWAY, &layers.gateway));
        text.push_str(&table(RUNTIME, &layers.runtime));
    }
    if !problems.is_empty() {
        text.push_str("\nNot measured:\n\n");
    }
    for problem in problems {
        text.push_str(&format!("- {}\n", problem.replace('\n', " ")));
    }
    text
}

/// What each part of a request takes.
fn table(head: &str, parts: &[Added]) -> String {
    let mut text = format!("\n{head}\n\n| | µs |\n|---|--:|\n");
    for Added { name, us } in parts {
        text.push_str(&format!("| {name} | {us:.2} |\n"));
    }
    text
}

fn preface(machine: &Machine, rounds: Rounds) -> String {
    format!(
        "\
# Benchmarks

Written by `{command}` on {date}: do not edit. Compare contenders of this table, not tables of different runs.

- Machine: {processor}, {cores} cores, Linux {kernel}; clients and servers share it
- Stoa at {commit}, with its whole gateway and its default limits; {wasmtime}, as `wasmtime serve`; bare hyper has no
  WebAssembly: it answers hello, reads the row by a prepared statement out of SQLite in the memory of its core, or calls
  two functions
- Requests/s: {CONNECTIONS} connections that ask as fast as answers come, by {generator}
- Latencies: {CONNECTIONS} connections at half the rate that the slowest contender of the row reaches, each counted from
  the moment its request was due (so what waits behind a stall counts), by threads, which wake up to 0.1 ms late
- Medians of {count} rounds of {seconds} s, contenders in turn; the others idle meanwhile
- Memory: resident, after all rounds
- First answer: from the start of the process, with nothing compiled yet / at the next start; with a row, that it is
  written counts too
- –: `wasmtime serve` has no databases, and components that call one another it has not either
",
        command = machine.command,
        date = machine.date,
        processor = machine.processor,
        cores = machine.cores,
        kernel = machine.kernel,
        commit = machine.commit,
        wasmtime = machine.wasmtime,
        generator = machine.generator,
        count = rounds.count,
        seconds = rounds.seconds,
    )
}

fn line(row: &Row, entry: &Entry) -> String {
    let [p50, p99, p999] = entry.latencies_ms;
    format!(
        "| {} | {} | {:.0} | {} | {} | {:.0} | {p50:.2} | {p99:.2} | {p999:.2} | {:.1} | {} / {} | {} |\n",
        row.workload,
        entry.name.shown(),
        entry.per_second,
        times(row.ratio(entry, Name::WasmtimeServe)),
        times(row.ratio(entry, Name::BareHyper)),
        row.pace,
        entry.resident_bytes as f64 / MIB,
        entry.cold.as_millis(),
        entry.again.as_millis(),
        entry.failures
    )
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn entry(name: Name, per_second: f64) -> Entry {
        Entry {
            name,
            per_second,
            latencies_ms: [0.5, 1.25, 3.0],
            resident_bytes: 64 * 1024 * 1024,
            cold: Duration::from_millis(300),
            again: Duration::from_millis(40),
            failures: 0,
        }
    }

    #[test]
    fn a_line_holds_the_ratios_to_whoever_takes_part() {
        let row = Row {
            workload: "hello",
            pace: 50.0,
            entries: vec![entry(Name::Stoa, 300.0), entry(Name::WasmtimeServe, 100.0)],
        };
        assert_eq!(
            line(&row, &row.entries[0]),
            "| hello | Stoa | 300 | 3.00 | – | 50 | 0.50 | 1.25 | 3.00 | 64.0 | 300 / 40 | 0 |\n"
        );
    }

    #[test]
    fn every_part_of_a_request_has_its_line() {
        let parts = [("router", 0.42), ("rescue", 0.1)].map(|(name, us)| Added {
            name: name.to_owned(),
            us,
        });
        let text = table("## Layers", &parts);
        assert!(text.starts_with("\n## Layers\n\n| | µs |\n|---|--:|\n"));
        assert!(text.ends_with("| router | 0.42 |\n| rescue | 0.10 |\n"));
    }

    #[test]
    fn head_and_lines_have_as_many_columns() {
        let row = Row {
            workload: "hello",
            pace: 50.0,
            entries: vec![entry(Name::Stoa, 300.0)],
        };
        let columns = |line: &str| line.matches('|').count();
        let expected = columns(&line(&row, &row.entries[0]));
        assert!(HEAD.lines().all(|line| columns(line) == expected), "{HEAD}");
    }
}
