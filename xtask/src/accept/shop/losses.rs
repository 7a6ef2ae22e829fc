//! What was promised and is not there.

use std::fmt;

/// Findings that are printed; the others are counted.
const PRINTED_MAX: usize = 10;

/// What was found wrong after a start.
#[derive(Debug, Default)]
pub(in crate::accept) struct Losses {
    lost: usize,
    broken: usize,
}

impl Losses {
    pub(in crate::accept) fn note_lost(&mut self, what: String) {
        self.print("lost", &what);
        self.lost += 1;
    }

    pub(in crate::accept) fn note_broken(&mut self, what: String) {
        self.print("half-written", &what);
        self.broken += 1;
    }

    pub(in crate::accept) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.broken += other.broken;
    }

    pub(in crate::accept) fn is_none(&self) -> bool {
        self.lost == 0 && self.broken == 0
    }

    /// What is lost, and what is half-written.
    #[cfg(test)]
    pub(in crate::accept) fn counts(&self) -> (usize, usize) {
        (self.lost, self.broken)
    }

    fn print(&self, kind: &str, what: &str) {
        if self.lost + self.broken < PRINTED_MAX {
            eprintln!("  {kind}: {what}");
        }
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lost, {} half-written", self.lost, self.broken)
    }
}
