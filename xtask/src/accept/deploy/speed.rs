//! How long a deploy and a rollback take, from the start of their command to the first answer of the other revision.
//!
//! The products service does not say which revision of it answers. So for it the status of the host is watched, and once
//! that names the new version, a request is sent and its answer awaited: that answer is the new revision's for sure, and
//! the time an upper bound of the first one's. A probe that names itself in its answers shows the same without a detour.
//! Nothing is built: the command is told that what it finds is built.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use serde_json::json;

use super::admin::{self, Admin};
use super::application::Application;
use super::guests::{Guests, Word};
use super::products::{self, Products};
use super::release::Release;
use super::said;
use crate::accept::{Scale, Shown};
use crate::load::{self, Ask};
use crate::process;
use crate::stage::Stage;

const COMMAND_MAX: Duration = Duration::from_secs(60);
/// Between two looks: short beside every bound, and long enough to leave the cores idle.
const LOOK: Duration = Duration::from_millis(1);
/// What takes longer than this is compiled, on both cores: looking takes processor time as well, so it is done less often.
const LOOK_OFTEN_MAX: Duration = Duration::from_millis(150);
const LOOK_SELDOM: Duration = Duration::from_millis(20);

/// In milliseconds, for the median.
const UNCACHED_MS_MAX: f64 = 1_500.0;
const CACHED_MS_MAX: f64 = 100.0;
const ROLLBACK_MS_MAX: f64 = 50.0;

/// Times in milliseconds.
#[derive(Debug, Default)]
struct Times(Vec<f64>);

/// What was measured of one application.
#[derive(Debug, Default)]
struct Measured {
    /// Code that was never compiled.
    uncached: Times,
    /// Code that was deployed before.
    cached: Times,
    rollback: Times,
    /// The call of the admin API alone, from its connection to its answer.
    rollback_call: Times,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let rounds = match stage.scale() {
        Scale::Brief => 5,
        Scale::Full => 20,
    };
    let products = of_products(stage, rounds)?;
    let probe = of_probe(stage, rounds)?;
    Ok(Shown {
        passed: products.is_quick()? && probe.is_quick()?,
        figure: format!(
            "medians of {rounds} (most), ms; products, code padded to a new digest: {}; probe, seen in its own answers: {}",
            products.figure()?,
            probe.figure()?
        ),
    })
}

/// Rebuilt, deployed again as it was before that, rolled back.
fn of_products(stage: &Stage, rounds: u64) -> anyhow::Result<Measured> {
    let built = Products::built(stage)?;
    let first = built.rebuilt(0);
    let application = Application::new(stage, "speed", &first, products::CONFIGURATION)?;
    let host = application.start()?;
    let (address, admin) = (host.address(), application.admin()?);
    let next = stage.folder("speed-next")?;
    let mut measured = Measured::default();
    for round in 1..=rounds {
        let deploy = |number: u64| -> anyhow::Result<Duration> {
            let mut command = application.deploy(&built.rebuilt(number).write(&next)?);
            command.args(["--component", "products"]);
            products_change(&admin, address, &mut command)
        };
        measured.uncached.add(deploy(round)?);
        measured.cached.add(deploy(round - 1)?);
        let mut rollback = application.command("rollback");
        let took = products_change(&admin, address, &mut rollback)?;
        measured.rollback.add(took);
        deploy(round - 1)?;
        measured.rollback_call.add(roll_back(&admin)?);
    }
    host.stop()?;
    Ok(measured)
}

/// Until an answer of the products service that the version after this one gave.
fn products_change(
    admin: &Admin,
    address: SocketAddr,
    command: &mut Command,
) -> anyhow::Result<Duration> {
    let before = admin.status()?.version;
    let ask = Ask::get(products::PATH);
    until_new(command, || {
        if admin.status()?.version <= before {
            return Ok(false);
        }
        ask.once(address)?;
        Ok(true)
    })
}

/// The same with a probe. Each number is that of a release; each word is compiled once.
fn of_probe(stage: &Stage, rounds: u64) -> anyhow::Result<Measured> {
    let guests = Guests::built(stage)?;
    let first = Release::of(&guests, Word::steady(0), 0)?;
    let application = Application::new(stage, "speed-probe", &first, "")?;
    let host = application.start()?;
    let (address, admin) = (host.address(), application.admin()?);
    let next = stage.folder("speed-probe-next")?;
    let mut measured = Measured::default();
    for round in 1..=rounds {
        let deploy = |word: u64, number: u64| -> anyhow::Result<Duration> {
            let manifest = written(&guests, word, number, &next)?;
            probe_change(address, number, &mut application.deploy(&manifest))
        };
        let number = round * 10;
        measured.uncached.add(deploy(round, number)?);
        measured.cached.add(deploy(round - 1, number + 1)?);
        let mut rollback = application.command("rollback");
        measured
            .rollback
            .add(probe_change(address, number, &mut rollback)?);
        deploy(round - 1, number + 2)?;
        measured.rollback_call.add(roll_back(&admin)?);
        let back = said::now(address, "p3")?.number;
        ensure!(back == number, "rolled back to {back} and not to {number}");
    }
    host.stop()?;
    Ok(measured)
}

fn written(guests: &Guests, word: u64, number: u64, next: &Path) -> anyhow::Result<PathBuf> {
    Release::of(guests, Word::steady(word), number)?.write(next)
}

/// Until an answer of the release with this number.
fn probe_change(
    address: SocketAddr,
    number: u64,
    command: &mut Command,
) -> anyhow::Result<Duration> {
    until_new(command, || Ok(said::now(address, "p3")?.number == number))
}

/// From the start of a command until what it does is seen. The command must succeed.
fn until_new(
    command: &mut Command,
    mut is_new: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    thread::scope(|scope| {
        let running = scope.spawn(|| process::successful(command, COMMAND_MAX));
        let seen = loop {
            // Before the look: what the command does is done when it ends.
            let is_over = running.is_finished();
            if is_new()? {
                break Some(start.elapsed());
            }
            if is_over || start.elapsed() > COMMAND_MAX {
                break None;
            }
            thread::sleep(match start.elapsed() < LOOK_OFTEN_MAX {
                true => LOOK,
                false => LOOK_SELDOM,
            });
        };
        running
            .join()
            .map_err(|_| anyhow!("the thread of a command panicked"))??;
        match seen {
            Some(after) => Ok(after),
            None => bail!("the command succeeded, and nothing new was seen"),
        }
    })
}

/// Rolls back by the admin API.
fn roll_back(admin: &Admin) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let answer = admin.post("/v1/rollback", &json!({}))?;
    let took = start.elapsed();
    admin::successful("POST", "/v1/rollback", &answer)?;
    Ok(took)
}

// === impl Measured ===

impl Measured {
    fn is_quick(&self) -> anyhow::Result<bool> {
        Ok(self.uncached.median()? < UNCACHED_MS_MAX
            && self.cached.median()? < CACHED_MS_MAX
            && self.rollback.median()? < ROLLBACK_MS_MAX)
    }

    fn figure(&self) -> anyhow::Result<String> {
        Ok(format!(
            "deploy uncached {}, deploy compiled before {}, rollback {} of which the call {}",
            self.uncached.figure()?,
            self.cached.figure()?,
            self.rollback.figure()?,
            self.rollback_call.figure()?
        ))
    }
}

// === impl Times ===

impl Times {
    fn add(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64() * 1_000.0);
    }

    fn median(&self) -> anyhow::Result<f64> {
        load::median(&self.0)
    }

    fn figure(&self) -> anyhow::Result<String> {
        let most = self.0.iter().copied().fold(0.0, f64::max);
        Ok(format!("{:.1} ({most:.1})", self.median()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_has_no_time() {
        let mut command = process::typed("echo refused >&2; exit 1", Path::new("/"));
        let error = until_new(&mut command, || Ok(true)).expect_err("it failed");
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[test]
    fn one_slow_bound_is_enough_to_fail() {
        let measured = |rollback| Measured {
            uncached: Times(vec![900.0]),
            cached: Times(vec![40.0]),
            rollback: Times(vec![rollback]),
            rollback_call: Times(vec![5.0]),
        };
        assert!(measured(49.0).is_quick().expect("it was measured"));
        assert!(!measured(50.0).is_quick().expect("it was measured"));
        assert!(Measured::default().is_quick().is_err());
    }
}
