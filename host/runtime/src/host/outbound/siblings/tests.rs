use std::convert::Infallible;

use http_body_util::{Empty, Full};
use stoa_manifest::text::Source;

use super::*;

fn reach(allowed: &[&str]) -> Reach {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n\
         [component.a]\nsource = \"a.wasm\"\nallowed_outbound_hosts = {allowed:?}\n"
    );
    let app = stoa_manifest::parse(&Source::new("spin.toml", text), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Reach::of(&app.components["a"])
}

fn request(method: Method, uri: &str) -> Request<WasiBody> {
    let body = Empty::new().map_err(|never: Infallible| match never {});
    let request = Request::builder().method(method).uri(uri);
    request.body(body.boxed_unsync()).expect("it is a request")
}

fn checked(allowed: &[&str], uri: &str) -> Result<(), &'static str> {
    let request = request(Method::GET, uri);
    let to = addressee(request.uri()).expect("it stays inside");
    check(&reach(allowed), &to, &request).map_err(|error| match error {
        Error::HttpRequestDenied => "denied",
        Error::HttpRequestUriInvalid => "invalid",
        _ => "something else",
    })
}

#[test]
fn what_is_not_allowed_is_denied() {
    for (allowed, uri) in [
        (&[][..], "http://b.spin.internal/"),
        (&["http://example.com"][..], "http://b.spin.internal/"),
        (&["http://b.spin.internal"][..], "https://b.spin.internal/"),
        (
            &["http://b.spin.internal"][..],
            "http://b.spin.internal:81/",
        ),
        (&["http://b.spin.internal"][..], "http://c.spin.internal/"),
        (&["http://b.spin.internal"][..], "http://self/"),
        (&["http://b.spin.internal"][..], "/"),
        (&["http://*.spin.internal"][..], "http://spin.internal/"),
        (&["http://self"][..], "http://b.spin.internal/"),
        (&["redis://*:*"][..], "http://self.alt/"),
    ] {
        assert_eq!(checked(allowed, uri), Err("denied"), "{allowed:?} {uri}");
    }
    let named = checked(&["*://*:*"][..], "http://me@b.spin.internal/");
    assert_eq!(named, Err("invalid"));
}

#[test]
fn what_is_allowed_passes() {
    for (allowed, uri) in [
        (&["http://b.spin.internal"][..], "http://b.spin.internal/"),
        (
            &["http://*.spin.internal"][..],
            "http://B.Spin.Internal/x?y",
        ),
        (&["*://*:*"][..], "https://b.spin.internal:8443/"),
        (&["*://*:*"][..], "http://self/"),
        (&["http://self"][..], "http://self/"),
        (&["https://self.alt"][..], "http://self.alt:8080/"),
        (&["http://self"][..], "/a/b"),
    ] {
        assert_eq!(checked(allowed, uri), Ok(()), "{allowed:?} {uri}");
    }
}

#[test]
fn only_what_may_call_somebody_reaches_inside() {
    for allowed in [&[][..], &["http://a.com"], &["redis://*:*"]] {
        assert!(!reach(allowed).anybody(), "{allowed:?}");
    }
    for allowed in [
        &["http://self"][..],
        &["*://*:*"],
        &["http://a.com", "http://b.spin.internal"],
    ] {
        assert!(reach(allowed).anybody(), "{allowed:?}");
    }
}

#[test]
fn other_hosts_are_outside() {
    for uri in ["http://a.com/", "http://self.com/", "http://127.0.0.1/"] {
        let uri: Uri = uri.parse().expect("it is a URL");
        assert_eq!(addressee(&uri), None, "{uri}");
    }
}

/// Answers whom it was called for, with the headers and the depth of the call.
struct Echo;

impl Siblings for Echo {
    fn call(
        &self,
        to: To,
        mut request: Request<CallBody>,
    ) -> BoxFuture<'static, Result<Response<SiblingBody>, Unserved>> {
        Box::pin(async move {
            if to == To::Component("missing".to_owned()) {
                return Err(Unserved);
            }
            if to == To::Component("slow".to_owned()) {
                std::future::pending::<()>().await;
            }
            let depth = Kin::of(&mut request).map(|kin| kin.link.depth);
            let host = request.headers().get(header::HOST).cloned();
            let said = format!("{to:?} {} {host:?} {depth:?}", request.uri());
            let body = Full::new(Bytes::from(said)).map_err(|never| match never {});
            Ok(Response::new(body.boxed_unsync()))
        })
    }
}

/// A request that came from a client over so many calls.
fn kin(depth: usize) -> Kin {
    Kin {
        siblings: Arc::new(Echo),
        link: Link {
            depth,
            scheme: Scheme::HTTPS,
            authority: Authority::from_static("shop.example:8443"),
        },
    }
}

async fn called(kin: Option<Kin>, uri: &str) -> Result<String, Error> {
    let mut request = request(Method::GET, uri);
    let host = HeaderValue::from_static("forged");
    request.headers_mut().insert(header::HOST, host);
    let to = addressee(request.uri()).expect("it stays inside");
    let answer = call(kin, to, request, Duration::from_millis(50)).await?;
    let body = answer.into_body().collect().await;
    let body = body.unwrap_or_else(|error| panic!("{error}")).to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_chain_comes_to_an_end() {
    let uri = "http://b.spin.internal/";
    let outcome = called(Some(kin(DEPTH_MAX)), uri).await;
    assert!(matches!(outcome, Err(Error::LoopDetected)));
    assert!(called(Some(kin(DEPTH_MAX - 1)), uri).await.is_ok());
}

#[tokio::test]
async fn who_has_no_kin_or_calls_nobody_is_refused() {
    let outcome = called(None, "http://b.spin.internal/").await;
    assert!(matches!(outcome, Err(Error::ConnectionRefused)));
    let outcome = called(Some(kin(0)), "http://missing.spin.internal/").await;
    assert!(matches!(outcome, Err(Error::ConnectionRefused)));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let outcome = called(Some(kin(0)), "http://slow.spin.internal/").await;
    assert!(matches!(outcome, Err(Error::HttpResponseTimeout)));
}

#[tokio::test]
async fn a_component_is_called_by_its_name_and_without_a_host() {
    let said = called(Some(kin(2)), "http://b.spin.internal/x?y").await;
    let said = said.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        said,
        "Component(\"b\") http://b.spin.internal/x?y None Some(3)"
    );
}

#[tokio::test]
async fn the_application_is_called_where_its_client_found_it() {
    for uri in ["/x", "http://self/x", "http://self.alt:80/x"] {
        let said = called(Some(kin(0)), uri).await;
        let said = said.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            said,
            "Routes https://shop.example:8443/x Some(\"shop.example:8443\") Some(1)"
        );
    }
}

#[tokio::test]
async fn requests_for_several_hosts_at_once_do_not_call_each_others() {
    let other = || {
        let mut other = kin(0);
        other.link.authority = Authority::from_static("other.example");
        other
    };
    let company = Company::default();
    let self_called = async || {
        let said = called(company.kin(), "http://self/x").await;
        said.unwrap_or_else(|error| panic!("{error}"))
    };
    company.join(kin(0), false);
    company.join(other(), true);
    let nowhere = "Routes http://self/x Some(\"self\") Some(1)";
    assert_eq!(self_called().await, nowhere);
    // The first may be there still.
    company.join(other(), true);
    assert_eq!(self_called().await, nowhere);
    company.join(kin(0), false);
    let alone = "Routes https://shop.example:8443/x Some(\"shop.example:8443\") Some(1)";
    assert_eq!(self_called().await, alone);
    company.join(kin(3), true);
    assert!(
        self_called()
            .await
            .starts_with("Routes https://shop.example:8443/x ")
    );
}

#[test]
fn a_request_from_a_client_begins_a_chain_and_a_call_goes_on_with_it() {
    let mut request = request(Method::GET, "http://shop.example/");
    assert!(Kin::of(&mut request).is_none());
    let siblings: Arc<dyn Siblings> = Arc::new(Echo);
    request.extensions_mut().insert(Arc::clone(&siblings));
    let first = Kin::of(&mut request).expect("it was introduced");
    assert_eq!(first.link.depth, 0);
    assert_eq!(first.link.authority, "shop.example");
    let link = kin(5).link;
    request.extensions_mut().insert(siblings);
    request.extensions_mut().insert(link);
    let next = Kin::of(&mut request).expect("it was introduced");
    assert_eq!(next.link.depth, 5);
    assert_eq!(next.link.authority, "shop.example:8443");
}
