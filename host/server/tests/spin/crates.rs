//! Components by the crates for WASI 0.2 that the registry has: `wasip2`, which is the interfaces themselves, and `wstd`.

use stoa_testkit::{Host, Launch, probe};

use crate::STOA;
use crate::client::{Answer, Ask, encoded};
use crate::services::{http_echo, tcp_echo};

fn serving(guest: &str, fields: &str) -> Host {
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"crates\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\n{fields}\n",
        probe(guest).display()
    );
    Launch::new(STOA, &manifest).start()
}

fn get(host: &Host, path: &str) -> (u16, String) {
    let answer = Ask::get(path).of(host.address());
    (answer.status, answer.body)
}

/// With a header that comes back.
fn asked(host: &Host, path: &str, body: &str) -> Answer {
    let headers = [("x-asked".to_owned(), "here".to_owned())];
    let ask = Ask {
        headers: &headers,
        ..Ask::post(path, body)
    };
    ask.of(host.address())
}

#[track_caller]
fn assert_lines(seen: &str, lines: &[&str]) {
    let seen: Vec<&str> = seen.lines().collect();
    assert_eq!(seen, lines);
}

#[test]
fn wasip2_is_refused_what_fields_may_not_be() {
    let host = serving("wasip2-http", "");
    let (_, seen) = get(&host, "/fields");
    assert_lines(
        &seen,
        &[
            "append: Ok(())",
            "append again: Ok(())",
            "get: [\"1\", \"2\"]",
            "has: true",
            "set: Ok(())",
            "entries: 3",
            "delete: Ok(())",
            "has after delete: false",
            "clone keeps: true",
            "from-list: Ok([\"4\"])",
            "from-list malformed: Some(HeaderError::InvalidSyntax)",
            "append forbidden: Err(HeaderError::Forbidden)",
            "set malformed: Err(HeaderError::InvalidSyntax)",
            "headers of a request: Err(HeaderError::Immutable)",
        ],
    );
}

#[test]
fn wasip2_sees_the_whole_request_once() {
    let host = serving("wasip2-http", "");
    let seen = asked(&host, "/request?a=b", "a body").body;
    assert_lines(
        &seen,
        &[
            "method: Method::Post",
            "path-with-query: Some(\"/request?a=b\")",
            "scheme: Some(Scheme::Http)",
            "authority: true",
            "headers.get: [\"here\"]",
            "consume again: true",
            "body.stream: \"a body\"",
            "body.stream again: true",
            "future-trailers.get: (None, false)",
        ],
    );
}

#[test]
fn wasip2_makes_requests_and_options() {
    let host = serving("wasip2-http", "");
    let (_, seen) = get(&host, "/outgoing");
    assert_lines(
        &seen,
        &[
            "set-method: Ok(())",
            "method: Method::Put",
            "set-method malformed: Err(())",
            "set-path-with-query: Ok(())",
            "path-with-query: Some(\"/a?b=c\")",
            "set-path-with-query malformed: Err(())",
            "set-scheme: Ok(())",
            "scheme: Some(Scheme::Https)",
            "set-authority: Ok(())",
            "authority: Some(\"a.example:1\")",
            "set-authority malformed: Err(())",
            "headers are immutable: Err(HeaderError::Immutable)",
            "body: true",
            "body again: true",
            "connect-timeout: None",
            "set-connect-timeout: Ok(())",
            "connect-timeout: Some(500000000)",
            "set-first-byte-timeout: Ok(())",
            "first-byte-timeout: Some(500000000)",
            "set-between-bytes-timeout: Ok(())",
            "between-bytes-timeout: Some(500000000)",
        ],
    );
}

#[test]
fn wasip2_calls_whom_it_may() {
    let url = format!("http://{}/a", http_echo());
    let send = format!("/send?url={}&body=there", encoded(&url));
    let (_, seen) = get(&serving("wasip2-http", ""), &send);
    assert!(seen.contains("error: \"HttpRequestDenied\""), "{seen}");
    let fields = format!("allowed_outbound_hosts = [\"http://{}\"]", http_echo());
    let (_, seen) = get(&serving("wasip2-http", &fields), &send);
    assert_lines(
        &seen,
        &[
            "handle: \"sent\"",
            "get again: true",
            "status: 200",
            "headers.get: [\"\"]",
            "consume again: true",
            "body.stream: \"POST /a there\"",
            "future-trailers.get: (None, false)",
        ],
    );
}

#[test]
fn wstd_serves_waits_and_reads_its_environment() {
    let host = serving("wstd-http", "environment = { GREETING = \"hello\" }");
    let echo = asked(&host, "/echo", "there and back");
    assert_eq!((echo.status, echo.body.as_str()), (200, "there and back"));
    assert_eq!(echo.values("x-asked"), ["here"]);
    for (path, status, text) in [
        ("/wait", 200, "later"),
        ("/random", 200, "different"),
        ("/environment?name=GREETING", 200, "hello"),
        ("/environment?name=HOME", 404, ""),
        ("/other", 404, "there is nothing here"),
    ] {
        assert_eq!(get(&host, path), (status, text.to_owned()), "{path}");
    }
}

#[test]
fn wstd_calls_whom_it_may() {
    let url = format!("http://{}/a", http_echo());
    let send = format!("/send?url={}", encoded(&url));
    let tcp = format!("/tcp?address={}", tcp_echo());
    let host = serving("wstd-http", "");
    assert_eq!(get(&host, &send), (502, "HttpRequestDenied".to_owned()));
    assert_eq!(get(&host, &tcp), (502, "PermissionDenied".to_owned()));
    let fields = format!(
        "allowed_outbound_hosts = [\"http://{}\", \"*://{}\"]",
        http_echo(),
        tcp_echo()
    );
    let host = serving("wstd-http", &fields);
    assert_eq!(get(&host, &send), (200, "GET /a".to_owned()));
    assert_eq!(get(&host, &tcp), (200, "ping".to_owned()));
}
