//! Reserving the stock of a product.

use super::{COLLECTION, catalogue, changes, collection, create, cup, get, handle, put, status};
use crate::catalogue::{load, save};
use serde_json::{Value, json};
use stoa_sdk::clock::Timestamp;
use stoa_sdk::documents::Error;
use stoa_sdk::http::Method;
use stoa_sdk::testing::{Answer, Call, block_on, set_clock};

/// A product with so many pieces, at a moment that stands still. Answers where it is.
fn stocked(stock: u64) -> String {
    set_clock(Timestamp::from_unix_ms(0));
    let mut product = cup("A-1");
    product["stock"] = json!(stock);
    let created = create(&product);
    created.header("location").expect("created").to_owned()
}

fn reserve(product: &str, id: &str, quantity: u64) -> Answer {
    let asked = json!({"quantity": quantity, "seconds": 10});
    put(&format!("{product}/reservations/{id}"), &asked).send(handle)
}

fn act(product: &str, id: &str, verb: &str) -> Answer {
    let target = format!("{product}/reservations/{id}:{verb}");
    Call::new(Method::Post, &target).send(handle)
}

fn state(answer: &Answer) -> String {
    let answer = answer.json();
    answer["state"].as_str().expect("a state").to_owned()
}

/// On hand and available.
fn stock(product: &str) -> (u64, u64) {
    let product = get(product).json();
    let count = |name: &str| product[name].as_u64().expect("a number");
    (count("stock"), count("available"))
}

fn kind(answer: &Answer) -> String {
    assert_eq!(status(answer), 409);
    answer.json()["type"].as_str().expect("a type").to_owned()
}

/// The record of an end, if there is one.
fn recorded(product: &str, id: &str) -> Option<Value> {
    let product = product.rsplit('/').next().expect("an id");
    let records = collection("reservations");
    let found = block_on(records.get::<Value>(&format!("{product}/{id}")));
    Some(found.expect("it is read")?.body)
}

// === what is refused ===

#[test]
fn two_hundred_reserve_the_last_fifty_and_fifty_have_one() {
    let product = stocked(50);
    let answers = (0..200).map(|number| reserve(&product, &format!("r-{number}"), 1));
    let (made, refused): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (50, 150));
    for answer in refused {
        assert_eq!(kind(&answer), "/problems/insufficient-stock");
        assert_eq!(answer.json()["available"], 0);
    }
    assert_eq!(stock(&product), (50, 0));
}

#[test]
fn refused_when_there_are_not_enough() {
    let product = stocked(3);
    let answer = reserve(&product, "r", 4);
    assert_eq!(kind(&answer), "/problems/insufficient-stock");
    assert_eq!(answer.json()["available"], 3);
    assert_eq!(stock(&product), (3, 3));
}

#[test]
fn refused_when_another_quantity_has_the_id() {
    let product = stocked(3);
    reserve(&product, "r", 1);
    assert_eq!(
        kind(&reserve(&product, "r", 2)),
        "/problems/another-quantity"
    );
    act(&product, "r", "confirm");
    assert_eq!(
        kind(&reserve(&product, "r", 2)),
        "/problems/another-quantity"
    );
    assert_eq!(stock(&product), (2, 2));
}

#[test]
fn refused_when_the_request_is_wrong() {
    let product = stocked(3);
    for (body, expected) in [
        (json!({"quantity": 0}), 422),
        (json!({"quantity": 1.5}), 422),
        (json!({"quantity": 1, "seconds": 86_401}), 422),
        (json!([]), 422),
    ] {
        let answer = put(&format!("{product}/reservations/r"), &body).send(handle);
        assert_eq!(status(&answer), expected, "{body}");
    }
    assert_eq!(status(&reserve(&product, "a%20b", 1)), 400);
    assert_eq!(status(&reserve(&product, "..", 1)), 400);
    let nowhere = "/v1/products/ba7816bf8f01cfea414140de5dae2223";
    assert_eq!(status(&reserve(nowhere, "r", 1)), 404);
    assert_eq!(status(&reserve("/v1/products/1", "r", 1)), 404);
    assert_eq!(stock(&product), (3, 3));
}

#[test]
fn refused_when_nobody_reserved() {
    let product = stocked(3);
    assert_eq!(status(&get(&format!("{product}/reservations/r"))), 404);
    for verb in ["confirm", "release"] {
        assert_eq!(status(&act(&product, "r", verb)), 404, "{verb}");
    }
}

#[test]
fn refused_when_it_ended_otherwise() {
    let product = stocked(3);
    for (id, first, then) in [("a", "confirm", "release"), ("b", "release", "confirm")] {
        reserve(&product, id, 1);
        act(&product, id, first);
        let answer = act(&product, id, then);
        assert_eq!(kind(&answer), "/problems/reservation-ended");
    }
    assert_eq!(stock(&product), (2, 2));
}

#[test]
fn refused_when_there_are_as_many_as_there_may_be() {
    let product = stocked(3);
    reserve(&product, "r", 1);
    let id = product.rsplit('/').next().expect("an id");
    let (mut stored, version) = block_on(load(id)).expect("it is there");
    // As if there were so many more.
    stored.stock.holds = 1_000;
    block_on(save(id, &stored, version)).expect("it is written");
    let answer = reserve(&product, "one-more", 1);
    assert_eq!(
        (status(&answer), answer.header("retry-after")),
        (503, Some("1"))
    );
    // Once its time is up, one makes room.
    set_clock(Timestamp::from_unix_ms(10_000));
    assert_eq!(reserve(&product, "one-more", 1).status, 201);
}

// === the life of a reservation ===

#[test]
fn pieces_are_kept_and_then_sold_or_given_back() {
    let product = stocked(10);
    let made = reserve(&product, "a", 3);
    assert_eq!(made.status, 201);
    let location = made.header("location").expect("a location");
    assert_eq!(location, format!("{product}/reservations/a"));
    assert_eq!(get(location).json(), made.json());
    assert_eq!(made.json()["expires"], "1970-01-01T00:00:10.000Z");
    assert_eq!(stock(&product), (10, 7));
    reserve(&product, "b", 2);
    assert_eq!(state(&act(&product, "a", "confirm")), "confirmed");
    assert_eq!(stock(&product), (7, 5));
    assert_eq!(state(&act(&product, "b", "release")), "released");
    assert_eq!(stock(&product), (7, 7));
    assert_eq!(state(&get(location)), "confirmed");
}

#[test]
fn asking_again_changes_nothing() {
    let product = stocked(10);
    let first = reserve(&product, "a", 3);
    let again = reserve(&product, "a", 3);
    assert_eq!((again.status, again.json()), (200, first.json()));
    for _ in 0..2 {
        let answer = act(&product, "a", "confirm");
        assert_eq!((answer.status, state(&answer).as_str()), (200, "confirmed"));
    }
    assert_eq!(state(&reserve(&product, "a", 3)), "confirmed");
    assert_eq!(stock(&product), (7, 7));
}

#[test]
fn what_ended_long_ago_is_still_known() {
    let product = stocked(200);
    for number in 0..102 {
        let id = format!("r-{number}");
        reserve(&product, &id, 1);
        act(&product, &id, "confirm");
    }
    let answer = reserve(&product, "r-0", 1);
    assert_eq!((answer.status, state(&answer).as_str()), (200, "confirmed"));
    assert_eq!(state(&act(&product, "r-0", "confirm")), "confirmed");
    assert_eq!(
        kind(&act(&product, "r-0", "release")),
        "/problems/reservation-ended"
    );
    assert_eq!(stock(&product), (98, 98));
}

#[test]
fn a_record_is_removed_when_nobody_can_ask_for_it_any_more() {
    let product = stocked(3);
    reserve(&product, "old", 1);
    act(&product, "old", "confirm");
    assert!(recorded(&product, "old").is_some());
    let month = 31 * 24 * 3600 * 1000;
    set_clock(Timestamp::from_unix_ms(month));
    reserve(&product, "new", 1);
    act(&product, "new", "confirm");
    assert_eq!(recorded(&product, "old"), None);
    assert!(recorded(&product, "new").is_some());
}

#[test]
fn old_records_are_removed_by_whoever_ends_many() {
    let product = stocked(3);
    reserve(&product, "old", 1);
    act(&product, "old", "confirm");
    // A moment at which one alone removes nothing.
    let later = 31 * 24 * 3600 * 1000 + 1;
    set_clock(Timestamp::from_unix_ms(later - 10_000));
    reserve(&product, "a", 1);
    reserve(&product, "b", 1);
    set_clock(Timestamp::from_unix_ms(later));
    assert_eq!(stock(&product), (2, 2));
    assert_eq!(recorded(&product, "old"), None);
    assert!(recorded(&product, "a").is_some());
}

#[test]
fn what_was_sold_stays_sold_though_the_product_is_gone() {
    let product = stocked(3);
    reserve(&product, "r", 1);
    act(&product, "r", "confirm");
    let deleted = Call::new(Method::Delete, &product).send(handle);
    assert_eq!(deleted.status, 204);
    assert_eq!(status(&reserve(&product, "s", 1)), 404);
    assert_eq!(status(&act(&product, "s", "confirm")), 404);
    assert_eq!(
        kind(&act(&product, "r", "release")),
        "/problems/reservation-ended"
    );
    assert_eq!(state(&act(&product, "r", "confirm")), "confirmed");
    assert_eq!(state(&reserve(&product, "r", 1)), "confirmed");
    let standing = get(&format!("{product}/reservations/r"));
    assert_eq!(state(&standing), "confirmed");
}

#[test]
fn looking_at_what_ended_writes_nothing() {
    let product = stocked(3);
    reserve(&product, "r", 1);
    act(&product, "r", "confirm");
    let before = changes();
    // A failure would be that of a write.
    catalogue().allow(2).refuse(Error::Unavailable);
    let standing = get(&format!("{product}/reservations/r"));
    assert_eq!((standing.status, changes()), (200, before));
}

// === expiry ===

#[test]
fn a_reservation_ends_when_its_time_is_up() {
    let product = stocked(3);
    reserve(&product, "r", 2);
    set_clock(Timestamp::from_unix_ms(9_999));
    assert_eq!(stock(&product), (3, 1));
    set_clock(Timestamp::from_unix_ms(10_000));
    assert_eq!(stock(&product), (3, 3));
    let standing = get(&format!("{product}/reservations/r"));
    assert_eq!(state(&standing), "expired");
    assert_eq!(
        recorded(&product, "r").expect("a record")["state"],
        "expired"
    );
}

#[test]
fn what_expired_cannot_be_sold_and_need_not_be_given_back() {
    let product = stocked(3);
    reserve(&product, "r", 2);
    set_clock(Timestamp::from_unix_ms(10_000));
    let answer = act(&product, "r", "confirm");
    assert_eq!(kind(&answer), "/problems/reservation-ended");
    assert_eq!(answer.json()["state"], "expired");
    assert_eq!(state(&act(&product, "r", "release")), "expired");
    assert_eq!(state(&reserve(&product, "r", 2)), "expired");
    assert_eq!(stock(&product), (3, 3));
}

#[test]
fn what_expired_makes_room_for_others() {
    let product = stocked(120);
    for number in 0..120 {
        reserve(&product, &format!("r-{number}"), 1);
    }
    set_clock(Timestamp::from_unix_ms(10_000));
    // More than end in one step.
    assert_eq!(reserve(&product, "large", 110).status, 201);
    assert_eq!(reserve(&product, "rest", 11).status, 409);
}

#[test]
fn what_expired_does_not_stand_in_the_way_of_less_stock() {
    let product = stocked(3);
    reserve(&product, "r", 2);
    set_clock(Timestamp::from_unix_ms(10_000));
    let patched = super::patch(&product, json!({"stock": 1})).send(handle);
    assert_eq!(patched.status, 200);
    assert_eq!(stock(&product), (1, 1));
}

#[test]
fn what_expired_is_in_stock_for_whoever_looks_for_that() {
    let product = stocked(2);
    let found = || {
        let page = get(&format!("{COLLECTION}?in_stock=true")).json();
        page["items"].as_array().expect("a list").len()
    };
    reserve(&product, "a", 1);
    set_clock(Timestamp::from_unix_ms(5_000));
    reserve(&product, "b", 1);
    set_clock(Timestamp::from_unix_ms(14_999));
    assert_eq!(found(), 0);
    set_clock(Timestamp::from_unix_ms(15_000));
    assert_eq!(found(), 1);
    assert_eq!(stock(&product), (2, 2));
    // Nothing is left to be done.
    let before = changes();
    assert_eq!((found(), changes()), (1, before));
}

#[test]
fn what_still_holds_is_looked_at_again_when_its_time_is_up() {
    let product = stocked(2);
    let long = json!({"quantity": 1, "seconds": 20});
    put(&format!("{product}/reservations/long"), &long).send(handle);
    reserve(&product, "short", 1);
    let available = || {
        let page = get(COLLECTION).json();
        page["items"][0]["available"].as_u64().expect("a number")
    };
    for (now, expected) in [(0, 0), (10_000, 1), (19_999, 1), (20_000, 2)] {
        set_clock(Timestamp::from_unix_ms(now));
        assert_eq!(available(), expected, "{now}");
    }
}

// === failures of the store ===

#[test]
fn an_end_that_is_not_recorded_is_recorded_when_it_is_asked_for_again() {
    let product = stocked(3);
    reserve(&product, "r", 2);
    // The product is read and changed; then the record fails.
    catalogue().allow(2).refuse(Error::Unavailable);
    let answer = act(&product, "r", "confirm");
    assert_eq!(
        (status(&answer), answer.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(recorded(&product, "r"), None);
    assert_eq!(state(&act(&product, "r", "confirm")), "confirmed");
    let expected = json!({"id": "r", "quantity": 2, "state": "confirmed", "ended": 0});
    assert_eq!(recorded(&product, "r"), Some(expected));
    assert_eq!(stock(&product), (1, 1));
}

#[test]
fn a_product_is_shown_though_nothing_can_be_ended() {
    let product = stocked(3);
    reserve(&product, "r", 2);
    set_clock(Timestamp::from_unix_ms(10_000));
    catalogue().allow(1).refuse(Error::Unavailable);
    assert_eq!(stock(&product), (3, 1));
    assert_eq!(stock(&product), (3, 3));
}
