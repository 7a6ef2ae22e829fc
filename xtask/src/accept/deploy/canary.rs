//! Releases that are tried on a share of the clients: one that fails goes away by itself before anybody else has seen it,
//! one that does not takes over step by step, and nobody is sent to and fro meanwhile.

mod clients;

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use self::clients::Seen;
use super::admin::{Admin, Status};
use super::application::Application;
use super::guests::{Guests, Word};
use super::release::Release;
use super::wait;
use crate::accept::{Scale, Shown};
use crate::process;
use crate::stage::Stage;

/// Clients with a cookie jar each.
const CLIENTS: usize = 400;
/// Of all clients, so many percent try a candidate first, and then so many.
const FIRST_PERCENT: u64 = 10;
const SECOND_PERCENT: u64 = 50;
/// How many more there may be in the second step: clients are told apart in the first one, for its share.
const SECOND_SLACK: usize = 8;
/// Longer than any client waits between two requests, so that each is seen in each step.
const STEP_SECONDS: u64 = 3;
const COMMAND_MAX: Duration = Duration::from_secs(60);
/// Until a candidate that fails is gone: it needs a hundred answers first, which the clients give it in a second.
const GUARD_MAX: Duration = Duration::from_secs(30);
const PROMOTE_MAX: Duration = Duration::from_secs(60);
/// Until every client has asked again.
const ALL_ASKED: Duration = Duration::from_secs(2);

/// What a canary that fails did.
struct Failing {
    clients: Vec<Seen>,
    /// From the end of `stoa deploy` until the status named no candidate.
    gone: Duration,
    /// From the same moment until the last answer of it arrived.
    last: Option<Duration>,
    cause: String,
    reason: String,
}

/// What a canary that does not fail did.
struct Healthy {
    clients: Vec<Seen>,
    /// When the share was known to be the first one for the last time, and the second one.
    first_until: Instant,
    second_until: Instant,
    promoted: bool,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let rounds = match stage.scale() {
        Scale::Brief => 1,
        Scale::Full => 5,
    };
    let guests = Guests::built(stage)?;
    let first = Release::of(&guests, Word::steady(0), 0)?;
    let application = Application::new(stage, "canary", &first, "")?;
    let host = application.start()?;
    let (address, admin) = (host.address(), application.admin()?);
    let next = stage.folder("canary-next")?;
    let (mut passed, mut figures) = (true, Vec::new());
    for round in 0..rounds {
        let number = 2 * round + 1;
        let failing = Release::of(&guests, Word::failing(number), number)?.write(&next)?;
        let failing = fail(&application, &admin, address, &failing, number)?;
        passed &= failing.is_right();
        figures.push(failing.figure());
        let healthy = Release::of(&guests, Word::steady(number + 1), number + 1)?;
        let healthy = succeed(&admin, address, &healthy, number + 1)?;
        passed &= healthy.is_right();
        figures.push(healthy.figure());
    }
    host.stop()?;
    Ok(Shown {
        passed,
        figure: figures.join("; "),
    })
}

/// Deploys what fails a fifth of its requests, as a person would, to a tenth of the clients.
fn fail(
    application: &Application<'_>,
    admin: &Admin,
    address: SocketAddr,
    manifest: &Path,
    number: u64,
) -> anyhow::Result<Failing> {
    let steps = FIRST_PERCENT.to_string();
    let mut deploy = application.deploy(manifest);
    deploy.args(["--strategy", "canary", "--steps", &steps]);
    let before = admin.status()?;
    let (times, clients) = clients::during(address, CLIENTS, number, || {
        process::successful(&mut deploy, COMMAND_MAX)?;
        let begun = Instant::now();
        gone(admin, &before)?;
        let gone = begun.elapsed();
        // Whoever still comes to it would be seen now.
        thread::sleep(ALL_ASKED);
        Ok((begun, gone))
    })?;
    let (begun, gone) = times;
    let last = clients.iter().filter_map(|seen| seen.last_of_candidate);
    let changes = admin.get("/v1/changes")?;
    let change = &changes["changes"][0];
    let word = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
    Ok(Failing {
        last: last.max().map(|at| at.saturating_duration_since(begun)),
        clients,
        gone,
        cause: word("cause"),
        reason: word("reason"),
    })
}

/// Until there is a version that has no candidate.
fn gone(admin: &Admin, before: &Status) -> anyhow::Result<()> {
    wait::until(GUARD_MAX, "the candidate is gone", || {
        Ok(is_over(&admin.status()?, before).then_some(()))
    })
}

/// Whether the candidate that was deployed since is none any more.
fn is_over(status: &Status, before: &Status) -> bool {
    status.version > before.version && status.candidate.is_none()
}

/// Deploys what fails nothing, by two short steps. Its latency is not judged: this machine's other work is not its fault.
fn succeed(
    admin: &Admin,
    address: SocketAddr,
    release: &Release,
    number: u64,
) -> anyhow::Result<Healthy> {
    let strategy = json!({
        "kind": "canary", "steps": [FIRST_PERCENT, SECOND_PERCENT], "step_seconds": STEP_SECONDS,
        "guard": { "p95_factor": 50.0, "p95_margin_ms": 1_000 },
    });
    admin.upload(release)?;
    let before = admin.status()?;
    let (seen, clients) = clients::during(address, CLIENTS, number, || {
        let deployed = admin.deploy(release, &json!({ "strategy": strategy }))?;
        let (mut first_until, mut second_until) = (None, None);
        let after = wait::until(PROMOTE_MAX, "the canary is promoted", || {
            // Before the question: whatever was seen until here was seen in the step that it tells.
            let now = Instant::now();
            let status = admin.status()?;
            match status.percent {
                Some(FIRST_PERCENT) => first_until = Some(now),
                Some(SECOND_PERCENT) => second_until = Some(now),
                _ => {}
            }
            Ok(is_over(&status, &before).then_some(status))
        })?;
        thread::sleep(ALL_ASKED);
        let first_until = first_until.context("the first step was not seen")?;
        let second_until = second_until.context("the second step was not seen")?;
        Ok((first_until, second_until, after.stable == deployed.release))
    })?;
    let (first_until, second_until, promoted) = seen;
    ensure!(
        first_until < second_until,
        "the steps came in another order"
    );
    Ok(Healthy {
        clients,
        first_until,
        second_until,
        promoted,
    })
}

/// A share of all clients and one more: how many may see a candidate.
fn allowed(percent: u64) -> usize {
    CLIENTS * percent as usize / 100 + 1
}

// === impl Failing ===

impl Failing {
    fn is_right(&self) -> bool {
        let touched = self.touched();
        self.cause == "guard"
            && touched > 0
            && touched <= allowed(FIRST_PERCENT)
            && clients::sound(&self.clients)
            // To it and back, at most.
            && self.clients.iter().all(|seen| seen.switches <= 2)
            // Its failures are why it went; the others' clients saw none.
            && self.clients.iter().map(|seen| seen.failed_by_candidate).sum::<u64>() > 0
    }

    fn touched(&self) -> usize {
        let touched = self.clients.iter().filter(|seen| seen.saw_candidate());
        touched.count()
    }

    fn figure(&self) -> String {
        let failed: u64 = self
            .clients
            .iter()
            .map(|seen| seen.failed_by_candidate)
            .sum();
        let answers: u64 = self.clients.iter().map(|seen| seen.by_candidate).sum();
        format!(
            "a canary of {FIRST_PERCENT} % that fails: seen by {} of {CLIENTS} clients in {answers} answers, {failed} of \
             them failures; gone {:.1} s after its deploy by `{}` ({}), its last answer after {:.1} s; {}",
            self.touched(),
            self.gone.as_secs_f64(),
            self.cause,
            self.reason,
            self.last.unwrap_or_default().as_secs_f64(),
            clients::troubles(&self.clients),
        )
    }
}

// === impl Healthy ===

impl Healthy {
    fn is_right(&self) -> bool {
        let (first, second) = (self.by(self.first_until), self.by(self.second_until));
        self.promoted
            && (1..=allowed(FIRST_PERCENT)).contains(&first)
            && (first..=allowed(SECOND_PERCENT) + SECOND_SLACK).contains(&second)
            && self.by(Instant::now()) == CLIENTS
            && clients::sound(&self.clients)
            // To it, and never back.
            && self.clients.iter().all(|seen| seen.switches <= 1)
    }

    /// How many clients had seen it by then.
    fn by(&self, moment: Instant) -> usize {
        let first = self
            .clients
            .iter()
            .filter_map(|seen| seen.first_of_candidate);
        first.filter(|at| *at < moment).count()
    }

    fn figure(&self) -> String {
        let back = self.clients.iter().filter(|seen| seen.switches > 1);
        format!(
            "a sound one: seen by {} clients at {FIRST_PERCENT} %, by {} at {SECOND_PERCENT} %, then {}, \
             {} clients went back from it; {}",
            self.by(self.first_until),
            self.by(self.second_until),
            if self.promoted {
                "promoted"
            } else {
                "not promoted"
            },
            back.count(),
            clients::troubles(&self.clients),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(touched: usize, cause: &str) -> Failing {
        let mut clients: Vec<Seen> = (0..CLIENTS).map(|_| Seen::default()).collect();
        for seen in &mut clients[..touched] {
            seen.by_candidate = 5;
            seen.failed_by_candidate = 1;
            seen.switches = 2;
        }
        Failing {
            clients,
            gone: Duration::ZERO,
            last: None,
            cause: cause.to_owned(),
            reason: String::new(),
        }
    }

    #[test]
    fn a_canary_is_seen_by_its_share_and_one_more_at_most() {
        assert!(!failing(42, "guard").is_right());
        assert!(failing(41, "guard").is_right());
        assert!(!failing(0, "guard").is_right());
        assert!(!failing(41, "rollback").is_right());
    }

    #[test]
    fn a_client_that_comes_back_to_a_candidate_was_sent_to_and_fro() {
        let mut failing = failing(40, "guard");
        failing.clients[0].switches = 3;
        assert!(!failing.is_right());
    }
}
