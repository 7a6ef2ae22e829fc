//! Watches a canary: further, back, or promoted, by what was observed of it and of the stable release beside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stoa_capabilities::releases::Cause;
use stoa_gateway::traffic::Observed;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::follow::RETRY;
use super::serving::{Candidate, Serving};
use super::{Host, Refused};
use crate::admin::messages::{Canary, Guard};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Who it says it is.
pub(super) const BY: &str = "the guard";

/// What was observed of one release.
#[derive(Debug, Clone, Copy)]
struct Sample {
    requests: u64,
    errors: u64,
    p95: Option<Duration>,
}

/// How far a canary has come.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Its step has lasted as long as it should.
    is_over: bool,
    /// No step comes after it.
    is_last: bool,
}

/// What is to be done about a canary.
#[derive(Debug, PartialEq)]
enum Verdict {
    Wait,
    Step,
    Promote,
    /// With the reason, for people.
    Back(String),
}

impl Host {
    /// Until `stop`: decides about canaries.
    pub(crate) async fn guard(self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            let mut look = tokio::time::interval(LOOK_EVERY);
            look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut told = String::new();
            loop {
                look.tick().await;
                match Box::pin(self.look()).await {
                    Ok(()) => {
                        // The same failure, later, is told anew.
                        told.clear();
                        continue;
                    }
                    // Another host was quicker, which is as good: this one follows.
                    Err(Refused::Conflict { .. }) => {}
                    Err(refused) => {
                        let why = refused.to_string();
                        // Once, and not at every try.
                        if why != told {
                            warn!("the canary could not be moved, will retry: {why}");
                            told = why;
                        }
                    }
                }
                tokio::time::sleep(RETRY).await;
            }
        })
        .await;
    }

    async fn look(&self) -> Result<(), Refused> {
        if verdict(&self.serving()) == Verdict::Wait {
            return Ok(());
        }
        let _turn = self.0.changing.take_own().await;
        // Somebody may have changed something while we waited.
        let serving = self.serving();
        let Some(candidate) = &serving.candidate else {
            return Ok(());
        };
        let number = candidate.release.number();
        let begun = Instant::now();
        match verdict(&serving) {
            Verdict::Wait => {}
            Verdict::Step => {
                let next = candidate.plan.next();
                let next = next.expect("a step was asked for where there is one");
                self.step(&serving, candidate.under(next)).await?;
            }
            Verdict::Promote => {
                let why = (Cause::Promote, "all steps went well", BY);
                self.promote_to(&serving, candidate, why, begun).await?;
                info!(release = number, "canary promoted");
            }
            Verdict::Back(reason) => {
                let stable = Arc::clone(&serving.stable);
                let why = (Cause::Guard, &*reason, BY);
                self.settle(&serving, stable, why, begun).await?;
                warn!(release = number, reason, "canary rolled back");
            }
        }
        Ok(())
    }
}

fn verdict(serving: &Serving) -> Verdict {
    let Some((candidate, canary)) = canary(serving) else {
        return Verdict::Wait;
    };
    let (stable, new) = (sample(&serving.observed), sample(&candidate.observed));
    let progress = Progress {
        is_over: serving.since.elapsed() >= Duration::from_secs(canary.step_seconds),
        is_last: candidate.plan.next().is_none(),
    };
    judge(canary, (stable, new), progress)
}

fn canary(serving: &Serving) -> Option<(&Candidate, &Canary)> {
    let candidate = serving.candidate.as_ref()?;
    Some((candidate, candidate.plan.canary()?))
}

fn sample(observed: &Observed) -> Sample {
    Sample {
        requests: observed.requests(),
        errors: observed.errors(),
        p95: observed.p95(),
    }
}

/// Nothing is decided, not even a further step, on fewer answers than the guard asks for: a canary that nobody visits
/// proves nothing.
fn judge(canary: &Canary, (stable, new): (Sample, Sample), progress: Progress) -> Verdict {
    if new.requests < canary.guard.requests_min {
        return Verdict::Wait;
    }
    match worse(&canary.guard, stable, new) {
        Some(reason) => Verdict::Back(reason),
        None if !progress.is_over => Verdict::Wait,
        None if !progress.is_last => Verdict::Step,
        None if canary.promote => Verdict::Promote,
        None => Verdict::Wait,
    }
}

fn worse(guard: &Guard, stable: Sample, new: Sample) -> Option<String> {
    let (before, now) = (ratio(stable), ratio(new));
    if now > before + guard.error_ratio_margin {
        return Some(format!(
            "{:.1} % of its {} answers were errors, {:.1} % of the stable release's",
            now * 100.0,
            new.requests,
            before * 100.0
        ));
    }
    // Few answers of the stable release are no measure.
    if stable.requests < guard.requests_min {
        return None;
    }
    let (before, now) = (stable.p95?.as_secs_f64(), new.p95?.as_secs_f64());
    let margin = Duration::from_millis(guard.p95_margin_ms).as_secs_f64();
    (now > before * guard.p95_factor && now > before + margin).then(|| {
        format!(
            "95 % of its answers took up to {:.0} ms, {:.0} ms of the stable release's",
            now * 1_000.0,
            before * 1_000.0
        )
    })
}

fn ratio(sample: Sample) -> f64 {
    match sample.requests {
        0 => 0.0,
        requests => sample.errors as f64 / requests as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(requests: u64, errors: u64, p95_ms: u64) -> Sample {
        Sample {
            requests,
            errors,
            p95: Some(Duration::from_millis(p95_ms)),
        }
    }

    /// In the middle of a step, at its end, and at the end of the last one.
    const BEGUN: Progress = Progress {
        is_over: false,
        is_last: false,
    };
    const OVER: Progress = Progress {
        is_over: true,
        is_last: false,
    };
    const DONE: Progress = Progress {
        is_over: true,
        is_last: true,
    };

    fn judged(stable: Sample, new: Sample) -> Verdict {
        judge(&Canary::default(), (stable, new), OVER)
    }

    #[test]
    fn nothing_is_decided_on_too_few_answers() {
        assert_eq!(
            judged(sample(10_000, 0, 1), sample(99, 99, 9_000)),
            Verdict::Wait
        );
    }

    #[test]
    fn more_errors_than_the_stable_release_and_the_margin_send_it_back() {
        let back = |verdict| matches!(verdict, Verdict::Back(_));
        assert!(back(judged(sample(1_000, 0, 5), sample(100, 20, 5))));
        assert!(back(judged(sample(0, 0, 5), sample(100, 3, 5))));
        // As bad as the stable one is no reason.
        assert_eq!(
            judged(sample(1_000, 200, 5), sample(100, 21, 5)),
            Verdict::Step
        );
    }

    #[test]
    fn being_slower_counts_by_factor_and_margin_and_against_enough_answers() {
        let back = |verdict| matches!(verdict, Verdict::Back(_));
        assert!(back(judged(sample(1_000, 0, 50), sample(100, 0, 120))));
        assert_eq!(
            judged(sample(1_000, 0, 5), sample(100, 0, 20)),
            Verdict::Step,
            "within the margin"
        );
        assert_eq!(
            judged(sample(1_000, 0, 100), sample(100, 0, 150)),
            Verdict::Step,
            "within the factor"
        );
        assert_eq!(
            judged(sample(10, 0, 5), sample(100, 0, 500)),
            Verdict::Step,
            "nothing to compare with"
        );
    }

    #[test]
    fn a_good_canary_goes_on_when_its_time_is_over() {
        let good = (sample(1_000, 0, 5), sample(100, 0, 5));
        let canary = Canary::default();
        assert_eq!(judge(&canary, good, BEGUN), Verdict::Wait);
        assert_eq!(judge(&canary, good, OVER), Verdict::Step);
        assert_eq!(judge(&canary, good, DONE), Verdict::Promote);
        let held = Canary {
            promote: false,
            ..Canary::default()
        };
        assert_eq!(judge(&held, good, DONE), Verdict::Wait);
    }
}
