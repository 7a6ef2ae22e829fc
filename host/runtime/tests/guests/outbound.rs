//! Outbound HTTP from both versions of WASI, to servers that each test makes for itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use stoa_runtime::ResponseBody;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::fixture::{Fixture, Service};

const BOTH: [&str; 2] = ["behaviour-02", "behaviour-03"];

#[tokio::test]
async fn a_host_that_is_not_allowed_is_refused() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        for allowed in [
            "",
            "https://127.0.0.1:*",
            "http://*.0.0.1:*",
            "http://10.0.0.0/8:*",
        ] {
            let guest = allowing(&fixture, probe, &[allowed], "");
            let error = failure(&guest, &upstream.path("/ok")).await;
            assert_eq!(error, "HttpRequestDenied", "{probe} {allowed}");
        }
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn a_port_that_is_not_allowed_is_refused() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        for allowed in ["http://127.0.0.1", "http://127.0.0.1:1", "*://*:1..2"] {
            let guest = allowing(&fixture, probe, &[allowed], "");
            let error = failure(&guest, &upstream.path("/ok")).await;
            assert_eq!(error, "HttpRequestDenied", "{probe} {allowed}");
        }
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn an_authority_with_a_name_in_front_of_its_host_is_refused() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &["*://*:*"], "");
        let path = format!("/outbound?url=http://example.com@{}/ok", upstream.address);
        let error = failure(&guest, &path).await;
        assert_eq!(error, "HttpRequestUriInvalid", "{probe}");
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn a_blocked_network_is_not_reached_whatever_the_manifest_allows() {
    let fixture = Fixture::blocking(&["127.0.0.0/8", "::1"]);
    let upstream = Upstream::start().await;
    let port = upstream.address.port();
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &["*://*:*"], "");
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
            let path = format!("/outbound?url=http://{host}:{port}/ok");
            let error = failure(&guest, &path).await;
            assert_eq!(error, "DestinationIpProhibited", "{probe} {host}");
        }
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn link_local_addresses_are_blocked_by_default() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &["*://*:*"], "");
        let error = failure(&guest, "/outbound?url=http://169.254.169.254/latest").await;
        assert_eq!(error, "DestinationIpProhibited", "{probe}");
    }
}

#[tokio::test]
async fn an_allowed_request_is_answered_and_says_which_host_it_is_for() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &[&upstream.origin()], "");
        let answer = guest.get(&upstream.path("/ok")).await;
        let answer = answer.expect("it answers");
        assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "hello"));
        let host = guest.get(&upstream.path("/host")).await;
        let host = host.expect("it answers").text();
        assert_eq!(host, upstream.address.to_string(), "{probe}");
    }
}

#[tokio::test]
async fn the_deprecated_list_of_hosts_counts_too() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        let manifest = format!("allowed_http_hosts = [\"{}\"]\n", upstream.address);
        let guest = fixture.serve(probe, &manifest);
        let answer = guest.get(&upstream.path("/ok")).await;
        assert_eq!(answer.expect("it answers").text(), "hello", "{probe}");
    }
}

#[tokio::test]
async fn connections_are_used_again_by_all_instances() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let upstream = Upstream::start().await;
        let guest = allowing(&fixture, probe, &[&upstream.origin()], "");
        for _ in 0..5 {
            let answer = guest.get(&upstream.path("/ok")).await;
            assert_eq!(answer.expect("it answers").text(), "hello");
        }
        // A connection may become idle just too late for the next request, but not each time.
        assert!(upstream.accepted() <= 2, "{probe}: {}", upstream.accepted());
    }
}

#[tokio::test]
async fn a_request_without_a_connection_left_waits_for_one() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let upstream = Upstream::start().await;
        let guest = allowing(
            &fixture,
            probe,
            &[&upstream.origin()],
            "outbound_connections_max = 1",
        );
        let first = upstream.hold(&guest).await;
        let error = failure(&guest, &upstream.path("/ok&connect-ms=50")).await;
        assert_eq!(error, "ConnectionLimitReached", "{probe}");
        let path = upstream.path("/ok");
        let mut second = Box::pin(guest.get(&path));
        let waited = tokio::time::timeout(Duration::from_millis(50), second.as_mut()).await;
        assert!(waited.is_err(), "{probe}: it waits");
        upstream.released.notify_one();
        assert_eq!(second.await.expect("its turn came").text(), "hello");
        assert_eq!(first.await.expect("no panic"), "hello");
        assert_eq!(upstream.accepted(), 1, "{probe}");
    }
}

#[tokio::test]
async fn a_request_over_the_limit_waits_and_fails_after_its_time() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let upstream = Upstream::start().await;
        let guest = allowing(
            &fixture,
            probe,
            &[&upstream.origin()],
            "outbound_requests_max = 1",
        );
        let first = upstream.hold(&guest).await;
        let error = failure(&guest, &upstream.path("/ok&connect-ms=50")).await;
        assert_eq!(error, "ConnectionLimitReached", "{probe}");
        upstream.released.notify_one();
        assert_eq!(first.await.expect("no panic"), "hello");
        let next = guest.get(&upstream.path("/ok")).await;
        assert_eq!(next.expect("there is room again").text(), "hello");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses_the_connection() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let address = listener.and_then(|listener| listener.local_addr());
    let address = address.expect("a port is free");
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &["http://127.0.0.1:*"], "");
        let error = failure(&guest, &format!("/outbound?url=http://{address}/")).await;
        assert_eq!(error, "ConnectionRefused", "{probe}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_fails_and_so_does_one_that_never_comes() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &[&upstream.origin()], "");
        let error = failure(&guest, &upstream.path("/held&first-byte-ms=50")).await;
        assert_eq!(error, "HttpResponseTimeout", "{probe}");
        let error = failure(&guest, &upstream.path("/close")).await;
        assert_eq!(error, "ConnectionTerminated", "{probe}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for (count, probe) in (1..).zip(BOTH) {
        let guest = allowing(&fixture, probe, &[&upstream.origin()], "");
        let answer = guest.get(&upstream.path("/redirect")).await;
        assert_eq!(answer.expect("it answers").status, 302, "{probe}");
        assert_eq!(upstream.requests.load(Ordering::Relaxed), count);
    }
}

#[tokio::test]
async fn bodies_stream() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &[&upstream.origin()], "");
        let response = guest.head(&upstream.path("/stream")).await;
        let mut body = response.expect("the head arrives").into_body();
        assert_eq!(piece(&mut body).await, "one\n", "{probe}");
        upstream.released.notify_one();
        let rest = body.collect().await.expect("it is complete").to_bytes();
        assert_eq!(rest, "two\n", "{probe}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_outbound_request_with_it() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let upstream = Upstream::start().await;
        let guest = allowing(&fixture, probe, &[&upstream.origin()], "");
        let first = upstream.hold(&guest).await;
        first.abort();
        tokio::time::timeout(Duration::from_secs(10), upstream.left.notified())
            .await
            .unwrap_or_else(|_| panic!("{probe}: the request goes on"));
    }
}

// === helpers ===

/// A probe that may connect to these, within these limits.
fn allowing(fixture: &Fixture, probe: &str, hosts: &[&str], limits: &str) -> Service {
    let hosts: Vec<&&str> = hosts.iter().filter(|host| !host.is_empty()).collect();
    let manifest = format!(
        "allowed_outbound_hosts = {hosts:?}\n[component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n"
    );
    fixture.serve(probe, &manifest)
}

/// The name of the error that the probe was told.
async fn failure(guest: &Service, path: &str) -> String {
    let answer = guest.get(path).await.expect("the probe answers");
    assert_eq!(answer.status, 502, "{}", answer.text());
    answer.text()
}

async fn piece(body: &mut ResponseBody) -> String {
    let frame = body.frame().await.expect("the stream goes on");
    let frame = frame.expect("it is not broken").into_data();
    String::from_utf8_lossy(&frame.expect("it is data")).into_owned()
}

/// A server of HTTP/1.1 that answers by path:
///
/// | path | what happens |
/// |---|---|
/// | `/ok` | `hello` |
/// | `/host` | the `host` of the request |
/// | `/held` | `hello`, once it is released |
/// | `/redirect` | 302, to `/ok` |
/// | `/stream` | `one`, and `two` once it is released, a line each |
/// | `/close` | the connection ends |
#[derive(Clone)]
struct Upstream {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    /// Told when a request for `/held` is there, and when its client is gone before it was released.
    arrived: Arc<Notify>,
    left: Arc<Notify>,
    /// Lets one of those go on that wait.
    released: Arc<Notify>,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let upstream = Self {
            address: listener.local_addr().expect("it has an address"),
            accepted: Arc::default(),
            requests: Arc::default(),
            arrived: Arc::default(),
            left: Arc::default(),
            released: Arc::default(),
        };
        tokio::spawn(upstream.clone().accept(listener));
        upstream
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What to ask the probe for, to ask this server for `path`.
    fn path(&self, path: &str) -> String {
        format!("/outbound?url={}{path}", self.origin())
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Lets the guest ask for `/held`, and waits until it did.
    async fn hold(&self, guest: &Service) -> tokio::task::JoinHandle<String> {
        let (guest, path) = (guest.clone(), self.path("/held"));
        let asking = tokio::spawn(async move {
            let answer = guest.get(&path).await;
            answer.expect("it answers").text()
        });
        self.arrived.notified().await;
        asking
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            self.accepted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(self.clone().serve(stream));
        }
    }

    async fn serve(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some((path, host)) = head(&mut stream).await {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let answered = match path.as_str() {
                "/ok" => send(&mut stream, &whole("200 OK", "hello")).await,
                "/host" => send(&mut stream, &whole("200 OK", &host)).await,
                "/held" => self.held(&mut stream).await,
                "/redirect" => {
                    let status = format!("302 Found\r\nlocation: {}/ok", self.origin());
                    send(&mut stream, &whole(&status, "moved")).await
                }
                "/stream" => self.stream(&mut stream).await,
                _ => None,
            };
            if answered.is_none() {
                return;
            }
        }
    }

    async fn held(&self, stream: &mut BufReader<TcpStream>) -> Option<()> {
        self.arrived.notify_one();
        tokio::select! {
            () = self.released.notified() => send(stream, &whole("200 OK", "hello")).await,
            // A client sends nothing more before it has its answer, so this is its end.
            () = gone(stream) => {
                self.left.notify_one();
                None
            }
        }
    }

    async fn stream(&self, stream: &mut BufReader<TcpStream>) -> Option<()> {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        send(stream, &format!("{head}4\r\none\n\r\n")).await?;
        self.released.notified().await;
        send(stream, "4\r\ntwo\n\r\n0\r\n\r\n").await
    }
}

fn whole(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// `None` when the client is gone.
async fn send(stream: &mut BufReader<TcpStream>, text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()
}

async fn gone(stream: &mut BufReader<TcpStream>) {
    stream.fill_buf().await.ok();
}

/// Path and host of the next request, which has no body.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let first = line(stream).await?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut host = String::new();
    loop {
        let field = line(stream).await?;
        match field.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("host") => value.clone_into(&mut host),
            Some(_) => {}
            None => return Some((path, host)),
        }
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let bytes = stream.read_line(&mut line).await.ok()?;
    (bytes > 0).then(|| line.trim_end().to_owned())
}
