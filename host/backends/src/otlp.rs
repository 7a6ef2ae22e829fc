//! Telemetry of components, sent to collectors: OTLP over HTTP, encoded in JSON.
//!
//! Whoever exports never waits: there is a queue for each kind, bounded in items and in bytes, of all components and of
//! each, and what finds no room is dropped and counted. A courier takes batches out of it, tries each a few times, and
//! goes on; at the host's stop it has a few seconds for what is left.

mod batch;
mod lane;
mod shares;

use std::sync::Arc;

use futures::future::join_all;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use stoa_capabilities::telemetry::{self, Config, Dropped, Record, Signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::http;
use lane::Lane;
use shares::{Share, Shares};

/// Items of one kind that wait to be sent.
const QUEUE_ITEMS_MAX: usize = 16_384;
/// Bytes of one kind that wait to be sent.
const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// One component has at most this part of a queue, in items and in bytes: what it tells too much of is dropped, and not
/// what its neighbours tell.
const PART_PER_COMPONENT: usize = 4;

/// Takes what components tell. Of a kind without a collector it takes nothing.
pub struct Exporter {
    queues: Vec<Queue>,
}

struct Queue {
    signal: Signal,
    items: mpsc::Sender<Waiting>,
    /// A permit is a byte.
    room: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// An item that waits, and its room: that of all, and of it that of its component.
struct Waiting {
    record: Record,
    _room: OwnedSemaphorePermit,
    _share: Share,
}

/// Brings items to their collectors. Without it an exporter fills up.
pub struct Courier {
    lanes: Vec<Lane>,
}

/// Why there is no exporter. Nothing of what was configured is repeated.
#[derive(Debug, thiserror::Error)]
pub enum SetUp {
    /// The address is none.
    #[error("the collector of {} has no valid URL", .0.name())]
    Address(Signal),
    /// A header is none.
    #[error("the collector of {} is to be sent a header that is none", .0.name())]
    Header(Signal),
    /// No client could be made.
    #[error("no client for collectors can be made: {0}")]
    Client(String),
}

/// An exporter and what brings its items away; neither if no collector is named.
///
/// # Errors
/// See [`SetUp`]. Nobody is asked yet.
pub fn open(config: &Config) -> Result<Option<(Arc<Exporter>, Courier)>, SetUp> {
    let (mut queues, mut lanes) = (Vec::new(), Vec::new());
    for signal in Signal::ALL {
        let Some(endpoint) = config.endpoint(signal) else {
            continue;
        };
        let url: Url = endpoint.url.parse().map_err(|_| SetUp::Address(signal))?;
        let headers = headers(endpoint).ok_or(SetUp::Header(signal))?;
        let http = http::client(&url).map_err(SetUp::Client)?;
        let (items, waiting) = mpsc::channel(QUEUE_ITEMS_MAX);
        queues.push(Queue {
            signal,
            items,
            room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            shares: Arc::new(Shares::new(
                QUEUE_ITEMS_MAX / PART_PER_COMPONENT,
                QUEUE_BYTES_MAX / PART_PER_COMPONENT,
            )),
        });
        lanes.push(Lane::new(signal, waiting, http, url, headers));
    }
    match lanes.is_empty() {
        true => Ok(None),
        false => Ok(Some((Arc::new(Exporter { queues }), Courier { lanes }))),
    }
}

fn headers(endpoint: &telemetry::config::Endpoint) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &endpoint.headers {
        let name: HeaderName = name.parse().ok()?;
        let mut value: HeaderValue = value.expose().parse().ok()?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(headers)
}

impl Exporter {
    fn queue(&self, signal: Signal) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.signal == signal)
    }
}

impl telemetry::Exporter for Exporter {
    fn takes(&self, signal: Signal) -> bool {
        self.queue(signal).is_some()
    }

    fn export(&self, record: Record) -> Result<(), Dropped> {
        let queue = self.queue(record.signal).ok_or(Dropped::Unwanted)?;
        let bytes = u32::try_from(record.bytes()).map_err(|_| Dropped::TooLarge)?;
        let share = queue.shares.take(&record.component, record.bytes());
        let share = share.ok_or(Dropped::Full)?;
        let room = Arc::clone(&queue.room).try_acquire_many_owned(bytes);
        let waiting = Waiting {
            record,
            _room: room.map_err(|_| Dropped::Full)?,
            _share: share,
        };
        queue.items.try_send(waiting).map_err(|_| Dropped::Full)
    }
}

impl Courier {
    /// Brings items away until `stop`, and then what is left, for as long as the flush may take.
    pub async fn run(self, stop: CancellationToken) {
        let lanes = self.lanes.into_iter();
        join_all(lanes.map(|lane| lane.run(stop.clone()))).await;
    }
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::telemetry::Exporter as _;
    use stoa_capabilities::telemetry::config::Endpoint;
    use stoa_capabilities::variables::Secret;

    use super::*;

    fn collecting(url: &str, headers: &[(&str, &str)]) -> Config {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new(*value));
        Config {
            traces: Some(Endpoint {
                url: url.to_owned(),
                headers: headers.iter().map(header).collect(),
            }),
            ..Config::default()
        }
    }

    fn opened() -> (Arc<Exporter>, Courier) {
        let opened = open(&collecting("http://127.0.0.1:1", &[])).expect("it can be opened");
        opened.expect("there is a collector")
    }

    fn record(component: &str, signal: Signal, bytes: usize) -> Record {
        Record {
            signal,
            component: component.into(),
            resource: "".into(),
            scope: "".into(),
            item: "x".repeat(bytes),
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_without_its_secrets() {
        let error = open(&collecting("hunter2", &[])).map(drop);
        assert!(matches!(error, Err(SetUp::Address(Signal::Traces))));
        for header in [("a b", "hunter2"), ("a", "hunter2\n")] {
            let error = open(&collecting("http://127.0.0.1", &[header])).map(drop);
            let error = error.expect_err("it is refused");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn without_a_collector_there_is_no_exporter() {
        assert!(matches!(open(&Config::default()), Ok(None)));
    }

    #[test]
    fn a_kind_without_a_collector_is_not_taken() {
        let (exporter, _courier) = opened();
        assert!(exporter.takes(Signal::Traces) && !exporter.takes(Signal::Logs));
        let outcome = exporter.export(record("guest", Signal::Logs, 1));
        assert_eq!(outcome, Err(Dropped::Unwanted));
    }

    /// Tells as much as a component may, in items of so many bytes; more is dropped.
    fn flood(exporter: &Exporter, component: &str, bytes: usize) {
        let tell = || exporter.export(record(component, Signal::Traces, bytes));
        let part = (QUEUE_BYTES_MAX / bytes).min(QUEUE_ITEMS_MAX) / PART_PER_COMPONENT;
        for _ in 0..part {
            assert_eq!(tell(), Ok(()));
        }
        assert_eq!(tell(), Err(Dropped::Full), "{component}");
    }

    /// Both bounds of a queue: many items, and much in few.
    const ITEM_BYTES: [usize; 2] = [1, QUEUE_BYTES_MAX / PART_PER_COMPONENT];

    #[test]
    fn a_component_that_floods_is_dropped_and_its_neighbours_are_not() {
        for bytes in ITEM_BYTES {
            let (exporter, _courier) = opened();
            flood(&exporter, "one", bytes);
            let neighbour = exporter.export(record("other", Signal::Traces, bytes));
            assert_eq!(neighbour, Ok(()));
        }
    }

    #[test]
    fn what_finds_no_room_is_dropped() {
        for bytes in ITEM_BYTES {
            let (exporter, _courier) = opened();
            for number in 0..PART_PER_COMPONENT {
                flood(&exporter, &format!("guest{number}"), bytes);
            }
            let outcome = exporter.export(record("other", Signal::Traces, bytes));
            assert_eq!(outcome, Err(Dropped::Full));
        }
    }
}
