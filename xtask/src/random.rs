//! Moments nobody chose: xorshift64, because a crate for a handful of numbers is too much.

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) struct Random(u64);

impl Random {
    /// Any seed but 0, which is made 1: xorshift would stay there.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// The next number from `min` to `max`.
    pub(crate) fn between(&mut self, min: u64, max: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        min + self.0 % (max - min + 1)
    }
}

/// A seed that is another one every time.
pub(crate) fn seed() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since_1970.as_secs() ^ (u64::from(since_1970.subsec_nanos()) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_bounds_and_differ() {
        let mut random = Random::new(0);
        let numbers: Vec<u64> = (0..100).map(|_| random.between(5, 800)).collect();
        assert!(numbers.iter().all(|number| (5..=800).contains(number)));
        assert!(numbers.iter().any(|number| *number != numbers[0]));
    }
}
