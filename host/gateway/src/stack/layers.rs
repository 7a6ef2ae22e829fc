//! What each layer of the stack costs a request: the stack is built anew with one layer more each time, from the inside
//! out, around an inner service that answers at once. Printed, not judged; `cargo xtask bench` asks for more requests.
//!
//! Nothing waits, so that what is timed is the layers' own work: without sockets, hyper and the kernel. No recorder of
//! metrics is installed, as on a host that exports none. Stacks that begin inside of the router find what it would say in
//! the request already; to put it there is some ten nanoseconds that the router's own line lacks.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::uri::Scheme;
use http::{StatusCode, header};
use stoa_manifest::text::Source;

use super::*;
use crate::connection::Connected;
use crate::router::Matched;
use crate::traffic::{Front, Lane, Snapshot, Tapped};

/// Rounds in which all stacks take their turn; of each stack the median counts.
const ROUNDS: usize = 9;
const HOST: &str = "shop.example";

/// Requests of a round: few, so that this is a test like any other.
fn requests() -> u32 {
    let set = std::env::var("STOA_LAYER_REQUESTS");
    set.map_or(100, |set| set.parse().expect("a number"))
}

type Answered<E> = Ready<Result<Response<Full<Bytes>>, E>>;

fn inner<E>(_: Request<RequestBody>) -> Answered<E> {
    ready(Ok(Response::new(Full::new(Bytes::from_static(b"ok")))))
}

/// A stack that is asked so many times and tells how long that took.
struct Timed {
    name: &'static str,
    ask: Box<dyn Fn(u32) -> Duration>,
    times: Vec<Duration>,
}

impl Timed {
    /// `matched` is what the router would say: stacks that begin inside of it are told in the request.
    fn new<S, B>(name: &'static str, matched: Option<&Matched>, stack: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error: Debug> + Clone + 'static,
    {
        let matched = matched.cloned();
        let ask = move |count: u32| {
            let start = Instant::now();
            for _ in 0..count {
                let status = answered(stack.clone(), request(matched.as_ref()));
                assert_eq!(status, StatusCode::OK);
            }
            start.elapsed()
        };
        Self {
            name,
            ask: Box::new(ask),
            times: Vec::new(),
        }
    }

    fn median(&mut self) -> f64 {
        self.times.sort_unstable();
        let median = self.times[self.times.len() / 2];
        median.as_nanos() as f64 / f64::from(requests())
    }
}

/// A request as clients send them.
fn request(matched: Option<&Matched>) -> Request<RequestBody> {
    let mut request = Request::get("/v1/products/7?fields=name")
        .header(header::HOST, HOST)
        .header(header::USER_AGENT, "layers")
        .header(header::ACCEPT, "*/*")
        .body(RequestBody::from(Bytes::new()))
        .expect("it is a request");
    let peer = ([127, 0, 0, 1], 4711).into();
    let connected = Connected::new(Scheme::HTTP, peer);
    request.extensions_mut().insert(connected);
    if let Some(matched) = matched {
        request.extensions_mut().insert(matched.clone());
    }
    request
}

/// The status of the answer, which nothing waits for.
fn answered<S, B>(mut stack: S, request: Request<RequestBody>) -> StatusCode
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Debug>,
{
    let mut cx = Context::from_waker(Waker::noop());
    let ready = stack.poll_ready(&mut cx);
    assert!(matches!(ready, Poll::Ready(Ok(()))), "it is ready");
    let answer = pin!(stack.call(request));
    match answer.poll(&mut cx) {
        Poll::Ready(answer) => answer.expect("it answers").status(),
        Poll::Pending => panic!("nothing waits"),
    }
}

fn app() -> App {
    let text = "spin_manifest_version = 2\n[application]\nname = \"shop\"\n\
                [[trigger.http]]\nroute = \"/v1/products/...\"\ncomponent = \"products\"\n\
                [[trigger.http]]\nroute = \"/v1/orders/:id\"\ncomponent = \"products\"\n\
                [component.products]\nsource = \"products.wasm\"\n";
    stoa_manifest::parse(&Source::new("spin.toml", text), None).expect("the manifest is valid")
}

/// What the router says of the request.
fn matched(routes: &Routes) -> Matched {
    let (sender, receiver) = mpsc::channel();
    let seeing = tower::service_fn(move |request: Request<RequestBody>| {
        let matched = request.extensions().get::<Matched>().cloned();
        sender.send(matched).expect("somebody waits");
        inner::<rescue::Rejection>(request)
    });
    let stack = ServiceBuilder::new()
        .layer(router::layer(routes.clone()))
        .service(seeing);
    answered(stack, request(None));
    let matched = receiver.recv().expect("it was called");
    matched.expect("a route answers")
}

/// The stacks, from the inner service alone to what a core has, each with one layer more than the one before.
fn stacks() -> Vec<Timed> {
    let limits = Limits::default();
    let (app, shared) = (app(), Shared::new(&limits));
    let routed = Routed::new(&app);
    let known = matched(&routed.routes);
    let around = ServiceBuilder::new;
    let answering = tower::service_fn(inner::<Failure>);
    let headers = around()
        .layer(filters::spin_headers::layer())
        .service(answering);
    let body = around()
        .layer(filters::body_limit::layer(shared.request_body_bytes_max))
        .service(headers.clone());
    let router = around()
        .layer(router::layer(routed.routes.clone()))
        .service(body.clone());
    let presigned = around()
        .layer(presigned::layer(answering))
        .service(router.clone());
    let count = around()
        .layer(filters::header_count::layer(shared.request_headers_max))
        .service(presigned.clone());
    let in_flight = around()
        .layer(filters::in_flight::layer(
            &shared.in_flight,
            shared.requests_in_flight_max,
        ))
        .service(count.clone());
    let well_known = around()
        .layer(filters::well_known::layer(routed.info.clone()))
        .service(in_flight.clone());
    let rescue = around().layer(rescue::layer()).service(well_known.clone());
    let log = around()
        .layer(filters::access_log::layer())
        .service(rescue.clone());
    let public = stack(&shared, &routed, answering);
    vec![
        Timed::new("request-and-answer", Some(&known), answering),
        Timed::new("spin-headers", Some(&known), headers),
        Timed::new("body-limit", Some(&known), body),
        Timed::new("router", None, router),
        Timed::new("presigned", None, presigned),
        Timed::new("header-count", None, count),
        Timed::new("in-flight", None, in_flight),
        Timed::new("well-known", None, well_known),
        Timed::new("rescue", None, rescue),
        Timed::new("access-log", None, log),
        Timed::new("boxing", None, public.clone()),
        Timed::new("traffic", None, tower::service_fn(front(public))),
    ]
}

/// The choice between releases, in front of the whole stack, as a core has it.
fn front(public: Public<Full<Bytes>>) -> impl Fn(Request<RequestBody>) -> Chosen + Clone + 'static {
    let stable = Lane {
        cores: vec![public],
        observed: Arc::default(),
    };
    let front = Front::new(Snapshot {
        stable,
        candidate: None,
    });
    let core = front.on_core(0);
    move |request: Request<RequestBody>| -> Chosen {
        let core = core.clone();
        // Boxed only to have a name here: a core polls it where it is.
        Box::pin(async move { Ok(core.answer(request).await) })
    }
}

type Chosen =
    Pin<Box<dyn Future<Output = Result<Response<Tapped<PublicBody<Full<Bytes>>>>, Infallible>>>>;

#[test]
fn every_layer_answers_and_is_timed() {
    let (mut stacks, requests) = (stacks(), requests());
    for _ in 0..ROUNDS {
        for stack in &mut stacks {
            let time = (stack.ask)(requests);
            stack.times.push(time);
        }
    }
    let mut before = 0.0;
    for stack in &mut stacks {
        let nanoseconds = stack.median();
        println!("layer gateway {} {:.0}", stack.name, nanoseconds - before);
        before = nanoseconds;
    }
}
