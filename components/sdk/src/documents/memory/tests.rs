//! What the contract promises, held against the stores in memory.

use crate::documents::{
    Bucket, Collection, Document, Error, Facet, Filter, Moment, Precondition, Query, Scalar, Store,
    Update, Write, element, field,
};
use crate::testing::{block_on, documents};
use serde_json::{Value, json};

/// A collection with these documents, called `a`, `b`, `c`…
fn collection(bodies: &[Value]) -> Collection {
    let store = Store::open("any").expect("every label is granted");
    let collection = store.collection("things");
    for (id, body) in ('a'..).zip(bodies) {
        block_on(collection.insert(&id.to_string(), body)).expect("it is inserted");
    }
    collection
}

fn found(collection: &Collection, query: Query) -> String {
    let page = block_on(collection.find::<Value>(query)).expect("it is found");
    page.documents
        .into_iter()
        .map(|document| document.id)
        .collect()
}

fn filtered(collection: &Collection, filter: Filter) -> String {
    found(collection, Query::of(filter))
}

fn updated(collection: &Collection, update: Update) -> Result<Value, Error> {
    let updated = block_on(collection.find_and_update::<Value>(update))?;
    Ok(updated.expect("there is a document").body)
}

fn is_invalid<T>(outcome: Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Invalid(_)))
}

// === what is refused ===

#[test]
fn a_path_that_is_none_is_invalid() {
    let things = collection(&[json!({})]);
    let nine_keys = "a.b.c.d.e.f.g.h.i";
    for path in ["", "a..b", "a.$b", ".a", nine_keys] {
        let filter = field(path).exists();
        assert!(is_invalid(block_on(things.count(filter, None))), "{path}");
        let update = Update::of(Filter::everything()).set(path, &1);
        assert!(is_invalid(updated(&things, update)), "{path}");
        let query = Query::everything().ascending(path);
        assert!(is_invalid(block_on(things.find::<Value>(query))), "{path}");
    }
}

#[test]
fn a_filter_of_long_texts_is_too_large() {
    let things = collection(&[]);
    let long = "x".repeat(1024 * 1024);
    let outcome = block_on(things.count(field("a").at_most(&long), None));
    assert!(matches!(outcome, Err(Error::TooLarge { .. })));
}

#[test]
fn a_body_that_is_no_object_is_not_written_and_the_others_are() {
    let things = collection(&[]);
    let writes = vec![Write::new("a", &[1, 2]), Write::new("b", &json!({}))];
    let written = block_on(things.put(writes)).expect("the call is good");
    assert!(matches!(written[..], [Err(Error::Invalid(_)), Ok(_)]));
    assert_eq!(filtered(&things, Filter::everything()), "b");
}

#[test]
fn what_no_host_would_store_is_invalid() {
    let things = collection(&[]);
    let mut deep = json!({});
    for _ in 0..32 {
        deep = json!({ "a": deep });
    }
    for body in [json!({ "n": u64::MAX }), json!({ "_id": "a" }), deep] {
        assert!(is_invalid(block_on(things.insert("a", &body))), "{body}");
    }
}

#[test]
fn what_is_larger_than_allowed_is_refused() {
    let things = collection(&[]);
    let large = json!({ "text": "x".repeat(1024 * 1024) });
    let limit = 1024 * 1024;
    assert_eq!(
        block_on(things.insert("a", &large)),
        Err(Error::TooLarge { limit })
    );
    assert_eq!(
        block_on(things.insert(&"i".repeat(257), &json!({}))),
        Err(Error::TooLarge { limit: 256 })
    );
    assert!(is_invalid(block_on(things.insert("", &json!({})))));
    for limit in [0, 1001] {
        let query = Query::everything().limit(limit);
        assert!(is_invalid(block_on(things.find::<Value>(query))), "{limit}");
    }
}

#[test]
fn a_precondition_that_does_not_hold_is_a_conflict() {
    let things = collection(&[json!({ "n": 1 })]);
    let conflict = |id: &str| Err(Error::Conflict(id.to_owned()));
    let write = |id: &str, precondition| {
        block_on(things.write(Write::new(id, &json!({})).when(precondition)))
    };
    assert_eq!(write("a", Precondition::Absent), conflict("a"));
    assert_eq!(write("a", Precondition::Version(7)), conflict("a"));
    assert_eq!(write("z", Precondition::Present), conflict("z"));
    assert_eq!(
        block_on(things.delete("z", Precondition::Present)),
        Err(Error::Conflict("z".to_owned()))
    );
    assert_eq!(
        block_on(things.delete("z", Precondition::Always)),
        Ok(false)
    );
}

#[test]
fn a_unique_index_holds_each_value_once() {
    documents("any").unique("things", "sku", ["sku"]);
    let things = collection(&[
        json!({ "sku": "s1" }),
        json!({}),
        json!({}),
        json!({ "sku": null }),
        json!({ "sku": null }),
    ]);
    let conflict = Err(Error::Conflict("sku".to_owned()));
    let again = block_on(things.insert("z", &json!({ "sku": "s1" })));
    assert_eq!(again, conflict);
    let update = Update::of(field("_id").equals("b")).set("sku", "s1");
    assert_eq!(
        updated(&things, update),
        Err(Error::Conflict("sku".to_owned()))
    );
    let itself = Update::of(field("_id").equals("a")).set("sku", "s1");
    assert!(updated(&things, itself).is_ok());
}

#[test]
fn an_error_is_answered_where_a_test_asks_for_one() {
    let things = collection(&[]);
    documents("any").refuse(Error::Unavailable);
    let first = block_on(things.insert("a", &json!({})));
    assert_eq!(first, Err(Error::Unavailable));
    assert!(block_on(things.insert("a", &json!({}))).is_ok());
    assert_eq!(documents("any").changes(), 1);
}

#[test]
fn an_error_may_come_after_others_went_well() {
    let things = collection(&[]);
    documents("any").allow(1).refuse(Error::Deadline);
    assert!(block_on(things.insert("a", &json!({}))).is_ok());
    let second = block_on(things.insert("b", &json!({})));
    assert_eq!(second, Err(Error::Deadline));
    assert_eq!(documents("any").changes(), 1);
}

#[test]
fn a_body_that_is_read_as_something_else_is_malformed() {
    let things = collection(&[json!({ "n": "text" })]);
    #[derive(serde::Deserialize)]
    struct Numbered {
        #[expect(dead_code, reason = "it is never read")]
        n: i64,
    }
    let read = block_on(things.get::<Numbered>("a"));
    assert!(matches!(read, Err(Error::Malformed { id, .. }) if id == "a"));
}

// === filters ===

#[test]
fn a_missing_value_equals_null_and_has_no_order() {
    let things = collection(&[json!({}), json!({ "n": null }), json!({ "n": 1 })]);
    assert_eq!(filtered(&things, field("n").equals(Scalar::Null)), "ab");
    assert_eq!(filtered(&things, field("n").equals(None::<i64>)), "ab");
    assert_eq!(filtered(&things, field("n").differs_from(1)), "ab");
    assert_eq!(filtered(&things, field("n").at_most(Scalar::Null)), "b");
    assert_eq!(filtered(&things, field("n").below(2)), "c");
    assert_eq!(filtered(&things, field("n").exists()), "bc");
    assert_eq!(filtered(&things, !field("n").exists()), "a");
}

#[test]
fn only_values_of_one_kind_compare() {
    let things = collection(&[json!({ "v": 1 }), json!({ "v": "1" }), json!({ "v": true })]);
    assert_eq!(filtered(&things, field("v").equals(1.0)), "a");
    assert_eq!(filtered(&things, field("v").at_least("1")), "b");
    assert_eq!(filtered(&things, field("v").above(false)), "c");
    assert_eq!(filtered(&things, field("v").one_of(["1", "2"])), "b");
}

#[test]
fn an_array_compares_by_its_elements() {
    let things = collection(&[
        json!({ "tags": ["x", "y"] }),
        json!({ "tags": "x" }),
        json!({ "tags": [] }),
    ]);
    assert_eq!(filtered(&things, field("tags").equals("x")), "ab");
    assert_eq!(filtered(&things, field("tags").differs_from("x")), "c");
    assert_eq!(filtered(&things, field("tags").starts_with("y")), "a");
    assert_eq!(filtered(&things, field("tags").equals(Scalar::Null)), "");
}

#[test]
fn one_element_fulfils_the_whole_filter() {
    let things = collection(&[
        json!({ "variants": [{ "size": 40, "left": 0 }, { "size": 41, "left": 2 }] }),
        json!({ "variants": [{ "size": 40, "left": 1 }] }),
        json!({ "variants": { "size": 40, "left": 1 } }),
    ]);
    let wanted = field("size").equals(40) & field("left").above(0);
    assert_eq!(
        filtered(&things, field("variants").any_element(wanted)),
        "b"
    );
}

#[test]
fn conditions_are_joined_and_denied() {
    let things = collection(&[
        json!({ "n": 1 }),
        json!({ "n": 2 }),
        json!({ "n": 3, "gone": true }),
    ]);
    let between = field("n").above(1) & field("n").at_most(3);
    assert_eq!(filtered(&things, between.clone()), "bc");
    let live = between & !field("gone").exists() | field("_id").equals("a");
    assert_eq!(filtered(&things, live.clone()), "ab");
    assert_eq!(filtered(&things, !live), "c");
}

// === pages ===

#[test]
fn pages_follow_the_sort_and_break_ties_by_the_id() {
    let things = collection(&[
        json!({ "n": 1 }),
        json!({ "n": 2 }),
        json!({ "n": 1 }),
        json!({}),
        json!({ "n": [9] }),
        json!({ "n": {} }),
    ]);
    let ascending = Query::everything().ascending("n");
    assert_eq!(found(&things, ascending), "dacbfe");
    let descending = Query::everything().descending("n").limit(2);
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let query = descending.clone().after(after);
        let page = block_on(things.find::<Value>(query)).expect("a page");
        pages.extend(page.documents.into_iter().map(|document| document.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages.concat(), "efbacd");
}

#[test]
fn a_cursor_of_another_query_is_invalid() {
    let things = collection(&[json!({}), json!({})]);
    let page = block_on(things.find::<Value>(Query::everything().limit(1))).expect("a page");
    let sorted = Query::everything().ascending("n");
    let filtered = Query::of(field("n").exists());
    for other in [sorted, filtered] {
        let other = other.after(page.next.clone());
        assert!(is_invalid(block_on(things.find::<Value>(other))));
    }
}

#[test]
fn only_the_fields_that_are_asked_for_are_answered() {
    let things = collection(&[json!({ "name": "n", "price": { "amount": 1, "currency": "EUR" } })]);
    let query = Query::everything().fields(["price.amount", "missing"]);
    let page = block_on(things.find::<Value>(query)).expect("a page");
    assert_eq!(page.documents[0].body, json!({ "price": { "amount": 1 } }));
}

#[test]
fn a_search_finds_every_word_and_the_heavier_hit_first() {
    let things = collection(&[
        json!({ "name": "Rain jacket", "about": "for winter" }),
        json!({ "name": "Winter jacket", "about": "warm" }),
        json!({ "name": "Winter boots" }),
    ]);
    let search = |text: &str| Query::everything().search(text);
    assert!(is_invalid(block_on(things.find::<Value>(search("winter")))));
    documents("any").search("things", [("name", 10), ("about", 1)]);
    assert_eq!(found(&things, search("winter")), "bca");
    assert_eq!(found(&things, search("WINTER jack")), "ba");
    assert_eq!(found(&things, search("wimter jacket")), "ba");
    assert_eq!(found(&things, search("jack winter")), "");
    assert_eq!(
        block_on(things.count(field("about").exists(), Some("winter"))),
        Ok(2)
    );
}

#[test]
fn facets_count_elements_and_put_the_most_frequent_first() {
    let things = collection(&[
        json!({ "brand": "b", "tags": ["x", "y"] }),
        json!({ "brand": "a", "tags": ["x"] }),
        json!({ "brand": "b", "n": 1.0 }),
    ]);
    let facets = vec![
        Facet::of("brand"),
        Facet::of("tags").limit(1),
        Facet::of("n"),
    ];
    let buckets = block_on(things.facets(Filter::everything(), None, facets)).expect("buckets");
    let bucket = |value: Scalar, count| Bucket { value, count };
    let expected = [
        vec![bucket("b".into(), 2), bucket("a".into(), 1)],
        vec![bucket("x".into(), 2)],
        vec![bucket(Scalar::Integer(1), 1)],
    ];
    assert_eq!(buckets, expected);
}

// === changes ===

#[test]
fn a_version_is_never_used_again() {
    let things = collection(&[json!({})]);
    let first = block_on(things.get::<Value>("a")).expect("get");
    let first = first.expect("it is there").version;
    assert_eq!(
        block_on(things.delete("a", Precondition::Version(first))),
        Ok(true)
    );
    let second = block_on(things.insert("a", &json!({}))).expect("insert");
    assert_ne!(first, second);
}

#[test]
fn operators_change_a_document_in_their_order() {
    let things = collection(&[json!({ "n": 1, "old": 1, "log": [{ "id": 1 }, 2, "x"] })]);
    let update = Update::of(Filter::everything())
        .set("a.b", &json!({ "c": 1 }))
        .increment("a.b.c", 2)
        .increment("fresh", -1)
        .unset("old")
        .unset("missing.too")
        .pull("log", field("id").equals(1) | element().equals("x"))
        .push("log", &3)
        .push_keeping("last", &1, 1)
        .push_keeping("last", &2, 1);
    let expected = json!({
        "n": 1, "a": { "b": { "c": 3 } }, "fresh": -1, "log": [2, 3], "last": [2]
    });
    assert_eq!(updated(&things, update), Ok(expected));
}

#[test]
fn an_update_that_cannot_be_made_changes_nothing() {
    let things = collection(&[json!({ "n": 1, "text": "t", "big": i64::MAX })]);
    let update = || Update::of(Filter::everything()).set("n", &2);
    let impossible = [
        update().increment("text", 1),
        update().increment("big", 1),
        update().push("n", &1),
        update().pull("text", element().equals(1)),
        update().set("text.inside", &1),
        update().set("_id", "z"),
        update().push_keeping("list", &1, 0),
    ];
    for update in impossible {
        assert!(is_invalid(updated(&things, update.clone())), "{update:?}");
    }
    assert_eq!(filtered(&things, field("n").equals(1)), "a");
}

#[test]
fn the_first_by_the_sort_is_changed_and_answered_as_asked() {
    let things = collection(&[json!({ "n": 1 }), json!({ "n": 2 })]);
    let update = Update::of(field("n").below(5))
        .descending("n")
        .increment("n", 1);
    let before = updated(&things, update.clone().answering(Moment::Before));
    assert_eq!(before, Ok(json!({ "n": 2 })));
    assert_eq!(updated(&things, update), Ok(json!({ "n": 4 })));
    let none = Update::of(field("n").above(9)).unset("n");
    let none = block_on(things.find_and_update::<Value>(none));
    assert_eq!(none, Ok(None::<Document<Value>>));
}

#[test]
fn no_more_than_the_limit_is_deleted() {
    let things = collection(&[json!({ "n": 1 }), json!({ "n": 2 }), json!({ "n": 3 })]);
    let matching = field("n").at_least(2);
    assert!(is_invalid(block_on(
        things.delete_matching(matching.clone(), 0)
    )));
    assert_eq!(block_on(things.delete_matching(matching, 1)), Ok(1));
    assert_eq!(filtered(&things, Filter::everything()), "ac");
}
