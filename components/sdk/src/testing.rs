//! Calls a service without a host: requests are made here, stores and bodies live in memory.
//!
//! ```
//! use stoa_sdk::http::{Request, Response};
//! use stoa_sdk::testing::Call;
//!
//! async fn greet(request: Request) -> Response {
//!     Response::text(200, request.query_value("name").unwrap_or("nobody"))
//! }
//!
//! let answer = Call::get("/?name=Zeno").send(greet);
//! assert_eq!((answer.status, answer.text()), (200, "Zeno"));
//! ```

mod blobs;
mod documents;
#[cfg(feature = "sql-testing")]
mod sql;

pub use blobs::{Blobs, blobs};
pub use documents::{Documents, documents};
#[cfg(feature = "sql-testing")]
pub use sql::{Database, database};

use crate::clock::{self, Timestamp};
use crate::http::{Body, Content, Method, Request, Response, Sink, Source, Writer, respond};
use crate::keyvalue::{Error, Store};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A request to be made.
pub struct Call {
    method: Method,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    chunks: Vec<Vec<u8>>,
    breaks_off: bool,
}

/// What a service answered, with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Call {
    /// A request of any method. `target` is the path with the query.
    pub fn new(method: Method, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            headers: Vec::new(),
            chunks: Vec::new(),
            breaks_off: false,
        }
    }

    /// A `GET`.
    pub fn get(target: &str) -> Self {
        Self::new(Method::Get, target)
    }

    /// A `POST` of one chunk.
    pub fn post(target: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(Method::Post, target)
            .header("content-type", content_type)
            .chunk(body)
    }

    /// Adds a header. Its value may be any bytes, as on the wire.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds a chunk to the body. An empty one is left out, as no host ever hands one over.
    #[must_use]
    pub fn chunk(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.chunks.push(bytes);
        }
        self
    }

    /// Lets the body fail after its last chunk, as when the client goes away.
    #[must_use]
    pub fn breaking_off(mut self) -> Self {
        self.breaks_off = true;
        self
    }

    /// Makes the request and runs the answer to its end.
    pub fn send<H, F>(self, handler: H) -> Answer
    where
        H: FnOnce(Request) -> F,
        F: Future<Output = Response>,
    {
        let source = Source::new(self.chunks);
        let source = if self.breaks_off {
            source.breaking_off()
        } else {
            source
        };
        let request = Request::new(
            self.method,
            &self.target,
            self.headers,
            Body::from_source(source),
        );
        let response = block_on(respond(request, handler));
        Answer {
            status: response.status,
            headers: response.headers,
            body: written(response.content),
        }
    }
}

fn written(content: Content) -> Vec<u8> {
    match content {
        Content::Empty => Vec::new(),
        Content::Bytes(bytes) => bytes,
        Content::Streamed(produce) => {
            let sink = Sink::default();
            block_on(produce(Writer::new(sink.clone())));
            sink.into_written()
        }
    }
}

impl Answer {
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// Runs a future of the SDK. In memory nothing ever waits, so that one poll must do.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a service under test waited for something that is not the SDK's"),
    }
}

/// Stops the clock of this test at a moment. Set again, it goes on to the next.
///
/// ```
/// use stoa_sdk::clock::{self, Timestamp};
///
/// stoa_sdk::testing::set_clock(Timestamp::from_unix_ms(1_000));
/// assert_eq!(clock::now().unix_ms(), 1_000);
/// ```
pub fn set_clock(now: Timestamp) {
    clock::stop(now);
}

/// Gives a variable of the service under test its value.
pub fn set_variable(name: &str, value: &str) {
    crate::variables::memory::set(name, value);
}

/// Answers the next `apply` on the store of this label with an error. Several queue up.
pub fn refuse(label: &str, error: Error) {
    store(label).refuse(error);
}

/// How many times something was applied to the store of this label.
pub fn applied(label: &str) -> u64 {
    store(label).applied()
}

fn store(label: &str) -> Store {
    Store::open(label).expect("in memory every label is granted")
}
