//! A response, piece by piece.

use crate::bindings::wasi::http::types::{
    Fields, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::bindings::wasi::io::streams::OutputStream;

/// What `blocking-write-and-flush` takes at most.
const WRITE_BYTES_MAX: usize = 4096;

/// A response whose head was sent.
pub(crate) struct Answer {
    body: OutgoingBody,
    stream: OutputStream,
}

impl Answer {
    /// Sends a whole response.
    pub(crate) fn text(out: ResponseOutparam, status: u16, text: &str) {
        let answer = Self::start(out, status);
        answer.write(text.as_bytes());
        answer.finish();
    }

    /// Sends the head.
    pub(crate) fn start(out: ResponseOutparam, status: u16) -> Self {
        let headers = Fields::from_list(&[("content-type".to_owned(), b"text/plain".to_vec())]);
        let response = OutgoingResponse::new(headers.expect("the headers are well formed"));
        response.set_status_code(status).expect("the status is one");
        let body = response.body().expect("nobody has taken the body");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("nobody has taken the stream");
        Self { body, stream }
    }

    /// Sends bytes and waits until the host has taken them; `false` when the client has left.
    pub(crate) fn write(&self, bytes: &[u8]) -> bool {
        bytes
            .chunks(WRITE_BYTES_MAX)
            .all(|chunk| self.stream.blocking_write_and_flush(chunk).is_ok())
    }

    /// Ends the body.
    pub(crate) fn finish(self) {
        let Self { body, stream } = self;
        drop(stream);
        OutgoingBody::finish(body, None).ok();
    }
}
