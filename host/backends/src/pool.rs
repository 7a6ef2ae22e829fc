//! Connections that one revision shares: how many there are, who has them, and how long nobody needs to.
//!
//! A connection that comes back is made as new at once, so that nothing of a session, least of all a lock, outlives its
//! user. One whose call was given up midway never comes back. Addresses are kept as digests only.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stoa_capabilities::releases::Digest;
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Connections of one revision, in use or not: as many as Spin keeps for one address.
const CONNECTIONS_MAX: usize = 64;
/// A caller waits so long for a place.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A connection that nobody uses is kept so long; shorter than others of this host wait for its place.
const IDLE_MAX: Duration = Duration::from_secs(8);
/// A connection is as new within this, or closed.
const RESET_MAX: Duration = Duration::from_secs(5);
/// The places of the whole host, if they are counted.
pub(crate) fn places(connections_max: Option<usize>) -> Option<Arc<Semaphore>> {
    let places = connections_max?.min(Semaphore::MAX_PERMITS);
    Some(Arc::new(Semaphore::new(places)))
}

/// A connection as the pool sees it. Dropping one closes it.
pub(crate) trait Session: Send + 'static {
    /// Whether it can still be used, as far as is known without asking.
    fn is_open(&self) -> bool;

    /// Makes it as new; `false` if that is not possible.
    fn reset(&mut self) -> impl Future<Output = bool> + Send;
}

/// No place became free.
#[derive(Debug)]
pub(crate) struct Full;

pub(crate) struct Pool<S: Session> {
    shelf: Arc<Shelf<S>>,
    /// Places of this revision ...
    own: Arc<Semaphore>,
    /// ... and of the whole host.
    host: Option<Arc<Semaphore>>,
    /// What makes connections as new and throws away old ones. It ends with the pool.
    tasks: Mutex<JoinSet<()>>,
}

struct Kept<S> {
    session: S,
    _places: Places,
}

/// What a caller gets.
enum Found<S> {
    /// A connection that nobody uses.
    Kept(Kept<S>),
    /// Room for another one.
    Room(Places),
}

/// Given back when the connection is closed.
struct Places {
    _own: OwnedSemaphorePermit,
    _host: Option<OwnedSemaphorePermit>,
}

/// A connection at work.
pub(crate) struct Lent<S: Session> {
    /// There until it is dropped.
    kept: Option<Kept<S>>,
    key: Digest,
    pool: Arc<Pool<S>>,
    spoilt: AtomicBool,
}

// === impl Pool ===

impl<S: Session> Pool<S> {
    pub(crate) fn new(host: Option<Arc<Semaphore>>) -> Arc<Self> {
        Arc::new(Self {
            shelf: Arc::new(Shelf::default()),
            own: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            host,
            tasks: Mutex::default(),
        })
    }

    /// A connection of this key that nobody uses, or a new one.
    pub(crate) async fn take<E: From<Full>>(
        self: &Arc<Self>,
        key: Digest,
        connect: impl Future<Output = Result<S, E>>,
    ) -> Result<Lent<S>, E> {
        let found = timeout(WAIT_MAX, self.find(key)).await;
        let kept = match found.map_err(|_| Full)?? {
            Found::Kept(kept) => kept,
            Found::Room(places) => Kept {
                session: connect.await?,
                _places: places,
            },
        };
        Ok(Lent {
            kept: Some(kept),
            key,
            pool: Arc::clone(self),
            spoilt: AtomicBool::new(false),
        })
    }

    /// Waits for whatever comes first: one that is given back, or room for another.
    async fn find(&self, key: Digest) -> Result<Found<S>, Full> {
        loop {
            if let Some(kept) = self.shelf.take(key) {
                return Ok(Found::Kept(kept));
            }
            if self.own.available_permits() == 0 || self.host_is_full() {
                self.shelf.throw_away_oldest();
            }
            tokio::select! {
                biased;
                places = self.places() => return places.map(Found::Room).ok_or(Full),
                () = self.shelf.returned.notified() => {}
            }
        }
    }

    /// Nothing only if places are no longer given.
    async fn places(&self) -> Option<Places> {
        let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
        let host = match &self.host {
            Some(host) => Some(Arc::clone(host).acquire_owned().await.ok()?),
            None => None,
        };
        Some(Places {
            _own: own,
            _host: host,
        })
    }

    fn host_is_full(&self) -> bool {
        let host = self.host.as_ref();
        host.is_some_and(|host| host.available_permits() == 0)
    }

    /// Without an executor there is nobody who could make it as new, so it is closed.
    fn give_back(&self, key: Digest, mut kept: Kept<S>) {
        // Somebody else may wait for its place.
        if self.host_is_full() {
            return;
        }
        let Ok(executor) = Handle::try_current() else {
            return;
        };
        let shelf = Arc::clone(&self.shelf);
        let keeping = async move {
            if let Ok(true) = timeout(RESET_MAX, kept.session.reset()).await {
                shelf.put(key, kept);
                shelf.sweep().await;
            }
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(keeping, &executor);
    }
}

// === impl Lent ===

impl<S: Session> Lent<S> {
    pub(crate) fn session(&self) -> &S {
        let kept = self.kept.as_ref();
        &kept.expect("it is there until it is dropped").session
    }

    pub(crate) fn session_mut(&mut self) -> &mut S {
        let kept = self.kept.as_mut();
        &mut kept.expect("it is there until it is dropped").session
    }

    /// Nobody knows any more what the connection would answer to: it is closed instead of kept.
    pub(crate) fn spoil(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
    }
}

impl<S: Session> Drop for Lent<S> {
    fn drop(&mut self) {
        let spoilt = *self.spoilt.get_mut();
        match self.kept.take() {
            Some(kept) if !spoilt && kept.session.is_open() => self.pool.give_back(self.key, kept),
            _ => {}
        }
    }
}

// === impl Shelf ===

/// Connections that nobody uses.
struct Shelf<S> {
    shelved: Mutex<Shelved<S>>,
    /// Wakes one of those who wait.
    returned: Notify,
}

struct Shelved<S> {
    /// The oldest first.
    idle: VecDeque<Idle<S>>,
    /// Whether somebody throws away what is too old.
    swept: bool,
}

struct Idle<S> {
    key: Digest,
    kept: Kept<S>,
    end: Instant,
}

impl<S> Default for Shelf<S> {
    fn default() -> Self {
        Self {
            shelved: Mutex::new(Shelved {
                idle: VecDeque::new(),
                swept: false,
            }),
            returned: Notify::new(),
        }
    }
}

impl<S: Session> Shelf<S> {
    fn with<T>(&self, change: impl FnOnce(&mut Shelved<S>) -> T) -> T {
        change(&mut self.shelved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The youngest of this key, which is the least likely to have been closed by the other side.
    fn take(&self, key: Digest) -> Option<Kept<S>> {
        self.with(|shelved| {
            let found = |idle: &Idle<S>| idle.key == key && idle.kept.session.is_open();
            let place = shelved.idle.iter().rposition(found)?;
            shelved.idle.remove(place).map(|idle| idle.kept)
        })
    }

    fn put(&self, key: Digest, kept: Kept<S>) {
        let end = Instant::now() + IDLE_MAX;
        self.with(|shelved| shelved.idle.push_back(Idle { key, kept, end }));
        self.returned.notify_one();
    }

    fn throw_away_oldest(&self) {
        // Closed after the lock is free.
        drop(self.with(|shelved| shelved.idle.pop_front()));
    }

    /// Throws away what is too old, until nothing is left; one task at a time does so.
    async fn sweep(&self) {
        if self.with(|shelved| std::mem::replace(&mut shelved.swept, true)) {
            return;
        }
        while let Some(end) = self.with(Shelved::next_end) {
            sleep_until(end).await;
            drop(self.with(|shelved| shelved.ended(end)));
        }
    }
}

impl<S> Shelved<S> {
    fn next_end(&mut self) -> Option<Instant> {
        let end = self.idle.front().map(|idle| idle.end);
        self.swept = end.is_some();
        end
    }

    fn ended(&mut self, end: Instant) -> Vec<Idle<S>> {
        let ended = self.idle.iter().take_while(|idle| idle.end <= end).count();
        self.idle.drain(..ended).collect()
    }
}

#[cfg(test)]
mod tests;
