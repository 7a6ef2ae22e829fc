//! Values and attributes, within their limits.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::number::{Double, Integer};
use super::{ATTRIBUTES_MAX, ITEM_BYTES_MAX, NAME_BYTES_MAX, TEXT_BYTES_MAX};

/// How deep lists and maps may be in one another.
const DEPTH_MAX: usize = 8;
/// How guests mark bytes, for which JSON has nothing.
const BYTES_PREFIX: &str = "data:application/octet-stream;base64,";

/// An `AnyValue`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Nothing,
    /// Text.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A double.
    Double(f64),
    /// Bytes, in base64.
    Bytes(String),
    /// Values.
    List(Vec<Value>),
    /// Values by name.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Of the JSON that a guest writes. What is no JSON is taken as the text that it is, and so is what is longer than any
    /// item: read, it would take many times its size.
    pub fn of_json(text: &str) -> Self {
        let short = Some(text).filter(|text| text.len() <= ITEM_BYTES_MAX);
        match short.and_then(|text| serde_json::from_str(text).ok()) {
            Some(value) => Self::of(value, DEPTH_MAX),
            None => Self::Text(text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()),
        }
    }

    fn of(value: serde_json::Value, depth: usize) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Nothing,
            Json::Bool(truth) => Self::Boolean(truth),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::of_text(text),
            Json::Array(_) | Json::Object(_) if depth == 0 => Self::Nothing,
            Json::Array(items) => {
                let items = items.into_iter().take(ATTRIBUTES_MAX);
                Self::List(items.map(|item| Self::of(item, depth - 1)).collect())
            }
            Json::Object(members) => {
                let members = members.into_iter().take(ATTRIBUTES_MAX);
                let member = |(key, value)| {
                    let key = bounded(key, NAME_BYTES_MAX);
                    (key, Self::of(value, depth - 1))
                };
                Self::Map(members.map(member).collect())
            }
        }
    }

    fn of_text(text: String) -> Self {
        let bytes = text.strip_prefix(BYTES_PREFIX);
        match bytes.filter(|bytes| bytes.len() <= TEXT_BYTES_MAX && is_base64(bytes)) {
            Some(bytes) => Self::Bytes(bytes.to_owned()),
            None => Self::Text(bounded(text, TEXT_BYTES_MAX)),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            // An `AnyValue` without any is what has no value.
            Self::Nothing => {}
            Self::Text(text) => map.serialize_entry("stringValue", text)?,
            Self::Boolean(truth) => map.serialize_entry("boolValue", truth)?,
            Self::Integer(integer) => map.serialize_entry("intValue", &Integer(integer))?,
            Self::Double(double) => map.serialize_entry("doubleValue", &Double(*double))?,
            Self::Bytes(bytes) => map.serialize_entry("bytesValue", bytes)?,
            Self::List(values) => map.serialize_entry("arrayValue", &Values { values })?,
            Self::Map(members) => map.serialize_entry("kvlistValue", &Members::of(members))?,
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Values<'a> {
    values: &'a [Value],
}

#[derive(Serialize)]
struct Members<'a> {
    values: Vec<Member<'a>>,
}

#[derive(Serialize)]
struct Member<'a> {
    key: &'a str,
    value: &'a Value,
}

impl<'a> Members<'a> {
    fn of(members: &'a [(String, Value)]) -> Self {
        let member = |(key, value): &'a (String, Value)| Member { key, value };
        Self {
            values: members.iter().map(member).collect(),
        }
    }
}

/// Values by name, at most [`ATTRIBUTES_MAX`] of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes {
    kept: Vec<(String, Value)>,
    dropped: u32,
}

impl Attributes {
    /// Of names and the JSON of their values.
    pub fn new(written: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut written = written.into_iter();
        let attribute =
            |(key, value): (String, String)| (bounded(key, NAME_BYTES_MAX), Value::of_json(&value));
        let kept = written.by_ref().take(ATTRIBUTES_MAX).map(attribute);
        Self {
            kept: kept.collect(),
            dropped: u32::try_from(written.count()).unwrap_or(u32::MAX),
        }
    }

    /// How many were left out.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Leaves those with such names out.
    pub(super) fn without(mut self, named: impl Fn(&str) -> bool) -> Self {
        self.kept.retain(|(key, _)| !named(key));
        self
    }

    /// Adds one of the host's own.
    pub(super) fn push(&mut self, key: &str, text: &str) {
        let value = Value::Text(text.to_owned());
        self.kept.push((key.to_owned(), value));
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Members::of(&self.kept).values.serialize(serializer)
    }
}

/// The text, without what is over the limit.
pub fn bounded(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

fn is_base64(text: &str) -> bool {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).expect("it can be written")
    }

    #[test]
    fn what_is_over_the_limits_is_left_out() {
        let many = (0..ATTRIBUTES_MAX + 3).map(|number| (format!("k{number}"), "1".to_owned()));
        let attributes = Attributes::new(many);
        assert_eq!(attributes.kept.len(), ATTRIBUTES_MAX);
        assert_eq!(attributes.dropped(), 3);
        let long = "ü".repeat(TEXT_BYTES_MAX);
        let Value::Text(text) = Value::of_json(&json(&long)) else {
            panic!("it is a text");
        };
        assert_eq!(text.len(), TEXT_BYTES_MAX);
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        assert!(!json(&Value::of_json(&deep)).contains("intValue"));
        let key = "k".repeat(NAME_BYTES_MAX + 1);
        let attributes = Attributes::new([(key, "1".to_owned())]);
        assert_eq!(attributes.kept[0].0.len(), NAME_BYTES_MAX);
    }

    #[test]
    fn what_is_longer_than_any_item_is_not_read() {
        let long = format!("[{}0]", "[],".repeat(ITEM_BYTES_MAX / 3));
        let Value::Text(text) = Value::of_json(&long) else {
            panic!("it is taken as text");
        };
        assert_eq!(text, long[..TEXT_BYTES_MAX]);
    }

    #[test]
    fn what_is_no_json_is_text() {
        for text in ["", "plain", "{\"a\":", "NaN"] {
            assert_eq!(Value::of_json(text), Value::Text(text.to_owned()));
        }
        let no_bytes = "\"data:application/octet-stream;base64,%%\"";
        assert!(matches!(Value::of_json(no_bytes), Value::Text(_)));
    }

    #[test]
    fn values_are_written_as_the_encoding_has_them() {
        for (guests, written) in [
            ("null", "{}"),
            ("\"a\\\"b\"", "{\"stringValue\":\"a\\\"b\"}"),
            ("true", "{\"boolValue\":true}"),
            ("-6", "{\"intValue\":\"-6\"}"),
            ("1.5", "{\"doubleValue\":1.5}"),
            (
                "18446744073709551615",
                "{\"doubleValue\":1.8446744073709552e+19}",
            ),
            (
                "\"data:application/octet-stream;base64,aGk=\"",
                "{\"bytesValue\":\"aGk=\"}",
            ),
            (
                "[1,\"a\"]",
                "{\"arrayValue\":{\"values\":[{\"intValue\":\"1\"},{\"stringValue\":\"a\"}]}}",
            ),
            (
                "{\"a\":false}",
                "{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"boolValue\":false}}]}}",
            ),
        ] {
            assert_eq!(json(&Value::of_json(guests)), written);
        }
        let attributes = Attributes::new([("k".to_owned(), "1".to_owned())]);
        let written = "[{\"key\":\"k\",\"value\":{\"intValue\":\"1\"}}]";
        assert_eq!(json(&attributes), written);
    }
}
