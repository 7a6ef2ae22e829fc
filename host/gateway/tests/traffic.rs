//! Releases that take over from each other, as a client meets them: over connections that stay open.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use stoa_gateway::traffic::{Candidate, Found, Front, Lane, Plan, Snapshot, Sticky};
use stoa_gateway::{Config, Failure, Listener, RequestBody, Routed, Shared};
use tokio_util::sync::CancellationToken;

/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);

/// A gateway on a free port and one core, stopped when dropped.
struct Gateway {
    address: SocketAddr,
    front: Front<Full<Bytes>>,
    shared: Shared,
    /// Tells of each request for `/slow` that a release has.
    begun: mpsc::Sender<()>,
    begins: mpsc::Receiver<()>,
    /// Lets them be answered.
    release: CancellationToken,
    stop: CancellationToken,
    served: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Serves `first`, a release with the routes `/echo` and `/slow`.
    fn start(first: &'static str) -> Self {
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            ..Config::default()
        };
        let shared = Shared::new(&config.limits);
        let (begun, begins) = mpsc::channel();
        let release = CancellationToken::new();
        let stable = lane(first, &shared, (&begun, &release));
        let front = Front::new(Snapshot {
            stable,
            candidate: None,
        });
        let listener = Listener::bind(config).expect("a free port can be bound");
        let address = listener.address().expect("it knows its address");
        let stop = CancellationToken::new();
        let served = serve(listener, front.clone(), stop.clone());
        Self {
            address,
            front,
            shared,
            begun,
            begins,
            release,
            stop,
            served: Some(served),
        }
    }

    fn lane(&self, name: &'static str) -> Lane<Full<Bytes>> {
        lane(name, &self.shared, (&self.begun, &self.release))
    }

    fn publish(&self, stable: &'static str, candidate: Option<(&'static str, Plan)>) {
        let candidate = candidate.map(|(name, plan)| Candidate {
            lane: self.lane(name),
            plan,
            key: "0123456789abcdef".to_owned(),
        });
        let stable = self.lane(stable);
        self.front.publish(Snapshot { stable, candidate });
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("the gateway accepts");
        stream
            .set_read_timeout(Some(CLIENT_MAX))
            .expect("a timeout can be set");
        Client(stream)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
        self.release.cancel();
        if let Some(served) = self.served.take() {
            drop(served.join());
        }
    }
}

/// A connection that stays open.
struct Client(TcpStream);

impl Client {
    fn send(&mut self, request: &str) {
        self.0
            .write_all(request.as_bytes())
            .expect("the request can be sent");
    }

    /// One answer, by the length that it announces.
    fn answer(&mut self) -> Answer {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if let Some(answer) = Answer::parse(&read) {
                return answer;
            }
            let count = self.0.read(&mut buffer).expect("an answer comes");
            assert!(
                count > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&read)
            );
            read.extend_from_slice(&buffer[..count]);
        }
    }

    fn ask(&mut self, request: &str) -> Answer {
        self.send(request);
        self.answer()
    }
}

struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn parse(read: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(read).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let length = lines.find_map(|line| line.strip_prefix("content-length: "))?;
        let length: usize = length.parse().expect("a length is a number");
        (body.len() == length).then(|| Self {
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

/// A release that answers with its name and what it was sent.
fn lane(
    name: &'static str,
    shared: &Shared,
    (begun, release): (&mpsc::Sender<()>, &CancellationToken),
) -> Lane<Full<Bytes>> {
    let (begun, release) = (begun.clone(), release.clone());
    let inner = tower::service_fn(move |request: Request<RequestBody>| {
        let (begun, release) = (begun.clone(), release.clone());
        async move {
            if request.uri().path() == "/slow" {
                begun.send(()).expect("the test waits for it");
                release.cancelled().await;
            }
            let body = request.into_body().collect().await;
            let body = body.expect("the client sends all of it").to_bytes();
            let answer = [name.as_bytes(), &body[..]].concat();
            Ok::<_, Failure>(Response::new(Full::<Bytes>::from(answer)))
        }
    });
    let stack = stoa_gateway::stack(shared, &routed(name), inner);
    Lane {
        cores: vec![stack],
        observed: Arc::default(),
    }
}

/// Each release has a route of its own name besides.
fn routed(name: &str) -> Routed {
    let triggers: String = ["echo", "slow", name]
        .iter()
        .map(|path| {
            format!("[[trigger.http]]\nid = \"{path}\"\nroute = \"/{path}\"\ncomponent = \"a\"\n")
        })
        .collect();
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n{triggers}[component.a]\nsource = \"a.wasm\"\n"
    );
    let source = stoa_manifest::text::Source::new("spin.toml", manifest);
    let app = stoa_manifest::parse(&source, None).expect("the manifest is valid");
    Routed::new(&app)
}

fn serve(listener: Listener, front: Front<Full<Bytes>>, stop: CancellationToken) -> JoinHandle<()> {
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

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")
}

#[test]
fn a_connection_outlives_a_release_and_finds_the_routes_of_the_next() {
    let gateway = Gateway::start("old");
    let mut client = gateway.connect();
    assert_eq!(client.ask(&get("/echo")).body, "old");
    assert!(client.ask(&get("/new")).head.contains(" 404 "));
    gateway.publish("new", None);
    assert_eq!(client.ask(&get("/echo")).body, "new");
    assert_eq!(client.ask(&get("/new")).body, "new");
    assert!(client.ask(&get("/old")).head.contains(" 404 "));
}

#[test]
fn a_request_in_flight_is_answered_by_the_release_that_has_it() {
    let gateway = Gateway::start("old");
    let mut slow = gateway.connect();
    slow.send("POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\n at");
    gateway
        .begins
        .recv_timeout(CLIENT_MAX)
        .expect("a release has it");
    gateway.publish("new", None);
    assert_eq!(gateway.connect().ask(&get("/echo")).body, "new");
    // What it still sends reaches the old release too.
    slow.send(" it");
    gateway.release.cancel();
    assert_eq!(slow.answer().body, "old at it");
    assert_eq!(slow.ask(&get("/echo")).body, "new");
}

#[test]
fn a_client_keeps_its_side_by_the_cookie_it_is_given() {
    let gateway = Gateway::start("stable");
    let share = |per_10_000| Plan::Share {
        per_10_000,
        salt: 0,
        sticky: Sticky::Cookie,
    };
    gateway.publish("stable", Some(("candidate", share(5_000))));
    let mut client = gateway.connect();
    let first = client.ask(&get("/echo"));
    let cookie = first
        .head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .and_then(|cookie| cookie.split(';').next())
        .expect("a new client gets a cookie");
    let again = format!("GET /echo HTTP/1.1\r\nhost: a\r\ncookie: {cookie}\r\n\r\n");
    for _ in 0..3 {
        let answer = client.ask(&again);
        assert_eq!(answer.body, first.body);
        assert!(!answer.head.contains("set-cookie"), "{}", answer.head);
    }
    gateway.publish("stable", Some(("candidate", share(0))));
    assert_eq!(client.ask(&again).body, "stable");
    gateway.publish("stable", Some(("candidate", share(10_000))));
    assert_eq!(client.ask(&again).body, "candidate");
}

#[test]
fn bodies_that_say_how_long_they_are_are_mirrored_and_others_are_not() {
    let gateway = Gateway::start("same");
    let found = Arc::<Found>::default();
    let plan = Plan::Mirror {
        per_10_000: 10_000,
        found: Arc::clone(&found),
    };
    gateway.publish("same", Some(("same", plan)));
    let counts = || (found.same(), found.different(), found.skipped());
    let mut client = gateway.connect();
    let known = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n, b";
    assert_eq!(client.ask(known).body, "same, b");
    eventually(|| counts() == (1, 0, 0));
    let chunked =
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\n, b\r\n0\r\n\r\n";
    assert_eq!(client.ask(chunked).body, "same, b");
    eventually(|| counts() == (1, 0, 1));
    let refused = client.ask(&get("/nowhere"));
    assert!(refused.head.contains(" 404 "), "{}", refused.head);
    eventually(|| counts() == (2, 0, 1));
}
