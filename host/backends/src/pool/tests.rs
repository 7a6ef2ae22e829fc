//! The pool over connections that are only counted.

use std::sync::atomic::AtomicUsize;

use super::*;

#[derive(Default)]
struct Server {
    open: AtomicUsize,
    made: AtomicUsize,
    resets: AtomicUsize,
}

struct Counted {
    server: Arc<Server>,
    number: usize,
    resettable: bool,
    open: bool,
}

impl Session for Counted {
    fn is_open(&self) -> bool {
        self.open
    }

    async fn reset(&mut self) -> bool {
        self.server.resets.fetch_add(1, Ordering::Relaxed);
        self.resettable
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.server.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, PartialEq)]
enum Refused {
    Full,
    Unreachable,
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl Server {
    fn connect(self: &Arc<Self>) -> Counted {
        self.open.fetch_add(1, Ordering::Relaxed);
        Counted {
            server: Arc::clone(self),
            number: self.made.fetch_add(1, Ordering::Relaxed),
            resettable: true,
            open: true,
        }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

async fn take(
    pool: &Arc<Pool<Counted>>,
    server: &Arc<Server>,
    key: &str,
) -> Result<Lent<Counted>, Refused> {
    let connect = async { Ok(server.connect()) };
    pool.take(Digest::of(key.as_bytes()), connect).await
}

/// Lets the tasks of the pool do what they can without time passing.
async fn settle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

fn pool() -> (Arc<Pool<Counted>>, Arc<Server>) {
    (Pool::new(None), Arc::default())
}

#[tokio::test(start_paused = true)]
async fn a_revision_gets_no_more_than_its_places() {
    let (pool, server) = pool();
    let mut lent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        lent.push(take(&pool, &server, "a").await.expect("there is a place"));
    }
    assert_eq!(take(&pool, &server, "a").await.err(), Some(Refused::Full));
    assert_eq!(server.open(), CONNECTIONS_MAX);
    lent.pop();
    assert!(take(&pool, &server, "a").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_back_goes_to_who_waits() {
    let (pool, server) = pool();
    let mut lent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        lent.push(take(&pool, &server, "a").await.expect("there is a place"));
    }
    for key in ["a", "b"] {
        let (waiting, connecting) = (Arc::clone(&pool), Arc::clone(&server));
        let waiting = tokio::spawn(async move { take(&waiting, &connecting, key).await.is_ok() });
        settle().await;
        assert!(!waiting.is_finished());
        lent.pop();
        // Long before anything is thrown away.
        settle().await;
        assert!(waiting.is_finished(), "{key}");
        assert!(waiting.await.expect("it does not panic"));
        // Its user is gone, too.
        settle().await;
        lent.push(take(&pool, &server, key).await.expect("it is there"));
    }
    // One was for another address, so another was closed for it.
    assert_eq!(server.made.load(Ordering::Relaxed), CONNECTIONS_MAX + 1);
    assert_eq!(server.open(), CONNECTIONS_MAX);
}

#[tokio::test(start_paused = true)]
async fn the_host_has_no_more_than_its_places() {
    let places = places(Some(1));
    let (one, other) = (Pool::new(places.clone()), Pool::new(places));
    let server = Arc::default();
    let lent = take(&one, &server, "a").await.expect("there is a place");
    assert_eq!(take(&other, &server, "a").await.err(), Some(Refused::Full));
    drop(lent);
    settle().await;
    // The place was wanted, so the connection was not kept.
    assert_eq!(server.open(), 0);
    assert!(take(&other, &server, "a").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_fails_takes_no_place() {
    let (pool, _) = pool();
    for _ in 0..=CONNECTIONS_MAX {
        let connect = async { Err::<Counted, _>(Refused::Unreachable) };
        let refused = pool.take(Digest::of(b"a"), connect).await;
        assert_eq!(refused.err(), Some(Refused::Unreachable));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_spoilt_is_never_lent_again() {
    let (pool, server) = pool();
    let lent = take(&pool, &server, "a").await.expect("it connects");
    lent.spoil();
    drop(lent);
    settle().await;
    assert_eq!(server.open(), 0);
    assert_eq!(server.resets.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_as_new_is_closed() {
    let (pool, server) = pool();
    let mut lent = take(&pool, &server, "a").await.expect("it connects");
    lent.session_mut().resettable = false;
    drop(lent);
    settle().await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_other_side_closed_is_not_kept() {
    let (pool, server) = pool();
    let mut lent = take(&pool, &server, "a").await.expect("it connects");
    lent.session_mut().open = false;
    drop(lent);
    settle().await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_address_gets_another_connection() {
    let (pool, server) = pool();
    drop(take(&pool, &server, "a").await.expect("it connects"));
    settle().await;
    let other = take(&pool, &server, "b").await.expect("it connects");
    assert_eq!(other.session().number, 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_comes_back_as_new() {
    let (pool, server) = pool();
    drop(take(&pool, &server, "a").await.expect("it connects"));
    settle().await;
    let again = take(&pool, &server, "a").await.expect("it is there");
    assert_eq!(again.session().number, 0);
    assert_eq!(server.resets.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn connections_that_nobody_uses_are_closed() {
    let (pool, server) = pool();
    let lent = [
        take(&pool, &server, "a").await.expect("it connects"),
        take(&pool, &server, "b").await.expect("it connects"),
    ];
    drop(lent);
    settle().await;
    assert_eq!(server.open(), 2);
    tokio::time::advance(IDLE_MAX + Duration::from_millis(1)).await;
    settle().await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_uses_makes_room_for_another_address() {
    let (pool, server) = pool();
    let mut lent = Vec::new();
    for _ in 1..CONNECTIONS_MAX {
        lent.push(take(&pool, &server, "a").await.expect("there is a place"));
    }
    drop(take(&pool, &server, "a").await.expect("there is a place"));
    settle().await;
    assert_eq!(server.open(), CONNECTIONS_MAX);
    assert!(take(&pool, &server, "b").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn connections_end_with_their_pool() {
    let (pool, server) = pool();
    drop(take(&pool, &server, "a").await.expect("it connects"));
    settle().await;
    drop(pool);
    settle().await;
    assert_eq!(server.open(), 0);
}
