//! A second start of the same application compiles nothing and answers within a second.

use std::time::Duration;

use anyhow::ensure;

use crate::accept::Shown;
use crate::accept::shop::catalogue::{PRODUCTS, REQUEST_MAX};
use crate::host::{self, Host};
use crate::http;
use crate::stage::{BUILD_MAX, Stage};

const ANSWER_MAX: Duration = Duration::from_secs(1);

/// A start as seen from outside.
struct Start {
    answered: Duration,
    /// Lines that say that something was compiled, and how many that it was found compiled.
    compiled: Vec<String>,
    found: usize,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let first = start(stage, &[])?;
    let skipping = start(stage, &["--skip-build"])?;
    let building = start(stage, &[])?;
    let seconds = [&skipping, &building];
    let compiled: Vec<&str> = seconds
        .iter()
        .flat_map(|start| start.compiled.iter().map(String::as_str))
        .collect();
    let is_found = seconds.iter().all(|start| start.found > 0);
    let is_quick = seconds.iter().all(|start| start.answered < ANSWER_MAX);
    Ok(Shown {
        passed: compiled.is_empty() && is_found && is_quick,
        figure: format!(
            "first answer {} ms after the process was started with --skip-build, {} ms with its build commands; \
             {} components found compiled, {} compiled{}; the first start took {} ms",
            skipping.answered.as_millis(),
            building.answered.as_millis(),
            skipping.found,
            compiled.len(),
            listed(&compiled),
            first.answered.as_millis()
        ),
    })
}

fn listed(lines: &[&str]) -> String {
    match lines {
        [] => String::new(),
        lines => format!(" ({})", lines.join(", ")),
    }
}

fn start(stage: &Stage, arguments: &[&str]) -> anyhow::Result<Start> {
    let state = stage.folder("second-start")?;
    let mut command = host::up(stage.stoa(), &stage.manifest(), &state);
    let host = Host::start(command.args(arguments), BUILD_MAX)?;
    let path = format!("{PRODUCTS}?limit=1");
    let response = http::get(host.address(), &path, REQUEST_MAX)?;
    let answered = host.age();
    ensure!(response.status() == 200, "answered {}", response.shown());
    let log = host.log();
    host.stop()?;
    Ok(Start {
        answered,
        compiled: log
            .iter()
            .filter(|line| is_compiling(line))
            .cloned()
            .collect(),
        found: log.iter().filter(|line| is_found(line)).count(),
    })
}

/// `Preparing products: found compiled (0.0 s)`
fn is_found(line: &str) -> bool {
    line.starts_with("Preparing ") && line.contains(": found compiled")
}

/// The host's own word for it, or cargo's.
fn is_compiling(line: &str) -> bool {
    let is_ours = line.starts_with("Preparing ") && line.contains(": compiled");
    is_ours || line.trim_start().starts_with("Compiling ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_says_what_it_compiled() {
        assert!(is_found("Preparing products: found compiled (0.0 s)"));
        assert!(!is_compiling("Preparing products: found compiled (0.0 s)"));
        assert!(is_compiling("Preparing products: compiled (0.3 s)"));
        assert!(is_compiling("   Compiling products v0.1.0"));
        assert!(!is_compiling("Preparing products ..."));
    }
}
