//! What is told, out of the parameters of a call.

use crate::bindings::wasi::clocks::wall_clock::Datetime;
use crate::bindings::wasi::otel::logs::{LogRecord, on_emit};
use crate::bindings::wasi::otel::metrics::{
    ExponentialBucket, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, GaugeDataPoint,
    Histogram, HistogramDataPoint, Metric, MetricData, MetricNumber, ResourceMetrics, ScopeMetrics,
    Sum, SumDataPoint, Temporality, export,
};
use crate::bindings::wasi::otel::tracing::{
    Event, SpanContext, SpanData, SpanKind, Status, TraceFlags, on_end, on_start,
    outer_span_context,
};
use crate::bindings::wasi::otel::types::{InstrumentationScope, KeyValue, Resource};

const MOMENT: Datetime = Datetime {
    seconds: 1,
    nanoseconds: 5,
};

/// Where the request stands: trace, span, `sampled` or not, `remote` or not, and the state.
pub fn outer() -> String {
    let context = outer_span_context();
    let sampled = context.trace_flags.contains(TraceFlags::SAMPLED);
    let state: Vec<_> = context
        .trace_state
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!(
        "{} {} sampled={sampled} remote={} state={}",
        context.trace_id,
        context.span_id,
        context.is_remote,
        state.join(",")
    )
}

/// A span within the outer one, or in a trace of this id.
pub fn span(name: &str, trace: Option<&str>) {
    let outer = outer_span_context();
    let context = SpanContext {
        trace_id: trace.map_or(outer.trace_id, str::to_owned),
        span_id: "00000000000000ab".to_owned(),
        trace_flags: TraceFlags::SAMPLED,
        is_remote: false,
        trace_state: Vec::new(),
    };
    on_start(&context);
    on_end(&SpanData {
        span_context: context,
        parent_span_id: outer.span_id,
        span_kind: SpanKind::Internal,
        name: name.to_owned(),
        start_time: MOMENT,
        end_time: MOMENT,
        attributes: vec![pair("answer", "42")],
        events: vec![Event {
            name: "tick".to_owned(),
            time: MOMENT,
            attributes: Vec::new(),
        }],
        links: Vec::new(),
        status: Status::Error("late".to_owned()),
        instrumentation_scope: scope(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
    });
}

/// A metric of this kind, with so many points.
pub fn metric(kind: &str, points: usize) -> Result<(), String> {
    let metrics = vec![Metric {
        name: "orders".to_owned(),
        description: String::new(),
        unit: "1".to_owned(),
        data: data(kind, points),
    }];
    export(&ResourceMetrics {
        resource: resource(),
        scope_metrics: vec![ScopeMetrics {
            scope: scope(),
            metrics,
        }],
    })
}

fn data(kind: &str, points: usize) -> MetricData {
    let (start_time, time, temporality) = (MOMENT, MOMENT, Temporality::Cumulative);
    match kind {
        "gauge" => MetricData::F64Gauge(Gauge {
            data_points: vec![
                GaugeDataPoint {
                    attributes: Vec::new(),
                    value: MetricNumber::F64(0.5),
                    exemplars: Vec::new(),
                };
                points
            ],
            start_time: None,
            time,
        }),
        "histogram" => MetricData::S64Histogram(Histogram {
            data_points: vec![
                HistogramDataPoint {
                    attributes: Vec::new(),
                    count: 2,
                    bounds: vec![1.0],
                    bucket_counts: vec![1, 1],
                    min: Some(MetricNumber::S64(-1)),
                    max: None,
                    sum: MetricNumber::S64(3),
                    exemplars: Vec::new(),
                };
                points
            ],
            start_time,
            time,
            temporality,
        }),
        "exponential" => MetricData::F64ExponentialHistogram(ExponentialHistogram {
            data_points: vec![
                ExponentialHistogramDataPoint {
                    attributes: Vec::new(),
                    count: 2,
                    min: None,
                    max: None,
                    sum: MetricNumber::F64(3.0),
                    scale: -1,
                    zero_count: 0,
                    positive_bucket: bucket(),
                    negative_bucket: bucket(),
                    zero_threshold: 0.0,
                    exemplars: Vec::new(),
                };
                points
            ],
            start_time,
            time,
            temporality,
        }),
        _ => MetricData::U64Sum(Sum {
            data_points: vec![
                SumDataPoint {
                    attributes: vec![pair("kind", "\"cup\"")],
                    value: MetricNumber::U64(7),
                    exemplars: Vec::new(),
                };
                points
            ],
            start_time,
            time,
            temporality,
            is_monotonic: true,
        }),
    }
}

fn bucket() -> ExponentialBucket {
    ExponentialBucket {
        offset: -2,
        counts: vec![1],
    }
}

/// So many log records with this text.
pub fn log(text: &str, count: u64) {
    for _ in 0..count {
        on_emit(&LogRecord {
            timestamp: Some(MOMENT),
            observed_timestamp: None,
            severity_text: Some("WARN".to_owned()),
            severity_number: Some(13),
            body: Some(format!("{text:?}")),
            attributes: Some(vec![pair("order", "7")]),
            event_name: None,
            resource: Some(resource()),
            instrumentation_scope: Some(scope()),
            trace_id: None,
            span_id: None,
            trace_flags: None,
        });
    }
}

/// Of somebody else, which is not for a guest to say.
fn resource() -> Resource {
    Resource {
        attributes: vec![
            pair("service.name", "\"somebody-else\""),
            pair("region", "\"eu\""),
        ],
        schema_url: None,
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "probe".to_owned(),
        version: Some("1".to_owned()),
        schema_url: None,
        attributes: Vec::new(),
    }
}

fn pair(key: &str, json: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: json.to_owned(),
    }
}
