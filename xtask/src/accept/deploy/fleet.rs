//! Three hosts that follow one history in PostgreSQL: what is deployed through one serves on all, of two deploys at once
//! one wins, a host that is cut off serves what it had and catches up, and one that was away begins with what is new.

mod database;
mod proxy;

use std::fmt::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use serde_json::json;

use self::database::Schema;
use self::proxy::Proxy;
use super::admin::Admin;
use super::application::Application;
use super::guests::{Guests, Word};
use super::release::Release;
use super::said;
use super::wait;
use crate::accept::{Scale, Shown};
use crate::host::Host;
use crate::http::Response;
use crate::stage::Stage;

/// What was promised: from the answer to a deploy until every host serves it.
const REACHED_MAX: Duration = Duration::from_secs(2);
/// How long is waited for it all the same, to print what came of it.
const REACHED_LIMIT: Duration = Duration::from_secs(30);
/// Until a host notices that its history is gone.
const NOTICED_MAX: Duration = Duration::from_secs(60);
/// How long a host is watched that is cut off.
const CUT_OFF: Duration = Duration::from_secs(3);
/// From the moment that the history is there again until what came meanwhile is served.
const CAUGHT_UP_MAX: Duration = Duration::from_secs(10);

/// A host of the fleet; none while it is stopped.
struct Member<'a> {
    application: Application<'a>,
    host: Option<Host>,
}

/// Three hosts, of which the last one reaches the database through a proxy.
struct Fleet<'a> {
    members: Vec<Member<'a>>,
    guests: &'a Guests,
    proxy: Proxy,
    next: u64,
}

/// What was seen, point by point.
#[derive(Default)]
struct Report {
    passed: bool,
    figure: String,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let rounds = match stage.scale() {
        Scale::Brief => 3,
        Scale::Full => 20,
    };
    let guests = Guests::built(stage)?;
    // Dropped last: hosts that write to it are gone by then.
    let schema = Schema::new()?;
    let mut fleet = Fleet::start(stage, &guests, &schema)?;
    let mut report = Report {
        passed: true,
        figure: String::new(),
    };
    fleet.reaches_all(rounds, &mut report)?;
    fleet.has_one_winner(rounds, &mut report)?;
    fleet.outlives_its_history(&mut report)?;
    fleet.takes_back_who_was_away(&mut report)?;
    fleet.stop()?;
    Ok(Shown {
        passed: report.passed,
        figure: report.figure,
    })
}

// === impl Report ===

impl Report {
    fn note(&mut self, passed: bool, figure: impl AsRef<str>) -> anyhow::Result<()> {
        self.passed &= passed;
        if !self.figure.is_empty() {
            self.figure.push_str("; ");
        }
        write!(self.figure, "{}", figure.as_ref())?;
        Ok(())
    }
}

// === impl Member ===

impl Member<'_> {
    fn start(&mut self) -> anyhow::Result<()> {
        self.host = Some(self.application.start()?);
        Ok(())
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        let host = self.host.as_ref().context("the host is stopped")?;
        Ok(host.address())
    }

    fn admin(&self) -> anyhow::Result<Admin> {
        self.application.admin()
    }

    /// The number of the release that answers.
    fn number(&self) -> anyhow::Result<u64> {
        Ok(said::now(self.address()?, "p3")?.number)
    }
}

// === impl Fleet ===

impl<'a> Fleet<'a> {
    fn start(stage: &'a Stage, guests: &'a Guests, schema: &Schema) -> anyhow::Result<Self> {
        let proxy = Proxy::start(database::address()?)?;
        let first = Release::of(guests, Word::steady(0), 0)?;
        let direct = schema.configuration(None)?;
        let through = schema.configuration(Some(proxy.address()))?;
        let mut members = Vec::new();
        let hosts = [("a", &direct), ("b", &direct), ("c", &through)];
        for (name, configuration) in hosts {
            let name = format!("fleet-{name}");
            let application = Application::new(stage, &name, &first, configuration)?;
            let mut member = Member {
                application,
                host: None,
            };
            member.start().with_context(|| name)?;
            members.push(member);
        }
        Ok(Self {
            members,
            guests,
            proxy,
            next: 1,
        })
    }

    fn release(&mut self, word: u64) -> anyhow::Result<(u64, Release)> {
        let number = self.next;
        self.next += 1;
        let release = Release::of(self.guests, Word::steady(word), number)?;
        Ok((number, release))
    }

    /// A release with code that nobody has compiled.
    fn fresh(&mut self) -> anyhow::Result<(u64, Release)> {
        self.release(self.next)
    }

    /// Deploys through one of the hosts, and waits for all.
    fn reach(&self, through: usize, number: u64, release: &Release) -> anyhow::Result<Duration> {
        let admin = self.members[through].admin()?;
        admin.publish(release)?;
        self.reached(number)
    }

    /// From now on until all answer with this release.
    fn reached(&self, number: u64) -> anyhow::Result<Duration> {
        let start = Instant::now();
        wait::until(REACHED_LIMIT, "all hosts serve what was deployed", || {
            for member in &self.members {
                if member.number()? != number {
                    return Ok(None);
                }
            }
            Ok(Some(start.elapsed()))
        })
    }

    fn reaches_all(&mut self, rounds: usize, report: &mut Report) -> anyhow::Result<()> {
        let (mut compiled, mut cached) = (Duration::ZERO, Duration::ZERO);
        for round in 0..rounds {
            let through = round % self.members.len();
            let (number, release) = self.fresh()?;
            compiled = compiled.max(self.reach(through, number, &release)?);
            // The code of the first start: every host has it.
            let (number, release) = self.release(0)?;
            cached = cached.max(self.reach(through, number, &release)?);
        }
        report.note(
            compiled.max(cached) < REACHED_MAX,
            format!(
                "{rounds} deploys through each kind of host reached all three within {:.2} s where the code had to be \
                 compiled, {:.2} s where not",
                compiled.as_secs_f64(),
                cached.as_secs_f64()
            ),
        )
    }

    fn has_one_winner(&mut self, rounds: usize, report: &mut Report) -> anyhow::Result<()> {
        let mut clear = 0;
        for _ in 0..rounds {
            let one = self.fresh()?;
            let two = self.fresh()?;
            let admins = [self.members[0].admin()?, self.members[1].admin()?];
            admins[0].upload(&one.1)?;
            admins[1].upload(&two.1)?;
            let version = admins[0].status()?.version;
            let expected = json!({ "expected": version });
            let answers = thread::scope(|scope| {
                let other = scope.spawn(|| admins[1].try_deploy(&two.1, &expected));
                let first = admins[0].try_deploy(&one.1, &expected);
                let other = other.join().map_err(|_| anyhow!("a deploy panicked"))?;
                Ok::<_, anyhow::Error>([first?, other?])
            })?;
            let won = answers.iter().position(|answer| answer.status() < 300);
            let winner = won.with_context(|| shown(&answers))?;
            clear += usize::from(is_conflict(&answers[1 - winner]));
            self.reached([one.0, two.0][winner])
                .with_context(|| shown(&answers))?;
        }
        report.note(
            clear == rounds,
            format!("of {rounds} pairs of deploys at once, {clear} were one winner on all hosts and one clear conflict"),
        )
    }

    /// The last host is cut off from the history, and connected again.
    fn outlives_its_history(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let before = self.members[2].number()?;
        self.proxy.cut();
        let (number, release) = self.fresh()?;
        self.members[0].admin()?.publish(&release)?;
        let (mut answers, start) = (0_u64, Instant::now());
        while start.elapsed() < CUT_OFF {
            let seen = self.members[2]
                .number()
                .context("cut off from its history")?;
            ensure!(
                seen == before,
                "cut off, it serves {seen} in place of {before}"
            );
            answers += 1;
        }
        let admin = self.members[2].admin()?;
        let behind = wait::until(NOTICED_MAX, "it says that it does not follow", || {
            Ok(admin.status()?.behind)
        })?;
        let refusal = admin.try_deploy(&release, &json!({}))?;
        let is_clear = refusal.status() == 503 && code(&refusal) == "unavailable";
        ensure!(
            self.members[2].number()? == before,
            "a deploy that was refused serves"
        );
        self.proxy.mend();
        let caught_up = self.reached(number)?;
        report.note(
            is_clear && caught_up < CAUGHT_UP_MAX,
            format!(
                "cut off, it gave {answers} answers of what it had, said `{behind}`, refused a deploy ({}), and caught up \
                 {:.2} s after it was connected",
                refusal.shown(),
                caught_up.as_secs_f64()
            ),
        )
    }

    /// A host is stopped in the middle of a deploy.
    fn takes_back_who_was_away(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let (number, release) = self.fresh()?;
        let admin = self.members[0].admin()?;
        let away = self.members[1].host.take().context("it runs")?;
        thread::scope(|scope| {
            let deploy = scope.spawn(|| admin.publish(&release));
            let stopped = away.stop();
            deploy.join().map_err(|_| anyhow!("a deploy panicked"))??;
            stopped
        })?;
        self.members[1].start()?;
        let first = self.members[1].number()?;
        self.reached(number)?;
        report.note(
            first == number,
            format!("stopped during deploy {number}, a host answered with {first} first when it was there again"),
        )
    }

    fn stop(self) -> anyhow::Result<()> {
        for host in self.members.into_iter().filter_map(|member| member.host) {
            host.stop()?;
        }
        Ok(())
    }
}

// === functions ===

fn is_conflict(answer: &Response) -> bool {
    answer.status() == 409 && code(answer) == "conflict" && !title(answer).is_empty()
}

fn code(answer: &Response) -> String {
    text(answer, "code")
}

fn title(answer: &Response) -> String {
    text(answer, "title")
}

fn text(answer: &Response, name: &str) -> String {
    let problem = answer.json().unwrap_or_default();
    problem[name].as_str().unwrap_or_default().to_owned()
}

fn shown(answers: &[Response]) -> String {
    let shown: Vec<String> = answers.iter().map(Response::shown).collect();
    shown.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_has_a_word_and_a_sentence() {
        let answer = |body: &str| Response::of(409, body);
        assert!(!is_conflict(&answer(
            r#"{"code":"candidate-is-live","title":"t"}"#
        )));
        assert!(!is_conflict(&answer(r#"{"code":"conflict","title":""}"#)));
        assert!(!is_conflict(&answer("conflict")));
        assert!(is_conflict(&answer(r#"{"code":"conflict","title":"t"}"#)));
    }

    #[test]
    fn one_figure_that_is_not_right_fails_the_point() {
        let mut report = Report {
            passed: true,
            ..Report::default()
        };
        report.note(false, "one").expect("text can be written");
        report.note(true, "two").expect("text can be written");
        assert_eq!((report.passed, report.figure.as_str()), (false, "one; two"));
    }
}
