//! Values that end. Nothing here takes longer than a few milliseconds or depends on how long it takes: what is to end
//! lives for the shortest time, and is waited for; what is to live on lives for an hour.

use std::sync::Arc;
use std::time::Duration;

use super::{apply, bytes, conditional, delete, get, keys, range, set, usage};
use crate::keyvalue::{
    Action, Change, Condition, Error, Projection, Range, Store, TTL_MIN, Value, Version,
};

const HOUR: Duration = Duration::from_secs(3600);
/// A store that keeps a value longer than this after its end is broken.
const PATIENCE: Duration = Duration::from_secs(10);

fn expiring(key: &str, bytes: impl AsRef<[u8]>, ttl: Duration) -> Change {
    let bytes = bytes.as_ref().to_vec();
    Change {
        key: key.into(),
        condition: Condition::Always,
        action: Action::SetExpiring { bytes, ttl },
    }
}

fn expire(key: &str, ttl: Option<Duration>) -> Change {
    Change {
        key: key.into(),
        condition: Condition::Always,
        action: Action::Expire(ttl),
    }
}

/// Sets a value and waits until it has ended.
async fn expired(store: &Arc<dyn Store>, key: &str) -> Version {
    let version = apply(store, vec![expiring(key, "41", TTL_MIN)]).await;
    gone(store, key).await;
    version
}

async fn gone(store: &Arc<dyn Store>, key: &str) {
    let ends = async {
        while get(store, key).await.is_some() {
            tokio::time::sleep(TTL_MIN).await;
        }
    };
    tokio::time::timeout(PATIENCE, ends)
        .await
        .expect("a value ends when its time is over");
}

/// That a value lives on, but not for longer than an hour.
fn lives(value: &Value) -> bool {
    let left = value.expires_in;
    left.is_some_and(|left| left > HOUR / 2 && left <= HOUR)
}

async fn present(store: &Arc<dyn Store>, key: &str) -> Value {
    get(store, key).await.expect("the key has a value")
}

pub(super) async fn values_tell_how_long_they_live(store: Arc<dyn Store>) {
    apply(&store, vec![expiring("a", "1", HOUR), set("b", "2")]).await;
    assert!(lives(&present(&store, "a").await));
    assert_eq!(present(&store, "b").await.expires_in, None);
    let wanted = Range {
        projection: Projection::Values,
        ..range("", None, 10)
    };
    let page = store.list(wanted).await.expect("the store can be listed");
    let values: Vec<_> = page.entries.iter().map(|entry| &entry.value).collect();
    assert!(values[0].as_ref().is_some_and(lives));
    assert!(
        values[1]
            .as_ref()
            .is_some_and(|value| value.expires_in.is_none())
    );
}

pub(super) async fn what_expired_is_absent_everywhere(store: Arc<dyn Store>) {
    apply(&store, vec![set("b", "2")]).await;
    expired(&store, "a").await;
    let read = store.get_many(vec!["a".into(), "b".into()]).await;
    let read = read.expect("the keys can be read");
    assert!(read[0].is_none() && read[1].is_some());
    assert_eq!(keys(&store, "", 1).await, ["b"]);
    assert_eq!(usage(&store, "").await, 2);
    assert_eq!(usage(&store, "a").await, 0);
}

pub(super) async fn conditions_take_what_expired_for_absent(store: Arc<dyn Store>) {
    let version = expired(&store, "a").await;
    for condition in [Condition::Present, Condition::Version(version)] {
        let outcome = store.apply(vec![conditional("a", condition, "2")]).await;
        assert_eq!(outcome, Err(Error::Conflict { key: "a".into() }));
    }
    apply(&store, vec![conditional("a", Condition::Absent, "2")]).await;
    assert_eq!(present(&store, "a").await.expires_in, None);
}

pub(super) async fn an_increment_of_what_expired_starts_at_zero(store: Arc<dyn Store>) {
    expired(&store, "n").await;
    assert_eq!(store.increment("n".into(), 1).await, Ok(1));
    assert_eq!(present(&store, "n").await.expires_in, None);
}

pub(super) async fn an_increment_keeps_the_time_to_live(store: Arc<dyn Store>) {
    apply(&store, vec![expiring("n", "41", HOUR)]).await;
    assert_eq!(store.increment("n".into(), 1).await, Ok(42));
    assert!(lives(&present(&store, "n").await));
}

pub(super) async fn a_set_ends_the_time_to_live(store: Arc<dyn Store>) {
    apply(&store, vec![expiring("a", "1", HOUR)]).await;
    apply(&store, vec![set("a", "2")]).await;
    assert_eq!(present(&store, "a").await.expires_in, None);
}

pub(super) async fn a_time_to_live_changes_without_the_value(store: Arc<dyn Store>) {
    let version = apply(&store, vec![set("a", "1")]).await;
    apply(&store, vec![expire("a", Some(HOUR))]).await;
    let value = present(&store, "a").await;
    assert!(lives(&value));
    assert_eq!((value.bytes, value.version), (b"1".to_vec(), version));
    apply(&store, vec![expire("a", None)]).await;
    let value = present(&store, "a").await;
    assert_eq!((value.version, value.expires_in), (version, None));
    apply(&store, vec![expire("a", Some(TTL_MIN))]).await;
    gone(&store, "a").await;
}

pub(super) async fn expiring_what_is_missing_leaves_it_missing(store: Arc<dyn Store>) {
    expired(&store, "ended").await;
    apply(&store, vec![set("deleted", "1"), set("other", "1")]).await;
    apply(&store, vec![delete("deleted")]).await;
    for key in ["ended", "deleted", "never"] {
        for ttl in [Some(HOUR), None] {
            apply(&store, vec![expire(key, ttl), set("other", "2")]).await;
            assert_eq!(bytes(&store, key).await, None, "{key}");
        }
    }
    assert_eq!(keys(&store, "", 10).await, ["other"]);
}

pub(super) async fn versions_do_not_come_again_after_expiry(store: Arc<dyn Store>) {
    let before = expired(&store, "a").await;
    let after = apply(&store, vec![set("a", "1")]).await;
    assert_ne!(after, before);
    let outcome = store
        .apply(vec![conditional("a", Condition::Version(before), "2")])
        .await;
    assert_eq!(outcome, Err(Error::Conflict { key: "a".into() }));
}
