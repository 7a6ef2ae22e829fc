//! How a release takes over, from arguments: what does not belong together is refused, not ignored.

use clap::{Args, ValueEnum};

use crate::admin::messages::{self, Ab, Canary, Guard, Mirror, Strategy};

use super::super::pair;

/// How the release takes over.
#[derive(Debug, Clone, Args)]
#[group(id = "rollout")]
pub(crate) struct Rollout {
    /// How the release takes over.
    #[arg(long, value_name = "STRATEGY", default_value = "all-at-once")]
    strategy: Kind,
    /// Shares of a canary in percent, growing [default: 5,25,50]
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    steps: Vec<u8>,
    /// How long each step of a canary lasts at least, in seconds [default: 60]
    #[arg(long, value_name = "N")]
    step_seconds: Option<u64>,
    /// By what a client stays on its side of a canary [default: cookie]
    #[arg(long, value_name = "BY")]
    sticky: Option<Sticky>,
    /// After its last step a canary waits for `stoa promote`.
    #[arg(long)]
    no_promote: bool,
    /// Answers of a canary in each step before anything is decided [default: 100]
    #[arg(long, value_name = "N")]
    requests_min: Option<u64>,
    /// How much larger a canary's share of 5xx answers may be; 0.02 is two in a hundred [default: 0.02]
    #[arg(long, value_name = "X")]
    error_margin: Option<f64>,
    /// How many times longer 95 % of a canary's answers may take [default: 2]
    #[arg(long, value_name = "X")]
    p95_factor: Option<f64>,
    /// The header that brings a request of an A/B test to the release.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    ab_header: Option<(String, String)>,
    /// The cookie that brings a request of an A/B test to the release.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    ab_cookie: Option<(String, String)>,
    /// The share of requests that a mirror copies, in percent [default: 100]
    #[arg(long, value_name = "N")]
    percent: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// One swap.
    AllAtOnce,
    /// Ready beside the stable one, reached by the header `stoa-release` only.
    BlueGreen,
    /// A growing share of clients; rolled back by itself when it does worse.
    Canary,
    /// A header or cookie decides.
    Ab,
    /// A copy of the traffic, whose writes are refused and whose answers are only compared.
    Mirror,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sticky {
    /// A cookie that the gateway sets.
    Cookie,
    /// The `sub` of its bearer token, or its address where there is none.
    Subject,
    /// Its address.
    Address,
}

// === impl Rollout ===

impl Rollout {
    /// # Errors
    /// Arguments that do not belong together, and values that cannot be, for people.
    pub(crate) fn strategy(&self) -> Result<Strategy, String> {
        self.check_kind()?;
        Ok(match self.strategy {
            Kind::AllAtOnce => Strategy::AllAtOnce,
            Kind::BlueGreen => Strategy::BlueGreen,
            Kind::Canary => Strategy::Canary(self.canary()?),
            Kind::Ab => Strategy::Ab(self.ab()?),
            Kind::Mirror => Strategy::Mirror(self.mirror()?),
        })
    }

    /// Refuses arguments of another strategy.
    fn check_kind(&self) -> Result<(), String> {
        let given = [
            ("steps", !self.steps.is_empty(), Kind::Canary),
            ("step-seconds", self.step_seconds.is_some(), Kind::Canary),
            ("sticky", self.sticky.is_some(), Kind::Canary),
            ("no-promote", self.no_promote, Kind::Canary),
            ("requests-min", self.requests_min.is_some(), Kind::Canary),
            ("error-margin", self.error_margin.is_some(), Kind::Canary),
            ("p95-factor", self.p95_factor.is_some(), Kind::Canary),
            ("ab-header", self.ab_header.is_some(), Kind::Ab),
            ("ab-cookie", self.ab_cookie.is_some(), Kind::Ab),
            ("percent", self.percent.is_some(), Kind::Mirror),
        ];
        let foreign: Vec<String> = given
            .into_iter()
            .filter(|(_, given, kind)| *given && *kind != self.strategy)
            .map(|(name, _, kind)| format!("`--{name}` is for `--strategy {}`", kind.name()))
            .collect();
        match foreign.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "{}, not for `{}`",
                foreign.join(", "),
                self.strategy.name()
            )),
        }
    }

    fn canary(&self) -> Result<Canary, String> {
        let default = Canary::default();
        Ok(Canary {
            steps: match self.steps.is_empty() {
                true => default.steps,
                false => growing(&self.steps)?,
            },
            step_seconds: self.step_seconds.unwrap_or(default.step_seconds),
            sticky: self.sticky.map_or(default.sticky, Into::into),
            promote: !self.no_promote,
            guard: self.guard()?,
        })
    }

    fn guard(&self) -> Result<Guard, String> {
        let default = Guard::default();
        let margin = self.error_margin.unwrap_or(default.error_ratio_margin);
        if !(0.0..=1.0).contains(&margin) {
            return Err(format!(
                "`--error-margin {margin}` is not between 0 and 1: 0.02 is two in a hundred"
            ));
        }
        let factor = self.p95_factor.unwrap_or(default.p95_factor);
        if !(factor.is_finite() && factor >= 1.0) {
            return Err(format!("`--p95-factor {factor}` is not 1 or more"));
        }
        Ok(Guard {
            requests_min: self.requests_min.unwrap_or(default.requests_min),
            error_ratio_margin: margin,
            p95_factor: factor,
            p95_margin_ms: default.p95_margin_ms,
        })
    }

    fn ab(&self) -> Result<Ab, String> {
        match (&self.ab_header, &self.ab_cookie) {
            (Some((name, value)), None) => Ok(Ab {
                header: Some(name.clone()),
                cookie: None,
                value: value.clone(),
            }),
            (None, Some((name, value))) => Ok(Ab {
                header: None,
                cookie: Some(name.clone()),
                value: value.clone(),
            }),
            _ => Err(
                "`--strategy ab` needs one of `--ab-header NAME=VALUE` and `--ab-cookie NAME=VALUE`"
                    .to_owned(),
            ),
        }
    }

    fn mirror(&self) -> Result<Mirror, String> {
        match self.percent.unwrap_or(Mirror::default().percent) {
            percent @ 1..=100 => Ok(Mirror { percent }),
            percent => Err(format!("`--percent {percent}` is not between 1 and 100")),
        }
    }
}

// === impl Kind ===

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::AllAtOnce => "all-at-once",
            Self::BlueGreen => "blue-green",
            Self::Canary => "canary",
            Self::Ab => "ab",
            Self::Mirror => "mirror",
        }
    }
}

// === impl Sticky ===

impl From<Sticky> for messages::Sticky {
    fn from(sticky: Sticky) -> Self {
        match sticky {
            Sticky::Cookie => Self::Cookie,
            Sticky::Subject => Self::Subject,
            Sticky::Address => Self::Address,
        }
    }
}

// === functions ===

fn growing(steps: &[u8]) -> Result<Vec<u8>, String> {
    let shares = steps.iter().all(|step| (1..=99).contains(step));
    let grow = steps.windows(2).all(|pair| pair[0] < pair[1]);
    match shares && grow {
        true => Ok(steps.to_vec()),
        false => {
            let written: Vec<String> = steps.iter().map(ToString::to_string).collect();
            Err(format!(
                "`--steps {}` does not grow from 1 to 99 percent; everybody comes after the last step",
                written.join(",")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn strategy(arguments: &str) -> Result<Strategy, String> {
        let command = Rollout::augment_args(Command::new("stoa"));
        let words = std::iter::once("stoa").chain(arguments.split_whitespace());
        let matches = command
            .try_get_matches_from(words)
            .unwrap_or_else(|error| panic!("{error}"));
        Rollout::from_arg_matches(&matches)
            .unwrap_or_else(|error| panic!("{error}"))
            .strategy()
    }

    #[test]
    fn what_belongs_to_another_strategy_is_refused() {
        for (arguments, told) in [
            (
                "--steps 5,25",
                "`--steps` is for `--strategy canary`, not for `all-at-once`",
            ),
            (
                "--strategy blue-green --no-promote",
                "`--no-promote` is for `--strategy canary`, not for `blue-green`",
            ),
            (
                "--strategy canary --percent 5",
                "`--percent` is for `--strategy mirror`, not for `canary`",
            ),
            (
                "--strategy mirror --ab-header a=b --sticky cookie",
                "`--sticky` is for `--strategy canary`, `--ab-header` is for `--strategy ab`, not for `mirror`",
            ),
        ] {
            assert_eq!(strategy(arguments), Err(told.to_owned()), "{arguments}");
        }
        for option in [
            "--step-seconds 1",
            "--requests-min 1",
            "--error-margin 0.1",
            "--p95-factor 3",
            "--ab-cookie a=b",
        ] {
            assert!(strategy(option).is_err(), "{option}");
        }
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        for arguments in [
            "--strategy canary --steps 25,5",
            "--strategy canary --steps 5,5",
            "--strategy canary --steps 0,5",
            "--strategy canary --steps 50,100",
            "--strategy canary --error-margin 2",
            "--strategy canary --error-margin=-0.1",
            "--strategy canary --error-margin NaN",
            "--strategy canary --p95-factor 0.5",
            "--strategy canary --p95-factor inf",
            "--strategy ab",
            "--strategy ab --ab-header a=b --ab-cookie a=b",
            "--strategy mirror --percent 0",
            "--strategy mirror --percent 101",
        ] {
            assert!(strategy(arguments).is_err(), "{arguments}");
        }
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        assert_eq!(strategy(""), Ok(Strategy::AllAtOnce));
        assert_eq!(
            strategy("--strategy canary"),
            Ok(Strategy::Canary(Canary::default()))
        );
        assert_eq!(
            strategy("--strategy mirror"),
            Ok(Strategy::Mirror(Mirror::default()))
        );
    }

    #[test]
    fn what_is_said_goes_to_the_host() {
        let canary = "--strategy canary --steps 1,99 --step-seconds 5 --sticky address --no-promote --requests-min 7 \
                      --error-margin 0 --p95-factor 1.5";
        assert_eq!(
            strategy(canary),
            Ok(Strategy::Canary(Canary {
                steps: vec![1, 99],
                step_seconds: 5,
                sticky: messages::Sticky::Address,
                promote: false,
                guard: Guard {
                    requests_min: 7,
                    error_ratio_margin: 0.0,
                    p95_factor: 1.5,
                    p95_margin_ms: 25,
                },
            }))
        );
        assert_eq!(
            strategy("--strategy ab --ab-cookie side=b"),
            Ok(Strategy::Ab(Ab {
                header: None,
                cookie: Some("side".to_owned()),
                value: "b".to_owned(),
            }))
        );
        assert_eq!(
            strategy("--strategy mirror --percent 10"),
            Ok(Strategy::Mirror(Mirror { percent: 10 }))
        );
    }
}
