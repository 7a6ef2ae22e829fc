//! Why a request got no answer of its component.

use std::time::Duration;

/// What happened before response headers were there. Whoever faces the client words it; details are in the log, under
/// component, revision and instance.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The wall-clock deadline passed. 504.
    #[error("no answer within {limit:?}")]
    Deadline {
        /// The component's `deadline_ms_max`.
        limit: Duration,
    },
    /// The instance trapped while it served only this request. 500.
    #[error("the component failed")]
    Trapped,
    /// Another request of the same instance trapped or overran it. 503, safe to retry where the method is.
    #[error("the instance was retired by another request")]
    Retired,
    /// The component answered with an error of `wasi:http`, or with nothing. 500.
    #[error("the component gave no valid answer")]
    NoAnswer,
    /// The component is at `requests_in_flight_max`. 503.
    #[error("too many requests in flight, at most {limit}")]
    Overloaded {
        /// The limit that was reached.
        limit: usize,
    },
    /// The request cannot be handed to a component at all, for example without a host. 400.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "deadline",
            Self::Trapped => "trapped",
            Self::Retired => "retired",
            Self::NoAnswer => "no-answer",
            Self::Overloaded { .. } => "overloaded",
            Self::Malformed(_) => "malformed",
        }
    }
}
