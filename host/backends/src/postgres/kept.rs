//! What the driver keeps of what a server says beside results, and how much that may be.
//!
//! The server is its guest's own, so it may say anything: parameters without end, or a type that is made of another one,
//! which is made of another one. The driver keeps the former for as long as the connection lives, and asks for the latter
//! one inside of the other, until its stack ends, and this host with it. So both are counted.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Bytes that a server says before it is ready, and of its parameters at any time. It is about a kilobyte.
const WORDS_BYTES_MAX: usize = 1024 * 1024;
/// Answers about types that the driver does not know: one or two for each, once per connection. No deeper than this are
/// types made of one another, and each of those takes some kilobytes of the stack.
const ANSWERS_MAX: usize = 192;
/// Bytes of rows in those: an enumeration comes with all its values.
const ANSWERS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Letters of messages.
const PARAMETER: u8 = b'S';
const PARSED: u8 = b'1';
const READY: u8 = b'Z';
const ROW: u8 = b'D';

/// What a connection is at: until the server is ready for the first time, ...
const LOGIN: u8 = 0;
/// ... as long as nothing is prepared, ...
const WORK: u8 = 1;
/// ... from when a statement is to be prepared, while earlier results may still come, ...
const ASKED: u8 = 2;
/// ... and until the server is done with that: what comes after it is about types.
const PARSING: u8 = 3;
const TYPES: u8 = 4;

/// Counts for one connection.
#[derive(Default)]
pub(super) struct Kept {
    stage: AtomicU8,
    words_bytes: AtomicUsize,
    answers: AtomicUsize,
    answers_bytes: AtomicUsize,
}

/// A statement is being prepared until this is dropped. One at a time.
pub(super) struct Preparing<'a>(&'a Kept);

// === impl Kept ===

impl Kept {
    pub(super) fn preparing(&self) -> Preparing<'_> {
        self.stage.store(ASKED, Ordering::Relaxed);
        Preparing(self)
    }

    /// Takes note of a message that begins. `false` if it is one too many.
    pub(super) fn note(&self, kind: u8, bytes: usize) -> bool {
        match (self.stage.load(Ordering::Relaxed), kind) {
            (LOGIN, READY) => self.enter(WORK),
            (LOGIN, _) | (_, PARAMETER) => within(&self.words_bytes, bytes, WORDS_BYTES_MAX),
            (ASKED, PARSED) => self.enter(PARSING),
            (PARSING, READY) => self.enter(TYPES),
            (TYPES, READY) => within(&self.answers, 1, ANSWERS_MAX),
            (TYPES, ROW) => within(&self.answers_bytes, bytes, ANSWERS_BYTES_MAX),
            _ => true,
        }
    }

    /// Whether half of anything is used up: then whoever is next gets another connection, before this one is cut off in
    /// the middle of a call.
    pub(super) fn is_worn(&self) -> bool {
        let over = |count: &AtomicUsize, max: usize| count.load(Ordering::Relaxed) > max / 2;
        over(&self.words_bytes, WORDS_BYTES_MAX)
            || over(&self.answers, ANSWERS_MAX)
            || over(&self.answers_bytes, ANSWERS_BYTES_MAX)
    }

    fn enter(&self, stage: u8) -> bool {
        self.stage.store(stage, Ordering::Relaxed);
        true
    }
}

impl Drop for Preparing<'_> {
    fn drop(&mut self) {
        self.0.stage.store(WORK, Ordering::Relaxed);
    }
}

fn within(count: &AtomicUsize, more: usize, max: usize) -> bool {
    let before = count.fetch_add(more, Ordering::Relaxed);
    before.saturating_add(more) <= max
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection whose server has let us in.
    fn kept() -> Kept {
        let kept = Kept::default();
        assert!(kept.note(b'R', 8) && kept.note(READY, 5));
        kept
    }

    /// Notes this often, and tells whether it may be.
    fn all(kept: &Kept, times: usize, kind: u8, bytes: usize) -> bool {
        (0..times).all(|_| kept.note(kind, bytes))
    }

    #[test]
    fn a_server_that_does_not_come_to_an_end_of_its_welcome_is_cut_off() {
        let kept = Kept::default();
        assert!(kept.note(b'N', WORDS_BYTES_MAX));
        assert!(!kept.note(b'N', 5));
    }

    #[test]
    fn parameters_are_counted_for_as_long_as_a_connection_lives() {
        let kept = kept();
        assert!(all(&kept, 9, PARAMETER, WORDS_BYTES_MAX / 10));
        assert!(kept.is_worn());
        assert!(!kept.note(PARAMETER, WORDS_BYTES_MAX / 5));
    }

    #[test]
    fn types_that_are_made_of_one_another_without_end_are_cut_off() {
        let kept = kept();
        let preparing = kept.preparing();
        assert!(kept.note(PARSED, 4) && kept.note(READY, 5));
        assert!(all(&kept, ANSWERS_MAX, READY, 5));
        assert!(!kept.note(READY, 5));
        drop(preparing);
        assert!(kept.is_worn());
    }

    #[test]
    fn a_type_with_values_without_end_is_cut_off() {
        let kept = kept();
        let _preparing = kept.preparing();
        assert!(kept.note(PARSED, 4) && kept.note(READY, 5));
        assert!(!all(&kept, 1 + ANSWERS_BYTES_MAX / 1000, ROW, 1000));
    }

    #[test]
    fn statements_and_results_may_be_any_number() {
        let kept = kept();
        for _ in 0..2 * ANSWERS_MAX {
            let preparing = kept.preparing();
            // The rest of an earlier result.
            assert!(kept.note(ROW, ANSWERS_BYTES_MAX) && kept.note(READY, 5));
            assert!(kept.note(PARSED, 4));
            drop(preparing);
            assert!(kept.note(READY, 5));
            assert!(kept.note(ROW, ANSWERS_BYTES_MAX) && kept.note(READY, 5));
        }
        assert!(!kept.is_worn());
    }
}
