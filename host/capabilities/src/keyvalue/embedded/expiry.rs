//! When values end: in milliseconds since 1970, by the clock of this host. What does not end has no such number.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The condition on an entry that it has not ended, by the parameter that stands for now.
macro_rules! live {
    ($now:literal) => {
        concat!("(expires_at IS NULL OR expires_at > ", $now, ")")
    };
}
pub(super) use live;

/// A clock that is set before 1970 says 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    milliseconds(since.unwrap_or_default())
}

/// The end of what lives for so long from now on.
pub(super) fn end(now: i64, ttl: Duration) -> i64 {
    now.saturating_add(milliseconds(ttl))
}

/// What is left of what lives now.
pub(super) fn left(now: i64, end: i64) -> Duration {
    let left = end.saturating_sub(now);
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lives_for_so_long_has_so_much_left() {
        let ttl = Duration::from_millis(7);
        assert_eq!(left(100, end(100, ttl)), ttl);
        assert_eq!(left(106, end(100, ttl)), Duration::from_millis(1));
    }

    #[test]
    fn what_lives_longer_than_can_be_counted_ends_last() {
        assert_eq!(end(1, Duration::MAX), i64::MAX);
    }
}
