//! What the gateway answers by itself, and what it tells components.

use super::*;

#[test]
fn refusals_are_problems_without_internals() {
    let gateway = Gateway::start(Limits::default());
    let cases = [
        ("/nowhere", 404, ""),
        ("/broken", 500, ""),
        ("/late", 504, ""),
        ("/full", 503, "retry-after: 2"),
    ];
    for (path, status, header) in cases {
        let answer = gateway.exchange(&format!("GET {path} HTTP/1.1\r\n{CLOSE}"));
        assert!(
            head(&answer).starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(
            answer.contains("content-type: application/problem+json"),
            "{answer}"
        );
        assert!(
            answer.contains(&format!("\"status\":{status}")) && answer.contains("\"trace\":\""),
            "{answer}"
        );
        assert!(answer.contains(header), "{answer}");
    }
}

#[test]
fn a_traced_client_finds_its_own_trace_id() {
    let gateway = Gateway::start(Limits::default());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = gateway.exchange(&format!(
        "GET /broken HTTP/1.1\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n{CLOSE}"
    ));
    assert!(
        answer.contains(&format!("\"trace\":\"{trace}\"")),
        "{answer}"
    );
}

#[test]
fn an_answer_carries_no_header_that_nobody_set() {
    let gateway = Gateway::start(Limits::default());
    let answer = gateway.exchange(&format!("GET /echo HTTP/1.1\r\n{CLOSE}"));
    let names: Vec<&str> = answer
        .lines()
        .skip(1)
        .map_while(|line| Some(line.split_once(": ")?.0))
        .collect();
    assert!(
        names
            .iter()
            .all(|name| ["content-length", "date", "connection"].contains(name)),
        "{answer}"
    );
}

#[test]
fn static_responses_need_no_component() {
    let gateway = Gateway::start(Limits::default());
    let answer = gateway.exchange(&format!("GET /static HTTP/1.1\r\n{CLOSE}"));
    assert!(
        head(&answer).contains("418") && answer.contains("x-pot: tea") && answer.ends_with("short"),
        "{answer}"
    );
}

#[test]
fn the_hosts_own_paths_are_answered_even_when_it_is_full() {
    let gateway = Gateway::start(Limits {
        requests_in_flight_max: 0,
        ..Limits::default()
    });
    let own = |name| gateway.exchange(&format!("GET /.well-known/spin/{name} HTTP/1.1\r\n{CLOSE}"));
    let health = own("health");
    assert!(
        head(&health).contains("200") && health.ends_with("\r\n\r\nOK"),
        "{health}"
    );
    let info = own("info");
    assert!(
        info.contains("content-type: application/json") && info.contains("\"name\": \"test\""),
        "{info}"
    );
    let other = own("other");
    assert!(head(&other).contains("404"), "{other}");
}

#[test]
fn components_are_told_of_their_request_by_nobody_but_the_gateway() {
    let gateway = Gateway::start(Limits::default());
    let mut stream = gateway.connect();
    let client = stream.local_addr().expect("it has an address");
    let forged = "spin-client-addr: 1.2.3.4:5\r\nspin-path-match-other: x\r\nspin-own: x\r\n";
    stream
        .write_all(format!("GET /spin/7/a/b/?q=1 HTTP/1.1\r\n{forged}{CLOSE}").as_bytes())
        .expect("the request can be sent");
    let answer = rest(&mut stream);
    let (_, told) = answer.split_once("\r\n\r\n").expect("there is a body");
    let expected = [
        "spin-base-path: /".to_owned(),
        format!("spin-client-addr: {client}"),
        "spin-component-route: /spin/:user_id".to_owned(),
        "spin-full-url: http://a/spin/7/a/b/?q=1".to_owned(),
        "spin-matched-route: /spin/:user_id/...".to_owned(),
        "spin-path-info: /a/b/".to_owned(),
        "spin-path-match-user-id: 7".to_owned(),
        "spin-raw-component-route: /spin/:user_id/...".to_owned(),
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn connect_is_refused() {
    let gateway = Gateway::start(Limits::default());
    let answer =
        gateway.exchange("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nconnection: close\r\n\r\n");
    assert!(
        head(&answer).contains("405") && answer.contains("allow: "),
        "{answer}"
    );
}
