//! A server that takes part.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::workload::{Guest, Workload};
use crate::abi::Abi;
use crate::bare;
use crate::host::{Host, START_MAX};
use crate::load::Ask;
use crate::manifest::Mounted;
use crate::stage::Stage;
use crate::wasmtime;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Stoa,
    WasmtimeServe,
    BareHyper,
}

pub(super) struct Contender {
    pub(super) name: Name,
    pub(super) host: Host,
    /// What it is asked.
    pub(super) asks: Vec<Ask>,
    /// From its start to its first answer, when nothing was compiled yet, and again.
    pub(super) cold: Duration,
    pub(super) again: Duration,
}

impl Name {
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Stoa => "Stoa",
            Self::WasmtimeServe => "wasmtime serve",
            Self::BareHyper => "bare hyper",
        }
    }
}

impl Contender {
    fn start(
        name: Name,
        mut command: Command,
        asks: fn(std::net::SocketAddr) -> anyhow::Result<Vec<Ask>>,
    ) -> anyhow::Result<Self> {
        let mut first_answer = || {
            let host = Host::start(&mut command, START_MAX)?;
            let asks = asks(host.address())?;
            let first = asks.first().context("nothing is asked")?;
            first.once(host.address())?;
            let age = host.age();
            Ok::<_, anyhow::Error>((host, asks, age))
        };
        let (host, _, cold) = first_answer().context(name.shown())?;
        // Its state and its port are free before the next one starts.
        drop(host);
        let (host, asks, again) = first_answer().context(name.shown())?;
        Ok(Self {
            name,
            host,
            asks,
            cold,
            again,
        })
    }
}

/// Starts all that take part in a workload, ours first. They idle while another one is measured.
pub(super) fn all(
    stage: &Stage,
    wasmtime: &Path,
    workload: &Workload,
) -> anyhow::Result<Vec<Contender>> {
    let commands = commands(stage, wasmtime, workload)?;
    let contenders = commands
        .into_iter()
        .map(|(name, command)| Contender::start(name, command, workload.asks))
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!contenders.is_empty(), "nobody takes part");
    Ok(contenders)
}

fn commands(
    stage: &Stage,
    wasmtime: &Path,
    workload: &Workload,
) -> anyhow::Result<Vec<(Name, Command)>> {
    match workload.guest {
        Guest::Shop => Ok(vec![(Name::Stoa, stage.shop_up("bench")?)]),
        Guest::Probe(probe, abi) => with_guest(stage, wasmtime, workload, probe, abi),
        Guest::Hello(abi) => {
            let mut commands = with_guest(stage, wasmtime, workload, "hello", abi)?;
            commands.push((Name::BareHyper, bare::command()?));
            Ok(commands)
        }
    }
}

fn with_guest(
    stage: &Stage,
    wasmtime: &Path,
    workload: &Workload,
    probe: &str,
    abi: Abi,
) -> anyhow::Result<Vec<(Name, Command)>> {
    let wasm = stage.probe(&format!("{probe}_{}", abi.suffix()))?;
    let guest = Mounted {
        limits: workload.limits,
        ..Mounted::new("guest", "/...", &wasm)
    };
    let ours = stage.up(&folder(workload.name), &[guest])?;
    let theirs = wasmtime::serve(wasmtime, &wasm, abi, workload.serve_options);
    Ok(vec![(Name::Stoa, ours), (Name::WasmtimeServe, theirs)])
}

/// A folder for each workload, so that each first start is a cold one.
fn folder(workload: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("bench-{}", workload.chars().map(plain).collect::<String>())
}
