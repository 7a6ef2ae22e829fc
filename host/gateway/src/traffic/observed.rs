//! What was observed of one release: how many requests it answered, how many of them with an error, and how fast.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

/// The shortest time that is told apart from none.
const SHORTEST: Duration = Duration::from_micros(100);

/// Steps from one time to twice as much. Four of them are 19 % apart, so the middle of one is off by 9 % at most.
const STEPS_PER_OCTAVE: f64 = 4.0;

/// Twenty octaves: from 0.1 ms to 105 s. What takes longer counts as that.
const STEPS: usize = 20 * STEPS_PER_OCTAVE as usize;

/// Requests of one release since it was made. Whoever leaves before the head of the answer counts as nothing.
pub struct Observed {
    errors: AtomicU64,
    /// Answers by the time to their head, on a logarithmic scale.
    times: [AtomicU64; STEPS],
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            errors: AtomicU64::new(0),
            times: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Observed {
    /// Requests that were answered.
    pub fn requests(&self) -> u64 {
        let times = self.times.iter();
        times.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Those of them whose answer was 500 to 599.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// The time in which 95 of 100 answers began, to a tenth. None before the first answer.
    pub fn p95(&self) -> Option<Duration> {
        let times = self.times.each_ref();
        let times = times.map(|count| count.load(Ordering::Relaxed));
        let all: u64 = times.iter().sum();
        let mut left = (all * 95).div_ceil(100);
        if left == 0 {
            return None;
        }
        let found = times.iter().position(|count| {
            let within = left <= *count;
            left = left.saturating_sub(*count);
            within
        });
        found.map(middle)
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Observing {
        Observing {
            observed: Arc::clone(self),
            begun: Instant::now(),
        }
    }

    fn add(&self, status: StatusCode, elapsed: Duration) {
        self.times[step(elapsed)].fetch_add(1, Ordering::Relaxed);
        if status.is_server_error() {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One request until the head of its answer.
pub(super) struct Observing {
    observed: Arc<Observed>,
    begun: Instant,
}

impl Observing {
    pub(super) fn answered(self, status: StatusCode) {
        self.observed.add(status, self.begun.elapsed());
    }
}

fn step(elapsed: Duration) -> usize {
    let octaves = elapsed.div_duration_f64(SHORTEST).log2();
    // What is shorter than the shortest is below zero, which the cast makes zero.
    let step = (octaves * STEPS_PER_OCTAVE) as usize;
    step.min(STEPS - 1)
}

fn middle(step: usize) -> Duration {
    let octaves = (step as f64 + 0.5) / STEPS_PER_OCTAVE;
    SHORTEST.mul_f64(octaves.exp2())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(times: impl IntoIterator<Item = Duration>) -> Observed {
        let observed = Observed::default();
        for time in times {
            observed.add(StatusCode::OK, time);
        }
        observed
    }

    #[test]
    fn nothing_is_said_of_no_answers() {
        let observed = Observed::default();
        assert_eq!((observed.requests(), observed.errors()), (0, 0));
        assert_eq!(observed.p95(), None);
    }

    #[test]
    fn who_leaves_before_the_head_counts_as_nothing() {
        let observed = Arc::new(Observed::default());
        drop(observed.begin());
        assert_eq!(observed.requests(), 0);
        observed.begin().answered(StatusCode::OK);
        assert_eq!(observed.requests(), 1);
    }

    #[test]
    fn errors_are_what_the_server_got_wrong() {
        let observed = Observed::default();
        for status in [200, 302, 404, 499, 500, 503, 599] {
            let status = StatusCode::from_u16(status).expect("it is a status");
            observed.add(status, Duration::ZERO);
        }
        assert_eq!((observed.requests(), observed.errors()), (7, 3));
    }

    #[test]
    fn any_time_on_the_scale_is_told_to_a_tenth() {
        let mut micros = 100.0_f64;
        while micros < 100_000_000.0 {
            let time = Duration::from_secs_f64(micros / 1e6);
            let told = observed([time]).p95().expect("there is an answer");
            let error = told.div_duration_f64(time) - 1.0;
            assert!(error.abs() < 0.1, "{time:?} is told as {told:?}");
            micros *= 1.01;
        }
    }

    #[test]
    fn what_is_off_the_scale_counts_at_its_ends() {
        let told = |time| observed([time]).p95().expect("there is an answer");
        assert_eq!(told(Duration::ZERO), told(SHORTEST));
        assert_eq!(told(Duration::MAX), told(Duration::from_secs(104)));
    }

    #[test]
    fn the_p95_is_the_time_of_the_95th_of_100() {
        let (fast, slow) = (Duration::from_millis(10), Duration::from_secs(1));
        let mixed = |slow_ones| {
            let times = (0..100).map(|number| match number < slow_ones {
                true => slow,
                false => fast,
            });
            observed(times).p95()
        };
        assert_eq!(mixed(5), observed([fast]).p95());
        assert_eq!(mixed(6), observed([slow]).p95());
    }
}
