//! Log records.

use serde::Serialize;

use super::context::{SpanId, TraceId};
use super::number::Nanoseconds;
use super::value::{Attributes, Value};

/// A log record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_unix_nano: Option<Nanoseconds>,
    /// When it was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_time_unix_nano: Option<Nanoseconds>,
    /// How bad it is, from 1 to 24; 0 if nobody says.
    pub severity_number: u8,
    /// The same in a word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub severity_text: String,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What else is said of it.
    pub attributes: Attributes,
    /// How much was left out.
    pub dropped_attributes_count: u32,
    /// The flags of W3C's Trace Context.
    pub flags: u32,
    /// The trace in which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The span in which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_id: Option<SpanId>,
    /// What kind of event it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub event_name: String,
}
