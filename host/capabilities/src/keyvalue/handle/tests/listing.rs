//! All keys at once: refused where they are too many for it.

use super::*;
use crate::keyvalue::Entry;

/// Pages of a thousand keys each, without end where `pages` is none.
struct Endless {
    pages: Option<usize>,
    asked: AtomicUsize,
}

impl Endless {
    fn new(pages: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            pages,
            asked: AtomicUsize::new(0),
        })
    }
}

#[async_trait::async_trait]
impl Store for Endless {
    async fn get_many(&self, _: Vec<String>) -> Result<Vec<Option<Value>>, Error> {
        Err(Error::Unavailable)
    }

    async fn list(&self, range: Range) -> Result<Page, Error> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let entry = |index: usize| Entry {
            key: format!("{number:06}-{index:06}"),
            value: None,
        };
        let entries: Vec<_> = (0..range.limit).map(entry).collect();
        let last = self.pages.is_some_and(|pages| number + 1 >= pages);
        let next = entries.last().filter(|_| !last);
        Ok(Page {
            next: next.map(|entry| entry.key.clone()),
            entries,
        })
    }

    async fn apply(&self, _: Vec<Change>) -> Result<Version, Error> {
        Err(Error::Unavailable)
    }

    async fn increment(&self, _: String, _: i64) -> Result<i64, Error> {
        Err(Error::Unavailable)
    }

    async fn usage(&self, _: String) -> Result<u64, Error> {
        Ok(0)
    }
}

fn listing(pages: Option<usize>) -> Handle {
    let store = Endless::new(pages);
    granted(store, Grant::default(), Duration::from_secs(10))
}

#[tokio::test]
async fn keys_over_the_limit_are_refused_and_nothing_of_them_is_held() {
    let handle = listing(None);
    let limit = RESULT_BYTES_MAX;
    for _ in 0..3 {
        let outcome = handle.all_keys().await;
        assert_eq!(outcome, Err(Error::TooLarge { limit }));
    }
    let all = handle.inner.budget.hold(HELD_BYTES_MAX);
    assert!(all.is_ok());
}

#[tokio::test]
async fn a_walk_that_does_not_end_in_time_is_refused() {
    let handle = handle(&Arc::default(), Duration::from_millis(1));
    let outcome = handle.all_keys().await;
    assert!(matches!(outcome, Err(Error::Deadline { .. })));
}

#[tokio::test]
async fn all_pages_are_gathered() {
    let keys = listing(Some(3)).all_keys().await.expect("they fit");
    assert_eq!(keys.len(), 3 * KEYS_PER_CALL_MAX);
    assert!(keys.is_sorted());
}
