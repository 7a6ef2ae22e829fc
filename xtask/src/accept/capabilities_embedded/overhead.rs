//! What a call of each noun takes a guest beside the same call made natively on the same store.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use crate::accept::Shown;
use crate::accept::suite::GUESTS;
use crate::stage::Stage;

/// Calls that are timed of each noun.
const CALLS: &str = "2000";
/// Runs of the program. Where the kernel puts a store's threads stays as it is for most of a run, and makes a wait up to
/// three times as long, for guests and natively alike: of each, the best median counts.
const RUNS: usize = 5;
const NATIVE: &str = "native";
const GUEST_KINDS: [&str; 2] = ["overhead-02", "overhead-03"];
/// Timing nothing at all: what the clock itself costs a guest.
const NOTHING: &str = "nothing";
const JUDGED: &str = "keyvalue";
const DIFFERENCE_NS_MAX: i64 = 15_000;

/// The median of a call in nanoseconds, by noun and caller.
#[derive(Debug, Default)]
struct Medians(BTreeMap<String, BTreeMap<String, i64>>);

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let mut medians = Medians::default();
    for _ in 0..RUNS {
        let report = GUESTS.run(
            stage,
            &["overhead::", "--nocapture"],
            &[("STOA_OVERHEAD_CALLS", CALLS)],
        )?;
        ensure!(report.is_good(), "{} tests failed", report.failed);
        medians.read(report.lines());
    }
    medians.print()?;
    let mut figures = Vec::new();
    let mut passed = true;
    for guest in GUEST_KINDS {
        let clock = medians.difference(guest, NOTHING)?;
        let own = medians.difference(guest, JUDGED)? - clock;
        passed &= own <= DIFFERENCE_NS_MAX;
        figures.push(format!(
            "{guest}: {JUDGED} get {} more than natively at p50 (without {} for the clock)",
            us(own),
            us(clock)
        ));
    }
    Ok(Shown {
        passed,
        figure: figures.join(", "),
    })
}

impl Medians {
    /// Keeps the best of each.
    fn read<'l>(&mut self, lines: impl Iterator<Item = &'l str>) {
        for (caller, noun, nanoseconds) in lines.filter_map(median) {
            let callers = self.0.entry(noun.to_owned()).or_default();
            let best = callers.entry(caller.to_owned()).or_insert(nanoseconds);
            *best = nanoseconds.min(*best);
        }
    }

    fn of(&self, caller: &str, noun: &str) -> anyhow::Result<i64> {
        let callers = self.0.get(noun);
        let median = callers.and_then(|callers| callers.get(caller));
        let median = median.copied();
        median.with_context(|| format!("no median of {noun} for {caller}"))
    }

    /// What a guest takes beyond the native call.
    fn difference(&self, guest: &str, noun: &str) -> anyhow::Result<i64> {
        Ok(self.of(guest, noun)? - self.of(NATIVE, noun)?)
    }

    fn print(&self) -> anyhow::Result<()> {
        for noun in self.0.keys() {
            let mut row = format!("  {noun:<10}  native {:>9}", us(self.of(NATIVE, noun)?));
            for guest in GUEST_KINDS {
                row += &format!(
                    "  {guest} {:>9} (+ {})",
                    us(self.of(guest, noun)?),
                    us(self.difference(guest, noun)?)
                );
            }
            println!("{row}");
        }
        Ok(())
    }
}

fn us(nanoseconds: i64) -> String {
    format!("{:.1} µs", nanoseconds as f64 / 1_000.0)
}

/// Caller, noun and nanoseconds of a line such as `overhead native keyvalue 4711`. The test's own line may stand before
/// it.
fn median(line: &str) -> Option<(&str, &str, i64)> {
    let (_, words) = line.split_once("overhead ")?;
    let mut words = words.split_whitespace();
    let (caller, noun) = (words.next()?, words.next()?);
    Some((caller, noun, words.next()?.parse::<i64>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read() -> Medians {
        let mut medians = Medians::default();
        let lines = [
            "test overhead::calls_are_timed ... overhead native keyvalue 4000",
            "overhead overhead-02 keyvalue 9500",
            "overhead native nothing fast",
            "test overhead::calls_are_timed ... ok",
        ];
        medians.read(lines.into_iter());
        medians
    }

    #[test]
    fn a_difference_is_what_the_guest_takes_beyond_the_native_call() {
        let difference = read().difference("overhead-02", "keyvalue");
        assert_eq!(difference.expect("both are there"), 5_500);
    }

    #[test]
    fn of_several_runs_the_best_counts() {
        let mut medians = read();
        medians.read(["overhead overhead-02 keyvalue 5000"].into_iter());
        medians.read(["overhead overhead-02 keyvalue 7000"].into_iter());
        let best = medians.of("overhead-02", "keyvalue");
        assert_eq!(best.expect("it is there"), 5_000);
    }

    #[test]
    fn a_median_that_is_missing_is_an_error() {
        let medians = read();
        assert!(medians.difference("overhead-03", "keyvalue").is_err());
        assert!(medians.difference("overhead-02", "nothing").is_err());
    }
}
