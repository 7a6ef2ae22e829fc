//! How often and how much, for every noun alike. Per handle, so per component and label of this host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Mutex;

/// What a grant allows is used up. The word names the bound, as the manifest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded(pub(crate) &'static str);

/// Calls per second, by the generic cell rate algorithm (ITU-T I.371): one number, no timer. A second's worth may come
/// at once; after that, one by one.
pub(crate) struct Rate {
    /// Nanoseconds that one call uses up; 0 for no bound.
    interval: u64,
    start: Instant,
    /// When the calls so far are used up, in nanoseconds since `start`.
    due: AtomicU64,
}

const SECOND: u64 = 1_000_000_000;

impl Rate {
    pub(crate) fn new(calls_per_second_max: Option<u64>) -> Self {
        Self {
            interval: calls_per_second_max.map_or(0, |calls| (SECOND / calls).max(1)),
            start: Instant::now(),
            due: AtomicU64::new(0),
        }
    }

    /// Takes one call. Costs nothing without a bound.
    pub(crate) fn take(&self) -> Result<(), Exceeded> {
        if self.interval == 0 {
            return Ok(());
        }
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.take_at(now)
    }

    fn take_at(&self, now: u64) -> Result<(), Exceeded> {
        let next = |due: u64| {
            let due = due.max(now) + self.interval;
            (due <= now + SECOND.max(self.interval)).then_some(due)
        };
        match self
            .due
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(Exceeded("calls_per_second_max")),
        }
    }
}

/// Bytes stored within a grant. What is written is added up without asking the store; only when that sum is over the
/// bound is the store measured, because what was replaced and deleted meanwhile is not in it.
pub(crate) struct Stored {
    bytes_max: Option<u64>,
    /// At least what is stored, as far as this handle wrote it; `None` before the first measure.
    estimate: Mutex<Option<u64>>,
}

impl Stored {
    pub(crate) fn new(bytes_max: Option<u64>) -> Self {
        Self {
            bytes_max,
            estimate: Mutex::new(None),
        }
    }

    /// Makes room for `bytes` more, before they are written. `measure` answers what is stored now. Writes that run at
    /// the same time are counted, those of other hosts only when the store is measured.
    pub(crate) async fn admit<E: From<Exceeded>>(
        &self,
        bytes: u64,
        measure: impl Future<Output = Result<u64, E>>,
    ) -> Result<(), E> {
        let Some(bytes_max) = self.bytes_max else {
            return Ok(());
        };
        let mut estimate = self.estimate.lock().await;
        if let Some(sum) = estimate.map(|sum| sum.saturating_add(bytes))
            && sum <= bytes_max
        {
            *estimate = Some(sum);
            return Ok(());
        }
        let stored = measure.await?;
        let sum = stored.saturating_add(bytes);
        if sum > bytes_max {
            *estimate = Some(stored);
            return Err(Exceeded("bytes_max").into());
        }
        *estimate = Some(sum);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_calls_may_come_at_once_and_then_one_by_one() {
        let rate = Rate::new(Some(10));
        assert_eq!((0..20).filter(|_| rate.take_at(0).is_ok()).count(), 10);
        assert_eq!(
            rate.take_at(SECOND / 10 - 1),
            Err(Exceeded("calls_per_second_max"))
        );
        assert_eq!(rate.take_at(SECOND / 10), Ok(()));
        assert!(rate.take_at(SECOND / 10).is_err());
    }

    #[test]
    fn without_a_bound_nothing_is_refused() {
        let rate = Rate::new(None);
        assert!((0..1000).all(|_| rate.take().is_ok()));
    }

    #[tokio::test]
    async fn the_store_is_measured_only_when_the_sum_is_over_the_bound() {
        let stored = Stored::new(Some(100));
        let measured = |bytes: u64| async move { Ok::<_, Exceeded>(bytes) };
        let never = async { panic!("it need not be measured") };
        assert_eq!(stored.admit(10, measured(40)).await, Ok(()));
        assert_eq!(stored.admit::<Exceeded>(50, never).await, Ok(()));
        assert_eq!(
            stored.admit(1, measured(100)).await,
            Err(Exceeded("bytes_max"))
        );
        assert_eq!(stored.admit(1, measured(20)).await, Ok(()));
    }
}
