//! `kill -9` of the host and of the command line in each step of deploys: what serves afterwards is a release that was
//! recorded, whole, and never one from before the last deploy that was answered.

mod ledger;
mod moment;

use std::fmt;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};

use self::ledger::Ledger;
use self::moment::{Moments, STEPS, Step};
use super::admin::{Admin, Deployed};
use super::application::Application;
use super::guests::{Guests, PROBES, Word};
use super::release::Release;
use super::wait;
use crate::accept::{Scale, Shown};
use crate::host::Host;
use crate::http;
use crate::process::Process;
use crate::random::{self, Random};
use crate::stage::Stage;

/// Deploys that are timed before the first kill.
const TIMED: u64 = 3;
/// In flight while a deploy goes on, so that it has something to drain.
const SLOW_MS: u64 = 1_500;
const SLOW_MAX: Duration = Duration::from_secs(10);
/// When a command that was not killed must have ended.
const COMMAND_MAX: Duration = Duration::from_secs(60);

/// What one round did.
struct Round {
    killed: bool,
    published: bool,
    answered: bool,
}

/// What the rounds of one kind did.
#[derive(Debug, Default)]
struct Rounds {
    killed: usize,
    /// Of those, how many served the new release afterwards.
    published: usize,
    /// Deploys that were answered before the kill.
    answered: usize,
}

/// An application whose deploys are numbered on.
struct Shop<'a> {
    application: Application<'a>,
    guests: &'a Guests,
    ledger: Ledger,
    next: u64,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let rounds = match stage.scale() {
        Scale::Brief => 10,
        Scale::Full => 100,
    };
    let seed = random::seed();
    eprintln!("  seed {seed}");
    let guests = Guests::built(stage)?;
    let mut random = Random::new(seed);
    let hosts = kill_hosts(stage, &guests, rounds, &mut random)?;
    let commands = kill_commands(stage, &guests, rounds, &mut random)?;
    Ok(Shown {
        // Without both outcomes the kills have shown one side of a deploy only.
        passed: hosts.published > 0 && hosts.published < hosts.killed && commands.killed > 0,
        figure: format!(
            "seed {seed}; hosts: {hosts}; commands: {commands}; after each, both components answered as the one release \
             that the status named, and none older than the last answered deploy"
        ),
    })
}

/// Kills the host in one step of a deploy after the other.
fn kill_hosts(
    stage: &Stage,
    guests: &Guests,
    rounds: usize,
    random: &mut Random,
) -> anyhow::Result<Rounds> {
    let mut shop = Shop::new(stage, guests, "kill-9-hosts")?;
    let mut host = shop.application.start()?;
    let moments = shop.timed()?;
    let mut done = Rounds::default();
    for round in 0..rounds {
        let step = STEPS[round % STEPS.len()];
        let moment = moments.within(step, random);
        let number = shop.take();
        let answered = shop
            .kill_host(host, number, moment)
            .with_context(|| format!("round {round}, killed in {step:?}"))?;
        host = shop.application.start()?;
        let serving = shop
            .check(&host)
            .with_context(|| format!("round {round}, killed in {step:?} after {moment:?}"))?;
        done.add(&Round {
            killed: true,
            published: serving == number,
            answered,
        });
    }
    // It works on: what was interrupted so often is in nobody's way.
    let number = shop.take();
    shop.publish(number)?;
    ensure!(
        shop.check(&host)? == number,
        "the last deploy does not serve"
    );
    host.stop()?;
    Ok(done)
}

/// Kills the command in the middle of its deploys; the host lives.
fn kill_commands(
    stage: &Stage,
    guests: &Guests,
    rounds: usize,
    random: &mut Random,
) -> anyhow::Result<Rounds> {
    let mut shop = Shop::new(stage, guests, "kill-9-commands")?;
    let host = shop.application.start()?;
    let moments = shop.timed()?;
    // Files of its own: those of the host's first start stay as they are.
    let folder = stage.folder("kill-9-commands-next")?;
    let mut done = Rounds::default();
    for round in 0..rounds {
        let step = STEPS[round % STEPS.len()];
        let moment = moments.within(step, random);
        let number = shop.take();
        let manifest = shop.release(number)?.write(&folder)?;
        let mut deploy = shop.application.deploy(&manifest);
        let mut process = Process::start(deploy.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let ended = process.wait(moment)?;
        let answered = ended.is_some_and(|status| status.success());
        match ended {
            Some(_) if answered => shop.ledger.acknowledge(number),
            // A deploy of a command that was killed before may be under way: then this one was told so.
            Some(_) => {}
            None => process.kill()?,
        }
        let serving = shop
            .check(&host)
            .with_context(|| format!("round {round}, after {moment:?}"))?;
        done.add(&Round {
            killed: ended.is_none(),
            published: serving == number,
            answered,
        });
    }
    let number = shop.take();
    // The deploy of a command that was killed may still come in between.
    wait::until_well(COMMAND_MAX, "another deploy", || shop.publish(number))?;
    let last = shop.check(&host)?;
    host.kill()?;
    let host = shop.application.start()?;
    ensure!(
        last == number && shop.check(&host)? == number,
        "the last deploy does not serve after a restart"
    );
    host.stop()?;
    Ok(done)
}

// === impl Shop ===

impl<'a> Shop<'a> {
    fn new(stage: &'a Stage, guests: &'a Guests, name: &str) -> anyhow::Result<Self> {
        let first = Release::of(guests, Word::steady(0), 0)?;
        Ok(Self {
            application: Application::new(stage, name, &first, "")?,
            guests,
            ledger: Ledger::default(),
            next: 1,
        })
    }

    /// The number of the next deploy, which is noted before it is sent.
    fn take(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.ledger.send(number);
        number
    }

    /// Each with a word of its own, so that each has to be uploaded and compiled.
    fn release(&self, number: u64) -> anyhow::Result<Release> {
        Release::of(self.guests, Word::steady(number), number)
    }

    fn publish(&mut self, number: u64) -> anyhow::Result<Deployed> {
        let admin = self.application.admin()?;
        let release = self.release(number)?;
        let deployed = published(&admin, &release)?;
        self.ledger.acknowledge(number);
        Ok(deployed)
    }

    /// How long the steps of a deploy take here.
    fn timed(&mut self) -> anyhow::Result<Moments> {
        let mut slowest = Moments::default();
        for _ in 0..TIMED {
            let (admin, number) = (self.application.admin()?, self.take());
            let release = self.release(number)?;
            let start = Instant::now();
            admin.upload(&release)?;
            let upload = start.elapsed();
            let deployed = self.publish(number)?;
            slowest.add(upload, &deployed);
        }
        Ok(slowest)
    }

    /// Deploys, and kills the host so long after that began. Tells whether the deploy was answered before.
    fn kill_host(&mut self, host: Host, number: u64, moment: Duration) -> anyhow::Result<bool> {
        let (admin, release) = (self.application.admin()?, self.release(number)?);
        let address = host.address();
        let answered = thread::scope(|scope| {
            let path = format!("/p3/slow?ms={SLOW_MS}");
            // It breaks off with the host; that deploys do not break it off is another point's.
            scope.spawn(move || http::get(address, &path, SLOW_MAX).ok());
            let deploy = scope.spawn(|| published(&admin, &release).is_ok());
            thread::sleep(moment);
            let killed = host.kill();
            let answered = deploy.join().map_err(|_| anyhow!("a deploy panicked"))?;
            killed.map(|()| answered)
        })?;
        if answered {
            self.ledger.acknowledge(number);
        }
        Ok(answered)
    }

    /// Holds what is served against what was promised. Tells the number of what is served.
    fn check(&mut self, host: &Host) -> anyhow::Result<u64> {
        let admin = self.application.admin()?;
        let components = PROBES.map(|(component, _)| component);
        self.ledger.check(&admin, host.address(), components)
    }
}

/// Uploads what is missing and deploys. What takes too long is a failure.
fn published(admin: &Admin, release: &Release) -> anyhow::Result<Deployed> {
    let start = Instant::now();
    let deployed = admin.publish(release)?;
    ensure!(
        start.elapsed() < COMMAND_MAX,
        "a deploy took {:?}",
        start.elapsed()
    );
    Ok(deployed)
}

// === impl Rounds ===

impl Rounds {
    fn add(&mut self, round: &Round) {
        self.killed += usize::from(round.killed);
        self.published += usize::from(round.published);
        self.answered += usize::from(round.answered);
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            killed,
            published,
            answered,
        } = self;
        write!(
            f,
            "{killed} killed during {}, {answered} deploys answered before, {published} served afterwards",
            STEPS.map(Step::name).join(", ")
        )
    }
}
