//! Instances that wait for their next request, of one component on one core: those that have one request at a time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::lifetime::IDLE_MAX;
use crate::single::Live;

#[derive(Default)]
pub(crate) struct Idle {
    instances: Mutex<Instances>,
    /// Wakes one who waits for room: it finds one of these.
    kept: Notify,
}

#[derive(Default)]
struct Instances {
    /// Since when each of them idles; the last that came is the first that is taken.
    waiting: VecDeque<(Instant, Live)>,
    /// Somebody looks after them.
    watched: bool,
}

// === impl Idle ===

impl Idle {
    /// The one that came last, whose memory is in the processor's caches still.
    pub(crate) fn take(&self) -> Option<Live> {
        let mut instances = self.lock();
        while let Some((_, live)) = instances.waiting.pop_back() {
            // The client of an answer that it had given may have left meanwhile.
            if live.may_serve_on() {
                return Some(live);
            }
            drop(instances);
            live.leave();
            instances = self.lock();
        }
        None
    }

    /// Takes one. Whether nobody looks after them, who has to [prune](Self::prune) again and again.
    pub(crate) fn keep(&self, live: Live) -> bool {
        let mut instances = self.lock();
        instances.waiting.push_back((Instant::now(), live));
        let watched = std::mem::replace(&mut instances.watched, true);
        drop(instances);
        self.kept.notify_one();
        !watched
    }

    /// Resolves when there was one more. It may be taken again.
    pub(crate) async fn kept(&self) {
        self.kept.notified().await;
    }

    /// Lets those go that idled for too long, and as many as have to. When to look again; never, where none is left.
    pub(crate) fn prune(&self, mut has_to: impl FnMut() -> bool) -> Option<Instant> {
        let now = Instant::now();
        let mut gone = Vec::new();
        let mut instances = self.lock();
        let mut next = None;
        while let Some((since, live)) = instances.waiting.pop_front() {
            if now < since + IDLE_MAX && !has_to() {
                next = Some(since + IDLE_MAX);
                instances.waiting.push_front((since, live));
                break;
            }
            gone.push(live);
        }
        instances.watched = next.is_some();
        drop(instances);
        gone.into_iter().for_each(Live::leave);
        next
    }

    fn lock(&self) -> MutexGuard<'_, Instances> {
        // The list is whole whatever happened to a thread that held the lock.
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let left = std::mem::take(&mut *self.lock());
        left.waiting.into_iter().for_each(|(_, live)| live.leave());
    }
}
