//! Guests of WASI's release candidates: two of 0.2 from 2023, one of 0.3 from 2026, and what Spin's SDKs made of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc;
use http::{Method, Request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use stoa_runtime::{Abi, Error, PrepareError, ResponseBody};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::fixture::{Fixture, Service, full, nothing};

const OCTOBER: &str = "rc-2023-10-18";
const NOVEMBER: &str = "rc-2023-11-10";
const MARCH: &str = "rc-2026-03-15";
const DRAFTS: [&str; 3] = [OCTOBER, NOVEMBER, MARCH];
/// By an SDK, whose handler is October's.
const SDK: &str = "spin-sdk-2";
const ALL: [&str; 4] = [OCTOBER, NOVEMBER, MARCH, SDK];

#[tokio::test]
async fn a_host_that_is_not_allowed_is_refused() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in ALL {
        let guest = allowing(&fixture, probe, "https://127.0.0.1:*");
        let answer = guest.get(&upstream.path("")).await.expect("it answers");
        assert_eq!(answer.status, 502, "{probe}");
        let text = answer.text();
        assert!(text.contains("HttpRequestDenied"), "{probe}: {text}");
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn sockets_reach_nothing_that_is_not_allowed() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    let connect = format!("/connect?address={}", upstream.address);
    for probe in DRAFTS {
        let guest = allowing(&fixture, probe, "https://127.0.0.1:1");
        let answer = guest.get(&connect).await.expect("it answers");
        assert_eq!(answer.status, 502, "{probe}: {}", answer.text());
    }
    let guest = allowing(&fixture, OCTOBER, "https://127.0.0.1:1");
    let datagram = format!("/datagram?address={}", upstream.address);
    let answer = guest.get(&datagram).await.expect("it answers");
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn an_interface_of_another_draft_is_refused_by_its_name() {
    let fixture = Fixture::new();
    for import in [
        "wasi:http/types@0.2.0-rc-2023-12-05",
        "wasi:http/types@0.3.0-rc-2026-01-06",
        // It is of a draft that is served, and nobody ever served it.
        "wasi:clocks/timezone@0.2.0-rc-2023-10-18",
    ] {
        match fixture.prepare_wasm(&importing(import), "").err() {
            Some(PrepareError::Import { import: named, .. }) => assert_eq!(named, import),
            other => panic!("{import}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_file_is_there_without_a_mount() {
    let fixture = Fixture::new();
    for probe in DRAFTS {
        let answer = fixture.serve(probe, "").get("/files").await;
        assert_eq!(answer.expect("it answers").text(), "", "{probe}");
    }
}

#[tokio::test]
async fn a_trap_is_the_requests_and_not_the_components() {
    let fixture = Fixture::new();
    for probe in ALL {
        let guest = fixture.serve(probe, "");
        let outcome = guest.get("/trap").await;
        assert!(
            matches!(outcome, Err(Error::Trapped)),
            "{probe}: {outcome:?}"
        );
        let answer = guest.get("/nothing").await.expect("it answers");
        assert_eq!(answer.status, 404, "{probe}");
    }
}

#[test]
fn the_handlers_are_those_of_the_final_versions() {
    let fixture = Fixture::new();
    let abi = |probe| {
        let prepared = fixture.prepare(probe, "");
        prepared.expect("it can be deployed").abi()
    };
    assert_eq!(abi(OCTOBER), Abi::Wasi02);
    assert_eq!(abi(NOVEMBER), Abi::Wasi02);
    assert_eq!(abi(SDK), Abi::Wasi02);
    assert_eq!(abi(MARCH), Abi::Wasi03);
}

#[tokio::test]
async fn an_allowed_request_is_answered() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in ALL {
        let guest = allowing(&fixture, probe, &upstream.origin());
        // In October and November a time is in milliseconds; as nanoseconds this one would be over at once.
        let path = upstream.path("&first-byte-ms=10000");
        let answer = guest.get(&path).await.expect("it answers");
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "hello"));
    }
    assert!(upstream.accepted() >= ALL.len());
}

#[tokio::test]
async fn sockets_reach_what_is_allowed() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    let address = upstream.address;
    for probe in DRAFTS {
        let guest = allowing(&fixture, probe, &format!("tcp://{address}"));
        let answer = guest.get(&format!("/connect?address={address}")).await;
        assert_eq!(answer.expect("it answers").text(), "connected", "{probe}");
    }
    assert_eq!(upstream.accepted(), DRAFTS.len());
}

#[tokio::test]
async fn a_datagram_is_sent_and_answered() {
    let fixture = Fixture::new();
    let server = UdpSocket::bind("127.0.0.1:0").await;
    let server = server.expect("a port is free");
    let address = server.local_addr().expect("it has an address");
    tokio::spawn(async move {
        let mut data = [0; 16];
        while let Ok((length, client)) = server.recv_from(&mut data).await {
            // It fails when the client is gone.
            server.send_to(&data[..length], client).await.ok();
        }
    });
    let guest = allowing(&fixture, OCTOBER, &format!("udp://{address}"));
    let answer = guest.get(&format!("/datagram?address={address}")).await;
    assert_eq!(answer.expect("it answers").text(), "ping");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_in_the_words_of_the_draft() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let address = listener.and_then(|listener| listener.local_addr());
    let address = address.expect("a port is free");
    for (probe, word) in [
        (OCTOBER, "unexpected-error: ErrorCode::ConnectionRefused"),
        (NOVEMBER, "ConnectionRefused"),
        (MARCH, "ConnectionRefused"),
    ] {
        let guest = allowing(&fixture, probe, "http://127.0.0.1:*");
        let answer = guest.get(&format!("/outbound?url=http://{address}/")).await;
        assert_eq!(answer.expect("it answers").text(), word, "{probe}");
    }
}

#[tokio::test]
async fn headers_and_the_environment_are_read() {
    let fixture = Fixture::new();
    for probe in ALL {
        let guest = fixture.serve(probe, "");
        let request = Request::get("/header")
            .header("host", "test")
            .header("x-probe", "here")
            .body(nothing());
        let response = guest.handle(request.expect("it is a request")).await;
        let body = response.expect("it answers").into_body().collect().await;
        assert_eq!(body.expect("it is whole").to_bytes(), "here", "{probe}");
        let missing = guest.get("/header").await.expect("it answers");
        assert_eq!(missing.status, 404, "{probe}");
    }
    for probe in DRAFTS {
        let guest = fixture.serve(probe, "environment = { COLOUR = \"blue\" }\n");
        let colour = guest.get("/environment?name=COLOUR").await;
        assert_eq!(colour.expect("it answers").text(), "blue", "{probe}");
        let other = guest.get("/environment?name=OTHER").await;
        assert_eq!(other.expect("it answers").status, 404, "{probe}");
    }
}

#[tokio::test]
async fn clocks_wait_and_random_numbers_differ() {
    let fixture = Fixture::new();
    for probe in DRAFTS {
        let guest = fixture.serve(probe, "");
        let clock = guest.get("/clock").await.expect("it answers");
        assert_eq!(clock.text(), "later", "{probe}");
        let random = guest.get("/random").await.expect("it answers");
        assert_eq!(random.text(), "different", "{probe}");
    }
}

#[tokio::test]
async fn whole_bodies_come_back() {
    let fixture = Fixture::new();
    let sent = Bytes::from(vec![b'x'; 300_000]);
    for (probe, path) in [
        (OCTOBER, "/echo"),
        (OCTOBER, "/forward"),
        (NOVEMBER, "/echo"),
        (MARCH, "/echo"),
        (SDK, "/echo"),
    ] {
        let guest = fixture.serve(probe, "");
        let response = guest.send(Method::POST, path, full(sent.clone())).await;
        let body = response.expect("it answers").into_body().collect().await;
        let body = body.expect("it is whole").to_bytes();
        assert!(body == sent, "{probe}{path}: {} bytes", body.len());
    }
}

#[tokio::test]
async fn bodies_stream() {
    let fixture = Fixture::new();
    for (probe, path) in [
        (OCTOBER, "/echo"),
        (OCTOBER, "/forward"),
        (NOVEMBER, "/echo"),
        (MARCH, "/echo"),
    ] {
        let guest = fixture.serve(probe, "");
        let (mut pieces, body) = mpsc::channel::<Bytes>(1);
        let body = StreamBody::new(body.map(|piece| Ok(Frame::data(piece))));
        pieces.try_send("one".into()).expect("there is room");
        let response = guest.send(Method::POST, path, body).await;
        let mut answer = response.expect("the head arrives").into_body();
        assert_eq!(piece(&mut answer).await, "one", "{probe}{path}");
        pieces.try_send("two".into()).expect("there is room");
        assert_eq!(piece(&mut answer).await, "two", "{probe}{path}");
        drop(pieces);
        let rest = answer.collect().await.expect("it is whole").to_bytes();
        assert!(rest.is_empty(), "{probe}{path}");
    }
}

#[tokio::test]
async fn trailers_that_are_not_there_are_told_as_each_date_can() {
    let fixture = Fixture::new();
    let trailers = async |probe| {
        let answer = fixture.serve(probe, "").get("/trailers").await;
        answer.expect("it answers").text()
    };
    assert_eq!(trailers(OCTOBER).await, "none");
    assert_eq!(trailers(NOVEMBER).await, "none InternalError");
}

#[tokio::test]
async fn instances_are_used_again_where_the_final_version_says_so() {
    let fixture = Fixture::new();
    let guest = fixture.serve(MARCH, "");
    for count in ["1", "2", "3"] {
        let answer = guest.get("/count").await.expect("it answers");
        assert_eq!(answer.text(), count);
    }
}

// === helpers ===

fn allowing(fixture: &Fixture, probe: &str, host: &str) -> Service {
    fixture.serve(probe, &format!("allowed_outbound_hosts = [\"{host}\"]\n"))
}

async fn piece(body: &mut ResponseBody) -> Bytes {
    let frame = body.frame().await.expect("the stream goes on");
    let frame = frame.expect("it is not broken").into_data();
    frame.expect("it is data")
}

/// A component that imports an instance with one function and exports nothing, written out in its binary form.
fn importing(import: &str) -> Vec<u8> {
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    // The type of the instance: a function type, exported as `f`.
    let instance = [
        1, 0x42, 2, 0x01, 0x40, 0, 0x01, 0, 0x04, 0, 1, b'f', 0x01, 0,
    ];
    wasm.extend([7, instance.len() as u8]);
    wasm.extend(instance);
    let mut imports = vec![1, 0, import.len() as u8];
    imports.extend(import.as_bytes());
    imports.extend([0x05, 0]);
    wasm.extend([10, imports.len() as u8]);
    wasm.extend(imports);
    wasm
}

/// A server of HTTP/1.1 that answers `hello` to whatever it is asked.
struct Upstream {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let accepted = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(greet(stream));
            }
        });
        Self { address, accepted }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What to ask the probe for, to ask this server.
    fn path(&self, more: &str) -> String {
        format!("/outbound?url={}/{more}", self.origin())
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

/// Answers until the client is gone. The body of a request is empty, and told in chunks where it is there.
async fn greet(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let (mut line, mut blank, mut wanted) = (String::new(), 0, 1);
    while stream
        .read_line(&mut line)
        .await
        .is_ok_and(|bytes| bytes > 0)
    {
        blank += usize::from(line.trim_end().is_empty());
        wanted += usize::from(line.to_lowercase().starts_with("transfer-encoding"));
        line.clear();
        if blank < wanted {
            continue;
        }
        (blank, wanted) = (0, 1);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}
