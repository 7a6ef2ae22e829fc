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
    /// Another request of the same instance trapped or overran it, or its revision was ended. 503, safe to retry where
    /// the method is.
    #[error("the instance was retired while it served the request")]
    Retired,
    /// The component answered with an error of `wasi:http`, or with nothing. 500.
    #[error("the component gave no valid answer")]
    NoAnswer,
    /// It used more processor time than the component's `cpu_ms_max`. 500.
    #[error("the request used too much processor time")]
    Overran,
    /// The answer is larger than the component's limits, by its announced length or its header fields. 500.
    #[error("the answer is too large")]
    AnswerTooLarge,
    /// The request's announced body is larger than the component's `request_body_bytes_max`. 413.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit.
        limit: u64,
    },
    /// As many requests wait as the component's `requests_queued_max`, or this one waited for `queue_ms_max`. 503.
    #[error("too many requests wait for the component")]
    Overloaded,
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
            Self::Overran => "overran",
            Self::AnswerTooLarge => "answer-too-large",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::Overloaded => "overloaded",
            Self::Malformed(_) => "malformed",
        }
    }
}
