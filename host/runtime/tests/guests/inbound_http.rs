//! `fermyon:spin/inbound-http`: what a guest is told, and which of its answers are none.

use http::Method;
use http_body_util::BodyExt;
use stoa_runtime::{Abi, Error, PrepareError, Triggers};

use crate::fixture::{Fixture, HTTP, Service, WAGI, full, nothing};

const PROBE: &str = "inbound-http";

#[test]
fn it_is_an_http_export_and_no_other() {
    let fixture = Fixture::new();
    let revision = fixture.prepare(PROBE, "").expect("it can be deployed");
    assert_eq!(revision.abi(), Abi::SpinHttp);
    let redis = Triggers {
        redis: true,
        ..Triggers::default()
    };
    for triggers in [WAGI, redis] {
        let refused = fixture.prepare_for(PROBE, "", triggers).err();
        let error = refused.expect("it does not export that");
        assert!(matches!(error, PrepareError::NoHandler { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("`fermyon:spin/inbound-http`"), "{text}");
    }
}

async fn answered(guest: &Service, method: Method, path: &str) -> (http::response::Parts, String) {
    let answer = guest.send(method, path, nothing()).await;
    let (head, body) = answer.expect("it answers").into_parts();
    let body = body.collect().await.expect("it is complete").to_bytes();
    (head, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn answers_that_are_none_are_failures_of_the_guest() {
    let fixture = Fixture::new();
    let guest = fixture.serve(PROBE, "");
    for path in [
        "/status?code=0",
        "/status?code=101",
        "/status?code=999",
        "/field?name=a%20b&value=1",
        "/field?name=a&value=1%0d%0ab:%202",
    ] {
        let outcome = guest.get(path).await;
        assert!(
            matches!(outcome, Err(Error::NoAnswer)),
            "{path}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_method_that_the_contract_has_no_word_for_is_not_allowed() {
    let fixture = Fixture::new();
    let guest = fixture.serve(PROBE, "");
    let (head, _) = answered(&guest, Method::TRACE, "/ok").await;
    assert_eq!(head.status, 405);
}

#[tokio::test]
async fn fields_about_the_connection_stay_on_their_side() {
    let fixture = Fixture::new();
    let guest = fixture.serve(PROBE, "");
    for field in ["connection", "transfer-encoding", "keep-alive"] {
        let path = format!("/field?name={field}&value=chunked");
        let (head, body) = answered(&guest, Method::GET, &path).await;
        assert!(!head.headers.contains_key(field), "{field}");
        assert_eq!(body, "ok");
    }
    let request = http::Request::get("/request")
        .header("host", "test")
        .header("connection", "close")
        .header("x-a", "1")
        .body(nothing())
        .expect("the request is good");
    let answer = guest.handle(request).await.expect("it answers");
    let body = answer.into_body().collect().await.expect("it is complete");
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    assert_eq!(
        text.to_lowercase(),
        "method::get /request a body of 0\nhost: test\nx-a: 1"
    );
}

#[tokio::test]
async fn whole_bodies_go_both_ways_and_are_announced() {
    let fixture = Fixture::new();
    let guest = fixture.serve(PROBE, "environment = { GRANTED = \"yes\" }\n");
    let body = "x".repeat(100_000);
    let answer = guest.send(Method::POST, "/echo", full(body.clone()));
    let (head, echoed) = answer.await.expect("it answers").into_parts();
    assert_eq!(head.headers["content-length"], "100000");
    let echoed = echoed.collect().await.expect("it is complete").to_bytes();
    assert_eq!(echoed, body);
    let (head, body) = answered(&guest, Method::GET, "/status?code=204").await;
    assert_eq!((head.status.as_u16(), body.as_str()), (204, ""));
    let (_, granted) = answered(&guest, Method::GET, "/environment?name=GRANTED").await;
    assert_eq!(granted, "yes");
    let (head, _) = answered(&guest, Method::GET, "/environment?name=PATH").await;
    assert_eq!(
        head.status, 404,
        "the host's environment is not the guest's"
    );
}

#[tokio::test]
async fn a_component_without_a_trigger_is_linked_for_http() {
    let fixture = Fixture::new();
    let revision = fixture.prepare_for(PROBE, "", Triggers::default());
    let revision = revision.expect("it can be deployed");
    let answer = fixture.serve_revision(&revision).get("/ok").await;
    assert_eq!(answer.expect("it answers").text(), "ok");
    assert!(fixture.prepare_for("wagi", "", HTTP).is_err());
}
