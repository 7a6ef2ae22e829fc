//! Creating, changing and deleting products one by one.

use super::{
    COLLECTION, catalogue, changes, create, created, cup, etag, get, handle, patch, problem, put,
    spoiled, status,
};
use serde_json::{Value, json};
use stoa_sdk::documents::Error;
use stoa_sdk::http::Method;
use stoa_sdk::testing::Call;

// === Creating ===

#[test]
fn what_was_created_is_found_where_the_answer_says() {
    let answer = create(&cup("A-1"));
    assert_eq!(answer.status, 201);
    let found = get(answer.header("location").expect("a location"));
    assert_eq!(found.status, 200);
    assert_eq!(found.json(), answer.json());
    assert_eq!(etag(&found), etag(&answer));
    assert_eq!(found.json()["stock"], 0);
    assert_eq!(found.json()["created"], found.json()["updated"]);
}

#[test]
fn a_sku_is_created_once() {
    create(&cup("A-1"));
    assert_eq!(status(&create(&cup("A-1"))), 409);
}

#[test]
fn refused_when_the_product_is_not_valid() {
    let mut product = cup("A 1");
    product["price"]["amount"] = json!(12.5);
    let expected = (422, vec!["#/sku".to_owned(), "#/price/amount".to_owned()]);
    assert_eq!(problem(&create(&product)), expected);
    assert_eq!(changes(), 0);
}

#[test]
fn refused_when_the_body_is_no_json() {
    assert_eq!(
        status(&Call::post(COLLECTION, "application/json", "{").send(handle)),
        400
    );
}

#[test]
fn refused_when_the_body_is_too_large() {
    let body = " ".repeat(64 * 1024 + 1);
    assert_eq!(
        status(&Call::post(COLLECTION, "application/json", body).send(handle)),
        413
    );
}

#[test]
fn refused_when_the_media_type_is_another() {
    let answer = Call::post(COLLECTION, "text/plain", cup("A-1").to_string()).send(handle);
    assert_eq!(status(&answer), 415);
    assert_eq!(answer.header("accept"), Some("application/json"));
}

#[test]
fn refused_when_the_body_is_compressed() {
    let codings: [&[u8]; 3] = [b"gzip", b"identity, br", b"\xff"];
    for coding in codings {
        let answer = Call::post(COLLECTION, "application/json", cup("A-1").to_string())
            .header("content-encoding", coding)
            .send(handle);
        assert_eq!(
            (status(&answer), answer.header("accept-encoding")),
            (415, Some("identity"))
        );
    }
    assert_eq!(changes(), 0);
}

// === Changing ===

#[test]
fn a_patch_changes_what_it_names() {
    let location = created("A-1");
    let before = get(&location);
    let after = patch(&location, json!({"price": {"amount": 990}})).send(handle);
    assert_eq!(after.status, 200);
    assert_ne!(etag(&after), etag(&before));
    let mut expected = before.json();
    expected["price"]["amount"] = json!(990);
    expected["updated"] = after.json()["updated"].clone();
    assert_eq!(after.json(), expected);
}

#[test]
fn a_patch_that_changes_nothing_writes_nothing() {
    let location = created("A-1");
    let tag = etag(&get(&location));
    let answer = patch(&location, json!({"name": "Cup"})).send(handle);
    assert_eq!((answer.status, etag(&answer)), (200, tag));
    assert_eq!(changes(), 1);
}

#[test]
fn refused_when_the_patch_is_not_valid() {
    let location = created("A-1");
    let answer = patch(&location, json!({"sku": "A-2"})).send(handle);
    assert_eq!(problem(&answer), (422, vec!["#/sku".to_owned()]));
    assert_eq!(status(&patch(&location, Value::Null).send(handle)), 422);
}

#[test]
fn refused_when_the_version_is_another() {
    let location = created("A-1");
    let tag = etag(&get(&location));
    let patched = patch(&location, json!({"stock": 1}))
        .header("if-match", &tag)
        .send(handle);
    assert_eq!(patched.status, 200);
    assert_eq!(
        status(
            &patch(&location, json!({"stock": 2}))
                .header("if-match", &tag)
                .send(handle)
        ),
        412
    );
    assert_eq!(
        status(
            &Call::new(Method::Delete, &location)
                .header("if-match", &tag)
                .send(handle)
        ),
        412
    );
    assert_eq!(get(&location).json()["stock"], 1);
}

#[test]
fn refused_when_the_condition_cannot_be_read() {
    let location = created("A-1");
    for call in [
        patch(&location, json!({"stock": 1})),
        Call::new(Method::Delete, &location),
    ] {
        let answer = call.header("if-match", b"\"\xff\"").send(handle);
        assert_eq!(status(&answer), 412);
    }
    assert_eq!(changes(), 1);
}

#[test]
fn refused_when_the_version_is_ruled_out() {
    let location = created("A-1");
    let tag = etag(&get(&location));
    for condition in ["*", tag.as_str()] {
        for call in [
            patch(&location, json!({"stock": 1})),
            Call::new(Method::Delete, &location),
        ] {
            let answer = call.header("if-none-match", condition).send(handle);
            assert_eq!((status(&answer), etag(&answer)), (412, tag.clone()));
        }
    }
    assert_eq!(changes(), 1);
    let other = patch(&location, json!({"stock": 1})).header("if-none-match", "\"0\"");
    assert_eq!(other.send(handle).status, 200);
}

#[test]
fn a_change_is_tried_again_when_somebody_else_was_faster() {
    let location = created("A-1");
    // It is read before it is written.
    catalogue().allow(1).refuse(Error::Conflict(String::new()));
    assert_eq!(
        patch(&location, json!({"stock": 1})).send(handle).status,
        200
    );
    // It is read before it is written.
    catalogue().allow(1).refuse(Error::Conflict(String::new()));
    assert_eq!(
        Call::new(Method::Delete, &location).send(handle).status,
        204
    );
}

#[test]
fn refused_when_somebody_else_is_always_faster() {
    let location = created("A-1");
    for _ in 0..5 {
        catalogue().allow(1).refuse(Error::Conflict(String::new()));
    }
    let answer = patch(&location, json!({"stock": 1})).send(handle);
    assert_eq!(
        (status(&answer), answer.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(changes(), 1);
}

#[test]
fn refused_when_less_is_left_than_is_reserved() {
    let mut product = cup("A-1");
    product["stock"] = json!(5);
    let created = create(&product);
    let location = created.header("location").expect("created");
    put(
        &format!("{location}/reservations/r"),
        &json!({"quantity": 3}),
    )
    .send(handle);
    let answer = patch(location, json!({"stock": 2})).send(handle);
    assert_eq!(
        (status(&answer), &answer.json()["reserved"]),
        (409, &3.into())
    );
    let answer = patch(location, json!({"stock": 3})).send(handle);
    assert_eq!(
        (answer.status, &answer.json()["available"]),
        (200, &0.into())
    );
    let deleted = Call::new(Method::Delete, location).send(handle);
    assert_eq!(status(&deleted), 409);
}

#[test]
fn what_was_deleted_is_gone() {
    let location = created("A-1");
    assert_eq!(
        Call::new(Method::Delete, &location).send(handle).status,
        204
    );
    assert_eq!(status(&get(&location)), 404);
    assert_eq!(
        status(&Call::new(Method::Delete, &location).send(handle)),
        404
    );
}

#[test]
fn what_is_no_product_can_be_deleted() {
    let location = spoiled("A-1");
    assert_eq!(status(&get(&location)), 500);
    assert_eq!(
        Call::new(Method::Delete, &location).send(handle).status,
        204
    );
    assert_eq!(create(&cup("A-1")).status, 201);
}

// === Failures of the store ===

#[test]
fn a_store_that_does_not_answer_is_worth_another_try() {
    for error in [
        Error::Deadline,
        Error::Unavailable,
        Error::Quota("calls".to_owned()),
    ] {
        catalogue().refuse(error);
        let answer = create(&cup("A-1"));
        assert_eq!(
            (status(&answer), answer.header("retry-after")),
            (503, Some("1"))
        );
    }
}

#[test]
fn other_failures_show_nothing_of_the_inside() {
    catalogue().refuse(Error::Denied("secret".to_owned()));
    let answer = create(&cup("A-1"));
    assert_eq!(status(&answer), 500);
    assert!(!answer.text().contains("secret"));
}
