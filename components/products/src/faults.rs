//! What clients are told when the store fails: whether to come again, and nothing about the inside.

use stoa_sdk::documents::Error;
use stoa_sdk::http::{BodyError, Problem};

/// A failure of the store. The detail goes to the log.
pub(crate) fn store(error: &Error) -> Problem {
    eprintln!("products: store failed: {error}");
    match error {
        Error::Deadline | Error::Unavailable | Error::Quota(_) => busy(),
        _ => Problem::new(500),
    }
}

/// Worth another try soon.
pub(crate) fn busy() -> Problem {
    Problem::new(503).header("retry-after", "1")
}

/// Notes in the log that a stored document is no product: somebody else wrote into our collection.
pub(crate) fn note_unreadable(id: &str, error: &serde_json::Error) {
    eprintln!("products: document {id} is no product: {error}");
}

/// A request body that cannot be read.
pub(crate) fn body(error: &BodyError) -> Problem {
    let status = match error {
        BodyError::Broken(_) => 400,
        BodyError::TooLarge { .. } => 413,
    };
    Problem::new(status).detail(error.to_string())
}
