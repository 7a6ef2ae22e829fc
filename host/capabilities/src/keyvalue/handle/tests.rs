//! What a handle does by itself, over a store that never answers.

mod listing;
mod quotas;

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use stoa_manifest::{ComponentId, Label};

use super::*;
use crate::keyvalue::HELD_BYTES_MAX;

/// Never answers, and counts what reaches it.
#[derive(Default)]
struct Silent {
    reached: AtomicUsize,
}

impl Silent {
    fn reached(&self) -> usize {
        self.reached.load(Ordering::Relaxed)
    }

    async fn answer<T>(&self) -> T {
        self.reached.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }
}

#[async_trait::async_trait]
impl Store for Silent {
    async fn get_many(&self, _: Vec<String>) -> Result<Vec<Option<Value>>, Error> {
        self.answer().await
    }

    async fn list(&self, _: Range) -> Result<Page, Error> {
        self.answer().await
    }

    async fn apply(&self, _: Vec<Change>) -> Result<Version, Error> {
        self.answer().await
    }

    async fn increment(&self, _: String, _: i64) -> Result<i64, Error> {
        self.answer().await
    }

    /// Nothing that is asked of it is ever done.
    async fn usage(&self, _: String) -> Result<u64, Error> {
        Ok(0)
    }
}

fn handle(store: &Arc<Silent>, deadline: Duration) -> Handle {
    granted(store.clone(), Grant::default(), deadline)
}

fn granted(store: Arc<dyn Store>, grant: Grant, deadline: Duration) -> Handle {
    let holder = Holder {
        component: ComponentId::new("guest").expect("it is an id"),
        revision: "1".into(),
        label: Label::new("default").expect("it is a label"),
    };
    let bounds = Bounds {
        deadline,
        result_bytes_max: RESULT_BYTES_MAX,
    };
    Handle::new(store, grant, holder, bounds)
}

/// What all keys of a store may hold here.
const RESULT_BYTES_MAX: usize = 16 * 1024 * 1024;

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// Goes on with a call until it waits.
async fn step<T>(call: &mut Call<'_, T>) -> Poll<Result<T, Error>> {
    std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await
}

/// Asks for as many bytes as one call may.
fn large_read(handle: &Handle) -> Call<'_, Vec<Option<Value>>> {
    let keys = vec!["a".to_owned(); CALL_BYTES_MAX / VALUE_BYTES_MAX];
    Box::pin(handle.get_many(keys))
}

/// Calls that take the whole budget.
async fn fill(handle: &Handle) -> Vec<Call<'_, Vec<Option<Value>>>> {
    let mut calls = Vec::new();
    for _ in 0..HELD_BYTES_MAX / CALL_BYTES_MAX {
        let mut call = large_read(handle);
        assert!(step(&mut call).await.is_pending());
        calls.push(call);
    }
    calls
}

#[tokio::test]
async fn a_write_is_refused_when_calls_hold_too_many_bytes() {
    let store = Arc::new(Silent::default());
    let handle = handle(&store, Duration::from_secs(60));
    let mut calls = fill(&handle).await;
    let reached = store.reached();
    let mut write: Call<'_, Version> = Box::pin(handle.set("a".into(), vec![1]));
    assert_eq!(step(&mut write).await, Poll::Ready(Err(Error::Unavailable)));
    assert_eq!(store.reached(), reached);
    drop(calls.pop());
    let mut write: Call<'_, Version> = Box::pin(handle.set("a".into(), vec![1]));
    assert!(step(&mut write).await.is_pending());
    assert_eq!(store.reached(), reached + 1);
}

#[tokio::test]
async fn a_write_holds_its_bytes_until_it_is_answered() {
    let store = Arc::new(Silent::default());
    let handle = handle(&store, Duration::from_secs(60));
    let mut write: Call<'_, Version> = Box::pin(handle.set("a".into(), vec![1]));
    assert!(step(&mut write).await.is_pending());
    let whole = HELD_BYTES_MAX / CALL_BYTES_MAX;
    let mut reads: Vec<_> = (0..whole).map(|_| large_read(&handle)).collect();
    for read in &mut reads {
        assert!(step(read).await.is_pending());
    }
    assert_eq!(store.reached(), whole, "the last read waits for the write");
    drop(write);
    assert!(step(&mut reads[whole - 1]).await.is_pending());
    assert_eq!(store.reached(), whole + 1);
}

#[tokio::test]
async fn a_read_waits_until_its_answer_fits() {
    let store = Arc::new(Silent::default());
    let handle = handle(&store, Duration::from_secs(60));
    let mut calls = fill(&handle).await;
    let reached = store.reached();
    let mut read: Call<'_, Option<Value>> = Box::pin(handle.get("a".into()));
    let mut list: Call<'_, Page> = Box::pin(handle.keys(None));
    assert!(step(&mut read).await.is_pending());
    assert!(step(&mut list).await.is_pending());
    assert_eq!(store.reached(), reached);
    drop(calls.pop());
    assert!(step(&mut read).await.is_pending());
    assert!(step(&mut list).await.is_pending());
    assert_eq!(store.reached(), reached + 2);
}

#[tokio::test]
async fn the_wait_for_room_is_part_of_the_deadline() {
    let store = Arc::new(Silent::default());
    let limit = Duration::from_millis(1);
    let handle = handle(&store, limit);
    let _calls = fill(&handle).await;
    let outcome = handle.get("a".into()).await;
    assert_eq!(outcome, Err(Error::Deadline { limit }));
}
