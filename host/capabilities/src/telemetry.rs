//! What components tell of themselves: spans, metrics and log records, in the data model of OpenTelemetry.
//!
//! The structs are that model, and what serde makes of them is its encoding in JSON, so that an item is written out once,
//! when it is handed over, and what is kept of it is text whose size is known. Whose it is the host says, not the guest.
//! Nothing here waits: what an exporter has no room for is dropped and counted.

pub mod config;
mod context;
mod describe;
mod handle;
mod log;
mod metric;
mod number;
mod span;
mod value;

pub use config::Config;
pub use context::{Context, SpanId, TraceId};
pub use describe::{Resource, Scope};
pub use handle::{Handle, Origin};
pub use log::Log;
pub use metric::{
    Buckets, Exemplar, ExponentialPoint, HistogramPoint, Metric, MetricData, Number, NumberPoint,
    Temporality,
};
pub use number::{Double, Integer, Nanoseconds};
pub use span::{Event, Kind, Link, Span, Status};
pub use value::{Attributes, Value, bounded};

use std::sync::Arc;

/// Attributes of one item, event, link or point; those after them are dropped, and counted where the model has a place for
/// the number. The default of OpenTelemetry's own libraries.
pub const ATTRIBUTES_MAX: usize = 128;
/// Bytes of a name or a key; the rest is cut off.
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of one text; the rest is cut off.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Events of a span, and its links.
pub const EVENTS_MAX: usize = 128;
/// Points of a metric.
pub const POINTS_MAX: usize = 2_000;
/// Buckets of a histogram's point.
pub const BUCKETS_MAX: usize = 512;
/// Examples of a point.
pub const EXEMPLARS_MAX: usize = 16;
/// Bytes of one item as it is sent; larger ones are dropped.
pub const ITEM_BYTES_MAX: usize = 256 * 1024;
/// Bytes of attributes that a guest may bring for one item. What is cut to the limits above may still be an item; more is
/// dropped unread, since reading takes many times its size in memory.
pub const ITEM_INPUT_BYTES_MAX: usize = 4 * ITEM_BYTES_MAX;
/// Items of one component in a second; more are dropped, so that one that tells too much does not silence the others.
pub const ITEMS_PER_SECOND_MAX: u64 = 5_000;

/// The kinds of things that are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// As in OpenTelemetry's paths and in this host's metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// One item, written out: each part is text in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub signal: Signal,
    /// Which component told it: what waits is bounded for each.
    pub component: Arc<str>,
    /// Members of a `resourceSpans` and its like: `"resource":{…}`, perhaps `"schemaUrl":"…"`.
    pub resource: Arc<str>,
    /// Members of a `scopeSpans` and its like: `"scope":{…}`, perhaps `"schemaUrl":"…"`.
    pub scope: Arc<str>,
    /// The item: `{…}`.
    pub item: String,
}

impl Record {
    /// What it holds.
    pub fn bytes(&self) -> usize {
        self.item.len() + self.resource.len() + self.scope.len()
    }
}

/// Why an item is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Nobody wants such items.
    #[error("nobody collects this")]
    Unwanted,
    /// There are more of them than are sent.
    #[error("more is told than can be sent, it is dropped")]
    Full,
    /// It is over [`ITEM_BYTES_MAX`], or has more points or buckets than are taken.
    #[error("it is larger than what is sent of one item")]
    TooLarge,
    /// It is no such item: its ids are not valid.
    #[error("its ids are not valid")]
    Invalid,
}

impl Dropped {
    /// A short stable word for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unwanted => "unwanted",
            Self::Full => "full",
            Self::TooLarge => "too-large",
            Self::Invalid => "invalid",
        }
    }
}

/// Where items go.
pub trait Exporter: Send + Sync {
    /// Whether such items are sent anywhere. Does not change.
    fn takes(&self, signal: Signal) -> bool;

    /// Takes an item, without waiting for anything. What one component tells must not take all the room.
    ///
    /// # Errors
    /// [`Dropped::Full`] or [`Dropped::Unwanted`].
    fn export(&self, record: Record) -> Result<(), Dropped>;
}
