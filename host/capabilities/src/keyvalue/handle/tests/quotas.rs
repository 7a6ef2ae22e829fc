//! What a handle refuses because it would be too much, over an embedded store.

use stoa_manifest::grants::Quota;

use super::*;
use crate::Durability;
use crate::keyvalue::embedded::Embedded;

const DEADLINE: Duration = Duration::from_secs(60);

/// A store in a folder of its own.
struct Bench {
    _folder: tempfile::TempDir,
    store: Arc<Embedded>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Embedded::open(&folder.path().join("store.db"), Durability::Process);
        Self {
            store: store.expect("it opens"),
            _folder: folder,
        }
    }

    fn granted(&self, grant: Grant) -> Handle {
        granted(self.store.clone(), grant, DEADLINE)
    }
}

fn bytes_max(bytes: u64) -> Grant {
    Grant {
        quota: Quota {
            bytes_max: Some(bytes),
            ..Quota::default()
        },
        ..Grant::default()
    }
}

fn change(key: &str, action: Action) -> Change {
    Change {
        key: key.into(),
        condition: Condition::Always,
        action,
    }
}

fn expiring(key: &str, ttl: Duration) -> Change {
    let bytes = b"12345".to_vec();
    change(key, Action::SetExpiring { bytes, ttl })
}

async fn set(handle: &Handle, key: &str, bytes: &[u8]) -> Result<Version, Error> {
    handle.set(key.into(), bytes.to_vec()).await
}

#[tokio::test]
async fn a_value_over_the_grant_is_refused() {
    let bench = Bench::new();
    let handle = bench.granted(Grant {
        value_bytes_max: Some(4),
        ..Grant::default()
    });
    let refused = Err(Error::TooLarge { limit: 4 });
    assert_eq!(set(&handle, "a", b"12345").await, refused);
    let batch = vec![expiring("a", TTL_MAX)];
    assert_eq!(handle.apply(batch).await, refused);
    let refused = Err(Error::TooLarge { limit: 4 });
    assert_eq!(handle.increment("a".into(), 1).await, refused);
    assert_eq!(handle.get("a".into()).await, Ok(None));
    assert!(set(&handle, "a", b"1234").await.is_ok());
}

#[tokio::test]
async fn a_time_to_live_out_of_bounds_is_invalid() {
    let bench = Bench::new();
    let handle = bench.granted(Grant::default());
    let short = TTL_MIN - Duration::from_nanos(1);
    let long = TTL_MAX + Duration::from_nanos(1);
    assert!(set(&handle, "a", b"1").await.is_ok());
    for ttl in [Duration::ZERO, short, long, Duration::MAX] {
        for wrong in [expiring("a", ttl), change("a", Action::Expire(Some(ttl)))] {
            let outcome = handle.apply(vec![wrong]).await;
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
        }
    }
    let value = handle.get("a".into()).await.expect("it can be read");
    assert_eq!(value.map(|value| value.expires_in), Some(None));
    for right in [expiring("a", TTL_MAX), expiring("a", TTL_MIN)] {
        assert!(handle.apply(vec![right]).await.is_ok());
    }
}

#[tokio::test]
async fn to_expire_is_to_write() {
    let bench = Bench::new();
    let handle = bench.granted(Grant {
        access: Access::Read,
        ..Grant::default()
    });
    for action in [Action::Expire(None), Action::Expire(Some(TTL_MIN))] {
        let outcome = handle.apply(vec![change("a", action)]).await;
        assert!(matches!(outcome, Err(Error::Denied(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_until_something_is_deleted() {
    let bench = Bench::new();
    let handle = bench.granted(bytes_max(10));
    let refused = Err(Error::Quota("bytes_max"));
    assert!(set(&handle, "a", b"12345").await.is_ok());
    assert_eq!(set(&handle, "b", b"12345").await, refused);
    let batch = ["c", "d"].map(|key| change(key, Action::Set(b"12".to_vec())));
    assert_eq!(handle.apply(batch.to_vec()).await, refused);
    for key in ["b", "c", "d"] {
        assert_eq!(handle.get(key.into()).await, Ok(None), "{key}");
    }
    assert!(handle.delete("a".into()).await.is_ok());
    assert!(set(&handle, "b", b"12345").await.is_ok());
}

#[tokio::test]
async fn what_makes_room_is_never_refused() {
    let bench = Bench::new();
    assert!(
        set(&bench.granted(Grant::default()), "a", b"12345")
            .await
            .is_ok()
    );
    let handle = bench.granted(bytes_max(1));
    let expire = change("a", Action::Expire(Some(TTL_MAX)));
    assert!(handle.apply(vec![expire]).await.is_ok());
    assert!(handle.delete("a".into()).await.is_ok());
}

#[tokio::test]
async fn what_expired_makes_room() {
    let bench = Bench::new();
    let handle = bench.granted(bytes_max(10));
    let batch = vec![expiring("a", TTL_MIN)];
    assert!(handle.apply(batch).await.is_ok());
    let ends = async {
        while handle.get("a".into()).await != Ok(None) {
            tokio::time::sleep(TTL_MIN).await;
        }
    };
    tokio::time::timeout(DEADLINE, ends)
        .await
        .expect("a value ends when its time is over");
    assert!(set(&handle, "b", b"12345").await.is_ok());
}

#[tokio::test]
async fn what_others_store_uses_nothing_of_the_quota() {
    let bench = Bench::new();
    let other = bench.granted(Grant::default());
    assert!(set(&other, "other/a", b"12345").await.is_ok());
    let handle = bench.granted(Grant {
        prefix: "mine/".into(),
        ..bytes_max(11)
    });
    assert!(set(&handle, "mine/a", b"12345").await.is_ok());
    let refused = set(&handle, "mine/b", b"").await;
    assert_eq!(refused, Err(Error::Quota("bytes_max")));
}

#[tokio::test]
async fn numbers_are_counted_as_their_longest_text() {
    let bench = Bench::new();
    let handle = bench.granted(bytes_max(21));
    assert_eq!(handle.increment("n".into(), 1).await, Ok(1));
    let refused = handle.increment("m".into(), 1).await;
    assert_eq!(refused, Err(Error::Quota("bytes_max")));
    assert_eq!(handle.get("m".into()).await, Ok(None));
}

#[tokio::test]
async fn writes_on_their_way_are_part_of_the_quota() {
    let store = Arc::new(Silent::default());
    let handle = granted(store.clone(), bytes_max(10), DEADLINE);
    let mut first: Call<'_, Version> = Box::pin(set(&handle, "a", b"12345"));
    assert!(step(&mut first).await.is_pending());
    let refused = set(&handle, "b", b"12345").await;
    assert_eq!(refused, Err(Error::Quota("bytes_max")));
    assert_eq!(store.reached(), 1);
    drop(first);
    let mut second: Call<'_, Version> = Box::pin(set(&handle, "b", b"12345"));
    assert!(step(&mut second).await.is_pending());
    assert_eq!(store.reached(), 2);
}

#[tokio::test]
async fn calls_over_the_rate_are_refused_and_do_not_reach_the_store() {
    let store = Arc::new(Silent::default());
    let grant = Grant {
        quota: Quota {
            calls_per_second_max: Some(1),
            ..Quota::default()
        },
        ..Grant::default()
    };
    let handle = granted(store.clone(), grant, DEADLINE);
    let mut first: Call<'_, Option<Value>> = Box::pin(handle.get("a".into()));
    assert!(step(&mut first).await.is_pending());
    let refused = Error::Quota("calls_per_second_max");
    assert_eq!(handle.get("a".into()).await, Err(refused.clone()));
    assert_eq!(handle.keys(None).await, Err(refused.clone()));
    assert_eq!(set(&handle, "a", b"1").await, Err(refused.clone()));
    assert_eq!(handle.increment("a".into(), 1).await, Err(refused));
    assert_eq!(store.reached(), 1);
}
