//! A look at a revision before it serves: does a fresh instance start, and does it answer what it is asked?

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use tokio::time::timeout;
use tracing::warn;

use crate::body::{RequestBodyError, ResponseBody, ResponseBodyError};
use crate::error::Error;
use crate::handler::{Core, Handler};
use crate::revision::Revision;

/// Instances that are probed at once on a host, over all revisions. There is always room for them beside those that serve.
pub(crate) const SPARE_INSTANCES_MAX: u32 = 2;
/// An instance has so long for its answer, or its component's `deadline_ms_max` where that is less.
const PROBE_MAX: Duration = Duration::from_secs(5);
/// How long a probe waits for others to be done.
const TURN_MAX: Duration = Duration::from_secs(60);
/// How long a probe waits for its own instance to be gone. It is told to end, so that it takes an epoch at most.
const LEFT_MAX: Duration = Duration::from_secs(1);
/// Of a longer answer no more is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const USER_AGENT: &str = "stoa-probe";

/// Why a revision did not pass.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It cannot be asked for that.
    #[error("`{0}` is not a path that an instance can be asked for")]
    Path(String),
    /// It serves no HTTP.
    #[error("it has no HTTP trigger, so that no instance can be asked for `{0}`")]
    NoHttp(String),
    /// Its start code traps, or it does not fit its limits.
    #[error("no instance could be made: {0}")]
    Start(String),
    /// It answered that something is wrong, or that there is no such path.
    #[error("a fresh instance answered `GET {path}` with {status}, and only 2xx passes")]
    Status {
        /// What it was asked for.
        path: String,
        /// What it answered.
        status: StatusCode,
    },
    /// It trapped. What it printed, and where it was, are in the log.
    #[error("a fresh instance trapped when it was asked `GET {path}`; the log says where")]
    Trapped {
        /// What it was asked for.
        path: String,
    },
    /// It gave no answer for another reason.
    #[error("a fresh instance gave no answer to `GET {path}`: {error}")]
    NoAnswer {
        /// What it was asked for.
        path: String,
        /// Why.
        error: Error,
    },
    /// It answered, and did not finish.
    #[error("the answer to `GET {path}` broke off: {error}")]
    BrokeOff {
        /// What it was asked for.
        path: String,
        /// Why.
        error: ResponseBodyError,
    },
    /// It started or answered too slowly.
    #[error("a fresh instance was not done within {limit:?}")]
    Deadline {
        /// The bound.
        limit: Duration,
    },
    /// Too many others were probed.
    #[error("other probes were not done within {limit:?}")]
    Crowded {
        /// The bound.
        limit: Duration,
    },
}

impl Revision {
    /// Starts a fresh instance and, with a path, has it answer a GET of that; it must be with 2xx. It takes no room from
    /// instances that serve, and none is left when this resolves. Dropping the future ends it.
    ///
    /// # Errors
    /// See [`ProbeError`]: what happened, for people.
    pub async fn probe(self: &Arc<Self>, path: Option<&str>) -> Result<(), ProbeError> {
        let asked = path.map(|path| self.asked(path)).transpose()?;
        let turn = timeout(TURN_MAX, self.spare.acquire()).await;
        let _turn = turn
            .map_err(|_| ProbeError::Crowded { limit: TURN_MAX })?
            .expect("the semaphore is never closed");
        let limit = self.limits.deadline.min(PROBE_MAX);
        let core = Core::spare();
        let passing = Passing(Handler::new(self, &core));
        let looked = timeout(limit, look(&passing.0, asked)).await;
        drop(passing);
        if timeout(LEFT_MAX, core.empty()).await.is_err() {
            let (component, revision) = (self.component(), self.id());
            warn!(%component, %revision, "an instance that was probed is still there");
        }
        looked.unwrap_or(Err(ProbeError::Deadline { limit }))
    }

    /// The request for `path`.
    fn asked(&self, path: &str) -> Result<Request<Nothing>, ProbeError> {
        let nothing = Empty::new()
            .map_err(|never: Infallible| -> RequestBodyError { match never {} })
            .boxed_unsync();
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::USER_AGENT, USER_AGENT)
            .body(nothing);
        match request {
            _ if !self.entries.has(self.entries.unsaid()) => {
                Err(ProbeError::NoHttp(path.to_owned()))
            }
            Ok(request) if path.starts_with('/') => Ok(request),
            _ => Err(ProbeError::Path(path.to_owned())),
        }
    }
}

type Nothing = UnsyncBoxBody<Bytes, RequestBodyError>;

/// A handler whose instances end with it, instead of waiting for more to do.
struct Passing(Handler);

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn look(handler: &Handler, asked: Option<Request<Nothing>>) -> Result<(), ProbeError> {
    match asked {
        Some(request) => ask(handler, request).await,
        None => {
            let started = handler.start().await;
            started.map_err(|error| ProbeError::Start(error.root_cause().to_string()))
        }
    }
}

async fn ask(handler: &Handler, request: Request<Nothing>) -> Result<(), ProbeError> {
    let target = request.uri().path_and_query();
    let path = target.map_or_else(String::new, ToString::to_string);
    let answer = handler.handle(request).await;
    let answer = answer.map_err(|error| unanswered(path.clone(), error))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(ProbeError::Status { path, status });
    }
    let read = read(answer.into_body()).await;
    read.map_err(|error| match error {
        ResponseBodyError::Deadline(limit) => ProbeError::Deadline { limit },
        error => ProbeError::BrokeOff { path, error },
    })
}

fn unanswered(path: String, error: Error) -> ProbeError {
    match error {
        Error::Deadline { limit } => ProbeError::Deadline { limit },
        Error::Trapped => ProbeError::Trapped { path },
        error => ProbeError::NoAnswer { path, error },
    }
}

/// Reads to the end, or to where it is long enough to be believed.
async fn read(mut body: ResponseBody) -> Result<(), ResponseBodyError> {
    let mut read = 0;
    while read < ANSWER_BYTES_MAX {
        match body.frame().await {
            Some(frame) => read += frame?.data_ref().map_or(0, Bytes::len),
            None => break,
        }
    }
    Ok(())
}
