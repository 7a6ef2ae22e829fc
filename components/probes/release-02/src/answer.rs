//! A response of WASI 0.2, piece by piece.

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::OutputStream;

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
        let answer = Self::start(out, status, "text/plain", Some(text.len()));
        answer.write(text.as_bytes());
        answer.finish();
    }

    /// Sends the head.
    pub(crate) fn start(
        out: ResponseOutparam,
        status: u16,
        content_type: &str,
        length: Option<usize>,
    ) -> Self {
        let mut headers = vec![("content-type".to_owned(), content_type.as_bytes().to_vec())];
        if let Some(length) = length {
            headers.push(("content-length".to_owned(), length.to_string().into_bytes()));
        }
        let headers = Fields::from_list(&headers).expect("the headers are well formed");
        let response = OutgoingResponse::new(headers);
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

    /// Ends the body. The host may refuse that, if it is shorter than was promised.
    pub(crate) fn finish(self) {
        let Self { body, stream } = self;
        drop(stream);
        OutgoingBody::finish(body, None).ok();
    }
}
