//! What is answered instead of a value.

use crate::bindings::exports::stoa::keyvalue::types::{Error, Failure};
use crate::bindings::wasi::keyvalue::store;

/// Spin has nothing that would do this as it is promised.
pub(crate) fn not_portable(what: &str) -> Error {
    other("not-portable", format!("{what} cannot be promised on Spin"))
}

/// The value was not written by this adapter.
pub(crate) fn foreign(key: &str) -> Error {
    other(
        "foreign-value",
        format!("the value of `{key}` was not written through this adapter and has no version"),
    )
}

/// The store is too large for what was asked.
pub(crate) fn too_many_keys(limit: usize) -> Error {
    other(
        "too-many-keys",
        format!("stores of more than {limit} keys cannot be listed on Spin"),
    )
}

fn other(code: &str, message: String) -> Error {
    Error::Other(Failure {
        code: code.to_owned(),
        message,
    })
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::AccessDenied => Self::Denied("the grant does not allow this".to_owned()),
            store::Error::NoSuchStore => Self::NoSuchStore,
            store::Error::Other(message) => {
                // It may tell of what stands behind the label: for the log, not for whoever asks.
                eprintln!("the key-value store failed: {message}");
                Self::Unavailable
            }
        }
    }
}
