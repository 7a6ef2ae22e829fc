//! What the probes of WASI 0.3 share: a call is a query, an answer is text or bytes.
#![cfg(target_family = "wasm")]

mod call;
mod refusal;

pub use call::Call;
pub use refusal::Refusal;

use stoa_sdk::http::Response;

/// A value, or that there is none.
pub fn value(value: Option<Vec<u8>>) -> Response {
    match value {
        Some(bytes) => Response::new(200).body(bytes),
        None => Response::new(404),
    }
}

/// A text.
pub fn text(text: impl ToString) -> Response {
    Response::text(200, text.to_string())
}

/// Lines of bytes.
pub fn lines(lines: impl IntoIterator<Item = Vec<u8>>) -> Response {
    let mut body = Vec::new();
    for line in lines {
        body.extend(line);
        body.push(b'\n');
    }
    Response::new(200).body(body)
}

/// That it is done.
pub fn done() -> Response {
    Response::new(204)
}
