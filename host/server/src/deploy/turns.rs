//! One after the other, and not too many who wait for that.

use tokio::sync::{Mutex, MutexGuard, Semaphore};

/// Callers who wait for their turn. What one of them asks for is bounded, so this bounds the wait.
const WAITING_MAX: usize = 16;

pub(super) struct Turns {
    turn: Mutex<()>,
    /// What is left of the room to wait in. It is given back also by callers who give up.
    room: Semaphore,
}

/// Ends when it is dropped.
pub(super) type Turn<'a> = MutexGuard<'a, ()>;

impl Turns {
    /// The next turn, in the order of asking. `None` when too many wait already.
    pub(super) async fn take(&self) -> Option<Turn<'_>> {
        let waiting = self.room.try_acquire().ok()?;
        let turn = self.turn.lock().await;
        drop(waiting);
        Some(turn)
    }

    /// For the host's own tasks, of which each asks once at a time: nobody keeps them out.
    pub(super) async fn take_own(&self) -> Turn<'_> {
        self.turn.lock().await
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            turn: Mutex::default(),
            room: Semaphore::new(WAITING_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn whoever_finds_too_many_waiting_is_sent_away_but_for_the_host_itself() {
        let turns = Turns::default();
        let first = turns.take().now_or_never().flatten();
        assert!(first.is_some());
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(turns.take())).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none(), "it waits");
        }
        assert!(matches!(turns.take().now_or_never(), Some(None)));
        let mut own = Box::pin(turns.take_own());
        assert!((&mut own).now_or_never().is_none());
        // Whoever gives up makes room, and is in nobody's way.
        drop(waiting);
        drop(first);
        assert!(own.now_or_never().is_some());
        assert!(matches!(turns.take().now_or_never(), Some(Some(_))));
    }
}
