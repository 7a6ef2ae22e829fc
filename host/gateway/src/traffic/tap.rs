//! What an answer is compared by, read while it passes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_lc_rs::digest::{self, Digest};
use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::oneshot;

use crate::rescue::Rescued;

/// How much of a body is compared. Two bodies that go on after it are alike if they are so far.
const COMPARED_BYTES_MAX: usize = 1024 * 1024;

/// An answer, as far as it is compared. Headers are not, but for the type of the content: they carry times and ids.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    content_type: Option<HeaderValue>,
    /// One more than is compared stands for anything longer.
    length: usize,
    digest: Digest,
}

impl Answer {
    pub(super) fn has_type_of(&self, other: &Self) -> bool {
        self.content_type == other.content_type
    }

    pub(super) fn has_body_of(&self, other: &Self) -> bool {
        self.length == other.length && self.digest() == other.digest()
    }

    fn digest(&self) -> &[u8] {
        self.digest.as_ref()
    }
}

/// An answer of which the head is there.
pub(super) struct Reading {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    length: usize,
    context: digest::Context,
}

impl Reading {
    pub(super) fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        Self {
            status,
            content_type: headers.get(header::CONTENT_TYPE).cloned(),
            length: 0,
            context: digest::Context::new(&digest::SHA256),
        }
    }

    pub(super) fn add(&mut self, data: &[u8]) {
        let room = COMPARED_BYTES_MAX.saturating_sub(self.length);
        self.context.update(data.get(..room).unwrap_or(data));
        self.length = self.length.saturating_add(data.len());
    }

    /// Whatever comes now is not compared.
    pub(super) fn is_full(&self) -> bool {
        self.length > COMPARED_BYTES_MAX
    }

    pub(super) fn end(self) -> Answer {
        Answer {
            status: self.status,
            content_type: self.content_type,
            length: self.length.min(COMPARED_BYTES_MAX + 1),
            digest: self.context.finish(),
        }
    }
}

/// Whether an answer has a body to compare. Of some, none is on its way to the client, whatever the service gave it; and
/// what we say ourselves of a failure says no more than its status.
pub(super) fn has_body(method: &Method, status: StatusCode, extensions: &Extensions) -> bool {
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    *method != Method::HEAD
        && !status.is_informational()
        && !bodiless.contains(&status)
        && extensions.get::<Rescued>().is_none()
}

/// Reads an answer as it passes, and tells of it when it has passed. Dropped before, it tells nothing.
pub(super) struct Tap {
    reading: Reading,
    /// How long the body says it is: whoever has sent so much does not ask for the end.
    expected: Option<u64>,
    passed: oneshot::Sender<Answer>,
}

impl Tap {
    fn has_all(&self) -> bool {
        let read = self.reading.length as u64;
        self.reading.is_full() || self.expected.is_some_and(|expected| read >= expected)
    }

    fn end(self) {
        // Whoever wanted to compare may have given up.
        drop(self.passed.send(self.reading.end()));
    }
}

/// The answer to a request of this method; it tells `passed` of itself.
pub(super) fn tapped<B: Body>(
    response: Response<B>,
    method: &Method,
    passed: oneshot::Sender<Answer>,
) -> Response<Tapped<B>> {
    let (status, headers, body) = (response.status(), response.headers(), response.body());
    let tap = Tap {
        reading: Reading::new(status, headers),
        expected: body.size_hint().exact().or_else(|| announced(headers)),
        passed,
    };
    let has_body = has_body(method, status, response.extensions());
    let ended = !has_body || body.is_end_stream() || tap.has_all();
    let tap = match ended {
        true => {
            tap.end();
            None
        }
        false => Some(Box::new(tap)),
    };
    response.map(|inner| Tapped { inner, tap })
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

pin_project! {
    /// An answer's body that may be read as it passes.
    pub(crate) struct Tapped<B> {
        #[pin]
        inner: B,
        tap: Option<Box<Tap>>,
    }
}

impl<B> Tapped<B> {
    /// Nobody reads it.
    pub(super) fn plain(inner: B) -> Self {
        Self { inner, tap: None }
    }
}

impl<B: Body<Data = Bytes>> Body for Tapped<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = ready!(this.inner.as_mut().poll_frame(cx));
        let Some(mut tap) = this.tap.take() else {
            return Poll::Ready(polled);
        };
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    tap.reading.add(data);
                }
                match tap.has_all() || this.inner.is_end_stream() {
                    true => tap.end(),
                    false => *this.tap = Some(tap),
                }
            }
            // What broke off is compared with nothing.
            Some(Err(_)) => {}
            None => tap.end(),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};
    use tokio::sync::oneshot::error::TryRecvError;

    fn read(bytes: &[u8]) -> Answer {
        let mut reading = Reading::new(StatusCode::OK, &HeaderMap::new());
        reading.add(bytes);
        reading.end()
    }

    /// A body that does not know its end until it is asked for it, or breaks off.
    struct Pieces {
        left: Vec<&'static str>,
        breaks: bool,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            Poll::Ready(match self.left.pop() {
                Some(piece) => Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes())))),
                None => self.breaks.then_some(Err("it broke")),
            })
        }
    }

    fn pieces(breaks: bool) -> Response<Pieces> {
        let left = vec!["lo", "hel"];
        Response::new(Pieces { left, breaks })
    }

    fn tap<B: Body>(
        response: Response<B>,
        method: &Method,
    ) -> (Response<Tapped<B>>, oneshot::Receiver<Answer>) {
        let (passed, passes) = oneshot::channel();
        (tapped(response, method, passed), passes)
    }

    #[tokio::test]
    async fn of_a_body_that_breaks_off_or_is_dropped_nothing_is_told() {
        let (response, mut passes) = tap(pieces(true), &Method::GET);
        assert!(response.into_body().collect().await.is_err());
        assert_eq!(passes.try_recv().map(drop), Err(TryRecvError::Closed));
        let (response, mut passes) = tap(pieces(false), &Method::GET);
        assert_eq!(passes.try_recv().map(drop), Err(TryRecvError::Empty));
        drop(response);
        assert_eq!(passes.try_recv().map(drop), Err(TryRecvError::Closed));
    }

    #[tokio::test]
    async fn an_answer_is_told_of_when_its_body_has_passed_unchanged() {
        let (response, passes) = tap(pieces(false), &Method::GET);
        let body = response.into_body().collect().await;
        assert_eq!(body.expect("it is all there").to_bytes(), "hello");
        let answer = passes.await.expect("it passed");
        assert!(answer.has_body_of(&read(b"hello")));
    }

    #[tokio::test]
    async fn whoever_has_all_that_was_announced_need_not_ask_for_the_end() {
        let mut announced = pieces(false);
        let length = HeaderValue::from_static("5");
        announced
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
        let (response, mut passes) = tap(announced, &Method::GET);
        let mut body = response.into_body();
        for _ in 0..2 {
            assert!(passes.try_recv().is_err(), "there is more");
            body.frame().await.expect("a piece").expect("is there");
        }
        assert!(passes.try_recv().is_ok());
        let (response, mut passes) = tap(Response::new(Full::<Bytes>::from("all")), &Method::GET);
        let mut body = response.into_body();
        body.frame().await.expect("a piece").expect("is there");
        assert!(passes.try_recv().is_ok(), "it is the last one");
    }

    #[tokio::test]
    async fn what_has_no_body_to_compare_has_passed_with_its_head() {
        let (_head, mut passes) = tap(pieces(false), &Method::HEAD);
        assert!(passes.try_recv().is_ok());
        let mut empty = pieces(false);
        *empty.status_mut() = StatusCode::NO_CONTENT;
        let (_empty, mut passes) = tap(empty, &Method::GET);
        assert!(passes.try_recv().is_ok());
        let mut rescued = pieces(false);
        rescued.extensions_mut().insert(Rescued);
        let (_rescued, mut passes) = tap(rescued, &Method::GET);
        assert!(passes.try_recv().is_ok());
        let nothing = Full::<Bytes>::default();
        let (_nothing, mut passes) = tap(Response::new(nothing), &Method::GET);
        assert!(passes.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_body_that_nobody_reads_passes_as_it_is() {
        let plain = Tapped::plain(Full::<Bytes>::from("as it is"));
        assert_eq!(plain.size_hint().exact(), Some(8));
        let Ok(body) = plain.collect().await;
        assert_eq!(body.to_bytes(), "as it is");
    }

    #[test]
    fn answers_differ_by_type_length_and_bytes() {
        assert!(!read(b"a").has_body_of(&read(b"b")));
        assert!(!read(b"a").has_body_of(&read(b"aa")));
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let typed = Reading::new(StatusCode::OK, &headers).end();
        assert!(!typed.has_type_of(&read(b"")));
        assert!(typed.has_body_of(&read(b"")));
    }

    #[test]
    fn bodies_are_alike_if_they_are_so_far() {
        let large = |last: &[u8]| {
            let mut reading = Reading::new(StatusCode::OK, &HeaderMap::new());
            reading.add(&vec![b'x'; COMPARED_BYTES_MAX]);
            assert!(!reading.is_full());
            reading.add(last);
            (reading.is_full(), reading.end())
        };
        let (full, longer) = large(b"y");
        assert!(full);
        assert!(
            longer.has_body_of(&large(b"zz").1),
            "beyond what is compared"
        );
        assert!(!longer.has_body_of(&large(b"").1));
    }
}
