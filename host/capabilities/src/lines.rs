//! How much of what a component is refused is told in the log.
//!
//! A refusal is worth a line, but guests decide how often they are refused: in a loop, thousands of times within one
//! request. A few lines a second say the same; how many were left out is told with the next.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines in a second.
const LINES_MAX: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// The lines about one component.
#[derive(Debug, Default)]
pub struct Lines(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// When the second began.
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Lines {
    /// Whether there is a line for one more refusal: then how many had none since the last one that had.
    pub fn next(&self) -> Option<u64> {
        self.next_at(Instant::now())
    }

    fn next_at(&self, now: Instant) -> Option<u64> {
        // Numbers are whole whatever happened to a thread that held the lock.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |since: Instant| now.saturating_duration_since(since) >= SECOND;
        if told.since.is_none_or(over) {
            told.since = Some(now);
            told.lines = 0;
        }
        if told.lines >= LINES_MAX {
            told.left_out += 1;
            return None;
        }
        told.lines += 1;
        Some(std::mem::take(&mut told.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_the_next_one_tells_what_it_left_out() {
        let (lines, start) = (Lines::default(), Instant::now());
        let told = (0..25).filter_map(|_| lines.next_at(start));
        assert_eq!(told.collect::<Vec<_>>(), [0; LINES_MAX as usize]);
        let (before, after) = (start + SECOND / 2, start + SECOND);
        assert_eq!(lines.next_at(before), None);
        assert_eq!(lines.next_at(after), Some(16));
        assert_eq!(lines.next_at(after), Some(0));
    }
}
