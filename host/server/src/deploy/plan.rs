//! How a candidate gets its requests: as it is recorded with a change, and as the gateway divides them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stoa_gateway::traffic;

use super::refused::Refused;
use super::shadow::Power;
use crate::admin::messages::{Ab, Canary, Mirror, Sticky, Strategy};

/// Steps of a canary.
const STEPS_MAX: usize = 20;
/// A step lasts at most a week.
const STEP_SECONDS_MAX: u64 = 7 * 86_400;
/// Parts of a percent, as the gateway counts.
const PER_PERCENT: u16 = 100;

/// What is recorded of a candidate. The same on every host of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) strategy: Strategy,
    /// The canary's step, from 0.
    pub(super) step: usize,
    /// The value of the header `stoa-release` that reaches the candidate. It is not a secret worth much: it keeps those
    /// away who were not told of the candidate.
    pub(super) key: String,
    /// Turns the buckets, so that it is not always the same clients who try what is new.
    pub(super) salt: u64,
}

impl Plan {
    /// A plan for a new candidate.
    ///
    /// # Errors
    /// [`Refused::Invalid`] with what is wrong with the strategy.
    pub(super) fn new(strategy: Strategy) -> Result<Self, Refused> {
        check(&strategy).map_err(|problem| Refused::Invalid(vec![problem]))?;
        let random = random()?;
        Ok(Self {
            strategy,
            step: 0,
            key: format!("{random:016x}"),
            salt: random % 10_000,
        })
    }

    /// What a change without a candidate records.
    pub(super) const NONE: &str = "";

    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let damaged = |error| Refused::Unavailable(format!("the plan of a change: {error}"));
        serde_json::from_str(text).map_err(damaged)
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a plan has text keys only")
    }

    /// The share of the current step, in percent.
    pub(super) fn percent(&self) -> Option<u8> {
        match &self.strategy {
            Strategy::Canary(canary) => canary.steps.get(self.step).copied(),
            _ => None,
        }
    }

    /// The same canary, a step further.
    pub(super) fn next(&self) -> Option<Self> {
        let step = self.step + 1;
        match &self.strategy {
            Strategy::Canary(canary) if step < canary.steps.len() => Some(Self {
                step,
                ..self.clone()
            }),
            _ => None,
        }
    }

    pub(super) fn canary(&self) -> Option<&Canary> {
        match &self.strategy {
            Strategy::Canary(canary) => Some(canary),
            _ => None,
        }
    }

    pub(super) fn mirrors(&self) -> bool {
        matches!(self.strategy, Strategy::Mirror(_))
    }

    /// What its candidate is linked with.
    pub(super) fn power(&self) -> Power {
        match self.mirrors() {
            true => Power::Shadow,
            false => Power::Full,
        }
    }

    /// As the gateway divides requests; `found` takes what a mirror finds.
    pub(super) fn traffic(&self, found: &Arc<traffic::Found>) -> traffic::Plan {
        match &self.strategy {
            Strategy::AllAtOnce | Strategy::BlueGreen => traffic::Plan::Held,
            Strategy::Canary(canary) => traffic::Plan::Share {
                per_10_000: u16::from(self.percent().unwrap_or(0)) * PER_PERCENT,
                salt: self.salt,
                sticky: match canary.sticky {
                    Sticky::Cookie => traffic::Sticky::Cookie,
                    Sticky::Subject => traffic::Sticky::Subject,
                    Sticky::Address => traffic::Sticky::Address,
                },
            },
            Strategy::Ab(ab) => match matcher(ab) {
                Ok(matcher) => traffic::Plan::Match(matcher),
                // Recorded plans were checked; one of another version reaches nobody by chance.
                Err(_) => traffic::Plan::Held,
            },
            Strategy::Mirror(mirror) => traffic::Plan::Mirror {
                per_10_000: u16::from(mirror.percent) * PER_PERCENT,
                found: Arc::clone(found),
            },
        }
    }
}

fn random() -> Result<u64, Refused> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Refused::Unavailable("there is no randomness".into()))?;
    Ok(u64::from_be_bytes(bytes))
}

fn check(strategy: &Strategy) -> Result<(), String> {
    match strategy {
        Strategy::AllAtOnce | Strategy::BlueGreen => Ok(()),
        Strategy::Canary(canary) => check_canary(canary),
        Strategy::Ab(ab) => matcher(ab).map(drop),
        Strategy::Mirror(Mirror { percent: 1..=100 }) => Ok(()),
        Strategy::Mirror(_) => Err("`percent` of a mirror is 1 to 100".into()),
    }
}

fn check_canary(canary: &Canary) -> Result<(), String> {
    let Canary {
        steps,
        step_seconds,
        guard,
        ..
    } = canary;
    let grows = steps.windows(2).all(|pair| pair[0] < pair[1]);
    let shares = steps.iter().all(|share| (1..=99).contains(share));
    if steps.is_empty() || steps.len() > STEPS_MAX || !grows || !shares {
        return Err(format!(
            "`steps` of a canary are 1 to {STEPS_MAX} growing shares of 1 to 99 percent"
        ));
    }
    if *step_seconds > STEP_SECONDS_MAX {
        return Err(format!("`step_seconds` is at most {STEP_SECONDS_MAX}"));
    }
    let ratio = guard.error_ratio_margin;
    if !(0.0..=1.0).contains(&ratio) {
        return Err("`error_ratio_margin` is 0 to 1".into());
    }
    // Also what is not a number.
    if !(guard.p95_factor >= 1.0 && guard.p95_factor <= 1_000.0) {
        return Err("`p95_factor` is 1 to 1000".into());
    }
    if guard.requests_min == 0 {
        return Err("`requests_min` is at least 1: nothing is decided on no answers".into());
    }
    Ok(())
}

fn matcher(ab: &Ab) -> Result<traffic::Matcher, String> {
    let matcher = match (&ab.header, &ab.cookie) {
        (Some(name), None) => traffic::Matcher::header(name, &ab.value),
        (None, Some(name)) => traffic::Matcher::cookie(name, &ab.value),
        _ => return Err("an A/B test names a `header` or a `cookie`, and not both".into()),
    };
    matcher.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::messages::Guard;

    fn refused(strategy: Strategy) -> String {
        match Plan::new(strategy) {
            Err(refused) => refused.to_string(),
            Ok(plan) => panic!("{plan:?} was taken"),
        }
    }

    #[test]
    fn what_divides_nothing_is_refused() {
        let canary = |steps: &[u8]| {
            Strategy::Canary(Canary {
                steps: steps.to_vec(),
                ..Canary::default()
            })
        };
        for steps in [&[][..], &[0], &[100], &[20, 10], &[10, 10]] {
            assert!(refused(canary(steps)).contains("`steps`"), "{steps:?}");
        }
        for guard in [
            Guard {
                p95_factor: f64::NAN,
                ..Guard::default()
            },
            Guard {
                error_ratio_margin: -0.1,
                ..Guard::default()
            },
            Guard {
                requests_min: 0,
                ..Guard::default()
            },
        ] {
            let canary = Canary {
                guard,
                ..Canary::default()
            };
            assert!(!refused(Strategy::Canary(canary)).is_empty());
        }
        for percent in [0, 101] {
            assert!(refused(Strategy::Mirror(Mirror { percent })).contains("`percent`"));
        }
        let ab = |header: Option<&str>, cookie: Option<&str>| {
            Strategy::Ab(Ab {
                header: header.map(str::to_owned),
                cookie: cookie.map(str::to_owned),
                value: "b".into(),
            })
        };
        assert!(refused(ab(None, None)).contains("not both"));
        assert!(refused(ab(Some("x"), Some("y"))).contains("not both"));
    }

    #[test]
    fn a_plan_comes_back_as_it_was_recorded_and_walks_its_steps() {
        let plan = Plan::new(Strategy::Canary(Canary::default()))
            .unwrap_or_else(|refused| panic!("{refused}"));
        let read = Plan::parse(&plan.text()).unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(read, plan);
        let mut shares = Vec::new();
        let mut step = Some(plan);
        while let Some(plan) = step {
            shares.extend(plan.percent());
            step = plan.next();
        }
        assert_eq!(shares, [5, 25, 50]);
    }
}
