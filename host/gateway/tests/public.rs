//! The gateway as a client meets it, around a closure instead of components.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use stoa_gateway::config::Limits;
use stoa_gateway::traffic::{Front, Lane, Snapshot};
use stoa_gateway::{Config, Failure, Inner, Listener, RequestBody, Routed, Shared};
use stoa_manifest::App;
use tokio_util::sync::CancellationToken;

/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);

/// More than the buffers between two processes hold.
const LARGE_BYTES: usize = 64 * 1024 * 1024;

/// A gateway on a free port, stopped when dropped.
struct Gateway {
    address: SocketAddr,
    stop: CancellationToken,
    served: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Its routes are `/echo`, `/slow`, `/broken`, `/late`, `/full`, `/large`, `/open`, `/spin/:user_id/...` and the
    /// static `/static`.
    fn start(limits: Limits) -> Self {
        Self::configured(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: None,
            limits,
        })
    }

    fn configured(config: Config) -> Self {
        let front = front(&config.limits, |_| tower::service_fn(inner));
        let listener = Listener::bind(config).expect("a free port can be bound");
        let address = listener.address().expect("it knows its address");
        let stop = CancellationToken::new();
        let served = serve(listener, front, stop.clone());
        Self {
            address,
            stop,
            served: Some(served),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the gateway accepts");
        stream
            .set_read_timeout(Some(CLIENT_MAX))
            .expect("a timeout can be set");
        stream
    }

    /// Sends bytes and reads until the gateway closes.
    fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream
            .write_all(request.as_bytes())
            .expect("the request can be sent");
        rest(&mut stream)
    }

    fn stop(&mut self) {
        self.stop.cancel();
        if let Some(served) = self.served.take() {
            served.join().expect("it stops in order");
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One release on two cores.
fn front<S: Inner>(limits: &Limits, inner: impl Fn(usize) -> S) -> Front<S::Body> {
    let (shared, routed) = (Shared::new(limits), Routed::new(&app()));
    let stack = |core| stoa_gateway::stack(&shared, &routed, inner(core));
    let stable = Lane {
        cores: (0..2).map(stack).collect(),
        observed: Arc::default(),
    };
    Front::new(Snapshot {
        stable,
        candidate: None,
    })
}

/// Serves until `stop`.
fn serve<B>(listener: Listener, front: Front<B>, stop: CancellationToken) -> JoinHandle<()>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("it starts");
        runtime
            .block_on(listener.serve(front, stop))
            .expect("it serves");
    })
}

/// Waits until it is so.
fn eventually(mut fact: impl FnMut() -> bool) {
    let start = Instant::now();
    while !fact() {
        assert!(start.elapsed() < CLIENT_MAX, "it does not come to that");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn app() -> App {
    let paths = ["echo", "slow", "broken", "late", "full", "large", "open"];
    let triggers: String = paths
        .iter()
        .map(|path| {
            format!("[[trigger.http]]\nid = \"{path}\"\nroute = \"/{path}\"\ncomponent = \"a\"\n")
        })
        .collect();
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[application.tool.stoa]\nschema = 1\n\
         routes.slow.request_body_bytes_max = 4\n{triggers}\
         [[trigger.http]]\nid = \"spin\"\nroute = \"/spin/:user_id/...\"\ncomponent = \"a\"\n\
         [[trigger.http]]\nroute = \"/static\"\nstatic_response = {{ status_code = 418, headers = {{ x-pot = \"tea\" }}, body = \"short\" }}\n\
         [component.a]\nsource = \"a.wasm\"\n"
    );
    let source = stoa_manifest::text::Source::new("spin.toml", manifest);
    stoa_manifest::parse(&source, None).expect("the manifest is valid")
}

type AnyBody = UnsyncBoxBody<Bytes, Infallible>;

async fn inner(request: Request<RequestBody>) -> Result<Response<AnyBody>, Failure> {
    match request.uri().path() {
        "/broken" => Err(Failure::Broken),
        "/late" => Err(Failure::Deadline),
        "/large" => Ok(whole(vec![b'x'; LARGE_BYTES])),
        "/open" => Ok(Response::new(Open(Some("begun".into())).boxed_unsync())),
        path if path.starts_with("/spin/") => Ok(whole(spin(request.headers()))),
        "/full" => Err(Failure::Unavailable {
            retry_after: Duration::from_millis(1500),
        }),
        "/slow" => {
            let body = request
                .into_body()
                .collect()
                .await
                .map(|body| body.to_bytes().len());
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(whole(format!("slept, {body:?}")))
        }
        _ => match request.into_body().collect().await {
            Ok(body) => Ok(whole(body.to_bytes())),
            Err(error) => Ok(whole(format!("broke: {error}"))),
        },
    }
}

fn whole(body: impl Into<Bytes>) -> Response<AnyBody> {
    Response::new(Full::new(body.into()).boxed_unsync())
}

/// The headers that the gateway sets, a line each, in the order of their names.
fn spin(headers: &HeaderMap) -> String {
    let mut lines: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("spin-"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("it is text")))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// A body that begins and does not end.
struct Open(Option<Bytes>);

impl Body for Open {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(begin) => Poll::Ready(Some(Ok(Frame::data(begin)))),
            None => Poll::Pending,
        }
    }
}

fn head(answer: &str) -> &str {
    answer.lines().next().unwrap_or_default()
}

const CLOSE: &str = "host: a\r\nconnection: close\r\n\r\n";

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
        "y".repeat(64 * 1024)
    );
    let answer = gateway.exchange(&large);
    assert!(
        head(&answer).contains("431") || answer.is_empty(),
        "{answer}"
    );
}

#[tokio::test]
async fn http_2_has_the_same_limit_of_header_fields() {
    let gateway = Gateway::start(Limits {
        request_headers_max: 5,
        ..Limits::default()
    });
    for (fields, expected) in [(5, 418), (6, 431)] {
        let stream = tokio::net::TcpStream::connect(gateway.address)
            .await
            .expect("it accepts");
        let mut request = get("/static");
        for field in 0..fields {
            let name = http::HeaderName::try_from(format!("x-{field}")).expect("it is a name");
            let value = http::HeaderValue::from_static("1");
            request.headers_mut().insert(name, value);
        }
        let (status, _) = http2(stream, request).await;
        assert_eq!(status, expected, "{fields} fields");
    }
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
fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let mut gateway = Gateway::start(Limits::default());
    let mut idle = gateway.connect();
    idle.write_all(b"GET /echo HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("the request can be sent");
    let mut first = [0; 1024];
    assert!(idle.read(&mut first).expect("an answer comes") > 0);
    let mut silent = gateway.connect();
    let mut busy = gateway.connect();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("the request can be sent");
    // Long enough to be accepted, shorter than its answer takes.
    std::thread::park_timeout(Duration::from_millis(100));
    gateway.stop();
    assert!(head(&rest(&mut busy)).contains("200"));
    assert_eq!(rest(&mut idle), "");
    assert_eq!(rest(&mut silent), "");
    assert!(
        TcpStream::connect(gateway.address).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn what_does_not_finish_is_cut_off_at_the_drain_bound() {
    let mut gateway = Gateway::start(Limits {
        drain_max: Duration::from_millis(50),
        ..Limits::default()
    });
    let mut busy = gateway.connect();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("the request can be sent");
    std::thread::park_timeout(Duration::from_millis(100));
    gateway.stop();
    assert_eq!(rest(&mut busy), "");
}

/// Tells the number of its core when it is dropped: with the tasks of that core, at the latest.
struct Ends(usize, mpsc::Sender<usize>);

impl Drop for Ends {
    fn drop(&mut self) {
        if self.1.send(self.0).is_err() {
            // The test is over.
        }
    }
}

#[test]
fn an_idle_core_does_not_wait_for_a_busy_one_to_drain() {
    let mut config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Config::default()
    };
    config.limits.drain_max = CLIENT_MAX * 4;
    let (stop, release) = (CancellationToken::new(), CancellationToken::new());
    let ((ended, ends), (begun, begins)) = (mpsc::channel(), mpsc::channel());
    let held = release.clone();
    // The first core waits, the other one answers at once. Both have a task that lasts as long as they do.
    let front = front(&config.limits, move |core| {
        let (begun, ended, held) = (begun.clone(), ended.clone(), held.clone());
        tower::service_fn(move |_: Request<RequestBody>| {
            let (begun, held) = (begun.clone(), held.clone());
            let ends = Ends(core, ended.clone());
            async move {
                tokio::spawn(async move {
                    let _lasts = ends;
                    std::future::pending::<()>().await
                });
                begun.send(core).expect("the test waits for it");
                if core == 0 {
                    held.cancelled().await;
                }
                Ok::<_, Failure>(whole("held"))
            }
        })
    });
    let listener = Listener::bind(config).expect("a free port can be bound");
    let address = listener.address().expect("it knows its address");
    let served = serve(listener, front, stop.clone());
    let get = format!("GET /echo HTTP/1.1\r\n{CLOSE}");
    let mut busy = TcpStream::connect(address).expect("it accepts");
    busy.write_all(get.as_bytes())
        .expect("the request can be sent");
    assert_eq!(begins.recv_timeout(CLIENT_MAX), Ok(0), "the first core");
    let mut quick = TcpStream::connect(address).expect("it accepts");
    quick
        .write_all(get.as_bytes())
        .expect("the request can be sent");
    assert_eq!(begins.recv_timeout(CLIENT_MAX), Ok(1), "the other core");
    assert!(head(&rest(&mut quick)).contains("200"));
    stop.cancel();
    assert_eq!(ends.recv_timeout(CLIENT_MAX), Ok(1), "the other core");
    release.cancel();
    assert!(head(&rest(&mut busy)).contains("200"));
    served.join().expect("it stops in order");
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

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://test{path}"))
        .body(Full::default())
        .expect("it is a request")
}

/// Sends a request over HTTP/2 on any stream.
async fn http2<IO>(io: IO, request: Request<Full<Bytes>>) -> (u16, Bytes)
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(io);
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let response = client.send_request(request).await.expect("an answer comes");
    let status = response.status().as_u16();
    (
        status,
        response
            .into_body()
            .collect()
            .await
            .expect("the body comes")
            .to_bytes(),
    )
}

#[tokio::test]
async fn http_2_is_spoken_without_tls_by_prior_knowledge() {
    let gateway = Gateway::start(Limits::default());
    let stream = tokio::net::TcpStream::connect(gateway.address)
        .await
        .expect("it accepts");
    let (status, body) = http2(stream, get("/static")).await;
    assert_eq!((status, &body[..]), (418, &b"short"[..]));
}

#[tokio::test]
async fn tls_serves_both_versions_and_a_silent_handshake_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let made =
        rcgen::generate_simple_self_signed(vec!["test".into()]).expect("a certificate can be made");
    std::fs::write(&certificate, made.cert.pem()).expect("it can be written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("it can be written");
    let tls = Some(stoa_gateway::config::Tls { certificate, key });
    let gateway = Gateway::configured(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        tls,
        limits: Limits::default(),
    });
    let _silent: Vec<TcpStream> = (0..50).map(|_| gateway.connect()).collect();

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(made.cert.der().clone())
        .expect("it is a certificate");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let connect = async |alpn: &[u8]| {
        let mut config =
            rustls::ClientConfig::builder_with_provider(std::sync::Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .expect("the versions are known")
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let stream = tokio::net::TcpStream::connect(gateway.address)
            .await
            .expect("it accepts");
        let name = rustls::pki_types::ServerName::try_from("test").expect("it is a name");
        tokio_rustls::TlsConnector::from(std::sync::Arc::new(config))
            .connect(name, stream)
            .await
            .expect("it shakes hands")
    };
    let (status, _) = http2(connect(b"h2").await, get("/static")).await;
    assert_eq!(status, 418);
    // The client names another scheme than its connection has.
    let (_, told) = http2(connect(b"h2").await, get("/spin/7")).await;
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(
        told.contains("spin-full-url: https://test/spin/7\n"),
        "{told}"
    );
    let mut old = connect(b"http/1.1").await;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    old.write_all(format!("GET /static HTTP/1.1\r\n{CLOSE}").as_bytes())
        .await
        .expect("it can be sent");
    let mut answer = String::new();
    old.read_to_string(&mut answer)
        .await
        .expect("an answer comes");
    assert!(head(&answer).contains("418"), "{answer}");
}
