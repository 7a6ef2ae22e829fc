//! The microseconds of each layer: of the gateway's stack, and of the runtime below it.
//!
//! Only the crates themselves can take their layers apart, so this is what tests of theirs print (`gateway/stack/layers.rs`
//! and the runtime's `guests/layers.rs`), which fail when a layer does not answer. Here they are run again with more
//! requests.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use crate::process;
use crate::stage::{BUILD_MAX, Stage};

/// How the tests are told of more requests, and how many.
const REQUESTS: &str = "STOA_LAYER_REQUESTS";
const REQUESTS_FULL: &str = "10000";
const REQUESTS_QUICK: &str = "200";
/// Lines of a run that failed, for messages.
const TAIL_LINES: usize = 8;

/// What cargo is told of each program of tests. Of the whole workspace, because a package by itself has other features, and
/// all that it needs would be built once more.
const PROGRAMS: [&[&str]; 2] = [
    &["--workspace", "--lib", "--", "stack::layers::"],
    &["--workspace", "--test", "guests", "--", "layers::"],
];

/// What a layer adds to a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Added {
    pub(super) name: String,
    pub(super) us: f64,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Layers {
    /// From the innermost to the outermost.
    pub(super) gateway: Vec<Added>,
    /// What a request costs in the runtime, taken apart.
    pub(super) runtime: Vec<Added>,
}

/// What was printed.
#[derive(Debug, Default)]
struct Printed {
    gateway: Vec<Added>,
    /// Whole requests, by kind of instance and what was answered.
    runtime: BTreeMap<(String, String), f64>,
}

pub(super) fn measure(stage: &Stage, quick: bool) -> anyhow::Result<Layers> {
    let mut printed = Printed::default();
    for program in PROGRAMS {
        let text = run(stage, program, quick)?;
        text.lines()
            .try_for_each(|line| printed.read(line))
            .with_context(|| format!("{program:?}"))?;
    }
    ensure!(!printed.gateway.is_empty(), "no layer of the gateway");
    Ok(Layers {
        runtime: printed.apart()?,
        gateway: printed.gateway,
    })
}

fn run(stage: &Stage, program: &[&str], quick: bool) -> anyhow::Result<String> {
    let requests = match quick {
        true => REQUESTS_QUICK,
        false => REQUESTS_FULL,
    };
    let mut command = process::command("cargo", stage.root());
    command
        .args(["test", "--release", "--locked"])
        .args(program)
        .arg("--nocapture")
        .env("CARGO_TARGET_DIR", stage.target())
        .env(REQUESTS, requests);
    let finished = process::output(&mut command, BUILD_MAX)?;
    let said: Vec<&str> = finished.stderr.lines().collect();
    let tail = said[said.len().saturating_sub(TAIL_LINES)..].join(" | ");
    ensure!(finished.status.success(), "the layers failed: {tail}");
    Ok(finished.stdout)
}

// === impl Printed ===

impl Printed {
    /// Reads a line such as `layer gateway router 420`; the test's own line may stand before it.
    fn read(&mut self, line: &str) -> anyhow::Result<()> {
        let Some((_, words)) = line.split_once("layer ") else {
            return Ok(());
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let us = |nanoseconds: &str| {
            let nanoseconds = nanoseconds.parse::<f64>();
            nanoseconds
                .map(|nanoseconds| nanoseconds / 1_000.0)
                .with_context(|| format!("no time: {line}"))
        };
        match words[..] {
            ["gateway", name, time] => self.gateway.push(Added {
                name: name.to_owned(),
                us: us(time)?,
            }),
            ["runtime", kind, step, time] => {
                let key = (kind.to_owned(), step.to_owned());
                self.runtime.insert(key, us(time)?);
            }
            // Some other test's words.
            _ => {}
        }
        Ok(())
    }

    /// A whole request to this kind of instance.
    fn whole(&self, kind: &str, step: &str) -> anyhow::Result<f64> {
        let whole = self.runtime.get(&(kind.to_owned(), step.to_owned()));
        whole
            .copied()
            .with_context(|| format!("`{step}` was not timed for {kind}"))
    }

    fn apart(&self) -> anyhow::Result<Vec<Added>> {
        let (reused, fresh, third) = ("0.2-reused", "0.2-fresh", "0.3-reused");
        let all =
            |step| Ok::<_, anyhow::Error>((self.whole(reused, step)?, self.whole(third, step)?));
        let (status, headers, body) = (all("status")?, all("headers")?, all("body")?);
        let parts = [
            ("0.2, a reused instance that answers a bare head", status.0),
            ("two headers", headers.0 - status.0),
            ("a body", body.0 - headers.0),
            (
                "a fresh instance instead of the reused one",
                self.whole(fresh, "body")? - body.0,
            ),
            ("0.3, a reused instance that answers a bare head", status.1),
            ("two headers", headers.1 - status.1),
            ("a body", body.1 - headers.1),
            ("0.3 over a reused 0.2 instance: in all", body.1 - body.0),
            ("of it the call", status.1 - status.0),
            (
                "of it the headers",
                (headers.1 - status.1) - (headers.0 - status.0),
            ),
            (
                "of it the body, a stream that is written by a task",
                (body.1 - headers.1) - (body.0 - headers.0),
            ),
        ];
        let added = parts.map(|(name, us)| Added {
            name: name.to_owned(),
            us,
        });
        Ok(added.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read() -> Printed {
        let mut layers = Printed::default();
        for line in [
            "test stack::layers::every_layer_answers_and_is_timed ... layer gateway router 420",
            "layer gateway in-flight 80",
            "layer runtime 0.2-fresh body 21000",
            "layer runtime 0.2-reused status 4000",
            "layer runtime 0.2-reused headers 4500",
            "layer runtime 0.2-reused body 5000",
            "layer runtime 0.3-reused status 9000",
            "layer runtime 0.3-reused headers 9500",
            "layer runtime 0.3-reused body 17000",
            "test result: ok. 1 passed",
        ] {
            layers.read(line).expect("it is a line");
        }
        layers
    }

    #[test]
    fn layers_are_in_the_order_in_which_they_were_printed() {
        let gateway = read().gateway;
        let names: Vec<_> = gateway.iter().map(|added| added.name.as_str()).collect();
        assert_eq!(names, ["router", "in-flight"]);
        assert_eq!(gateway[0].us, 0.42);
    }

    #[test]
    fn what_0_3_costs_more_is_taken_apart_and_adds_up() {
        let runtime = read().apart().expect("all was timed");
        let us = |name: &str| {
            let added = runtime.iter().find(|added| added.name.starts_with(name));
            added.expect("it is there").us
        };
        assert_eq!(us("a fresh instance"), 16.0);
        let parts = us("of it the call") + us("of it the headers") + us("of it the body");
        assert_eq!((us("0.3 over"), parts), (12.0, 12.0));
    }

    #[test]
    fn a_time_that_is_missing_or_none_is_an_error() {
        assert!(Printed::default().apart().is_err());
        let read = Printed::default().read("layer gateway router fast");
        assert!(read.is_err());
    }
}
