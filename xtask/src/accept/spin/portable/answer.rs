//! An answer of the shop, without what is another one each time.

use std::fmt;

use serde_json::Value;

use crate::http::Response;

/// Members whose value is a moment, or stands for one; `trace` is a request's own.
const MOMENTS: [&str; 5] = ["created", "updated", "expires", "next", "trace"];
/// What is shown of a body that differs.
const SHOWN_CHARS_MAX: usize = 300;

/// What two hosts must have in common.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    content_type: String,
    /// Whether there is an entity tag: it may have the version of a store in it.
    tagged: bool,
    location: Option<String>,
    body: Body,
}

#[derive(Debug, PartialEq, Eq)]
enum Body {
    /// Values, one per line of a report.
    Json(Vec<Value>),
    Bytes(Vec<u8>),
}

impl Seen {
    pub(super) fn of(response: &Response) -> Self {
        let header = |name: &str| response.head.header(name).map(str::to_owned);
        Self {
            status: response.status(),
            content_type: header("content-type").unwrap_or_default(),
            tagged: header("etag").is_some(),
            location: header("location"),
            body: Body::of(&response.body),
        }
    }
}

impl Body {
    fn of(bytes: &[u8]) -> Self {
        let mut values = Vec::new();
        let lines = bytes.split(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(value) => values.push(timeless(value)),
                Err(_) => return Self::Bytes(bytes.to_vec()),
            }
        }
        Self::Json(values)
    }
}

/// Moments are replaced by whether they are there.
fn timeless(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = match value {
                    Value::String(_) if MOMENTS.contains(&name.as_str()) => "a moment".into(),
                    value => timeless(value),
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(timeless).collect(),
        value => value,
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = match &self.body {
            Body::Json(values) => {
                let texts: Vec<String> = values.iter().map(Value::to_string).collect();
                texts.join(" ")
            }
            Body::Bytes(bytes) => format!("{} bytes", bytes.len()),
        };
        let body: String = body.chars().take(SHOWN_CHARS_MAX).collect();
        write!(f, "{} {} {body}", self.status, self.content_type)
    }
}

#[test]
fn moments_are_no_difference_and_all_else_is() {
    let body = |text: &str| Body::of(text.as_bytes());
    let one = body(r#"{"items": [{"a": 1, "created": "2026"}], "next": null}"#);
    assert_eq!(
        one,
        body(r#"{"items": [{"a": 1, "created": "2027"}], "next": null}"#)
    );
    assert_ne!(
        one,
        body(r#"{"items": [{"a": 2, "created": "2026"}], "next": null}"#)
    );
    assert_ne!(
        one,
        body(r#"{"items": [{"a": 1, "created": "2026"}], "next": "c"}"#)
    );
    assert_ne!(body("{}\n{}"), body("{}"));
    assert_ne!(body("text"), body("texts"));
}
