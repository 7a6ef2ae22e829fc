//! What a call of each noun takes a guest beside the same call made natively on the same store.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use super::suite::GUESTS;
use crate::accept::Shown;
use crate::stage::Stage;

/// Calls that are timed of each noun.
const CALLS: &str = "20000";
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
    let report = GUESTS.run(
        stage,
        &["overhead::", "--nocapture"],
        &[("STOA_OVERHEAD_CALLS", CALLS)],
    )?;
    ensure!(report.is_good(), "{} tests failed", report.failed);
    let medians = Medians::read(report.lines());
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
    fn read<'l>(lines: impl Iterator<Item = &'l str>) -> Self {
        let mut medians = Self::default();
        for (caller, noun, nanoseconds) in lines.filter_map(median) {
            let callers = medians.0.entry(noun.to_owned()).or_default();
            callers.insert(caller.to_owned(), nanoseconds);
        }
        medians
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

    const LINES: [&str; 4] = [
        "test overhead::calls_are_timed ... overhead native keyvalue 4000",
        "overhead overhead-02 keyvalue 9500",
        "overhead native nothing fast",
        "test overhead::calls_are_timed ... ok",
    ];

    #[test]
    fn a_difference_is_what_the_guest_takes_beyond_the_native_call() {
        let medians = Medians::read(LINES.into_iter());
        let difference = medians.difference("overhead-02", "keyvalue");
        assert_eq!(difference.expect("both are there"), 5_500);
    }

    #[test]
    fn a_median_that_is_missing_is_an_error() {
        let medians = Medians::read(LINES.into_iter());
        assert!(medians.difference("overhead-03", "keyvalue").is_err());
        assert!(medians.difference("overhead-02", "nothing").is_err());
    }
}
