//! When a deploy is interrupted: in one of its steps, which differ in length a hundredfold, so that moments picked from
//! its whole duration would meet the short ones never.

use std::time::Duration;

use crate::accept::deploy::admin::Deployed;
use crate::random::Random;

/// What a deploy consists of, seen from its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Upload,
    Prepare,
    Record,
    Swap,
    Drain,
}

pub(super) const STEPS: [Step; 5] = [
    Step::Upload,
    Step::Prepare,
    Step::Record,
    Step::Swap,
    Step::Drain,
];

/// Around the short steps: no two deploys take the same time.
const MARGIN: Duration = Duration::from_millis(4);
/// The old revisions drain for so long at least, because of a slow request.
const DRAIN: Duration = Duration::from_millis(800);

/// How long the steps take.
#[derive(Debug, Default)]
pub(super) struct Moments {
    upload: Duration,
    prepare: Duration,
    record: Duration,
    swap: Duration,
}

impl Moments {
    /// Another deploy was timed: the longer time counts.
    pub(super) fn add(&mut self, upload: Duration, deployed: &Deployed) {
        self.upload = self.upload.max(upload);
        self.prepare = self.prepare.max(deployed.prepare);
        self.record = self.record.max(deployed.record);
        self.swap = self.swap.max(deployed.swap);
    }

    /// A moment in this step, counted from the beginning of the upload.
    pub(super) fn within(&self, step: Step, random: &mut Random) -> Duration {
        let (from, until) = self.window(step);
        let span = until.saturating_sub(from).as_micros() as u64;
        from + Duration::from_micros(random.between(0, span))
    }

    fn window(&self, step: Step) -> (Duration, Duration) {
        let prepared = self.upload + self.prepare;
        let recorded = prepared + self.record;
        let swapped = recorded + self.swap;
        match step {
            Step::Upload => (Duration::ZERO, self.upload),
            Step::Prepare => (self.upload, prepared),
            Step::Record => (prepared.saturating_sub(MARGIN), recorded + MARGIN),
            Step::Swap => (recorded.saturating_sub(MARGIN), swapped + MARGIN),
            Step::Drain => (swapped, swapped + DRAIN),
        }
    }
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Prepare => "prepare",
            Self::Record => "record",
            Self::Swap => "swap",
            Self::Drain => "drain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_time() {
        let ms = Duration::from_millis;
        let moments = Moments {
            upload: ms(10),
            prepare: ms(200),
            record: ms(5),
            swap: ms(1),
        };
        let mut random = Random::new(1);
        for step in STEPS {
            let (from, until) = moments.window(step);
            assert!(from < until, "{step:?}");
            let moment = moments.within(step, &mut random);
            assert!(from <= moment && moment <= until, "{step:?}: {moment:?}");
        }
        assert_eq!(moments.window(Step::Record), (ms(206), ms(219)));
        assert_eq!(moments.window(Step::Drain).0, ms(216));
    }
}
