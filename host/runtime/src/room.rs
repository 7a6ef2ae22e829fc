//! Room for instances on one core: who waits for it, and who gives way.
//!
//! An instance that idles is kept for a while, because the next request may be near. That is worth nothing as soon as
//! another component has a request and no room: then as many instances go as are in its way, and no more.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// What a core has room for, in instances of an ordinary component.
pub(crate) struct Room {
    free: Arc<Semaphore>,
    size: usize,
    /// What is waited for.
    waited_for: AtomicUsize,
    /// What of that nobody has left yet.
    wanted: AtomicUsize,
    /// Calls those who idle.
    call: Arc<Notify>,
}

/// Somebody waits for so much.
struct Waiting<'a> {
    room: &'a Room,
    weight: usize,
}

/// An instance that may have to give way while it idles.
pub(crate) struct Guest {
    room: Arc<Room>,
    weight: usize,
    /// Made once it idles, and anew when it was called.
    called: Option<Pin<Box<OwnedNotified>>>,
}

// === impl Room ===

impl Room {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(size)),
            size,
            waited_for: AtomicUsize::new(0),
            wanted: AtomicUsize::new(0),
            call: Arc::default(),
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Room, if there is some now. It is given back when the permit is dropped.
    pub(crate) fn try_take(&self, weight: usize) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.free);
        free.try_acquire_many_owned(permits(weight)).ok()
    }

    /// Waits for room. Nobody overtakes who waits.
    pub(crate) async fn take(&self, weight: usize) -> OwnedSemaphorePermit {
        if let Some(permit) = self.try_take(weight) {
            return permit;
        }
        let missing = weight.saturating_sub(self.free.available_permits());
        let _waiting = Waiting::new(self, missing);
        let free = Arc::clone(&self.free);
        let permit = free.acquire_many_owned(permits(weight)).await;
        permit.expect("the semaphore is never closed")
    }

    /// Has those who idle look whether they are of use.
    fn call(&self) {
        self.call.notify_waiters();
    }

    /// Resolves when nobody has any of it.
    pub(crate) async fn empty(&self) {
        drop(self.take(self.size).await);
    }

    /// Resolves when somebody comes to wait.
    pub(crate) fn called(&self) -> OwnedNotified {
        Arc::clone(&self.call).notified_owned()
    }

    /// Whether one of this weight goes, so that somebody who waits can come.
    pub(crate) fn is_left(&self, weight: usize) -> bool {
        let less = |wanted: usize| (wanted > 0).then(|| wanted.saturating_sub(weight));
        let (set, read) = (Ordering::AcqRel, Ordering::Acquire);
        self.wanted.fetch_update(set, read, less).is_ok()
    }
}

fn permits(weight: usize) -> u32 {
    u32::try_from(weight).unwrap_or(u32::MAX)
}

// === impl Waiting ===

impl<'a> Waiting<'a> {
    fn new(room: &'a Room, weight: usize) -> Self {
        room.waited_for.fetch_add(weight, Ordering::AcqRel);
        room.wanted.fetch_add(weight, Ordering::AcqRel);
        room.call();
        Self { room, weight }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let before = self
            .room
            .waited_for
            .fetch_sub(self.weight, Ordering::AcqRel);
        // It came, or went: nobody needs to go for it any more.
        let rest = before.saturating_sub(self.weight);
        self.room.wanted.fetch_min(rest, Ordering::AcqRel);
    }
}

// === impl Guest ===

impl Guest {
    pub(crate) fn new(room: &Arc<Room>, weight: usize) -> Self {
        Self {
            room: Arc::clone(room),
            weight,
            called: None,
        }
    }

    /// Whether it has to go, asked while it idles. If not, its task is woken when somebody comes to wait.
    pub(crate) fn gives_way(&mut self, cx: &mut Context<'_>) -> bool {
        // Listening first: who comes between that and the look is not missed.
        loop {
            let called = self
                .called
                .get_or_insert_with(|| Box::pin(self.room.called()));
            if called.as_mut().poll(cx).is_pending() {
                break;
            }
            self.called = None;
        }
        self.room.is_left(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use futures::task::noop_waker_ref;

    use super::*;

    fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(noop_waker_ref()))
    }

    fn gives_way(guest: &mut Guest) -> bool {
        guest.gives_way(&mut Context::from_waker(noop_waker_ref()))
    }

    #[test]
    fn nobody_goes_while_nobody_waits() {
        let room = Arc::new(Room::new(2));
        let mut guest = Guest::new(&room, 1);
        assert!(!gives_way(&mut guest));
        let Poll::Ready(held) = poll(pin!(room.take(2))) else {
            panic!("all is free");
        };
        {
            let mut gave_up = pin!(room.take(1));
            assert!(poll(gave_up.as_mut()).is_pending());
        }
        assert!(!gives_way(&mut guest), "who waited has gone");
        drop(held);
    }

    #[test]
    fn as_many_go_as_are_in_the_way() {
        let room = Arc::new(Room::new(3));
        let mut guests = [(); 3].map(|()| Guest::new(&room, 1));
        let mut held: Vec<_> = guests
            .iter()
            .map(|_| match poll(pin!(room.take(1))) {
                Poll::Ready(permit) => permit,
                Poll::Pending => panic!("there is room for three"),
            })
            .collect();
        for guest in &mut guests {
            assert!(!gives_way(guest));
        }
        let mut heavy = pin!(room.take(2));
        assert!(poll(heavy.as_mut()).is_pending());
        let went: Vec<bool> = guests.iter_mut().map(gives_way).collect();
        assert_eq!(went, [true, true, false]);
        held.truncate(1);
        assert!(poll(heavy.as_mut()).is_ready());
    }

    #[test]
    fn what_is_free_need_not_be_left() {
        let room = Arc::new(Room::new(3));
        let mut guests = [(); 2].map(|()| Guest::new(&room, 1));
        let _held = [(); 2].map(|()| room.try_take(1).expect("it is free"));
        let mut heavy = pin!(room.take(2));
        assert!(poll(heavy.as_mut()).is_pending());
        assert_eq!(guests.each_mut().map(gives_way), [true, false]);
    }

    #[test]
    fn one_that_idles_is_woken_when_somebody_waits() {
        let room = Arc::new(Room::new(1));
        let mut guest = Guest::new(&room, 1);
        let Poll::Ready(_held) = poll(pin!(room.take(1))) else {
            panic!("it is free");
        };
        let (waker, woken) = counting();
        assert!(!guest.gives_way(&mut Context::from_waker(&waker)));
        let mut waiting = pin!(room.take(1));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert!(guest.gives_way(&mut Context::from_waker(&waker)));
    }

    /// A waker that counts.
    fn counting() -> (std::task::Waker, Arc<AtomicUsize>) {
        struct Counting(Arc<AtomicUsize>);
        impl std::task::Wake for Counting {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let woken = Arc::new(AtomicUsize::new(0));
        (Arc::new(Counting(Arc::clone(&woken))).into(), woken)
    }
}
