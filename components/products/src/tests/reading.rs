//! Reading products, one by one and in pages.

use super::{COLLECTION, created, etag, get, handle, spoil, spoiled, status};
use serde_json::json;
use stoa_sdk::http::Method;
use stoa_sdk::testing::Call;

#[test]
fn what_a_client_has_is_not_sent_again() {
    let location = created("A-1");
    let tag = etag(&get(&location));
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"0\", {tag}"),
        "*".to_owned(),
    ] {
        let answer = Call::get(&location)
            .header("if-none-match", &known)
            .send(handle);
        assert_eq!((answer.status, answer.text()), (304, ""));
        assert_eq!(etag(&answer), tag);
    }
    assert_eq!(
        Call::get(&location)
            .header("if-none-match", "\"0\"")
            .send(handle)
            .status,
        200
    );
}

#[test]
fn refused_when_the_version_is_another() {
    let location = created("A-1");
    let tag = etag(&get(&location));
    for method in [Method::Get, Method::Head] {
        let with = |condition: &str| {
            Call::new(method.clone(), &location)
                .header("if-match", condition)
                .send(handle)
        };
        let answer = with("\"0\"");
        assert_eq!((answer.status, etag(&answer)), (412, tag.clone()));
        assert_eq!(with(&tag).status, 200);
        assert_eq!(with("*").status, 200);
    }
    // The first condition is decided first.
    let both = Call::get(&location)
        .header("if-match", "\"0\"")
        .header("if-none-match", &tag);
    assert_eq!(both.send(handle).status, 412);
}

#[test]
fn head_says_what_get_would_send() {
    let location = created("A-1");
    let (get, head) = (
        get(&location),
        Call::new(Method::Head, &location).send(handle),
    );
    assert_eq!((head.status, &head.headers), (200, &get.headers));
    assert_eq!(head.text(), "");
}

#[test]
fn what_does_not_exist_is_not_found() {
    for target in [
        "/",
        "/v1/productsx",
        "/v1/products/",
        "/v1/products/1",
        "/v1/products/1/2",
        "/v1/products:export",
        "/v1/products/1/reservations",
        "/v1/products/1/reservations/r/s",
        "/v1/products/1/reservations/r:extend",
        "/v1/categories/",
        "/v1/categories/a/b",
    ] {
        assert_eq!(status(&get(target)), 404, "{target}");
    }
    let never_created = "/v1/products/ba7816bf8f01cfea414140de5dae2223";
    assert_eq!(status(&get(never_created)), 404);
}

#[test]
fn another_method_is_told_which_are_allowed() {
    let answer = Call::new(Method::Put, COLLECTION).send(handle);
    assert_eq!(
        (status(&answer), answer.header("allow")),
        (405, Some("GET, HEAD, POST"))
    );
    let answer = Call::new(Method::Post, "/v1/products/1").send(handle);
    assert_eq!(
        (status(&answer), answer.header("allow")),
        (405, Some("GET, HEAD, PATCH, DELETE"))
    );
    let answer = get("/v1/products:import");
    assert_eq!(
        (status(&answer), answer.header("allow")),
        (405, Some("POST"))
    );
}

// === Listing ===

#[test]
fn pages_lead_through_every_product_once() {
    for number in 0..5 {
        created(&format!("A-{number}"));
    }
    let mut ids = Vec::new();
    let mut target = "/v1/products?limit=2".to_owned();
    loop {
        let page = get(&target);
        let listing = page.json();
        let items = listing["items"].as_array().expect("a list");
        ids.extend(
            items
                .iter()
                .filter_map(|item| item["id"].as_str().map(str::to_owned)),
        );
        let Some(next) = listing["next"].as_str() else {
            assert_eq!(page.header("link"), None);
            break;
        };
        target = format!("/v1/products?limit=2&cursor={next}");
        assert_eq!(
            page.header("link"),
            Some(format!("<{target}>; rel=\"next\"").as_str())
        );
    }
    assert_eq!(ids.len(), 5);
    assert!(ids.is_sorted());
}

#[test]
fn what_is_no_product_hides_no_others() {
    created("A-1");
    spoiled("A-2");
    // Behind every product, so that a page ends at it and names it in its cursor.
    spoil("x");
    spoil("y");
    let listing = get(COLLECTION).json();
    assert_eq!(listing["items"].as_array().map(Vec::len), Some(1));
    let mut target = "/v1/products?limit=1".to_owned();
    let mut found = 0;
    for _ in 0..4 {
        let page = get(&target);
        assert_eq!(page.status, 200);
        found += page.json()["items"].as_array().map_or(0, Vec::len);
        let next = page.json()["next"].as_str().map(str::to_owned);
        target = format!("/v1/products?limit=1&cursor={}", next.unwrap_or_default());
    }
    assert_eq!(found, 1);
}

#[test]
fn an_empty_catalogue_is_an_empty_page() {
    assert_eq!(get(COLLECTION).json(), json!({"items": [], "next": null}));
}

#[test]
fn refused_when_limit_or_cursor_are_not_ours() {
    for query in [
        "limit=0",
        "limit=201",
        "limit=many",
        "limit=",
        "limit=+5",
        "limit=5&limit=5",
        "cursor=1",
        "cursor=",
        "cursor=7b7d",
    ] {
        assert_eq!(
            status(&get(&format!("{COLLECTION}?{query}"))),
            400,
            "{query}"
        );
    }
}
