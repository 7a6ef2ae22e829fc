//! That a store in memory keeps what the contract promises.

use super::*;
use crate::clock::Timestamp;
use crate::testing::{block_on, set_clock};

fn store() -> Store {
    Store::open("any").expect("every label is granted")
}

#[test]
fn nothing_is_changed_when_one_condition_does_not_hold() {
    let store = store();
    let changes = vec![
        Change::set("a", "1"),
        Change::set("b", "1").when(Condition::Present),
    ];
    assert_eq!(
        block_on(store.apply(changes)),
        Err(Error::Conflict("b".to_owned()))
    );
    assert_eq!(block_on(store.get("a")), Ok(None));
}

#[test]
fn a_version_is_never_used_again() {
    let store = store();
    let first = block_on(store.set("a", "1")).expect("set");
    block_on(store.delete("a")).expect("delete");
    let second = block_on(store.set("a", "1")).expect("set");
    assert_ne!(first, second);
}

#[test]
fn a_listing_goes_on_where_the_page_before_ended() {
    let store = store();
    for key in ["p/1", "p/2", "q/1"] {
        block_on(store.set(key, "v")).expect("set");
    }
    let first = block_on(store.list(Range::prefix("p/").limit(1))).expect("list");
    assert_eq!(first.next.as_deref(), Some("p/1"));
    let last = block_on(store.list(Range::prefix("p/").after(first.next))).expect("list");
    assert_eq!(last.entries.len(), 1);
    assert_eq!(last.next, None);
}

#[test]
fn what_is_no_number_is_not_incremented() {
    let store = store();
    assert_eq!(block_on(store.increment("n", 2)), Ok(2));
    block_on(store.set("n", "two")).expect("set");
    assert!(matches!(
        block_on(store.increment("n", 1)),
        Err(Error::Invalid(_))
    ));
}

const MINUTE: Duration = Duration::from_secs(60);

/// Sets the clock.
fn at(unix_ms: u64) {
    set_clock(Timestamp::from_unix_ms(unix_ms));
}

fn left(store: &Store, key: &str) -> Option<Option<Duration>> {
    let value = block_on(store.get(key)).expect("get");
    value.map(|value| value.expires_in)
}

#[test]
fn a_value_ends_with_its_last_millisecond() {
    let store = store();
    at(1_000);
    let changes = vec![Change::set("a", "1").expires_in(MINUTE)];
    block_on(store.apply(changes)).expect("apply");
    assert_eq!(left(&store, "a"), Some(Some(MINUTE)));
    at(60_999);
    assert_eq!(left(&store, "a"), Some(Some(Duration::from_millis(1))));
    at(61_000);
    assert_eq!(left(&store, "a"), None);
    let page = block_on(store.list(Range::prefix(""))).expect("list");
    assert_eq!(page.entries, []);
    let present = Change::set("a", "2").when(Condition::Present);
    let refused = Err(Error::Conflict("a".to_owned()));
    assert_eq!(block_on(store.apply(vec![present])), refused);
    let absent = Change::set("a", "2").when(Condition::Absent);
    block_on(store.apply(vec![absent])).expect("apply");
    assert_eq!(left(&store, "a"), Some(None));
}

#[test]
fn a_time_to_live_changes_without_the_value() {
    let store = store();
    at(0);
    let version = block_on(store.set("a", "1")).expect("set");
    for ttl in [Some(MINUTE), None] {
        let changes = vec![Change::expire("a", ttl), Change::expire("missing", ttl)];
        block_on(store.apply(changes)).expect("apply");
        let value = block_on(store.get("a")).expect("get").expect("it is there");
        assert_eq!((value.version, value.expires_in), (version, ttl));
        assert_eq!(left(&store, "missing"), None);
    }
}

#[test]
fn a_sum_lives_as_long_as_the_number_did() {
    let store = store();
    at(0);
    let changes = vec![Change::set("n", "1").expires_in(MINUTE)];
    block_on(store.apply(changes)).expect("apply");
    assert_eq!(block_on(store.increment("n", 1)), Ok(2));
    assert_eq!(left(&store, "n"), Some(Some(MINUTE)));
    at(60_000);
    assert_eq!(block_on(store.increment("n", 1)), Ok(1));
    assert_eq!(left(&store, "n"), Some(None));
}

#[test]
fn a_time_to_live_out_of_bounds_is_invalid() {
    let store = store();
    for ttl in [
        Duration::ZERO,
        Duration::from_micros(999),
        MINUTE * 6_000_000,
    ] {
        let changes = vec![Change::set("a", "1").expires_in(ttl)];
        let outcome = block_on(store.apply(changes));
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{ttl:?}");
    }
    assert_eq!(left(&store, "a"), None);
}
