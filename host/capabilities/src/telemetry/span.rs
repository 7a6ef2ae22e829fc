//! Spans.

use serde::{Serialize, Serializer};

use super::context::{SpanId, TraceId};
use super::number::Nanoseconds;
use super::value::Attributes;

/// A span that ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// The trace that it is part of.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// What others keep with the trace, as a `tracestate` has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trace_state: String,
    /// The span that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<SpanId>,
    /// The flags of W3C's Trace Context.
    pub flags: u32,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// When it began.
    pub start_time_unix_nano: Nanoseconds,
    /// When it ended.
    pub end_time_unix_nano: Nanoseconds,
    /// What is said of it.
    pub attributes: Attributes,
    /// How much was left out.
    pub dropped_attributes_count: u32,
    /// What happened meanwhile.
    pub events: Vec<Event>,
    /// How many were left out.
    pub dropped_events_count: u32,
    /// Spans that it has to do with.
    pub links: Vec<Link>,
    /// How many were left out.
    pub dropped_links_count: u32,
    /// How it ended.
    pub status: Status,
}

/// Which side of a call a span is. The numbers are the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Neither.
    Internal = 1,
    /// Whoever is called.
    Server = 2,
    /// Whoever calls.
    Client = 3,
    /// Whoever sends a message.
    Producer = 4,
    /// Whoever receives one.
    Consumer = 5,
}

/// Something that happened in a span.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub time_unix_nano: Nanoseconds,
    /// What.
    pub name: String,
    /// What is said of it.
    pub attributes: Attributes,
    /// How much was left out.
    pub dropped_attributes_count: u32,
}

/// Another span.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The trace that it is part of.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// What others keep with the trace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trace_state: String,
    /// What is said of the link.
    pub attributes: Attributes,
    /// How much was left out.
    pub dropped_attributes_count: u32,
}

/// How a span ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nobody says.
    Unset,
    /// Well, as somebody who looked says.
    Ok,
    /// Not well.
    Error(String),
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(skip_serializing_if = "str::is_empty")]
            message: &'a str,
            code: u8,
        }
        let (code, message) = match self {
            Self::Unset => (0, ""),
            Self::Ok => (1, ""),
            Self::Error(message) => (2, message.as_str()),
        };
        Written { message, code }.serialize(serializer)
    }
}
