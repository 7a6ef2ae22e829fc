//! What every key-value store must do, whatever stands behind it. The embedded store passes it too, which is why it may
//! stand in for the others in tests.

mod expiry;

use std::pin::Pin;
use std::sync::Arc;

use self::expiry::{
    a_set_ends_the_time_to_live, a_time_to_live_changes_without_the_value,
    an_increment_keeps_the_time_to_live, an_increment_of_what_expired_starts_at_zero,
    conditions_take_what_expired_for_absent, expiring_what_is_missing_leaves_it_missing,
    values_tell_how_long_they_live, versions_do_not_come_again_after_expiry,
    what_expired_is_absent_everywhere,
};
use super::{
    Action, CALL_BYTES_MAX, Change, Condition, Error, Projection, Range, Store, VALUE_BYTES_MAX,
    Value, Version,
};

/// A case at work.
pub type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A fact about a store that starts empty. It panics where the fact does not hold.
pub struct Case {
    /// The fact.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(Arc<dyn Store>) -> Trial,
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All facts, to be tried one by one, each on a fresh store.
        pub const CASES: &[Case] = &[$(Case { name: stringify!($name), run: |store| Box::pin($name(store)) }),*];
    };
}

cases![
    missing_keys_have_no_value,
    what_was_set_is_read,
    empty_values_differ_from_missing_ones,
    keys_are_any_unicode,
    values_are_any_bytes_up_to_the_limit,
    many_keys_are_answered_in_order,
    values_together_over_the_limit_are_refused,
    deleting_what_is_not_there_is_no_error,
    every_write_has_a_new_version,
    a_version_never_comes_again_after_a_delete,
    all_keys_of_a_batch_share_its_version,
    a_failed_condition_changes_nothing,
    conditions_see_the_state_before_the_batch,
    of_two_writers_on_one_version_one_wins,
    listings_are_in_byte_order_and_paged,
    listings_stay_inside_their_prefix,
    pages_of_large_values_are_cut,
    increments_start_at_zero_and_add_up,
    concurrent_increments_lose_nothing,
    what_is_no_number_is_not_incremented,
    sums_that_do_not_fit_are_refused,
    values_tell_how_long_they_live,
    what_expired_is_absent_everywhere,
    conditions_take_what_expired_for_absent,
    an_increment_of_what_expired_starts_at_zero,
    an_increment_keeps_the_time_to_live,
    a_set_ends_the_time_to_live,
    a_time_to_live_changes_without_the_value,
    expiring_what_is_missing_leaves_it_missing,
    versions_do_not_come_again_after_expiry,
    usage_is_the_bytes_of_keys_and_values,
    usage_stays_inside_its_prefix,
];

fn set(key: &str, bytes: impl AsRef<[u8]>) -> Change {
    conditional(key, Condition::Always, bytes)
}

fn conditional(key: &str, condition: Condition, bytes: impl AsRef<[u8]>) -> Change {
    Change {
        key: key.into(),
        condition,
        action: Action::Set(bytes.as_ref().to_vec()),
    }
}

fn delete(key: &str) -> Change {
    Change {
        key: key.into(),
        condition: Condition::Always,
        action: Action::Delete,
    }
}

async fn apply(store: &Arc<dyn Store>, changes: Vec<Change>) -> Version {
    store.apply(changes).await.expect("the batch is good")
}

async fn get(store: &Arc<dyn Store>, key: &str) -> Option<Value> {
    store
        .get_many(vec![key.into()])
        .await
        .expect("the key can be read")
        .remove(0)
}

async fn bytes(store: &Arc<dyn Store>, key: &str) -> Option<Vec<u8>> {
    get(store, key).await.map(|value| value.bytes)
}

fn range(prefix: &str, after: Option<&str>, limit: usize) -> Range {
    Range {
        prefix: prefix.into(),
        after: after.map(str::to_owned),
        limit,
        projection: Projection::Keys,
    }
}

async fn keys(store: &Arc<dyn Store>, prefix: &str, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .list(range(prefix, after.as_deref(), limit))
            .await
            .expect("the store can be listed");
        assert!(page.entries.len() <= limit);
        all.extend(page.entries.into_iter().map(|entry| entry.key));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

async fn missing_keys_have_no_value(store: Arc<dyn Store>) {
    assert_eq!(get(&store, "nowhere").await, None);
    assert_eq!(keys(&store, "", 10).await, [""; 0]);
}

async fn what_was_set_is_read(store: Arc<dyn Store>) {
    apply(&store, vec![set("a", "1")]).await;
    apply(&store, vec![set("a", "2")]).await;
    assert_eq!(bytes(&store, "a").await.as_deref(), Some(&b"2"[..]));
}

async fn empty_values_differ_from_missing_ones(store: Arc<dyn Store>) {
    apply(&store, vec![set("a", "")]).await;
    assert_eq!(bytes(&store, "a").await, Some(Vec::new()));
}

async fn keys_are_any_unicode(store: Arc<dyn Store>) {
    let strange = [
        "ключ",
        "🗝️",
        "a/b?c#d",
        "line\nbreak",
        "nul\0inside",
        "'; DROP TABLE entries; --",
        "%_",
    ];
    for key in strange {
        apply(&store, vec![set(key, key)]).await;
    }
    for key in strange {
        assert_eq!(
            bytes(&store, key).await.as_deref(),
            Some(key.as_bytes()),
            "{key:?}"
        );
    }
    assert_eq!(keys(&store, "%", 10).await, ["%_"]);
}

async fn values_are_any_bytes_up_to_the_limit(store: Arc<dyn Store>) {
    let large: Vec<u8> = (0..VALUE_BYTES_MAX).map(|at| (at % 251) as u8).collect();
    apply(
        &store,
        vec![set("large", &large), set("bytes", [0, 255, 128])],
    )
    .await;
    assert!(
        bytes(&store, "large")
            .await
            .is_some_and(|read| read == large)
    );
    assert_eq!(bytes(&store, "bytes").await, Some(vec![0, 255, 128]));
}

async fn many_keys_are_answered_in_order(store: Arc<dyn Store>) {
    apply(&store, vec![set("a", "1"), set("c", "3")]).await;
    let wanted = ["c", "b", "a", "c"].map(String::from).to_vec();
    let read = store.get_many(wanted).await.expect("the keys can be read");
    let read: Vec<_> = read
        .into_iter()
        .map(|value| value.map(|value| value.bytes))
        .collect();
    assert_eq!(
        read,
        [
            Some(b"3".to_vec()),
            None,
            Some(b"1".to_vec()),
            Some(b"3".to_vec())
        ]
    );
}

async fn values_together_over_the_limit_are_refused(store: Arc<dyn Store>) {
    let large = vec![7; VALUE_BYTES_MAX];
    apply(&store, vec![set("large", large)]).await;
    let times = CALL_BYTES_MAX / VALUE_BYTES_MAX + 1;
    let outcome = store.get_many(vec!["large".into(); times]).await;
    assert_eq!(
        outcome,
        Err(Error::TooLarge {
            limit: CALL_BYTES_MAX
        })
    );
}

async fn deleting_what_is_not_there_is_no_error(store: Arc<dyn Store>) {
    apply(&store, vec![delete("a")]).await;
    apply(&store, vec![set("a", "1")]).await;
    apply(&store, vec![delete("a")]).await;
    assert_eq!(get(&store, "a").await, None);
}

async fn every_write_has_a_new_version(store: Arc<dyn Store>) {
    let first = apply(&store, vec![set("a", "same")]).await;
    let second = apply(&store, vec![set("a", "same")]).await;
    assert_ne!(first, second);
    assert_eq!(
        get(&store, "a").await.map(|value| value.version),
        Some(second)
    );
}

async fn a_version_never_comes_again_after_a_delete(store: Arc<dyn Store>) {
    let before = apply(&store, vec![set("a", "1")]).await;
    apply(&store, vec![delete("a")]).await;
    apply(&store, vec![set("a", "1")]).await;
    let outcome = store
        .apply(vec![conditional("a", Condition::Version(before), "2")])
        .await;
    assert_eq!(outcome, Err(Error::Conflict { key: "a".into() }));
}

async fn all_keys_of_a_batch_share_its_version(store: Arc<dyn Store>) {
    let version = apply(&store, vec![set("a", "1"), set("b", "2")]).await;
    for key in ["a", "b"] {
        assert_eq!(
            get(&store, key).await.map(|value| value.version),
            Some(version)
        );
    }
}

async fn a_failed_condition_changes_nothing(store: Arc<dyn Store>) {
    apply(&store, vec![set("b", "old")]).await;
    let batches = [
        vec![set("a", "new"), conditional("b", Condition::Absent, "new")],
        vec![set("b", "new"), conditional("c", Condition::Present, "new")],
        vec![delete("b"), conditional("c", Condition::Version(1), "new")],
    ];
    for (batch, key) in batches.into_iter().zip(["b", "c", "c"]) {
        assert_eq!(
            store.apply(batch).await,
            Err(Error::Conflict { key: key.into() })
        );
    }
    assert_eq!(keys(&store, "", 10).await, ["b"]);
    assert_eq!(bytes(&store, "b").await.as_deref(), Some(&b"old"[..]));
}

async fn conditions_see_the_state_before_the_batch(store: Arc<dyn Store>) {
    apply(&store, vec![set("a", "1")]).await;
    apply(
        &store,
        vec![delete("a"), conditional("b", Condition::Absent, "2")],
    )
    .await;
    apply(
        &store,
        vec![
            conditional("b", Condition::Present, "3"),
            conditional("a", Condition::Absent, "1"),
        ],
    )
    .await;
    assert_eq!(keys(&store, "", 10).await, ["a", "b"]);
}

async fn of_two_writers_on_one_version_one_wins(store: Arc<dyn Store>) {
    let version = apply(&store, vec![set("a", "0")]).await;
    let attempt = |text: &'static str| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .apply(vec![conditional("a", Condition::Version(version), text)])
                .await
        })
    };
    let attempts: Vec<_> = (0..16).map(|_| attempt("1")).collect();
    let mut won = 0;
    for attempt in attempts {
        match attempt.await.expect("a writer does not panic") {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error, Error::Conflict { key: "a".into() }),
        }
    }
    assert_eq!(won, 1);
}

async fn listings_are_in_byte_order_and_paged(store: Arc<dyn Store>) {
    let mut names: Vec<String> = (0..257)
        .map(|n| format!("k{n}"))
        .chain(["é", "z", "Z", "~"].map(String::from))
        .collect();
    apply(&store, names.iter().map(|name| set(name, "x")).collect()).await;
    names.sort_unstable();
    for limit in [1, 7, 1000] {
        assert_eq!(keys(&store, "", limit).await, names, "pages of {limit}");
    }
}

async fn listings_stay_inside_their_prefix(store: Arc<dyn Store>) {
    let names = ["a", "a/", "a/1", "a/2", "a0", "b", "\u{10ffff}x"];
    apply(&store, names.iter().map(|name| set(name, "x")).collect()).await;
    assert_eq!(keys(&store, "a/", 2).await, ["a/", "a/1", "a/2"]);
    assert_eq!(keys(&store, "\u{10ffff}", 2).await, ["\u{10ffff}x"]);
    assert_eq!(keys(&store, "c", 2).await, [""; 0]);
    let beyond = store
        .list(range("a/", Some("b"), 5))
        .await
        .expect("the store can be listed");
    assert_eq!(beyond.entries, []);
}

async fn pages_of_large_values_are_cut(store: Arc<dyn Store>) {
    for key in ["a", "b", "c"] {
        apply(&store, vec![set(key, vec![1; VALUE_BYTES_MAX])]).await;
    }
    let wanted = Range {
        projection: Projection::Values,
        ..range("", None, 1000)
    };
    let page = store.list(wanted).await.expect("the store can be listed");
    assert!(page.entries.len() < 3, "a page is bounded in bytes");
    assert_eq!(
        page.next,
        page.entries.last().map(|entry| entry.key.clone())
    );
    assert!(page.entries.iter().all(|entry| entry.value.is_some()));
}

async fn increments_start_at_zero_and_add_up(store: Arc<dyn Store>) {
    assert_eq!(store.increment("n".into(), 5).await, Ok(5));
    assert_eq!(store.increment("n".into(), -7).await, Ok(-2));
    assert_eq!(bytes(&store, "n").await.as_deref(), Some(&b"-2"[..]));
}

async fn concurrent_increments_lose_nothing(store: Arc<dyn Store>) {
    let adders: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.increment("n".into(), 1).await })
        })
        .collect();
    for adder in adders {
        adder
            .await
            .expect("an adder does not panic")
            .expect("the number can be incremented");
    }
    assert_eq!(store.increment("n".into(), 0).await, Ok(64));
}

async fn what_is_no_number_is_not_incremented(store: Arc<dyn Store>) {
    for text in ["", "one", "1.5", "99999999999999999999"] {
        apply(&store, vec![set("n", text)]).await;
        assert!(
            matches!(store.increment("n".into(), 1).await, Err(Error::Invalid(_))),
            "{text:?}"
        );
        assert_eq!(bytes(&store, "n").await.as_deref(), Some(text.as_bytes()));
    }
}

async fn sums_that_do_not_fit_are_refused(store: Arc<dyn Store>) {
    assert_eq!(store.increment("n".into(), i64::MAX).await, Ok(i64::MAX));
    assert!(matches!(
        store.increment("n".into(), 1).await,
        Err(Error::Invalid(_))
    ));
    assert_eq!(store.increment("n".into(), 0).await, Ok(i64::MAX));
}

async fn usage(store: &Arc<dyn Store>, prefix: &str) -> u64 {
    let usage = store.usage(prefix.into()).await;
    usage.expect("the store can be measured")
}

async fn usage_is_the_bytes_of_keys_and_values(store: Arc<dyn Store>) {
    assert_eq!(usage(&store, "").await, 0);
    apply(&store, vec![set("a", "123"), set("ключ", [0, 255])]).await;
    assert_eq!(usage(&store, "").await, 4 + 10);
    apply(&store, vec![set("a", "1")]).await;
    assert_eq!(usage(&store, "").await, 2 + 10);
    apply(&store, vec![delete("ключ")]).await;
    assert_eq!(usage(&store, "").await, 2);
}

async fn usage_stays_inside_its_prefix(store: Arc<dyn Store>) {
    let names = ["a", "a/", "a/1", "a0", "b", "\u{10ffff}x"];
    apply(&store, names.iter().map(|name| set(name, "x")).collect()).await;
    assert_eq!(usage(&store, "a/").await, 3 + 4);
    assert_eq!(usage(&store, "\u{10ffff}").await, 6);
    assert_eq!(usage(&store, "c").await, 0);
}
