//! Deploy after deploy under load from clients that keep their connections: nothing fails, nothing breaks off, no answer
//! is of two revisions, no client goes back to an older one, and nothing is left of those that were replaced.

mod clients;
mod stream;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::json;

use self::clients::{Clients, Saw};
use super::admin::{Admin, Status};
use super::application::Application;
use super::guests::{Guests, Word};
use super::release::Release;
use super::wait;
use crate::accept::descriptors::{self, MARGIN};
use crate::accept::memory::MIB;
use crate::accept::{Scale, Shown};
use crate::host::{self, Host};
use crate::load;
use crate::random;
use crate::stage::Stage;

/// Longer than any request of this point takes, so that whatever is cut off at it is a fault.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// From the drain bound until the host says that nothing is left.
const GONE_MAX: Duration = Duration::from_secs(20);
/// Between two deploys, so that both revisions answer some requests where nothing else holds a deploy up.
const PAUSE: Duration = Duration::from_millis(20);
/// How much the peak of memory may grow from the second tenth to the last one, in percent,
const GROWTH_PERCENT_MAX: f64 = 5.0;
/// and so much more, because a tenth of a brief run has few samples.
const GROWTH_MARGIN_BYTES: u64 = 8 * MIB;
/// How many descriptors more there may be in the last tenth: clients and drains are as many all the time.
const DESCRIPTORS_GROWTH_MAX: usize = 8;

/// What the host occupied after a deploy.
#[derive(Debug, Clone, Copy)]
struct Sample {
    bytes: u64,
    descriptors: usize,
}

/// What the deploys left behind.
struct Outcome {
    deploys: u64,
    elapsed: Duration,
    samples: Vec<Sample>,
    idle: (usize, usize),
    last: Status,
    saw: Saw,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let deploys = match stage.scale() {
        Scale::Brief => 100,
        Scale::Full => 1_000,
    };
    let guests = Guests::built(stage)?;
    let application = application(stage, &guests)?;
    let host = application.start()?;
    let admin = application.admin()?;
    // Both are uploaded and compiled before it begins.
    let revisions = Revisions { guests: &guests };
    for number in [1, 0] {
        admin.publish(&revisions.release(number)?)?;
    }
    let before = descriptors::settled(&host, None)?;
    let start = Instant::now();
    let (samples, saw) = under_load(&host, &admin, &revisions, deploys)?;
    let elapsed = start.elapsed();
    let last = gone(&admin)?;
    let after = descriptors::settled(&host, Some(before))?;
    let outcome = Outcome {
        deploys,
        elapsed,
        samples,
        idle: (before, after),
        last,
        saw,
    };
    if !outcome.saw.is_flawless() {
        eprintln!("  the host's last words: {}", host.tail());
    }
    host.stop().context("after the deploys")?;
    Ok(Shown {
        passed: outcome.is_right()?,
        figure: outcome.figure()?,
    })
}

fn application<'a>(stage: &'a Stage, guests: &Guests) -> anyhow::Result<Application<'a>> {
    let configuration = format!("[deploy]\ndrain_ms_max = {}\n", DRAIN_MAX.as_millis());
    let first = Release::of(guests, Word::steady(0), 0)?;
    Application::new(stage, "thousand", &first, &configuration)
}

/// Deploys one after the other while clients ask.
fn under_load(
    host: &Host,
    admin: &Admin,
    revisions: &Revisions<'_>,
    deploys: u64,
) -> anyhow::Result<(Vec<Sample>, Saw)> {
    let seed = random::seed();
    eprintln!("  seed {seed}");
    let clients = &Clients::new(host.address(), seed);
    thread::scope(|scope| {
        let (failed, running): (Vec<_>, Vec<_>) = (0..clients::CONNECTIONS)
            .map(|index| load::light(scope, move || clients.run(index)))
            .partition(Result::is_err);
        let samples = match failed.is_empty() {
            true => revisions.deploy_all(host, admin, clients, deploys),
            false => Err(anyhow!("cannot start all clients")),
        };
        // Whatever happened: those that were started wait for it.
        clients.stop();
        let mut saw = Saw::default();
        for client in running.into_iter().flatten() {
            saw.add(client.join().map_err(|_| anyhow!("a client panicked"))?);
        }
        // What the clients saw of it says more than that a deploy failed.
        let samples = samples.with_context(|| saw.figure())?;
        Ok((samples, saw))
    })
}

/// Waits until the host says that nothing drains.
fn gone(admin: &Admin) -> anyhow::Result<Status> {
    wait::until(DRAIN_MAX + GONE_MAX, "nothing drains", || {
        let status = admin.status()?;
        Ok((status.draining == 0).then_some(status))
    })
}

/// Two revisions of the code, taken in turn, in releases that are numbered on.
struct Revisions<'a> {
    guests: &'a Guests,
}

impl Revisions<'_> {
    fn release(&self, number: u64) -> anyhow::Result<Release> {
        Release::of(self.guests, Word::steady(number % 2), number)
    }

    fn deploy_all(
        &self,
        host: &Host,
        admin: &Admin,
        clients: &Clients,
        deploys: u64,
    ) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        for number in 1..=deploys {
            let release = self.release(number)?;
            // Nothing is uploaded: both artifacts are there.
            admin
                .deploy(&release, &json!({}))
                .with_context(|| format!("deploy {number}"))?;
            clients.acknowledge(number);
            samples.push(Sample {
                bytes: host::resident_bytes(host.id())?,
                descriptors: host::descriptors(host.id())?,
            });
            thread::sleep(PAUSE);
        }
        Ok(samples)
    }
}

// === impl Outcome ===

impl Outcome {
    fn is_right(&self) -> anyhow::Result<bool> {
        let (second, last) = (self.tenth(1)?, self.tenth(9)?);
        let allowed = second.bytes as f64 * (1.0 + GROWTH_PERCENT_MAX / 100.0);
        Ok(self.saw.is_flawless()
            && self.saw.is_some_of_each()
            && last.bytes as f64 <= allowed + GROWTH_MARGIN_BYTES as f64
            && last.descriptors <= second.descriptors + DESCRIPTORS_GROWTH_MAX
            && self.idle.0.abs_diff(self.idle.1) <= MARGIN
            && self.last.cut_off == 0)
    }

    /// The most that was occupied in one tenth of the deploys.
    fn tenth(&self, index: usize) -> anyhow::Result<Sample> {
        let length = (self.samples.len() / 10).max(1);
        let samples = self.samples.iter().skip(index * length).take(length);
        let most = samples.copied().reduce(|one, other| Sample {
            bytes: one.bytes.max(other.bytes),
            descriptors: one.descriptors.max(other.descriptors),
        });
        most.context("too few deploys were sampled")
    }

    fn figure(&self) -> anyhow::Result<String> {
        let (second, last) = (self.tenth(1)?, self.tenth(9)?);
        let mib = |sample: Sample| sample.bytes as f64 / MIB as f64;
        let (min, median, max) = self.saw.per_release(self.deploys);
        Ok(format!(
            "{} deploys in {:.0} s on {} connections: {}; requests per revision {min}/{median}/{max} (min/median/max); \
             memory at most {:.1} MiB in the second tenth, {:.1} MiB in the last; descriptors {} and {}, idle {} before \
             and {} after; {} revisions drained, {} of them cut off, none is left",
            self.deploys,
            self.elapsed.as_secs_f64(),
            clients::CONNECTIONS,
            self.saw.figure(),
            mib(second),
            mib(last),
            second.descriptors,
            last.descriptors,
            self.idle.0,
            self.idle.1,
            self.last.drained,
            self.last.cut_off,
        ))
    }
}
