//! A response, built from its status, headers and body.

use super::{Problem, Writer};
use serde::Serialize;
use std::pin::Pin;

/// A response. Start with [`Response::new`], [`Response::json`] or [`Response::stream`] and add to it.
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Content,
}

/// What follows the head.
pub(crate) enum Content {
    Empty,
    Bytes(Vec<u8>),
    Streamed(Produce),
}

/// What writes a streamed body.
pub(crate) type Produce = Box<dyn FnOnce(Writer) -> Pin<Box<dyn Future<Output = ()>>>>;

impl Response {
    /// A response without a body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Empty,
        }
    }

    /// A response in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status)
            .header("content-type", "text/plain; charset=utf-8")
            .body(text.into())
    }

    /// A value as JSON. One that JSON cannot express is answered as a fault of the service.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::new(status)
                .header("content-type", "application/json")
                .body(bytes),
            Err(error) => {
                eprintln!("answer is not expressible in JSON: {error}");
                Problem::new(500).into()
            }
        }
    }

    /// A body that is written while it is sent. The head leaves first; `produce` runs until it is done or, once the
    /// client is gone, until its next write is refused.
    ///
    /// ```
    /// # use stoa_sdk::http::Response;
    /// let countdown = Response::stream(200, |mut writer| async move {
    ///     for left in (0..3).rev() {
    ///         if writer.write(format!("{left}\n").into_bytes()).await.is_err() {
    ///             return;
    ///         }
    ///     }
    /// });
    /// ```
    pub fn stream<P, F>(status: u16, produce: P) -> Self
    where
        P: FnOnce(Writer) -> F + 'static,
        F: Future<Output = ()> + 'static,
    {
        let produce: Produce = Box::new(move |writer| Box::pin(produce(writer)));
        Self {
            status,
            headers: Vec::new(),
            content: Content::Streamed(produce),
        }
    }

    /// Adds a header, beside those of the same name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body. Its length is sent along.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.content = Content::Bytes(bytes.into());
        self
    }

    /// Adds the `content-length` of a body whose length is known.
    pub(crate) fn with_length(self) -> Self {
        let length = match &self.content {
            Content::Bytes(bytes) => bytes.len(),
            Content::Empty => 0,
            Content::Streamed(_) => return self,
        };
        // Of these, HTTP says that they have no body and no length.
        if matches!(self.status, 100..=199 | 204 | 304) || self.has_header("content-length") {
            return self;
        }
        self.header("content-length", length.to_string())
    }

    pub(crate) fn without_body(mut self) -> Self {
        self.content = Content::Empty;
        self
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(name))
    }
}
