//! `wasi:otel/tracing`.

use stoa_capabilities::telemetry::{
    Context, Dropped, EVENTS_MAX, Event, Kind, Link, Signal, Span, SpanId, Status, TraceId,
};
use wasmtime::AsContextMut;
use wasmtime::component::Access;

use super::contract::tracing::{self, SpanContext, SpanData, SpanKind, TraceFlags};
use super::{HasTelemetry, Telemetry, read};

impl tracing::Host for Telemetry {
    /// Whatever is to be told of a span comes when it ends.
    fn on_start(&mut self, _: SpanContext) {}

    fn on_end(&mut self, mut span: SpanData) {
        let handle = &self.handle;
        if !handle.wants(Signal::Traces) {
            return handle.count(Signal::Traces, Err(Dropped::Unwanted));
        }
        if let Err(dropped) = read::fits(weight(&span)) {
            return handle.count(Signal::Traces, Err(dropped));
        }
        let scope = std::mem::replace(&mut span.instrumentation_scope, unnamed());
        match read_span(span) {
            Some(span) => {
                let origin = handle.origin(None, read::scope(scope));
                // Counted already, and a guest is told nothing of it.
                handle.span(&origin, &span).ok();
            }
            None => handle.count(Signal::Traces, Err(Dropped::Invalid)),
        }
    }
}

impl<T: Send> tracing::HostWithStore<T> for HasTelemetry {
    fn outer_span_context(mut host: Access<'_, T, Self>) -> wasmtime::Result<SpanContext> {
        // Asked only where there are tasks: an engine whose guests block has none, and wasmtime panics over the question.
        let task = match host.get().has_tasks() {
            // The last is the call of the host: that of the request.
            true => host.as_context_mut().async_call_stack()?.last(),
            false => None,
        };
        Ok(host.get().place(task).into())
    }
}

fn unnamed() -> super::contract::types::InstrumentationScope {
    super::contract::types::InstrumentationScope {
        name: String::new(),
        version: None,
        schema_url: None,
        attributes: Vec::new(),
    }
}

/// What a span brings, before it is cut to its limits.
fn weight(span: &SpanData) -> usize {
    let events = span.events.iter().map(|it| read::weight(&it.attributes));
    let links = span.links.iter();
    let links =
        links.map(|it| read::weight(&it.attributes) + of_state(&it.span_context.trace_state));
    let parts = events.chain(links).sum::<usize>();
    parts
        + read::weight(&span.attributes)
        + read::weight(&span.instrumentation_scope.attributes)
        + of_state(&span.span_context.trace_state)
}

fn of_state(members: &[(String, String)]) -> usize {
    let members = members.iter();
    members.map(|(key, value)| key.len() + value.len()).sum()
}

/// `None` without valid ids: nobody could tell where it belongs.
fn read_span(span: SpanData) -> Option<Span> {
    let (events, events_over) = few(span.events);
    let (links, links_over) = few(span.links);
    let attributes = read::attributes(span.attributes);
    Some(Span {
        trace_id: TraceId::parse(&span.span_context.trace_id)?,
        span_id: SpanId::parse(&span.span_context.span_id)?,
        trace_state: state(span.span_context.trace_state),
        parent_span_id: SpanId::parse(&span.parent_span_id),
        flags: read::flags(span.span_context.trace_flags),
        name: read::name(span.name),
        kind: kind(span.span_kind),
        start_time_unix_nano: read::moment(span.start_time),
        end_time_unix_nano: read::moment(span.end_time),
        dropped_attributes_count: span.dropped_attributes.saturating_add(attributes.dropped()),
        attributes,
        events: events.into_iter().map(event).collect(),
        dropped_events_count: span.dropped_events.saturating_add(events_over),
        links: links.into_iter().filter_map(link).collect(),
        dropped_links_count: span.dropped_links.saturating_add(links_over),
        status: match span.status {
            tracing::Status::Unset => Status::Unset,
            tracing::Status::Ok => Status::Ok,
            tracing::Status::Error(why) => Status::Error(read::text(why)),
        },
    })
}

/// The first of them, and how many there are more.
fn few<T>(mut all: Vec<T>) -> (Vec<T>, u32) {
    let over = all.len().saturating_sub(EVENTS_MAX);
    all.truncate(EVENTS_MAX);
    (all, u32::try_from(over).unwrap_or(u32::MAX))
}

fn event(event: tracing::Event) -> Event {
    let attributes = read::attributes(event.attributes);
    Event {
        time_unix_nano: read::moment(event.time),
        name: read::name(event.name),
        dropped_attributes_count: attributes.dropped(),
        attributes,
    }
}

fn link(link: tracing::Link) -> Option<Link> {
    let attributes = read::attributes(link.attributes);
    Some(Link {
        trace_id: TraceId::parse(&link.span_context.trace_id)?,
        span_id: SpanId::parse(&link.span_context.span_id)?,
        trace_state: state(link.span_context.trace_state),
        dropped_attributes_count: attributes.dropped(),
        attributes,
    })
}

fn kind(kind: SpanKind) -> Kind {
    match kind {
        SpanKind::Client => Kind::Client,
        SpanKind::Server => Kind::Server,
        SpanKind::Producer => Kind::Producer,
        SpanKind::Consumer => Kind::Consumer,
        SpanKind::Internal => Kind::Internal,
    }
}

fn state(members: Vec<(String, String)>) -> String {
    let member = |(key, value): &(String, String)| format!("{key}={value}");
    let members: Vec<_> = members.iter().take(32).map(member).collect();
    read::name(members.join(","))
}

impl From<Context> for SpanContext {
    fn from(context: Context) -> Self {
        Self {
            trace_id: context.trace.to_string(),
            span_id: context.span.to_string(),
            trace_flags: match context.sampled {
                true => TraceFlags::SAMPLED,
                false => TraceFlags::empty(),
            },
            is_remote: context.remote,
            trace_state: context.state,
        }
    }
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::telemetry::ITEM_INPUT_BYTES_MAX;

    use super::*;
    use crate::host::otel::bindings::wasi::clocks::wall_clock::Datetime;

    const TRACE: &str = "4fb34cb4484029f7881399b149e41e98";
    const SPAN: &str = "9ffd58d3cd4dd90b";

    fn span(trace: &str, parent: &str, events: usize) -> SpanData {
        let moment = Datetime {
            seconds: 1,
            nanoseconds: 2,
        };
        let event = tracing::Event {
            name: "tick".into(),
            time: moment,
            attributes: Vec::new(),
        };
        SpanData {
            span_context: SpanContext {
                trace_id: trace.into(),
                span_id: SPAN.into(),
                trace_flags: TraceFlags::SAMPLED,
                is_remote: false,
                trace_state: vec![("a".into(), "b".into()), ("c".into(), "d".into())],
            },
            parent_span_id: parent.into(),
            span_kind: SpanKind::Client,
            name: "work".into(),
            start_time: moment,
            end_time: moment,
            attributes: Vec::new(),
            events: vec![event; events],
            links: Vec::new(),
            status: tracing::Status::Unset,
            instrumentation_scope: unnamed(),
            dropped_attributes: 0,
            dropped_events: 1,
            dropped_links: 0,
        }
    }

    #[test]
    fn a_span_that_brings_too_much_is_not_read() {
        let mut heavy = span(TRACE, SPAN, 2);
        assert_eq!(read::fits(weight(&heavy)), Ok(()));
        let attribute = |bytes: usize| super::super::contract::types::KeyValue {
            key: "k".into(),
            value: "x".repeat(bytes),
        };
        // All together, wherever they stand.
        heavy.attributes = vec![attribute(ITEM_INPUT_BYTES_MAX / 2)];
        assert_eq!(read::fits(weight(&heavy)), Ok(()));
        heavy.events[1].attributes = vec![attribute(ITEM_INPUT_BYTES_MAX / 2)];
        assert_eq!(read::fits(weight(&heavy)), Err(Dropped::TooLarge));
    }

    #[test]
    fn a_span_without_valid_ids_is_none() {
        for trace in ["", "4fb3", &"0".repeat(32), &"x".repeat(32)] {
            assert!(read_span(span(trace, "", 0)).is_none(), "{trace}");
        }
    }

    #[test]
    fn a_span_is_read_within_its_limits() {
        let read = read_span(span(TRACE, SPAN, EVENTS_MAX + 2)).expect("it is one");
        assert_eq!(read.trace_id.to_string(), TRACE);
        assert_eq!(read.parent_span_id, Some(read.span_id));
        assert_eq!((read.flags, &*read.trace_state), (1, "a=b,c=d"));
        assert_eq!(read.kind, Kind::Client);
        assert_eq!(
            (read.events.len(), read.dropped_events_count),
            (EVENTS_MAX, 3)
        );
        assert_eq!(read.end_time_unix_nano.0, 1_000_000_002);
        let root = read_span(span(TRACE, "", 0)).expect("it is one");
        assert_eq!(root.parent_span_id, None);
    }
}
