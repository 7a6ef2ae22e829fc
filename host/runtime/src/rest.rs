//! Revisions that idle give back the pages of their code.
//!
//! Code is mapped from its file. What was looked at while it was loaded, and what ran, stays mapped, and the kernel
//! maps 64 KiB around each page that is touched: of a small component that is all of it, for ever. A revision of which no
//! instance began or ended for a while lets go of the mapped pages; what runs next is mapped again, from the page cache as a rule,
//! which is a few faults for the first request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::revision::Revision;

/// How often is looked. A revision rests when none of its instances began or ended between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// All revisions that are alive.
#[derive(Clone, Default)]
pub(crate) struct Resting(Arc<Mutex<Vec<Sleeper>>>);

struct Sleeper {
    revision: Weak<Revision>,
    /// How often its instances had begun or ended at the last look.
    changed: u64,
    rests: bool,
}

// === impl Resting ===

impl Resting {
    /// Looks again and again, in a thread, until nobody else has it.
    pub(crate) fn watch(&self) {
        let known = Arc::downgrade(&self.0);
        std::thread::spawn(move || {
            while let Some(known) = known.upgrade() {
                Self(known).look();
                std::thread::sleep(LOOK);
            }
        });
    }

    pub(crate) fn add(&self, revision: &Arc<Revision>) {
        self.known().push(Sleeper {
            revision: Arc::downgrade(revision),
            changed: 0,
            rests: false,
        });
    }

    fn look(&self) {
        // Whoever is looked at may be the last one's to drop, which takes its time: not under the lock.
        let mut looked = Vec::new();
        self.known().retain_mut(|sleeper| {
            let revision = sleeper.revision.upgrade();
            revision
                .map(|revision| looked.push((sleeper.look(revision.instances_changed()), revision)))
                .is_some()
        });
        for (rest, revision) in looked {
            if rest {
                revision.rest();
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Vec<Sleeper>> {
        // Entries are whole whatever happened to a thread that held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Sleeper ===

impl Sleeper {
    /// Whether the revision rests from now on.
    fn look(&mut self, changed: u64) -> bool {
        let idle = changed == self.changed;
        let begins = idle && !self.rests;
        (self.changed, self.rests) = (changed, idle);
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_rests_once_after_its_last_instance_began_or_ended() {
        let mut sleeper = Sleeper {
            revision: Weak::new(),
            changed: 0,
            rests: false,
        };
        let rests = [1, 1, 1, 2, 3, 3, 3].map(|changed| sleeper.look(changed));
        assert_eq!(rests, [false, true, false, false, false, true, false]);
    }
}
