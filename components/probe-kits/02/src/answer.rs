//! What a request is answered with.

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// What `blocking-write-and-flush` takes at most.
const WRITE_BYTES_MAX: usize = 4096;

/// A response.
pub struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// A value, or that there is none.
    pub fn value(value: Option<Vec<u8>>) -> Self {
        match value {
            Some(body) => Self { status: 200, body },
            None => Self {
                status: 404,
                body: Vec::new(),
            },
        }
    }

    pub fn text(text: impl ToString) -> Self {
        Self {
            status: 200,
            body: text.to_string().into_bytes(),
        }
    }

    pub fn lines(lines: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut body = Vec::new();
        for line in lines {
            body.extend(line);
            body.push(b'\n');
        }
        Self { status: 200, body }
    }

    pub fn done() -> Self {
        Self {
            status: 204,
            body: Vec::new(),
        }
    }

    /// The probe does not understand the request.
    pub fn bad(message: String) -> Self {
        Self {
            status: 400,
            body: message.into_bytes(),
        }
    }

    /// The store says that there is no right to this.
    pub fn forbidden(variant: &str, message: &str) -> Self {
        Self {
            status: 403,
            body: format!("{variant}: {message}").into_bytes(),
        }
    }

    /// The store says anything else.
    pub fn failed(variant: &str, message: &str) -> Self {
        Self {
            status: 500,
            body: format!("{variant}: {message}").into_bytes(),
        }
    }

    pub fn send(self, out: ResponseOutparam) {
        let response = OutgoingResponse::new(Fields::new());
        response
            .set_status_code(self.status)
            .expect("the status is one");
        let body = response.body().expect("nobody has taken the body");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("nobody has taken the stream");
        for chunk in self.body.chunks(WRITE_BYTES_MAX) {
            // It fails only when the client has left.
            stream.blocking_write_and_flush(chunk).ok();
        }
        drop(stream);
        OutgoingBody::finish(body, None).ok();
    }
}

/// The line of one key in the answer to `many`.
pub fn line(key: &str, value: Option<Vec<u8>>) -> Vec<u8> {
    let mut line = key.as_bytes().to_vec();
    if let Some(value) = value {
        line.push(b'=');
        line.extend(value);
    }
    line
}
