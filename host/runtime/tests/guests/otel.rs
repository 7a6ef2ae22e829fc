//! `wasi:otel` from 0.2 and 0.3 Rust: what is dropped first.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use stoa_capabilities::telemetry::{Dropped, Exporter, ITEM_BYTES_MAX, Record, Signal};

use crate::fixture::{Answer, Fixture, Service, nothing};

const BOTH: [&str; 2] = ["otel-02", "otel-03"];
const TRACE: &str = "4fb34cb4484029f7881399b149e41e98";
const SPAN: &str = "9ffd58d3cd4dd90b";

/// Keeps what it is told.
#[derive(Default)]
struct Kept {
    full: bool,
    records: Mutex<Vec<Record>>,
}

impl Exporter for Kept {
    fn takes(&self, _: Signal) -> bool {
        true
    }

    fn export(&self, record: Record) -> Result<(), Dropped> {
        if self.full {
            return Err(Dropped::Full);
        }
        let mut records = self.records.lock().expect("keeping does not panic");
        records.push(record);
        Ok(())
    }
}

impl Kept {
    fn records(&self) -> Vec<Record> {
        self.records.lock().expect("it is free").clone()
    }

    /// The only one there is, and of this kind: who told it, and what.
    fn only(&self, signal: Signal) -> (Value, Value) {
        let records = self.records();
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0].signal, signal);
        let Record {
            resource,
            scope,
            item,
            ..
        } = &records[0];
        let source: Value = serde_json::from_str(&format!("{{{resource},{scope}}}"))
            .unwrap_or_else(|error| panic!("{resource} {scope}: {error}"));
        let item = serde_json::from_str(item).unwrap_or_else(|error| panic!("{item}: {error}"));
        (source, item)
    }
}

fn keeping(probe: &str) -> (Fixture, Arc<Kept>, Service) {
    let kept = Arc::<Kept>::default();
    let fixture = Fixture::with_exporter(Some(kept.clone()));
    let guest = fixture.serve(probe, "");
    (fixture, kept, guest)
}

/// Asks with these headers.
async fn ask(guest: &Service, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().uri(path).header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(nothing()).expect("the request is good");
    let response = guest.handle(request).await;
    let response = response.unwrap_or_else(|error| panic!("{path}: {error}"));
    let status = response.status();
    let body = response.into_body().collect().await;
    let body = body.expect("the body is complete").to_bytes();
    Answer { status, body }
}

async fn done(guest: &Service, path: &str) {
    let answer = ask(guest, path, &[]).await;
    assert_eq!(answer.status.as_u16(), 204, "{path}: {}", answer.text());
}

#[tokio::test]
async fn a_guest_does_not_fail_where_nobody_collects() {
    for probe in BOTH {
        let fixture = Fixture::with_exporter(None);
        let guest = fixture.serve(probe, "");
        for path in [
            "/?op=span&name=work",
            "/?op=span&name=work&trace=none",
            "/?op=metric",
            "/?op=metric&points=5000",
            "/?op=log&text=hello",
        ] {
            done(&guest, path).await;
        }
    }
}

#[tokio::test]
async fn what_finds_no_room_is_dropped_and_only_of_metrics_is_it_told() {
    for probe in BOTH {
        let kept = Arc::new(Kept {
            full: true,
            ..Kept::default()
        });
        let fixture = Fixture::with_exporter(Some(kept));
        let guest = fixture.serve(probe, "");
        done(&guest, "/?op=span&name=work").await;
        done(&guest, "/?op=log&text=hello").await;
        let answer = ask(&guest, "/?op=metric", &[]).await;
        assert!(
            answer.text().starts_with("dropped: more is told"),
            "{probe}"
        );
    }
}

#[tokio::test]
async fn what_is_not_valid_or_too_large_is_dropped() {
    for probe in BOTH {
        let (_fixture, kept, guest) = keeping(probe);
        for trace in ["none", &"0".repeat(32)] {
            done(&guest, &format!("/?op=span&name=work&trace={trace}")).await;
        }
        for kind in ["sum", "gauge", "histogram", "exponential"] {
            let path = format!("/?op=metric&kind={kind}&points=5000");
            let answer = ask(&guest, &path, &[]).await;
            assert!(answer.text().starts_with("dropped: it is larger"), "{kind}");
        }
        assert!(kept.records().is_empty());
    }
}

#[tokio::test]
async fn texts_are_cut_off() {
    for probe in BOTH {
        let (_fixture, kept, guest) = keeping(probe);
        let long = "x".repeat(20 * 1024);
        done(&guest, &format!("/?op=log&text={long}")).await;
        let (_, log) = kept.only(Signal::Logs);
        let text = log["body"]["stringValue"].as_str().expect("it is a text");
        assert_eq!(text.len(), 16 * 1024);
        assert!(kept.records()[0].bytes() < ITEM_BYTES_MAX);
    }
}

#[tokio::test]
async fn a_request_without_a_place_in_a_trace_gets_one_of_its_own() {
    for probe in BOTH {
        let (_fixture, _, guest) = keeping(probe);
        let mut seen = Vec::new();
        for headers in [&[][..], &[("traceparent", "00-nonsense-01")]] {
            let text = ask(&guest, "/?op=outer", headers).await.text();
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(lines[0], lines[1], "{probe}");
            assert!(
                lines[0].ends_with(" sampled=true remote=false state="),
                "{text}"
            );
            seen.push(lines[0].to_owned());
        }
        assert_ne!(seen[0], seen[1], "{probe}");
    }
}

#[tokio::test]
async fn each_of_several_requests_stands_where_its_client_says() {
    for probe in BOTH {
        let (_fixture, _, guest) = keeping(probe);
        let asking = (1..=20).map(|number| {
            let guest = guest.clone();
            async move {
                let parent = format!("00-{TRACE}-00000000000000{number:02x}-01");
                let headers = [("traceparent", &*parent), ("tracestate", "a=b,c=d")];
                let text = ask(&guest, "/?op=outer", &headers).await.text();
                let line = format!(
                    "{TRACE} 00000000000000{number:02x} sampled=true remote=true state=a=b,c=d\n"
                );
                assert_eq!(text, line.repeat(2), "{probe}");
            }
        });
        join_all(asking).await;
    }
}

#[tokio::test]
async fn a_span_joins_the_trace_of_its_request() {
    for probe in BOTH {
        let (_fixture, kept, guest) = keeping(probe);
        let parent = format!("00-{TRACE}-{SPAN}-01");
        let headers = [("traceparent", &*parent)];
        ask(&guest, "/?op=span&name=work", &headers).await;
        let (source, span) = kept.only(Signal::Traces);
        let attributes = &source["resource"]["attributes"];
        let named =
            |name: &str, text: &Value| json!({ "key": name, "value": { "stringValue": text } });
        assert_eq!(attributes[0], named("service.name", &json!("guest")));
        assert_eq!(attributes[1]["key"], "service.version");
        assert_eq!(source["scope"]["name"], "probe");
        assert_eq!(
            span,
            json!({
                "traceId": TRACE, "spanId": "00000000000000ab", "parentSpanId": SPAN, "flags": 1,
                "name": "work", "kind": 1,
                "startTimeUnixNano": "1000000005", "endTimeUnixNano": "1000000005",
                "attributes": [{ "key": "answer", "value": { "intValue": "42" } }],
                "droppedAttributesCount": 0,
                "events": [{
                    "timeUnixNano": "1000000005", "name": "tick", "attributes": [],
                    "droppedAttributesCount": 0,
                }],
                "droppedEventsCount": 0, "links": [], "droppedLinksCount": 0,
                "status": { "message": "late", "code": 2 },
            })
        );
    }
}

#[tokio::test]
async fn a_metric_is_told_as_what_it_is_and_not_as_somebody_elses() {
    for probe in BOTH {
        for (kind, member, point) in [
            ("sum", "sum", json!("7")),
            ("gauge", "gauge", json!(0.5)),
            ("histogram", "histogram", json!("2")),
            ("exponential", "exponentialHistogram", json!("2")),
        ] {
            let (_fixture, kept, guest) = keeping(probe);
            done(&guest, &format!("/?op=metric&kind={kind}")).await;
            let (source, metric) = kept.only(Signal::Metrics);
            let told = source["resource"]["attributes"].to_string();
            assert!(!told.contains("somebody-else"), "{told}");
            assert!(
                told.contains("\"guest\"") && told.contains("\"eu\""),
                "{told}"
            );
            let first = &metric[member]["dataPoints"][0];
            let value = ["asInt", "asDouble", "count"].map(|name| &first[name]);
            let value = value.into_iter().find(|value| !value.is_null());
            assert_eq!(value, Some(&point), "{metric}");
        }
    }
}

#[tokio::test]
async fn a_log_record_is_told() {
    for probe in BOTH {
        let (_fixture, kept, guest) = keeping(probe);
        done(&guest, "/?op=log&text=late").await;
        let (source, log) = kept.only(Signal::Logs);
        assert_eq!(
            source["scope"],
            json!({ "name": "probe", "version": "1", "droppedAttributesCount": 0 })
        );
        assert_eq!(
            log,
            json!({
                "timeUnixNano": "1000000005", "severityNumber": 13, "severityText": "WARN",
                "body": { "stringValue": "late" },
                "attributes": [{ "key": "order", "value": { "intValue": "7" } }],
                "droppedAttributesCount": 0, "flags": 0,
            })
        );
    }
}
