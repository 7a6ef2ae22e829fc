//! Why a job of a thread failed: by the call's own fault, or the machine's.

use std::io;

use tracing::error;

use crate::blobs::Error;

pub(super) enum Failure {
    Call(Error),
    Database(rusqlite::Error),
    Disk(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// What the machine said stays in the log; the guest learns that the store is unavailable.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Call(error) => error,
            Failure::Database(error) => {
                error!(%error, "the index of an embedded blob store failed");
                Self::Unavailable
            }
            Failure::Disk(error) => {
                error!(%error, "a file of an embedded blob store failed");
                Self::Unavailable
            }
        }
    }
}
