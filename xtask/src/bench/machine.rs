//! Where and of what the figures are.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use crate::load::Generator;
use crate::process;

const ANSWER_MAX: Duration = Duration::from_secs(60);

pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    /// Our commit, and whether something else was built.
    pub(super) commit: String,
    pub(super) wasmtime: String,
    pub(super) date: String,
    pub(super) generator: &'static str,
    pub(super) command: String,
}

impl Machine {
    /// `wasmtime` is none if nothing of it takes part.
    pub(super) fn this(root: &Path, wasmtime: Option<&Path>) -> anyhow::Result<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Ok(Self {
            processor: processor()?,
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: said(process::command("uname", root).arg("-r"))?,
            commit: commit(root)?,
            wasmtime: match wasmtime {
                Some(wasmtime) => said(process::command(wasmtime, root).arg("--version"))?,
                None => "no wasmtime".to_owned(),
            },
            date: said(process::command("date", root).args(["-u", "+%Y-%m-%d"]))?,
            generator: Generator::found().name(),
            command: format!("cargo xtask {}", arguments.join(" ")),
        })
    }
}

fn processor() -> anyhow::Result<String> {
    let path = "/proc/cpuinfo";
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    // Some architectures name none.
    Ok(model(&text).unwrap_or("unknown").to_owned())
}

fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim())
}

fn commit(root: &Path) -> anyhow::Result<String> {
    let head = said(process::command("git", root).args(["rev-parse", "--short", "HEAD"]))?;
    let changes = said(process::command("git", root).args(["status", "--porcelain"]))?;
    Ok(match changes.is_empty() {
        true => head,
        false => format!("{head} with uncommitted changes"),
    })
}

fn said(command: &mut Command) -> anyhow::Result<String> {
    let text = process::successful(command, ANSWER_MAX)?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_by_its_model() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC 9\nmodel name\t: AMD EPYC 9\n";
        assert_eq!(model(text), Some("AMD EPYC 9"));
        assert_eq!(model("processor : 0\n"), None);
    }
}
