//! How large a request may be, and how many there may be at once.

use super::*;

#[test]
fn bodies_over_the_limit_are_refused_announced_or_not() {
    let gateway = Gateway::start(Limits {
        request_body_bytes_max: 8,
        ..Limits::default()
    });
    let announced = gateway.exchange(&format!(
        "POST /echo HTTP/1.1\r\ncontent-length: 9\r\n{CLOSE}123456789"
    ));
    assert!(head(&announced).contains("413"), "{announced}");
    let streamed = gateway.exchange(&format!("POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n{CLOSE}5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n"));
    assert!(head(&streamed).contains("413"), "{streamed}");
    let allowed = gateway.exchange(&format!(
        "POST /echo HTTP/1.1\r\ncontent-length: 8\r\n{CLOSE}12345678"
    ));
    assert!(allowed.ends_with("12345678"), "{allowed}");
    let stricter = gateway.exchange(&format!(
        "POST /slow HTTP/1.1\r\ncontent-length: 5\r\n{CLOSE}12345"
    ));
    assert!(
        head(&stricter).contains("413"),
        "a route may set its own limit: {stricter}"
    );
}

#[test]
fn heads_over_the_limit_are_refused() {
    let gateway = Gateway::start(Limits {
        request_headers_max: 5,
        ..Limits::default()
    });
    let many: String = (0..10).map(|n| format!("x-{n}: 1\r\n")).collect();
    let answer = gateway.exchange(&format!("GET /echo HTTP/1.1\r\n{many}{CLOSE}"));
    assert!(
        head(&answer).contains("431") && answer.contains("at most 5 header fields"),
        "{answer}"
    );
    let large = format!(
        "GET /echo HTTP/1.1\r\nx: {}\r\n{CLOSE}",
        "y".repeat(2 * Limits::default().request_head_bytes_max)
    );
    let answer = gateway.exchange(&large);
    assert!(
        head(&answer).contains("431") || answer.is_empty(),
        "{answer}"
    );
}

#[test]
fn a_place_is_held_until_the_body_is_out() {
    let gateway = Gateway::start(Limits {
        requests_in_flight_max: 1,
        ..Limits::default()
    });
    let mut open = gateway.connect();
    open.write_all(format!("GET /open HTTP/1.1\r\n{CLOSE}").as_bytes())
        .expect("the request can be sent");
    open.read_exact(&mut [0; 1]).expect("the answer begins");
    let another = || gateway.exchange(&format!("GET /echo HTTP/1.1\r\n{CLOSE}"));
    let refused = another();
    assert!(head(&refused).contains("503"), "{refused}");
    drop(open);
    eventually(|| head(&another()).contains("200"));
}

#[test]
fn requests_over_the_cap_are_refused_while_others_are_answered() {
    let gateway = Gateway::start(Limits {
        requests_in_flight_max: 1,
        ..Limits::default()
    });
    let mut first = gateway.connect();
    first
        .write_all(format!("GET /slow HTTP/1.1\r\n{CLOSE}").as_bytes())
        .expect("the request can be sent");
    // The first is in flight for 300 ms: asked again until it is seen there.
    let refused = (0..50)
        .map(|_| gateway.exchange(&format!("GET /echo HTTP/1.1\r\n{CLOSE}")))
        .find(|answer| head(answer).contains("503"));
    assert!(refused.is_some_and(|answer| answer.contains("retry-after: 1")));
    assert!(head(&rest(&mut first)).contains("200"));
    let after = gateway.exchange(&format!("GET /echo HTTP/1.1\r\n{CLOSE}"));
    assert!(head(&after).contains("200"), "{after}");
}
