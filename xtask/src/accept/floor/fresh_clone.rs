//! In a fresh clone the README's two commands work as written.
//!
//! In brief only the first, with the dependencies of the host built already; in full both, and nothing is built yet.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::accept::readme::Readme;
use crate::accept::shop::catalogue;
use crate::accept::{Scale, Shown};
use crate::process::{self, Process};
use crate::stage::{BUILD_MAX, Stage};

/// Where the README's command serves.
const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 3000);
/// Products of the seed catalogue.
const SEEDS: usize = 60;
const GIT_MAX: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(250);

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let head = head(stage.root())?;
    let clone = cloned(stage)?;
    let readme = Readme::read(&clone)?;
    // Closed again at once: it only had to be free.
    drop(TcpListener::bind(ADDRESS).with_context(|| format!("{ADDRESS} is not free"))?);
    let figure = match stage.scale() {
        Scale::Brief => brief(stage, &clone, &readme)?,
        Scale::Full => full(&clone, &readme)?,
    };
    Ok(Shown {
        passed: true,
        figure: format!("{head}: {figure}"),
    })
}

fn brief(stage: &Stage, clone: &Path, readme: &Readme) -> anyhow::Result<String> {
    let arguments = readme.up_arguments()?;
    let mut build = process::command("cargo", clone);
    build
        .args(["build", "--release"])
        .env("CARGO_TARGET_DIR", stage.target());
    let start = Instant::now();
    process::watched(&mut build, BUILD_MAX)?;
    let built = start.elapsed();
    // The guests are built by the host, where their manifest says, and cold.
    let stoa = stage.target().join("release/stoa");
    let mut up = process::command(stoa, clone);
    let first = answered(up.args(arguments))?;
    Ok(format!(
        "host built in {:.0} s on its built dependencies, {SEEDS} products {:.0} s after `up` (guests cold); \
         the tests and a cold build need --full",
        built.as_secs_f64(),
        first.as_secs_f64()
    ))
}

fn full(clone: &Path, readme: &Readme) -> anyhow::Result<String> {
    let (up, tests) = (readme.up()?, readme.tests()?);
    let first = answered(&mut process::typed(up, clone))?;
    let start = Instant::now();
    process::watched(&mut process::typed(tests, clone), BUILD_MAX).context("the README's tests")?;
    Ok(format!(
        "cold, `{up}` served {SEEDS} products after {:.1} min; `{tests}` took another {:.1} min",
        minutes(first),
        minutes(start.elapsed())
    ))
}

/// Runs the command until the whole seed catalogue is served, and tells how long that took.
fn answered(command: &mut std::process::Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut up = Process::start(command.stdout(io::stderr()))?;
    let mut seen = "nothing answered".to_owned();
    while start.elapsed() < BUILD_MAX {
        if let Some(status) = up.wait(PAUSE)? {
            bail!("`up` ended with {status} before it served the catalogue");
        }
        match catalogue::count(ADDRESS) {
            Ok(SEEDS) => return Ok(start.elapsed()),
            Ok(others) => seen = format!("{others} products"),
            Err(error) => seen = format!("{error:#}"),
        }
    }
    bail!("not {SEEDS} products on {ADDRESS} within {BUILD_MAX:?}: {seen}")
}

fn cloned(stage: &Stage) -> anyhow::Result<PathBuf> {
    let folder = stage.folder("fresh")?;
    let mut git = process::command("git", &folder);
    git.args(["clone", "--quiet"]).arg(stage.root()).arg("stoa");
    process::successful(&mut git, GIT_MAX)?;
    Ok(folder.join("stoa"))
}

/// The commit that is cloned, and whether the working tree holds something else.
fn head(root: &Path) -> anyhow::Result<String> {
    let git = |arguments: &[&str]| {
        process::successful(process::command("git", root).args(arguments), GIT_MAX)
    };
    let head = git(&["rev-parse", "--short", "HEAD"]).context("there is nothing to clone")?;
    let head = head.trim();
    ensure!(!head.is_empty(), "git names no commit");
    match git(&["status", "--porcelain"])?.is_empty() {
        true => Ok(head.to_owned()),
        false => Ok(format!("{head} (without the uncommitted changes)")),
    }
}

fn minutes(duration: Duration) -> f64 {
    duration.as_secs_f64() / 60.0
}
