//! Items of one kind as a request: those of one source beside one another.

use std::collections::BTreeMap;

use stoa_capabilities::telemetry::{Record, Signal};

/// What a kind calls its parts.
struct Names {
    resources: &'static str,
    scopes: &'static str,
    items: &'static str,
}

fn names(signal: Signal) -> Names {
    let (resources, scopes, items) = match signal {
        Signal::Traces => ("resourceSpans", "scopeSpans", "spans"),
        Signal::Metrics => ("resourceMetrics", "scopeMetrics", "metrics"),
        Signal::Logs => ("resourceLogs", "scopeLogs", "logRecords"),
    };
    Names {
        resources,
        scopes,
        items,
    }
}

/// The body of a request. All parts of it were written when they were told.
pub(super) fn written<'r>(signal: Signal, records: impl Iterator<Item = &'r Record>) -> String {
    let Names {
        resources,
        scopes,
        items,
    } = names(signal);
    let mut sources: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for record in records {
        let of_scope = sources.entry(&record.resource).or_default();
        of_scope
            .entry(&record.scope)
            .or_default()
            .push(&record.item);
    }
    let of_scope = |(scope, told): (&&str, &Vec<&str>)| {
        format!("{{{scope},\"{items}\":[{}]}}", told.join(","))
    };
    let of_resource = |(resource, told): (&&str, &BTreeMap<&str, Vec<&str>>)| {
        let told: Vec<_> = told.iter().map(of_scope).collect();
        format!("{{{resource},\"{scopes}\":[{}]}}", told.join(","))
    };
    let told: Vec<_> = sources.iter().map(of_resource).collect();
    format!("{{\"{resources}\":[{}]}}", told.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn items_of_one_source_stand_beside_one_another() {
        let record = |resource: &str, scope: &str, item: u8| Record {
            signal: Signal::Logs,
            component: "guest".into(),
            resource: format!("\"resource\":{{\"a\":\"{resource}\"}}").into(),
            scope: format!("\"scope\":{{\"name\":\"{scope}\"}},\"schemaUrl\":\"u\"").into(),
            item: format!("{{\"n\":{item}}}"),
        };
        let records = [
            record("x", "s", 1),
            record("y", "s", 2),
            record("x", "s", 3),
            record("x", "t", 4),
        ];
        let body = written(Signal::Logs, records.iter());
        let body: Value = serde_json::from_str(&body).expect("it is JSON");
        let of = |scope: &str, items: Value| json!({ "scope": { "name": scope }, "schemaUrl": "u", "logRecords": items });
        assert_eq!(
            body,
            json!({ "resourceLogs": [
                {
                    "resource": { "a": "x" },
                    "scopeLogs": [of("s", json!([{ "n": 1 }, { "n": 3 }])), of("t", json!([{ "n": 4 }]))],
                },
                { "resource": { "a": "y" }, "scopeLogs": [of("s", json!([{ "n": 2 }]))] },
            ] })
        );
    }

    #[test]
    fn each_kind_has_names_of_its_own() {
        for (signal, body) in [
            (Signal::Traces, "{\"resourceSpans\":[]}"),
            (Signal::Metrics, "{\"resourceMetrics\":[]}"),
            (Signal::Logs, "{\"resourceLogs\":[]}"),
        ] {
            assert_eq!(written(signal, std::iter::empty()), body);
        }
    }
}
