//! A server that takes part.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::workload::{CALLED, Guest, Workload};
use crate::abi::Abi;
use crate::bare::{self, Work};
use crate::host::{Host, START_MAX};
use crate::load::Ask;
use crate::manifest::Mounted;
use crate::stage::Stage;
use crate::wasmtime;

/// What stands behind the database of a workload that has one.
const DATABASE: &str = "[sql.default.embedded]\n";

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
    wasmtime: Option<&Path>,
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
    wasmtime: Option<&Path>,
    workload: &Workload,
) -> anyhow::Result<Vec<(Name, Command)>> {
    match workload.guest {
        Guest::Shop => Ok(vec![(Name::Stoa, stage.shop_up("bench")?)]),
        Guest::Probe(probe, abi) => with_guest(stage, wasmtime, workload, probe, abi),
        Guest::Hello(abi) => {
            let mut commands = with_guest(stage, wasmtime, workload, "hello", abi)?;
            commands.push((Name::BareHyper, bare::command(Work::Hello)?));
            Ok(commands)
        }
        // `wasmtime serve` has no databases, and components that call one another it has not either.
        Guest::Row(abi) => Ok(vec![
            (Name::Stoa, with_database(stage, workload, abi)?),
            (Name::BareHyper, bare::command(Work::Row)?),
        ]),
        Guest::FanOut(abi) => Ok(vec![
            (Name::Stoa, with_called(stage, workload, abi)?),
            (Name::BareHyper, bare::command(Work::FanOut)?),
        ]),
    }
}

fn with_database(stage: &Stage, workload: &Workload, abi: Abi) -> anyhow::Result<Command> {
    let wasm = stage.probe(&format!("sql_{}", abi.suffix()))?;
    let guest = Mounted {
        limits: workload.limits,
        databases: &["default"],
        ..Mounted::new("guest", "/...", &wasm)
    };
    let name = folder(workload.name);
    let mut command = stage.up(&name, &[guest])?;
    let configuration = stage.folder(&name)?.join("runtime-config.toml");
    fs::write(&configuration, DATABASE)
        .with_context(|| format!("cannot write `{}`", configuration.display()))?;
    command.arg("--runtime-config-file").arg(configuration);
    Ok(command)
}

/// Those that are called answer clients too, at routes that nobody asks for.
fn with_called(stage: &Stage, workload: &Workload, abi: Abi) -> anyhow::Result<Command> {
    let wasm = stage.probe(&format!("fan_out_{}", abi.suffix()))?;
    let hello = stage.probe(&format!("hello_{}", abi.suffix()))?;
    let [left, right] = CALLED;
    let guest = Mounted {
        limits: workload.limits,
        hosts: &["http://*.spin.internal"],
        ..Mounted::new("guest", "/...", &wasm)
    };
    let components = [
        guest,
        Mounted::new(left, "/left/...", &hello),
        Mounted::new(right, "/right/...", &hello),
    ];
    stage.up(&folder(workload.name), &components)
}

fn with_guest(
    stage: &Stage,
    wasmtime: Option<&Path>,
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
    let wasmtime = wasmtime.context("`wasmtime serve` is not installed")?;
    let theirs = wasmtime::serve(wasmtime, &wasm, abi, workload.serve_options);
    Ok(vec![(Name::Stoa, ours), (Name::WasmtimeServe, theirs)])
}

/// A folder for each workload, so that each first start is a cold one.
fn folder(workload: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("bench-{}", workload.chars().map(plain).collect::<String>())
}
