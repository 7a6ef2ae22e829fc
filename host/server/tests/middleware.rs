//! Middleware as a user has it: refused with words, in its order, and past what calls do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stoa_testkit::{Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(60);

/// A guest behind this middleware at `/a/...`, by itself at `/b/...`, and called by another at `/c/...`.
fn manifest(guest: &str, middleware: &str) -> String {
    let (guest, caller) = (probe(guest), probe("chain-03"));
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nid = \"a\"\nroute = \"/a/...\"\ncomponent = \"guest\"\n\
         dependencies.middleware = [{middleware}]\n\
         [[trigger.http]]\nroute = \"/b/...\"\ncomponent = \"guest\"\n\
         [[trigger.http]]\nroute = \"/c/...\"\ncomponent = \"caller\"\n\
         [component.guest]\nsource = \"{}\"\nallowed_outbound_hosts = [\"http://caller.spin.internal\"]\n\
         environment = {{ WORD = \"guest\", MIDDLEWARE = \"named\" }}\n\
         [component.caller]\nsource = \"{}\"\nallowed_outbound_hosts = [\"http://guest.spin.internal\"]\n\
         [component.front]\nsource = \"{}\"\n",
        guest.display(),
        caller.display(),
        probe("middleware-03").display(),
    )
}

/// Middleware that inherits these fields.
fn inheriting(fields: &str) -> String {
    format!("{{ component = \"front\", inherit_configuration = {fields} }}")
}

/// May call out and sees no environment.
fn plain() -> String {
    inheriting("[\"allowed_outbound_hosts\"]")
}

/// May all that the guest may.
fn named() -> String {
    inheriting("true")
}

fn serving(middleware: &str) -> Host {
    Launch::new(STOA, &manifest("chain-03", middleware)).start()
}

/// The status, the head in small letters, and all that follows it.
fn ask(host: &Host, path: &str, headers: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(host.address()).expect("it accepts");
    let bound = Some(CLIENT_MAX);
    stream.set_read_timeout(bound).expect("it can be set");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: test\r\n{headers}connection: close\r\n\r\n"
    )
    .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.expect("it has a status");
    (status, head.to_lowercase(), body.to_owned())
}

/// The values of a header, in their order.
fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .collect()
}

#[track_caller]
fn assert_fails(guest: &str, middleware: &str, parts: &[&str]) {
    let ended = Launch::new(STOA, &manifest(guest, middleware)).fail();
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    for part in parts {
        let told = &ended.stderr;
        assert!(told.contains(part), "`{part}` is missing in:\n{told}");
    }
}

#[test]
fn a_component_of_wasi_02_with_middleware_ends_the_start() {
    let parts = ["component `guest`", "`wasi:http/handler` of WASI 0.3"];
    assert_fails("hello-02", &plain(), &parts);
}

#[test]
fn what_is_no_middleware_ends_the_start() {
    let other = format!("{{ path = \"{}\" }}", probe("hello-03").display());
    let parts = ["component `guest`: middleware 1 does not import and export"];
    assert_fails("chain-03", &other, &parts);
}

#[test]
fn middleware_that_may_not_what_it_imports_ends_the_start() {
    let parts = ["does not inherit `allowed_outbound_hosts`"];
    assert_fails("chain-03", "{ component = \"front\" }", &parts);
}

#[test]
fn requests_pass_in_the_order_of_the_manifest_and_answers_back() {
    let both = [plain(), named()].join(", ");
    let (status, head, body) = ask(&serving(&both), "/a/seen", "");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("x-via: plain named"), "{body}");
    assert_eq!(values(&head, "x-passed"), ["named", "plain"]);
    let other = [named(), plain()].join(", ");
    let (_, head, body) = ask(&serving(&other), "/a/seen", "");
    assert!(body.contains("x-via: named plain"), "{body}");
    assert_eq!(values(&head, "x-passed"), ["plain", "named"]);
}

#[test]
fn middleware_may_answer_by_itself() {
    let host = serving(&[plain(), named()].join(", "));
    let (status, head, _) = ask(&host, "/a/seen", "x-refuse: named\r\n");
    assert_eq!(status, 403);
    assert_eq!(values(&head, "x-passed"), ["plain"], "it was the second");
    let (status, head, _) = ask(&host, "/a/seen", "x-refuse: plain\r\n");
    assert_eq!((status, values(&head, "x-passed").len()), (403, 0));
}

#[test]
fn middleware_calls_whom_its_component_may_call() {
    let host = serving(&plain());
    let asked = |url: &str| {
        let (_, head, _) = ask(&host, "/a/word", &format!("x-ask: {url}\r\n"));
        values(&head, "x-asked").join(" ")
    };
    assert_eq!(asked("http://caller.spin.internal/word"), "200");
    assert_eq!(asked("http://guest.spin.internal/word"), "refused");
}

#[test]
fn other_routes_and_calls_do_not_pass_through_it() {
    let host = serving(&plain());
    for path in ["/b/seen", "/c/call?url=http://guest.spin.internal/seen"] {
        let (status, head, body) = ask(&host, path, "x-refuse: plain\r\n");
        assert_eq!(status, 200, "{body}");
        assert_eq!(values(&head, "x-passed").len(), 0, "{path}");
        assert!(!body.contains("plain"), "{body}");
    }
}
