//! How a revision leaves: what it has finishes while it drains, what is left at its end is cut off, and then it is gone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::channel::mpsc::{self, UnboundedSender};
use http::Method;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use stoa_runtime::{Error, RequestBodyError, ResponseBody, ResponseBodyError, Revision};

use crate::fixture::{Fixture, Service};

const BOTH: [&str; 2] = ["behaviour-02", "behaviour-03"];
/// Instances that idle are kept for twice as long where nothing drains.
const SOON: Duration = Duration::from_secs(5);
const EVENTS: &str = "/echo?type=text/event-stream";

fn served(fixture: &Fixture, probe: &str, limits: &str) -> (Arc<Revision>, Service) {
    let manifest = format!("[component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n");
    let revision = fixture
        .prepare(probe, &manifest)
        .unwrap_or_else(|error| panic!("{probe}: {error}"));
    let guest = fixture.serve_revision(&revision);
    (revision, guest)
}

async fn soon<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    let awaited = tokio::time::timeout(SOON, awaited).await;
    awaited.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"))
}

/// Lets everything else on this core go on for a while.
async fn yields() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_idle_instance_holds_its_revision_until_the_drain_begins() {
    let fixture = Fixture::new();
    let (revision, guest) = served(&fixture, "behaviour-03", "");
    assert_eq!(guest.get("/ok").await.expect("it answers").status, 200);
    let (mut gone, held) = (Box::pin(revision.gone()), Arc::downgrade(&revision));
    drop((revision, guest));
    yields().await;
    assert!(gone.as_mut().now_or_never().is_none());
    let revision = held.upgrade().expect("the instance holds it");
    revision.drain();
    revision.drain();
    drop(revision);
    soon("it is gone", gone).await;
}

#[tokio::test]
async fn idle_instances_that_have_one_request_at_a_time_go_with_their_handler_and_when_the_drain_begins()
 {
    let fixture = Fixture::with_instances(1);
    let other = fixture.serve("hello-02", "");
    let limits = "requests_per_instance_max = 10";
    let (revision, guest) = served(&fixture, "behaviour-02", limits);
    let count = async || {
        let answer = guest.get("/count").await.expect("it answers");
        answer.text().trim().to_owned()
    };
    assert_eq!((count().await, count().await), ("1".into(), "2".into()));
    revision.drain();
    yields().await;
    assert_eq!(count().await, "1", "the one that idled is gone");
    assert_eq!(count().await, "1", "and none is kept any more");
    let gone = revision.gone();
    drop((revision, guest));
    soon("it is gone", gone).await;
    let (revision, guest) = served(&fixture, "behaviour-02", limits);
    assert_eq!(guest.get("/ok").await.expect("it answers").status, 200);
    let gone = revision.gone();
    drop((revision, guest));
    soon("it is gone", gone).await;
    assert_eq!(other.get("/").await.expect("there is room").status, 200);
}

#[tokio::test]
async fn what_is_at_work_when_the_drain_begins_finishes_and_goes() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let (revision, guest) = served(&fixture, probe, "");
        let streaming = guest.head("/stream?count=5&delay-ms=20").await;
        let body = streaming.expect("it begins").into_body();
        let computing = {
            let guest = guest.clone();
            tokio::spawn(async move { guest.get("/compute?rounds=10000000").await })
        };
        yields().await;
        revision.drain();
        let gone = revision.gone();
        drop((revision, guest));
        let streamed = body.collect().await.expect("it is complete").to_bytes();
        assert!(streamed.ends_with(b"tick 5\n"), "{probe}: {streamed:?}");
        let computed = computing.await.expect("no panic").expect("it is answered");
        assert_eq!(computed.status, 200, "{probe}");
        soon(probe, gone).await;
    }
}

#[tokio::test]
async fn who_waits_for_a_place_is_served_while_it_drains_and_so_is_who_comes_later() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let limits = "requests_in_flight_max = 1, queue_ms_max = 60_000";
        let (revision, guest) = served(&fixture, probe, limits);
        let first = guest.head("/stream?count=5&delay-ms=20").await;
        let mut second = Box::pin(guest.get("/ok"));
        assert!(futures::poll!(second.as_mut()).is_pending(), "{probe}");
        revision.drain();
        let first = first.expect("it begins").into_body().collect().await;
        first.expect("the first is complete");
        assert_eq!(second.await.expect("its turn comes").status, 200, "{probe}");
        let third = guest.get("/ok").await;
        assert_eq!(third.expect("it is served").status, 200, "{probe}");
        let gone = revision.gone();
        drop((revision, guest));
        soon(probe, gone).await;
    }
}

#[tokio::test]
async fn who_waits_for_an_instance_is_served_while_it_drains() {
    let fixture = Fixture::with_instances(1);
    let neighbour = fixture.serve("behaviour-02", "");
    for probe in BOTH {
        let (revision, guest) = served(&fixture, probe, "queue_ms_max = 60_000");
        let streaming = neighbour.head("/stream?count=5&delay-ms=20").await;
        let waiting = tokio::spawn(async move { guest.get("/ok").await });
        yields().await;
        revision.drain();
        assert!(!waiting.is_finished(), "{probe}: there is no room");
        let streaming = streaming.expect("it begins").into_body().collect().await;
        streaming.expect("the neighbour is done");
        let waited = waiting.await.expect("no panic");
        assert_eq!(waited.expect("there is room").status, 200, "{probe}");
        let gone = revision.gone();
        drop(revision);
        soon(probe, gone).await;
    }
}

#[tokio::test]
async fn a_request_that_was_given_to_an_idle_instance_is_served_when_that_leaves() {
    let fixture = Fixture::new();
    let (revision, guest) = served(&fixture, "behaviour-03", "");
    assert_eq!(guest.get("/ok").await.expect("it answers").status, 200);
    yields().await;
    let mut next = Box::pin(guest.get("/ok"));
    assert!(futures::poll!(next.as_mut()).is_pending());
    revision.drain();
    assert_eq!(next.await.expect("it answers").status, 200);
}

/// An event stream whose bytes the test sends.
struct Stream {
    sender: UnboundedSender<Result<Frame<Bytes>, RequestBodyError>>,
    body: ResponseBody,
}

impl Stream {
    async fn begin(guest: &Service, path: &str) -> Self {
        let (sender, receiver) = mpsc::unbounded();
        let response = guest.send(Method::POST, path, StreamBody::new(receiver));
        let body = response.await.expect("it begins").into_body();
        Self { sender, body }
    }

    /// Has the guest send this, and reads what arrives of it.
    async fn pass(&mut self, text: &'static str, arrives: &str) {
        let frame = Frame::data(Bytes::from_static(text.as_bytes()));
        self.sender
            .unbounded_send(Ok(frame))
            .expect("the guest reads on");
        let mut seen = Vec::new();
        while seen.len() < arrives.len() {
            let frame = soon(text, self.body.frame()).await;
            let frame = frame.expect("it goes on").expect("it is not broken");
            seen.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        assert_eq!(String::from_utf8_lossy(&seen), arrives);
    }

    fn waits(&mut self) -> bool {
        self.body.frame().now_or_never().is_none()
    }
}

#[tokio::test]
async fn an_event_stream_that_waits_between_two_events_ends_well_when_the_drain_begins() {
    let fixture = Fixture::new();
    for probe in BOTH {
        for sent in ["data: 1\n\n", "data: 1\r\n\r\n"] {
            let (revision, guest) = served(&fixture, probe, "");
            let mut stream = Stream::begin(&guest, EVENTS).await;
            stream.pass(sent, sent).await;
            let Stream { sender, body } = stream;
            let reading = tokio::spawn(body.collect());
            yields().await;
            assert!(!reading.is_finished(), "{probe} {sent:?}");
            revision.drain();
            let rest = soon(probe, reading).await.expect("no panic");
            let rest = rest.unwrap_or_else(|error| panic!("{probe} {sent:?}: {error}"));
            assert_eq!(rest.to_bytes(), "", "{probe} {sent:?}");
            // The guest waits for more of the request; that ends too.
            let gone = revision.gone();
            drop((revision, guest));
            soon(probe, gone).await;
            drop(sender);
        }
    }
}

#[tokio::test]
async fn an_event_stream_without_an_event_drains_until_its_first_one() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let (revision, guest) = served(&fixture, probe, "");
        let mut stream = Stream::begin(&guest, EVENTS).await;
        revision.drain();
        assert!(stream.waits(), "{probe}");
        stream.pass("data: 1\n\ndata: 2", "data: 1\n\n").await;
        assert!(stream.body.frame().await.is_none(), "{probe}");
    }
}

#[tokio::test]
async fn an_event_stream_without_an_event_ends_well_at_the_end() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let (revision, guest) = served(&fixture, probe, "");
        let Stream { sender, body } = Stream::begin(&guest, EVENTS).await;
        let reading = tokio::spawn(body.collect());
        revision.drain();
        yields().await;
        assert!(!reading.is_finished(), "{probe}");
        revision.end();
        let rest = soon(probe, reading).await.expect("no panic");
        let rest = rest.unwrap_or_else(|error| panic!("{probe}: {error}"));
        assert_eq!(rest.to_bytes(), "", "{probe}");
        drop(sender);
    }
}

#[tokio::test]
async fn an_event_stream_that_drains_within_an_event_sends_the_rest_of_it_and_no_more() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let (revision, guest) = served(&fixture, probe, "");
        let mut stream = Stream::begin(&guest, EVENTS).await;
        stream
            .pass("data: 1\n\ndata: 2\n", "data: 1\n\ndata: 2\n")
            .await;
        revision.drain();
        assert!(stream.waits(), "{probe}");
        stream.pass("data: more\n", "data: more\n").await;
        stream.pass("\ndata: 3\n\ndata: 4", "\ndata: 3\n\n").await;
        assert!(stream.body.is_end_stream(), "{probe}");
        assert!(stream.body.frame().await.is_none(), "{probe}");
        let gone = revision.gone();
        drop((revision, guest));
        soon(probe, gone).await;
    }
}

#[tokio::test]
async fn a_stream_that_announced_its_length_and_one_that_has_no_events_go_on_while_it_drains() {
    let fixture = Fixture::new();
    let event = "data: 1\n\n";
    for probe in BOTH {
        for path in ["/echo?type=text/event-stream&length=18", "/echo"] {
            let (revision, guest) = served(&fixture, probe, "");
            let mut stream = Stream::begin(&guest, path).await;
            stream.pass(event, event).await;
            revision.drain();
            assert!(stream.waits(), "{probe} {path}");
            stream.pass(event, event).await;
            let Stream { sender, body } = stream;
            drop(sender);
            let rest = soon(path, body.collect()).await;
            let rest = rest.unwrap_or_else(|error| panic!("{probe} {path}: {error}"));
            assert_eq!(rest.to_bytes(), "", "{probe} {path}");
        }
    }
}

#[tokio::test]
async fn an_event_stream_within_an_event_breaks_off_at_the_end() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let (revision, guest) = served(&fixture, probe, "");
        let mut stream = Stream::begin(&guest, EVENTS).await;
        stream.pass("data: 1\n", "data: 1\n").await;
        let Stream { sender, body } = stream;
        let reading = tokio::spawn(body.collect());
        revision.drain();
        yields().await;
        assert!(!reading.is_finished(), "{probe}");
        revision.end();
        let broken = soon(probe, reading).await.expect("no panic");
        assert!(
            matches!(broken, Err(ResponseBodyError::Unfinished)),
            "{probe}: {broken:?}"
        );
        drop(sender);
    }
}

#[tokio::test]
async fn the_end_cuts_off_what_is_left_and_holds_for_no_client() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let limits = "requests_in_flight_max = 2, queue_ms_max = 60_000";
        let (revision, guest) = served(&fixture, probe, limits);
        // A client that takes nothing of its answer.
        let streaming = guest.head("/stream?count=100000&delay-ms=5").await;
        let mut unread = streaming.expect("it begins").into_body();
        let ask = |path: &'static str| {
            let guest = guest.clone();
            tokio::spawn(async move { guest.get(path).await })
        };
        let (waiting, queued) = (ask("/never"), ask("/ok"));
        yields().await;
        revision.drain();
        yields().await;
        assert!(!waiting.is_finished() && !queued.is_finished(), "{probe}");
        revision.end();
        revision.end();
        for cut in [waiting, queued] {
            let cut = soon(probe, cut).await.expect("no panic");
            assert!(matches!(cut, Err(Error::Retired)), "{probe}: {cut:?}");
        }
        let late = guest.get("/ok").await;
        assert!(matches!(late, Err(Error::Retired)), "{probe}: {late:?}");
        let gone = revision.gone();
        drop((revision, guest));
        soon(probe, gone).await;
        let broken = unread.frame().await;
        assert!(
            matches!(broken, Some(Err(ResponseBodyError::Unfinished))),
            "{probe}"
        );
    }
}

#[tokio::test]
async fn the_end_stops_an_instance_that_computes_and_the_wait_for_one() {
    let fixture = Fixture::with_instances(1);
    for probe in BOTH {
        let (computes, guest) = served(&fixture, probe, "cpu_ms_max = 30_000");
        let (waits, neighbour) = served(&fixture, "hello-02", "");
        let looping = tokio::spawn(async move { guest.get("/loop").await });
        yields().await;
        let waiting = tokio::spawn(async move { neighbour.get("/").await });
        yields().await;
        for (revision, cut) in [(waits, waiting), (computes, looping)] {
            assert!(!cut.is_finished(), "{probe}");
            revision.end();
            let cut = soon(probe, cut).await.expect("no panic");
            assert!(matches!(cut, Err(Error::Retired)), "{probe}: {cut:?}");
            let gone = revision.gone();
            drop(revision);
            soon(probe, gone).await;
        }
    }
}
