//! `GET /v1/logs`: the last lines, and on request every line after them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use futures::stream::{self, Stream, StreamExt};
use http::{HeaderValue, header};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::Behind;
use super::api::Api;
use super::messages::LogLine;
use super::routes::Answer;
use crate::logs::Follower;

const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// Lines of an answer that says nothing else.
const LINES: usize = 100;
/// After so long without a line, an empty one is sent: a client that is gone without a word is noticed by it.
const BEAT: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Only the lines about this one.
    component: Option<String>,
    lines: Option<usize>,
    follow: Option<bool>,
}

/// A client that follows, until it leaves or the host stops.
struct Following {
    lines: Follower,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn lines<B: Behind>(
    State(api): State<Api<B>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Answer {
    let Query(asked) = asked?;
    let lines = asked.lines.unwrap_or(LINES);
    let body = match asked.follow.unwrap_or(false) {
        false => Body::from(written(
            &api.logs().recent(asked.component.as_deref(), lines),
        )),
        true => {
            let place = api.follower_place()?;
            let (recent, follower) = api.logs().follow(asked.component, lines);
            let following = Following {
                lines: follower,
                stop: api.stop().clone(),
                _place: place,
            };
            let recent = stream::iter([Ok(written(&recent))]);
            Body::from_stream(recent.chain(following.stream()))
        }
    };
    Ok(([(header::CONTENT_TYPE, NDJSON)], body).into_response())
}

impl Following {
    fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut following| async move {
            let text = following.next().await?;
            Some((Ok(text), following))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        let next = tokio::time::timeout(BEAT, self.lines.next());
        match self.stop.run_until_cancelled(next).await? {
            Ok(line) => line.map(|line| written(&[line])),
            Err(_) => Some(Bytes::from_static(b"\n")),
        }
    }
}

fn written(lines: &[Arc<LogLine>]) -> Bytes {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &**line).expect("a line has only text and numbers");
        text.push(b'\n');
    }
    text.into()
}
