//! The way of one kind of items to its collector.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use stoa_capabilities::metrics::TELEMETRY_SENT_TOTAL;
use stoa_capabilities::telemetry::Signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Waiting, batch};
use crate::http::{self, innermost};

/// Items of one request, and about how many bytes: what collectors take without being told to.
const BATCH_ITEMS_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long the first item of a batch waits for others.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How long a collector may take for one request.
const SEND_MAX: Duration = Duration::from_secs(10);
/// How often a batch is tried.
const ATTEMPTS_MAX: u32 = 4;
/// How long it waits before it is tried again; twice as long each time. What a collector asks for counts, up to a bound.
const BACKOFF: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// What is left at the stop has so long to get away.
const FLUSH_MAX: Duration = Duration::from_secs(5);
/// Bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Lane {
    signal: Signal,
    waiting: mpsc::Receiver<Waiting>,
    collector: Collector,
    /// Items that are on their way and have not arrived.
    sending: u64,
}

/// Whom the items go to.
struct Collector {
    signal: Signal,
    http: Client,
    url: Url,
    headers: HeaderMap,
    backoff: Duration,
}

/// Why a request did not get through.
enum Trouble {
    /// It may the next time, perhaps not before so long.
    Passing {
        why: String,
        after: Option<Duration>,
    },
    /// It never will.
    Lasting { why: String },
}

// === impl Lane ===

impl Lane {
    pub(super) fn new(
        signal: Signal,
        waiting: mpsc::Receiver<Waiting>,
        http: Client,
        url: Url,
        headers: HeaderMap,
    ) -> Self {
        Self {
            signal,
            waiting,
            collector: Collector {
                signal,
                http,
                url,
                headers,
                backoff: BACKOFF,
            },
            sending: 0,
        }
    }

    /// Brings items away until `stop`, and then what is left, within [`FLUSH_MAX`].
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let overdue = async {
            stop.cancelled().await;
            sleep(FLUSH_MAX).await;
        };
        tokio::select! {
            biased;
            () = self.deliver(&stop) => {}
            () = overdue => {}
        }
        self.waiting.close();
        let mut left = self.sending;
        while self.waiting.try_recv().is_ok() {
            left += 1;
        }
        if left > 0 {
            let signal = self.signal.name();
            warn!(signal, left, "telemetry was not sent before the stop");
            count(self.signal, "failed", left);
        }
    }

    async fn deliver(&mut self, stop: &CancellationToken) {
        while let Some(batch) = self.batch(stop).await {
            let items = batch.len() as u64;
            let records = batch.iter().map(|waiting| &waiting.record);
            let body = Bytes::from(batch::written(self.signal, records));
            // Its room is free again: what is being sent is bounded by itself.
            drop(batch);
            self.sending = items;
            self.collector.send(body, items).await;
            self.sending = 0;
        }
    }

    /// What is sent together; none once all is sent after the stop.
    async fn batch(&mut self, stop: &CancellationToken) -> Option<Vec<Waiting>> {
        let first = tokio::select! {
            biased;
            first = self.waiting.recv() => first?,
            () = stop.cancelled(), if !self.waiting.is_closed() => {
                self.waiting.close();
                self.waiting.recv().await?
            }
        };
        let mut bytes = first.record.bytes();
        let mut batch = vec![first];
        let until = Instant::now() + BATCH_WAIT;
        while batch.len() < BATCH_ITEMS_MAX && bytes < BATCH_BYTES_MAX {
            let next = tokio::select! {
                biased;
                next = self.waiting.recv() => next,
                () = stop.cancelled() => None,
                () = sleep_until(until) => None,
            };
            let Some(next) = next else {
                break;
            };
            bytes += next.record.bytes();
            batch.push(next);
        }
        Some(batch)
    }
}

// === impl Collector ===

impl Collector {
    /// Tries until it is there or has been tried often enough. However it ends, the next one's turn comes.
    async fn send(&self, body: Bytes, items: u64) {
        let mut attempts = 1;
        let mut wait = self.backoff;
        let why = loop {
            match self.post(body.clone()).await {
                Ok(()) => return count(self.signal, "sent", items),
                Err(Trouble::Passing { after, .. }) if attempts < ATTEMPTS_MAX => {
                    sleep(after.unwrap_or(wait).min(BACKOFF_MAX)).await;
                    wait *= 2;
                    attempts += 1;
                }
                Err(Trouble::Passing { why, .. } | Trouble::Lasting { why }) => break why,
            }
        };
        let signal = self.signal.name();
        warn!(signal, items, attempts, why, "telemetry was not sent");
        count(self.signal, "failed", items);
    }

    async fn post(&self, body: Bytes) -> Result<(), Trouble> {
        let request = self.http.post(self.url.clone());
        let request = request.headers(self.headers.clone());
        let sent = request.timeout(SEND_MAX).body(body).send().await;
        let response = sent.map_err(|error| Trouble::Passing {
            why: innermost(error),
            after: None,
        })?;
        match response.status() {
            status if status.is_success() => {
                self.look_at(response).await;
                Ok(())
            }
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Err(Trouble::Passing {
                why: status.to_string(),
                after: asked_for(response.headers()),
            }),
            status => Err(Trouble::Lasting {
                why: status.to_string(),
            }),
        }
    }

    /// A collector may take some of it and say how much it has not. To read the answer also frees its connection.
    async fn look_at(&self, response: Response) {
        let Ok(answer) = http::read(response, ANSWER_BYTES_MAX).await else {
            return;
        };
        let rejected = rejected(&answer);
        if rejected > 0 {
            let signal = self.signal.name();
            warn!(signal, rejected, "the collector did not take all telemetry");
        }
    }
}

// === functions ===

/// How long to wait, in seconds; a date is as good as nothing.
fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    Some(Duration::from_secs(seconds.ok()?))
}

/// How many items an answer says that it left out. Whichever kind they are, its name begins alike.
fn rejected(answer: &[u8]) -> u64 {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let Some(partial) = answer["partialSuccess"].as_object() else {
        return 0;
    };
    let mut members = partial.iter();
    let number = members.find(|(name, _)| name.starts_with("rejected"));
    let number = number.and_then(|(_, number)| match number.as_str() {
        Some(text) => text.parse().ok(),
        None => number.as_u64(),
    });
    number.unwrap_or(0)
}

fn count(signal: Signal, outcome: &'static str, items: u64) {
    metrics::counter!(TELEMETRY_SENT_TOTAL, "signal" => signal.name(), "outcome" => outcome)
        .increment(items);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reqwest::header::HeaderValue;
    use stoa_capabilities::telemetry::Record;
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::super::shares::Shares;
    use super::*;
    use crate::http::fake::{Answer, Fake};

    const SOON: Duration = Duration::from_secs(20);

    /// A lane to a server, whose waits between attempts are short.
    fn lane(fake: &Fake) -> (mpsc::Sender<Waiting>, Lane) {
        let url: Url = format!("{}/v1/logs", fake.url())
            .parse()
            .expect("it is a URL");
        let (items, waiting) = mpsc::channel(1024);
        let mut headers = HeaderMap::new();
        headers.insert("x-token", HeaderValue::from_static("hunter2"));
        let http = http::client(&url).expect("a client can be made");
        let mut lane = Lane::new(Signal::Logs, waiting, http, url, headers);
        lane.collector.backoff = Duration::from_millis(1);
        (items, lane)
    }

    fn waiting(number: usize) -> Waiting {
        let room = Arc::new(Semaphore::new(1)).try_acquire_many_owned(1);
        let component = "guest".into();
        let share = Arc::new(Shares::new(1, 1)).take(&component, 1);
        Waiting {
            record: Record {
                signal: Signal::Logs,
                component,
                resource: "\"resource\":{}".into(),
                scope: "\"scope\":{}".into(),
                item: format!("{{\"n\":{number}}}"),
            },
            _room: room.expect("it is free"),
            _share: share.expect("it is free"),
        }
    }

    /// Sends so many items and stops; answers how many requests there were, and which items they had.
    async fn sent(fake: &Fake, items: usize) -> (usize, Vec<usize>) {
        let (queue, lane) = lane(fake);
        for number in 0..items {
            assert!(queue.try_send(waiting(number)).is_ok(), "there is room");
        }
        let stop = CancellationToken::new();
        stop.cancel();
        timeout(SOON, lane.run(stop)).await.expect("it ends");
        let seen = fake.seen();
        let numbers = seen.iter().flat_map(|seen| {
            let body: serde_json::Value = serde_json::from_str(&seen.body).expect("it is JSON");
            let records = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].clone();
            let records = records.as_array().expect("they are there").clone();
            records.into_iter().filter_map(|it| it["n"].as_u64())
        });
        let numbers = numbers.map(|number| number as usize).collect();
        (seen.len(), numbers)
    }

    #[tokio::test]
    async fn what_a_collector_refuses_is_not_tried_again() {
        for status in [400, 401, 404, 500] {
            let fake = Fake::answering(move |_| Answer::new(status, "")).await;
            assert_eq!(sent(&fake, 1).await.0, 1, "{status}");
        }
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_a_few_times() {
        for status in [429, 502, 503, 504] {
            let fake = Fake::answering(move |_| Answer::new(status, "")).await;
            assert_eq!(sent(&fake, 1).await.0, ATTEMPTS_MAX as usize, "{status}");
        }
        let fake = Fake::answering(|number| match number {
            0 => Answer::new(503, "").with("retry-after: 0"),
            _ => Answer::new(200, "{}"),
        });
        assert_eq!(sent(&fake.await, 1).await.0, 2);
    }

    #[tokio::test]
    async fn what_waits_at_the_stop_is_sent_in_batches() {
        let fake = Fake::answering(|_| Answer::new(200, "{}")).await;
        let items = BATCH_ITEMS_MAX + 1;
        let (requests, numbers) = sent(&fake, items).await;
        assert_eq!(requests, 2);
        assert_eq!(numbers, (0..items).collect::<Vec<_>>());
        let seen = fake.seen();
        let head = &seen[0].head;
        assert!(head.starts_with("POST /v1/logs HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("x-token: hunter2\r\n"), "{head}");
    }

    #[tokio::test]
    async fn items_are_sent_without_a_stop() {
        let fake = Fake::answering(|_| Answer::new(200, "{}")).await;
        let (queue, lane) = lane(&fake);
        assert!(queue.try_send(waiting(1)).is_ok(), "there is room");
        let stop = CancellationToken::new();
        let running = tokio::spawn(lane.run(stop.clone()));
        let arrives = async {
            while fake.seen().is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, arrives).await.expect("it arrives");
        stop.cancel();
        timeout(SOON, running)
            .await
            .expect("it ends")
            .expect("it does not panic");
        // What comes after the stop is refused.
        assert!(queue.try_send(waiting(2)).is_err());
    }

    #[test]
    fn what_a_collector_left_out_is_read() {
        for (answer, number) in [
            ("", 0),
            ("{}", 0),
            ("{\"partialSuccess\":{}}", 0),
            ("{\"partialSuccess\":{\"rejectedSpans\":\"7\"}}", 7),
            (
                "{\"partialSuccess\":{\"errorMessage\":\"x\",\"rejectedLogRecords\":3}}",
                3,
            ),
        ] {
            assert_eq!(rejected(answer.as_bytes()), number, "{answer}");
        }
    }

    #[test]
    fn a_collector_may_ask_for_patience() {
        let mut headers = HeaderMap::new();
        assert_eq!(asked_for(&headers), None);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        assert_eq!(asked_for(&headers), Some(Duration::from_secs(7)));
        let date = HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT");
        headers.insert(RETRY_AFTER, date);
        assert_eq!(asked_for(&headers), None);
    }
}
