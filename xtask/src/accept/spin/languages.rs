//! A component in JavaScript and one in Python: that they use stores and other servers, and what they cost beside the one in
//! Rust that says the same.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::accept::suite::SPIN;
use crate::accept::{Scale, Shown};
use crate::host::{self, Host};
use crate::load::{self, Ask, CONNECTIONS, Generator, Pace, Rounds};
use crate::manifest::Mounted;
use crate::stage::Stage;

/// A start compiles what has an engine of its language in it: some 25 MB for Python.
const START_MAX: Duration = Duration::from_secs(300);
const MIB: f64 = (1024 * 1024) as f64;

/// A guest of a language.
struct Guest {
    language: &'static str,
    code: PathBuf,
    path: &'static str,
}

/// What was measured of it.
struct Row {
    language: &'static str,
    per_second: f64,
    p50: Duration,
    resident_bytes: u64,
    failures: u64,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    // They build the guests too.
    let report = SPIN.run(stage, &["languages::"], &[])?;
    let good = report.is_good();
    let seconds = match stage.scale() {
        Scale::Brief => 3,
        Scale::Full => 15,
    };
    let rows = guests(stage)?
        .iter()
        .map(|guest| guest.measured(stage, seconds).context(guest.language))
        .collect::<anyhow::Result<Vec<Row>>>()?;
    let rust = rows.first().context("nothing was measured")?.per_second;
    for row in &rows {
        println!("  {}", row.line(rust));
    }
    let failures: u64 = rows.iter().map(|row| row.failures).sum();
    let ratios: Vec<String> = rows
        .iter()
        .skip(1)
        .map(|row| format!("{} {:.3}", row.language, row.per_second / rust))
        .collect();
    Ok(Shown {
        passed: good && failures == 0,
        figure: format!(
            "{} tests of guests in JavaScript and Python passed, {} failed; of the requests per second of Rust: {} (closed \
             loop of {CONNECTIONS} connections for {seconds} s; p50 at half that rate; {failures} requests failed)",
            report.passed,
            report.failed,
            ratios.join(", ")
        ),
    })
}

/// The one in Rust first: the others are told as parts of it.
fn guests(stage: &Stage) -> anyhow::Result<[Guest; 3]> {
    let javascript = "components/probes/javascript-spin/dist/javascript-spin.wasm";
    let found = |path: &str| {
        let path = stage.root().join(path);
        ensure!(path.is_file(), "`{}` is not built", path.display());
        Ok(path)
    };
    Ok([
        Guest {
            language: "Rust",
            code: stage.probe("hello_02")?,
            path: "/",
        },
        Guest {
            language: "JavaScript",
            code: found(javascript)?,
            path: "/hello",
        },
        Guest {
            language: "Python",
            code: found("target/python-spin/python-spin.wasm")?,
            path: "/hello",
        },
    ])
}

impl Guest {
    /// Alone on the machine: what idles beside it would take memory that is not its own.
    fn measured(&self, stage: &Stage, seconds: u64) -> anyhow::Result<Row> {
        let name = self.language.to_lowercase();
        // An instance of Python begins with more memory than others need at all.
        let guest = Mounted {
            limits: "memory_bytes_max = 268_435_456",
            ..Mounted::new("guest", "/...", &self.code)
        };
        let mut up = stage.up(&format!("language-{name}"), &[guest])?;
        // The memory of a compiler that has worked is not what guests cost.
        Host::start(&mut up, START_MAX)?.stop()?;
        let host = Host::start(&mut up, START_MAX)?;
        let (address, asks) = (host.address(), [Ask::get(self.path)]);
        asks[0].once(address)?;
        let rounds = Rounds { count: 1, seconds };
        let saturated = Generator::found().interleaved(&[address], &asks, rounds)?;
        let saturated = saturated.first().context("nothing was measured")?;
        let per_second = saturated.median()?;
        let pace = Pace {
            per_second: (per_second / 2.0).max(1.0),
            connections: CONNECTIONS,
            duration: Duration::from_secs(seconds),
        };
        let seen = load::open(address, &asks, &pace)?;
        let row = Row {
            language: self.language,
            per_second,
            p50: seen.latencies().per_mille(500)?,
            resident_bytes: host::resident_bytes(host.id())?,
            failures: saturated.failures + seen.failed(),
        };
        host.stop()?;
        Ok(row)
    }
}

impl Row {
    fn line(&self, rust: f64) -> String {
        format!(
            "{:<10}  {:>9.0}/s  {:.3} of Rust  p50 {:.2} ms  {:.0} MiB resident",
            self.language,
            self.per_second,
            self.per_second / rust,
            self.p50.as_secs_f64() * 1_000.0,
            self.resident_bytes as f64 / MIB
        )
    }
}
