//! Attempts without a right to be here: counted, slowed, and few at once. No table of who tries: it could be filled.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests that were turned away for want of a token or certificate. A counter.
const ADMIN_ATTEMPTS_FAILED_TOTAL: &str = "admin_attempts_failed_total";

/// Counting starts anew after so long.
const WINDOW: Duration = Duration::from_secs(60);
/// So many fail in a window without delay: people mistype.
const UNDELAYED_MAX: u32 = 5;
/// Each further one waits so much longer than the one before it.
const DELAY_STEP: Duration = Duration::from_millis(100);
/// ... up to this.
const DELAY_MAX: Duration = Duration::from_secs(2);
/// Waiting at once; whoever comes then is told that there are too many, without a wait.
pub(super) const WAITING_MAX: usize = 8;
/// So many of a window get into the audit log: it must not be filled from outside.
pub(super) const RECORDED_MAX: u32 = 20;

/// What was tried so far, by everybody together.
pub(super) struct Attempts {
    window: Mutex<Window>,
    waiting: Semaphore,
}

struct Window {
    start: Instant,
    failed: u32,
}

/// What happens to one failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// How long it waits for its answer.
    pub(super) delay: Duration,
    /// Whether it is worth a line.
    pub(super) recorded: bool,
}

impl Attempts {
    pub(super) fn new() -> Self {
        let start = Instant::now();
        Self {
            window: Mutex::new(Window { start, failed: 0 }),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    /// A place to wait in, if there is one.
    pub(super) fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.waiting.try_acquire().ok()
    }

    /// Counts one that failed.
    pub(super) fn failed(&self, now: Instant) -> Failed {
        metrics::counter!(ADMIN_ATTEMPTS_FAILED_TOTAL).increment(1);
        let mut window = self.window.lock().expect("counting does not panic");
        if now.duration_since(window.start) >= WINDOW {
            *window = Window {
                start: now,
                failed: 0,
            };
        }
        window.failed = window.failed.saturating_add(1);
        let steps = window.failed.saturating_sub(UNDELAYED_MAX);
        Failed {
            delay: DELAY_STEP.saturating_mul(steps).min(DELAY_MAX),
            recorded: window.failed <= RECORDED_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_waits_longer_and_is_recorded_no_more() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        let failed: Vec<Failed> = (0..1_000).map(|_| attempts.failed(now)).collect();
        assert_eq!(failed[4].delay, Duration::ZERO);
        assert_eq!(failed[5].delay, DELAY_STEP);
        assert!(failed.is_sorted_by_key(|failed| failed.delay));
        assert_eq!(failed[999].delay, DELAY_MAX);
        let recorded = failed.iter().filter(|failed| failed.recorded).count();
        assert_eq!(recorded, RECORDED_MAX as usize);
    }

    #[test]
    fn counting_starts_anew_when_the_window_is_over() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for _ in 0..100 {
            attempts.failed(now);
        }
        let first = Failed {
            delay: Duration::ZERO,
            recorded: true,
        };
        assert_eq!(attempts.failed(now + WINDOW), first);
    }

    #[test]
    fn few_wait_at_once() {
        let attempts = Attempts::new();
        let places: Vec<_> = (0..WAITING_MAX).map(|_| attempts.place()).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(attempts.place().is_none());
        drop(places);
        assert!(attempts.place().is_some());
    }
}
