//! The gateway as a client meets it, around a closure instead of components. One file per subject.

mod answers;
mod limits;
mod stopping;
mod versions;
mod waits;

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
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
