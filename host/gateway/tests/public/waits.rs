//! How long a client is waited for, and that others do not wait for it.

use super::*;

#[test]
fn waits_have_ends() {
    let short = Duration::from_millis(200);
    let limits = Limits {
        head_read_max: short,
        connection_idle_max: short * 2,
        body_idle_max: short,
        ..Limits::default()
    };
    let gateway = Gateway::start(limits);
    let silent = "";
    let dripping = "GET /echo HTTP/1.1\r\nhost: a";
    let idle = "GET /echo HTTP/1.1\r\nhost: a\r\n\r\n";
    let preface = "PRI * HT";
    for begun in [silent, dripping, idle, preface] {
        let start = Instant::now();
        let answer = gateway.exchange(begun);
        assert!(start.elapsed() < CLIENT_MAX, "the gateway closes `{begun}`");
        assert_eq!(
            answer.contains("200 OK"),
            begun == idle,
            "{begun}: {answer}"
        );
    }
    let half = gateway.exchange(&format!(
        "POST /echo HTTP/1.1\r\ncontent-length: 10\r\n{CLOSE}12345"
    ));
    assert!(
        half.contains("broke: the client sent nothing for 200ms"),
        "{half}"
    );
}

#[test]
fn a_keep_alive_connection_outlives_the_head_timeout_between_requests() {
    let limits = Limits {
        head_read_max: Duration::from_millis(100),
        ..Limits::default()
    };
    let gateway = Gateway::start(limits);
    let mut stream = gateway.connect();
    for _ in 0..2 {
        stream
            .write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
            .expect("the connection is open");
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).expect("an answer comes");
        assert!(String::from_utf8_lossy(&buffer[..read]).contains("200 OK"));
        // Longer than a head may take: the idle limit counts here, not that one.
        std::thread::park_timeout(Duration::from_millis(250));
    }
}

#[test]
fn a_second_head_is_waited_for_no_longer_than_a_first() {
    let gateway = Gateway::start(Limits {
        head_read_max: Duration::from_millis(100),
        ..Limits::default()
    });
    let mut stream = gateway.connect();
    stream
        .write_all(b"GET /echo HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("the request can be sent");
    let read = stream.read(&mut [0; 1024]).expect("an answer comes");
    assert!(read > 0);
    // By now only idleness is waited for, and that much longer than this client waits.
    std::thread::park_timeout(Duration::from_millis(300));
    stream
        .write_all(b"GET /echo HT")
        .expect("the connection is open");
    let start = Instant::now();
    rest(&mut stream);
    assert!(start.elapsed() < CLIENT_MAX, "the gateway closes it");
}

#[test]
fn an_http_2_client_without_a_request_is_not_waited_for() {
    let gateway = Gateway::start(Limits {
        head_read_max: Duration::from_millis(200),
        ..Limits::default()
    });
    let mut stream = gateway.connect();
    stream
        .write_all(&[HTTP2_PREFACE, &frame(HTTP2_SETTINGS, 0, &[])].concat())
        .expect("it can be sent");
    let start = Instant::now();
    rest(&mut stream);
    assert!(start.elapsed() < CLIENT_MAX, "the gateway closes it");
}

#[test]
fn an_http_2_client_that_gives_no_room_is_cut_off() {
    let gateway = Gateway::start(Limits {
        write_stall_max: Duration::from_millis(200),
        requests_in_flight_max: 1,
        ..Limits::default()
    });
    let mut stream = gateway.connect();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0, and no window is ever opened.
    let settings = frame(HTTP2_SETTINGS, 0, &[0, 4, 0, 0, 0, 0]);
    // GET by http of :path and :authority, as HPACK writes them.
    let mut fields: Vec<u8> = vec![0x82, 0x86, 0x44, 7];
    fields.extend(b"/static");
    fields.extend([0x41, 1, b'a']);
    let request = frame(HTTP2_HEADERS, 1, &fields);
    stream
        .write_all(&[HTTP2_PREFACE, &settings, &request].concat())
        .expect("it can be sent");
    let start = Instant::now();
    rest(&mut stream);
    assert!(start.elapsed() < CLIENT_MAX, "the gateway closes it");
    eventually(|| {
        let answer = gateway.exchange(&format!("GET /echo HTTP/1.1\r\n{CLOSE}"));
        head(&answer).contains("200")
    });
}

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HTTP2_HEADERS: u8 = 1;
const HTTP2_SETTINGS: u8 = 4;

/// A frame of HTTP/2. On a stream, it is all that the client sends there.
fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    // END_STREAM and END_HEADERS.
    let flags = if stream > 0 { 0x5 } else { 0 };
    let length = u32::try_from(payload.len()).expect("it is short");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

#[test]
fn a_slow_handshake_does_not_hold_up_others() {
    let gateway = Gateway::start(Limits::default());
    let _silent: Vec<TcpStream> = (0..50).map(|_| gateway.connect()).collect();
    let answer = gateway.exchange(&format!("GET /echo HTTP/1.1\r\n{CLOSE}"));
    assert!(head(&answer).contains("200"), "{answer}");
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let limits = Limits {
        write_stall_max: Duration::from_millis(200),
        ..Limits::default()
    };
    let gateway = Gateway::start(limits);
    let mut stream = gateway.connect();
    stream
        .write_all(format!("GET /large HTTP/1.1\r\n{CLOSE}").as_bytes())
        .expect("the request can be sent");
    // Reads nothing until the gateway has gone: then a byte that is sent to it is refused.
    let start = Instant::now();
    while stream.write_all(b" ").is_ok() {
        assert!(
            start.elapsed() < CLIENT_MAX,
            "the gateway waits for a client that does not read"
        );
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert!(rest(&mut stream).len() < LARGE_BYTES);
    let patient = gateway.exchange(&format!("GET /large HTTP/1.1\r\n{CLOSE}"));
    assert!(
        patient.len() > LARGE_BYTES,
        "a client that reads gets everything"
    );
}
