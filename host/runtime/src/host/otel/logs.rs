//! `wasi:otel/logs`. Records that nobody collects are printed, as what a guest writes to its standard output is.

use std::fmt::Write;

use stoa_capabilities::telemetry::{Dropped, Log, Signal, SpanId, TraceId, Value};

use super::contract::logs::{self, LogRecord};
use super::{Telemetry, read};

/// Attributes that are printed with a record.
const PRINTED_MAX: usize = 16;

impl logs::Host for Telemetry {
    fn on_emit(&mut self, mut record: LogRecord) {
        if !self.handle.wants(Signal::Logs) {
            self.handle.count(Signal::Logs, Err(Dropped::Unwanted));
            return self.print(line(record));
        }
        if let Err(dropped) = read::fits(weight(&record)) {
            return self.handle.count(Signal::Logs, Err(dropped));
        }
        let resource = record.resource.take().map(read::resource);
        let scope = record.instrumentation_scope.take().map(read::scope);
        let origin = self.handle.origin(resource, scope.unwrap_or_default());
        // Counted already, and a guest is told nothing of it.
        self.handle.log(&origin, &read_log(record)).ok();
    }
}

/// What a record brings, but for its text, which is bounded by itself.
fn weight(record: &LogRecord) -> usize {
    let resource = record.resource.iter().map(|it| &it.attributes);
    let scope = record.instrumentation_scope.iter();
    let attributes = resource.chain(scope.map(|it| &it.attributes));
    let attributes = attributes.chain(&record.attributes);
    attributes.map(|written| read::weight(written)).sum()
}

fn read_log(record: LogRecord) -> Log {
    let attributes = read::attributes(record.attributes.unwrap_or_default());
    let id = record.trace_id.as_deref();
    Log {
        time_unix_nano: record.timestamp.map(read::moment),
        observed_time_unix_nano: record.observed_timestamp.map(read::moment),
        // What is no severity is one that nobody says.
        severity_number: record.severity_number.filter(|it| *it <= 24).unwrap_or(0),
        severity_text: record.severity_text.map(read::name).unwrap_or_default(),
        body: record.body.map(|body| Value::of_json(&body)),
        dropped_attributes_count: attributes.dropped(),
        attributes,
        flags: record.trace_flags.map_or(0, read::flags),
        trace_id: id.and_then(TraceId::parse),
        span_id: record.span_id.as_deref().and_then(SpanId::parse),
        event_name: record.event_name.map(read::name).unwrap_or_default(),
    }
}

/// A record as a line: its severity, its text, what is said of it.
fn line(record: LogRecord) -> String {
    let mut line = record.severity_text.map(read::name).unwrap_or_default();
    if let Some(event) = record.event_name.map(read::name) {
        word(&mut line, &event);
    }
    match record.body.map(|body| Value::of_json(&body)) {
        Some(Value::Text(text)) => word(&mut line, &text),
        Some(body) => word(&mut line, &json(&body)),
        None => {}
    }
    let attributes = record.attributes.unwrap_or_default().into_iter();
    for attribute in attributes.take(PRINTED_MAX) {
        let (key, value) = (read::name(attribute.key), read::text(attribute.value));
        write!(line, " {key}={value}").expect("a string takes all");
    }
    line
}

fn word(line: &mut String, word: &str) {
    if !line.is_empty() {
        line.push(' ');
    }
    line.push_str(word);
}

/// What is no text, as it was written.
fn json(value: &Value) -> String {
    match value {
        Value::Nothing => "null".to_owned(),
        Value::Text(text) => format!("{text:?}"),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::Double(double) => double.to_string(),
        Value::Bytes(bytes) => format!("base64:{bytes}"),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(json).collect();
            format!("[{}]", values.join(","))
        }
        Value::Map(members) => {
            let member = |(key, value): &(String, Value)| format!("{key:?}:{}", json(value));
            let members: Vec<_> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::telemetry::ITEM_INPUT_BYTES_MAX;

    use super::*;
    use crate::host::otel::contract::types::KeyValue;

    fn record(body: &str) -> LogRecord {
        LogRecord {
            timestamp: None,
            observed_timestamp: None,
            severity_text: Some("WARN".into()),
            severity_number: Some(13),
            body: Some(body.into()),
            attributes: Some(vec![KeyValue {
                key: "order".into(),
                value: "7".into(),
            }]),
            event_name: None,
            resource: None,
            instrumentation_scope: None,
            trace_id: Some("none".into()),
            span_id: None,
            trace_flags: None,
        }
    }

    #[test]
    fn a_record_that_brings_too_much_is_not_read() {
        let mut heavy = record("late");
        assert_eq!(read::fits(weight(&heavy)), Ok(()));
        let attribute = KeyValue {
            key: String::new(),
            value: "x".repeat(ITEM_INPUT_BYTES_MAX),
        };
        heavy.attributes = Some(vec![attribute]);
        assert_eq!(read::fits(weight(&heavy)), Err(Dropped::TooLarge));
    }

    #[test]
    fn what_is_no_severity_and_no_id_is_left_out() {
        let mut wrong = record("\"late\"");
        wrong.severity_number = Some(99);
        let log = read_log(wrong);
        assert_eq!((log.severity_number, log.trace_id), (0, None));
        assert_eq!(read_log(record("\"late\"")).severity_number, 13);
    }

    #[test]
    fn a_record_is_a_line() {
        assert_eq!(line(record("\"late\"")), "WARN late order=7");
        assert_eq!(line(record("late")), "WARN late order=7");
        let map = line(record("{\"a\":[1,\"b\",null]}"));
        assert_eq!(map, "WARN {\"a\":[1,\"b\",null]} order=7");
    }
}
