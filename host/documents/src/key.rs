//! The order of values, as byte strings that compare like them.
//!
//! The first byte is the kind. Nothing and null have no key at all, which sorts before every other. A number is the
//! greatest double that is not above it and what is missing from there, so that 64-bit integers and doubles share one
//! order without a loss. Long texts are cut: then the key says where a value belongs, but no longer which it is.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::{ID_PATH, Scalar};

/// A longer text is cut to so many bytes.
pub const TEXT_BYTES_MAX: usize = 1024;

const BOOLEAN: u8 = 0x10;
const NUMBER: u8 = 0x20;
const TEXT: u8 = 0x30;
/// Arrays and objects have this key, which is all.
const OBJECT: u8 = 0x50;
const ARRAY: u8 = 0x60;
/// Ends the key of a text that was cut; no text has this byte.
const CUT: u8 = 0xff;

/// A value's place in the order of values; `None` is null's, and that of what is missing.
pub type Key = Option<Vec<u8>>;

/// A document as filters, sorts and indexes see it: the id is at the path `_id`.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The id; `None` inside an element of an array.
    pub id: Option<&'a str>,
    /// The body or the element.
    pub body: &'a Value,
}

impl<'a> Subject<'a> {
    /// The value at a path; the empty path is the whole.
    pub fn at(&self, path: &str) -> Option<Cow<'a, Value>> {
        match self.id {
            Some(id) if path == ID_PATH => Some(Cow::Owned(Value::String(id.to_owned()))),
            _ => at(self.body, path).map(Cow::Borrowed),
        }
    }

    /// The key of the value at a path.
    pub fn key(&self, path: &str) -> Key {
        of_value(self.at(path).as_deref())
    }
}

/// The value at a path inside another.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    path.split('.')
        .try_fold(value, |value, key| value.as_object()?.get(key))
}

/// The key of a value that may be missing.
pub fn of_value(value: Option<&Value>) -> Key {
    match value? {
        Value::Null => None,
        Value::Bool(boolean) => Some(vec![BOOLEAN, u8::from(*boolean)]),
        Value::Number(number) => Some(of_number(number_bytes(number))),
        Value::String(text) => Some(of_text(text)),
        Value::Array(_) => Some(vec![ARRAY]),
        Value::Object(_) => Some(vec![OBJECT]),
    }
}

/// The key of a scalar.
pub fn of_scalar(scalar: &Scalar) -> Key {
    match scalar {
        Scalar::Null => None,
        Scalar::Boolean(boolean) => Some(vec![BOOLEAN, u8::from(*boolean)]),
        Scalar::Integer(integer) => Some(of_number(integer_bytes(*integer))),
        Scalar::Number(number) => Some(of_number(double_bytes(*number))),
        Scalar::Text(text) => Some(of_text(text)),
    }
}

/// The keys of what occurs at a path, each with how often: those of the elements where it is an array. What is missing
/// occurs nowhere.
pub fn occurrences(subject: Subject<'_>, path: &str) -> BTreeMap<Key, u64> {
    let found = subject.at(path);
    let values: &[Value] = match found.as_deref() {
        None => &[],
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(value) => std::slice::from_ref(value),
    };
    let mut keys = BTreeMap::new();
    for value in values {
        *keys.entry(of_value(Some(value))).or_default() += 1;
    }
    keys
}

/// The keys of all values of the kind of a key that is not null's: from the first to before the second.
pub fn kind(key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let kind = key.first().copied().unwrap_or(BOOLEAN);
    (vec![kind], vec![kind + 1])
}

/// The keys of all texts that start with another: from the first to before the second. Where `start` itself is cut,
/// they are those of more texts.
pub fn starting(start: &str) -> (Vec<u8>, Vec<u8>) {
    let mut from = of_text(start);
    if is_cut(&from) {
        from.pop();
    }
    let mut end = from.clone();
    // No byte of UTF-8 is the greatest, and the kind is not either, so that the last one can be raised.
    *end.last_mut().expect("a key starts with its kind") += 1;
    (from, end)
}

/// Whether the key does not hold its whole value.
pub fn is_cut(key: &[u8]) -> bool {
    key.first() == Some(&TEXT) && key.last() == Some(&CUT)
}

/// Whether it is the key of an array or an object.
pub fn is_compound(key: &[u8]) -> bool {
    matches!(key.first(), Some(&ARRAY | &OBJECT))
}

/// Whether a key can be the same as another's in a unique index: nothing and null are left out, and so are arrays and
/// objects.
pub fn is_unique_value(key: &Key) -> bool {
    key.as_ref().is_some_and(|key| !is_compound(key))
}

/// The scalar of a key; of a text that was cut, its start. None for arrays, objects and what is no key.
pub fn scalar(key: Option<&[u8]>) -> Option<Scalar> {
    let Some(key) = key else {
        return Some(Scalar::Null);
    };
    match key.split_first()? {
        (&BOOLEAN, [boolean]) => Some(Scalar::Boolean(*boolean == 1)),
        (&NUMBER, number) => number_of(number),
        (&TEXT, text) => {
            let text = text.strip_suffix(&[CUT]).unwrap_or(text);
            Some(Scalar::Text(String::from_utf8(text.to_vec()).ok()?))
        }
        _ => None,
    }
}

/// How a value compares to a scalar; none where they are of different kinds.
pub(crate) fn compare(value: &Value, scalar: &Scalar) -> Option<Ordering> {
    match (value, scalar) {
        (Value::Null, Scalar::Null) => Some(Ordering::Equal),
        (Value::Bool(left), Scalar::Boolean(right)) => Some(left.cmp(right)),
        (Value::Number(left), Scalar::Integer(right)) => {
            Some(number_bytes(left).cmp(&integer_bytes(*right)))
        }
        (Value::Number(left), Scalar::Number(right)) => {
            Some(number_bytes(left).cmp(&double_bytes(*right)))
        }
        (Value::String(left), Scalar::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        _ => None,
    }
}

fn of_number(bytes: [u8; 10]) -> Vec<u8> {
    let mut key = Vec::with_capacity(11);
    key.push(NUMBER);
    key.extend_from_slice(&bytes);
    key
}

fn of_text(text: &str) -> Vec<u8> {
    let length = text.floor_char_boundary(TEXT_BYTES_MAX);
    let mut key = Vec::with_capacity(length + 2);
    key.push(TEXT);
    key.extend_from_slice(&text.as_bytes()[..length]);
    if length < text.len() {
        key.push(CUT);
    }
    key
}

fn number_bytes(number: &Number) -> [u8; 10] {
    match number.as_i64() {
        Some(integer) => integer_bytes(integer),
        None => double_bytes(number.as_f64().unwrap_or_default()),
    }
}

fn integer_bytes(integer: i64) -> [u8; 10] {
    let nearest = integer as f64;
    let below = match nearest as i128 > i128::from(integer) {
        true => nearest.next_down(),
        false => nearest,
    };
    // The distance of doubles of this size is 1024 at most.
    let rest = i128::from(integer) - below as i128;
    bytes(below, rest as u16)
}

fn double_bytes(double: f64) -> [u8; 10] {
    bytes(double, 0)
}

fn bytes(below: f64, rest: u16) -> [u8; 10] {
    // Adding zero makes the negative zero positive: they are equal.
    let bits = (below + 0.0).to_bits();
    let ordered = match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    };
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&ordered.to_be_bytes());
    bytes[8..].copy_from_slice(&rest.to_be_bytes());
    bytes
}

fn number_of(bytes: &[u8]) -> Option<Scalar> {
    let (ordered, rest) = bytes.split_first_chunk::<8>()?;
    let rest = u16::from_be_bytes(rest.try_into().ok()?);
    let ordered = u64::from_be_bytes(*ordered);
    let bits = match ordered >> 63 {
        1 => ordered & !(1 << 63),
        _ => !ordered,
    };
    let below = f64::from_bits(bits);
    // A double beyond the integers of 128 bits saturates, and is then no integer of 64 bits.
    let integer = i64::try_from((below as i128).saturating_add(i128::from(rest)));
    match integer {
        Ok(integer) if below.fract() == 0.0 => Some(Scalar::Integer(integer)),
        _ => Some(Scalar::Number(below)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_ordered_like_their_values() {
        let values = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1e300),
            json!(i64::MIN),
            json!(i64::MIN + 1),
            json!(-2.5),
            json!(-1),
            json!(0),
            json!(f64::MIN_POSITIVE),
            json!(1),
            json!(1.5),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(i64::MAX - 1),
            json!(i64::MAX),
            json!(9.223372036854776e18),
            json!(1e300),
            json!(""),
            json!("A"),
            json!("a"),
            json!("a\u{0}"),
            json!("ab"),
            json!("é"),
            json!("\u{10ffff}"),
            json!({}),
            json!([]),
        ];
        let keys: Vec<_> = values.iter().map(|value| of_value(Some(value))).collect();
        for pair in keys.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
    }

    #[test]
    fn equal_numbers_have_one_key() {
        assert_eq!(of_value(Some(&json!(1))), of_value(Some(&json!(1.0))));
        assert_eq!(of_value(Some(&json!(-0.0))), of_value(Some(&json!(0))));
        assert_ne!(of_value(Some(&json!(1))), of_value(Some(&json!(true))));
        assert_ne!(of_value(Some(&json!(1))), of_value(Some(&json!("1"))));
    }

    #[test]
    fn a_key_gives_its_scalar_back() {
        let scalars = [
            Scalar::Null,
            Scalar::Boolean(true),
            Scalar::Integer(i64::MIN),
            Scalar::Integer(i64::MAX),
            Scalar::Integer(9_007_199_254_740_993),
            Scalar::Number(-0.1),
            Scalar::Number(1e300),
            Scalar::Text("é\u{0}".into()),
        ];
        for expected in scalars {
            let key = of_scalar(&expected);
            assert_eq!(scalar(key.as_deref()), Some(expected));
        }
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let text = "é".repeat(TEXT_BYTES_MAX);
        let key = of_text(&text);
        assert!(is_cut(&key));
        assert_eq!(
            scalar(Some(&key)),
            Some(Scalar::Text("é".repeat(TEXT_BYTES_MAX / 2)))
        );
        let (from, end) = starting(&text);
        assert!(from < key && key < end);
    }

    #[test]
    fn a_path_does_not_lead_through_arrays() {
        let body = json!({ "a": { "b": [{ "c": 1 }] } });
        assert_eq!(at(&body, "a.b"), Some(&json!([{ "c": 1 }])));
        assert_eq!(at(&body, "a.b.c"), None);
        assert_eq!(at(&body, "a.b.0"), None);
    }
}
