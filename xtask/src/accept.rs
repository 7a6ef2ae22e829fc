//! Acceptance lists: what a milestone promised, shown on the built binary, point by point.
//!
//! A point that cannot be shown has failed, whatever the reason.

mod capabilities_embedded;
mod deploy;
mod descriptors;
mod floor;
mod memory;
mod readme;
mod runtime;
mod shop;
mod spin;
mod suite;

use std::fmt;

use anyhow::anyhow;

/// The lists there are.
pub(crate) const NAMES: [&str; 5] = [
    "floor",
    "runtime",
    "capabilities-embedded",
    "deploy",
    "spin",
];

/// How much of a list is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Every point, with counts that take minutes.
    Brief,
    /// Every point with the counts that were promised.
    Full,
}

/// How a list ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

/// What was seen of a point.
#[derive(Debug)]
struct Shown {
    passed: bool,
    /// The measured figures, or why there are none.
    figure: String,
}

/// A point of a list, shown on a stage that was set for all of them.
struct Point<Stage> {
    name: &'static str,
    show: fn(&Stage) -> anyhow::Result<Shown>,
}

/// Runs a list, or the one point of it that `only` names; `None` if there is no such list.
pub(crate) fn run(name: &str, scale: Scale, only: Option<&str>) -> Option<Tally> {
    match name {
        "floor" => Some(floor::run(scale, only)),
        "runtime" => Some(runtime::run(scale, only)),
        "capabilities-embedded" => Some(capabilities_embedded::run(scale, only)),
        "deploy" => Some(deploy::run(scale, only)),
        "spin" => Some(spin::run(scale, only)),
        _ => None,
    }
}

/// Shows every point, or the one that is asked for, and prints a line for each. Without a stage they have all failed; so
/// has a point that is not there.
fn show<Stage>(
    points: &[Point<Stage>],
    stage: &anyhow::Result<Stage>,
    only: Option<&str>,
) -> Tally {
    let mut tally = Tally::default();
    let asked = |point: &&Point<Stage>| only.is_none_or(|name| name == point.name);
    if let Some(name) = only
        && !points.iter().any(|point| point.name == name)
    {
        println!("FAIL  {name:<16}  there is no such point");
        tally.failed += 1;
    }
    for point in points.iter().filter(asked) {
        eprintln!("{} ...", point.name);
        let outcome = match stage {
            Ok(stage) => (point.show)(stage),
            Err(error) => Err(anyhow!("nothing could be prepared: {error:#}")),
        };
        let shown = outcome.unwrap_or_else(|error| Shown {
            passed: false,
            figure: format!("{error:#}"),
        });
        let verdict = if shown.passed { "PASS" } else { "FAIL" };
        println!("{verdict}  {:<16}  {}", point.name, one_line(&shown.figure));
        match shown.passed {
            true => tally.passed += 1,
            false => tally.failed += 1,
        }
    }
    tally
}

/// What programs say may have many lines; a point has one.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" | ")
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [Point<bool>; 2] = [
        Point {
            name: "first",
            show: |stage| {
                Ok(Shown {
                    passed: *stage,
                    figure: String::new(),
                })
            },
        },
        Point {
            name: "second",
            show: |_| Err(anyhow!("no such tool")),
        },
    ];

    #[test]
    fn a_point_that_cannot_be_shown_has_failed() {
        assert_eq!(
            show(&POINTS, &Ok(true), None).to_string(),
            "1 passed, 1 failed"
        );
        assert_eq!(
            show(&POINTS, &Ok(false), None).to_string(),
            "0 passed, 2 failed"
        );
    }

    #[test]
    fn a_point_may_be_shown_alone_and_must_be_there() {
        let shown = |name| show(&POINTS, &Ok(true), Some(name)).to_string();
        assert_eq!(shown("first"), "1 passed, 0 failed");
        assert_eq!(shown("third"), "0 passed, 1 failed");
    }

    #[test]
    fn without_a_stage_every_point_has_failed() {
        let tally = show(&POINTS, &Err(anyhow!("the build failed")), None);
        assert_eq!(tally.to_string(), "0 passed, 2 failed");
    }

    #[test]
    fn a_figure_is_one_line() {
        assert_eq!(one_line("one\n\n  two\n"), "one | two");
    }
}
