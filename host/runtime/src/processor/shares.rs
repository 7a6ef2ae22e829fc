//! Which component takes most of a core, by all that its requests take, however short they are.
//!
//! Requests are served in the order they come, so a component with many at once takes the core from one with few, without
//! ever computing for a slice. While others have requests, the one that took most lately has its requests pass one by
//! one: each waits until the executor has come round to all that was ready before it. On a core with nothing else to do
//! that costs next to nothing, so nobody is held back for nobody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// How often is looked who took most.
const LOOK: Duration = Duration::from_millis(10);
/// What was taken so long ago counts half.
const HALF_LIFE: Duration = Duration::from_millis(100);
/// What all others together must have taken at least, as a part of all, for anybody to wait for them.
const OTHERS_MIN: f64 = 0.1;
/// What a component took lately is nothing when it is less.
const FORGOTTEN: Duration = Duration::from_micros(50);

/// What the components of one core take of it.
pub(crate) struct Shares {
    started: Instant,
    /// When was looked last, in microseconds since `started`.
    looked_us: AtomicU64,
    takers: Mutex<Vec<Taker>>,
}

/// What one component takes.
pub(crate) struct Share {
    shares: Arc<Shares>,
    /// In all, in nanoseconds.
    taken: AtomicU64,
    /// Whether it is one of the takers.
    listed: AtomicBool,
    /// It took most, and others have requests.
    most: AtomicBool,
    /// One request passes at a time.
    pass: Semaphore,
}

struct Taker {
    share: Weak<Share>,
    /// What it had taken when was looked last.
    seen: u64,
    /// What it took lately, in nanoseconds.
    lately: f64,
}

// === impl Shares ===

impl Shares {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            looked_us: AtomicU64::new(0),
            takers: Mutex::default(),
        })
    }

    /// Looks again who took most, if that is due.
    fn look(&self, now: Instant) {
        let now_us = micros(now.saturating_duration_since(self.started));
        let looked = self.looked_us.load(Ordering::Relaxed);
        let since = Duration::from_micros(now_us.saturating_sub(looked));
        let (set, read) = (Ordering::Relaxed, Ordering::Relaxed);
        let due = since >= LOOK;
        if due
            && self
                .looked_us
                .compare_exchange(looked, now_us, set, read)
                .is_ok()
        {
            self.weigh(since);
        }
    }

    fn weigh(&self, since: Duration) {
        let left = 0.5_f64.powf(since.as_secs_f64() / HALF_LIFE.as_secs_f64());
        let mut takers = self.takers();
        takers.retain_mut(|taker| taker.is_of_late(left));
        let all: f64 = takers.iter().map(|taker| taker.lately).sum();
        let most = takers.iter().map(|taker| taker.lately).fold(0.0, f64::max);
        let contended = all - most >= all * OTHERS_MIN;
        for taker in takers.iter() {
            if let Some(share) = taker.share.upgrade() {
                let most = contended && taker.lately >= most;
                share.most.store(most, Ordering::Relaxed);
            }
        }
    }

    fn takers(&self) -> std::sync::MutexGuard<'_, Vec<Taker>> {
        // Entries are whole whatever happened to a thread that held the lock.
        self.takers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Taker ===

impl Taker {
    /// Counts what it took since the last look. Whether that is anything; if not, it is no taker any more.
    fn is_of_late(&mut self, left: f64) -> bool {
        let Some(share) = self.share.upgrade() else {
            return false;
        };
        let taken = share.taken.load(Ordering::Relaxed);
        let more = taken - std::mem::replace(&mut self.seen, taken);
        self.lately = self.lately * left + more as f64;
        let is_of_late = self.lately >= FORGOTTEN.as_nanos() as f64;
        if !is_of_late {
            share.listed.store(false, Ordering::Relaxed);
            share.most.store(false, Ordering::Relaxed);
        }
        is_of_late
    }
}

// === impl Share ===

impl Share {
    pub(crate) fn new(shares: &Arc<Shares>) -> Arc<Self> {
        Arc::new(Self {
            shares: Arc::clone(shares),
            taken: AtomicU64::new(0),
            listed: AtomicBool::new(false),
            most: AtomicBool::new(false),
            pass: Semaphore::new(1),
        })
    }

    /// Counts what its requests took.
    pub(crate) fn take(self: &Arc<Self>, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let before = self.taken.fetch_add(time, Ordering::Relaxed);
        if !self.listed.swap(true, Ordering::Relaxed) {
            self.shares.takers().push(Taker {
                share: Arc::downgrade(self),
                seen: before,
                lately: 0.0,
            });
        }
    }

    /// Whether its requests have to let others pass.
    pub(crate) fn is_most(&self, now: Instant) -> bool {
        self.shares.look(now);
        self.most.load(Ordering::Relaxed)
    }

    /// Lets all that is ready pass, one request after the other; unless nobody has to any more when it is its turn.
    pub(crate) async fn pass(&self, lets_pass: impl Fn() -> bool) {
        let pass = self.pass.acquire().await;
        let _pass = pass.expect("the semaphore is never closed");
        if lets_pass() {
            tokio::task::yield_now().await;
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(shares: &[&Arc<Share>]) -> Vec<bool> {
        shares
            .iter()
            .map(|share| share.most.load(Ordering::Relaxed))
            .collect()
    }

    #[test]
    fn who_took_most_lets_others_pass_until_it_did_not() {
        let core = Shares::new();
        let (one, other) = (Share::new(&core), Share::new(&core));
        one.take(Duration::from_millis(6));
        other.take(Duration::from_millis(4));
        core.weigh(LOOK);
        assert_eq!(most(&[&one, &other]), [true, false]);
        for _ in 0..3 {
            one.take(Duration::from_millis(1));
            other.take(Duration::from_millis(9));
            core.weigh(LOOK);
        }
        assert_eq!(most(&[&one, &other]), [false, true]);
    }

    #[test]
    fn nobody_waits_for_those_who_take_next_to_nothing() {
        let core = Shares::new();
        let (one, other) = (Share::new(&core), Share::new(&core));
        one.take(Duration::from_millis(10));
        core.weigh(LOOK);
        assert_eq!(most(&[&one, &other]), [false, false]);
        other.take(Duration::from_micros(900));
        one.take(Duration::from_millis(10));
        core.weigh(LOOK);
        assert_eq!(most(&[&one, &other]), [false, false]);
        other.take(Duration::from_millis(5));
        core.weigh(LOOK);
        assert_eq!(most(&[&one, &other]), [true, false]);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let core = Shares::new();
        let (one, other) = (Share::new(&core), Share::new(&core));
        one.take(Duration::from_millis(10));
        other.take(Duration::from_millis(9));
        core.weigh(LOOK);
        assert_eq!(most(&[&one, &other]), [true, false]);
        core.weigh(HALF_LIFE * 20);
        assert_eq!(most(&[&one, &other]), [false, false]);
        assert!(core.takers().is_empty());
        drop(one);
        other.take(Duration::from_millis(1));
        assert_eq!(core.takers().len(), 1, "it is listed again");
    }

    #[tokio::test]
    async fn one_passes_for_each_round_of_the_executor() {
        let one = Share::new(&Shares::new());
        let passed = Arc::new(AtomicU64::new(0));
        let passing: Vec<_> = (0..3)
            .map(|_| {
                let (one, passed) = (Arc::clone(&one), Arc::clone(&passed));
                tokio::spawn(async move {
                    one.pass(|| true).await;
                    passed.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        let mut before = 0;
        while before < 3 {
            tokio::task::yield_now().await;
            let now = passed.load(Ordering::Relaxed);
            assert!(now <= before + 1, "{now} after {before}");
            before = now;
        }
        for passing in passing {
            passing.await.expect("it passes");
        }
    }
}
