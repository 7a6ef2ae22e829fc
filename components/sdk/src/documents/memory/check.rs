//! What the contract bounds, refused as a host refuses it.

use crate::documents::filter::Condition;
use crate::documents::{Error, Order, Scalar};
use serde_json::Value;

/// An id holds at most so many bytes of UTF-8, and at least one.
const ID_BYTES_MAX: usize = 256;
/// A body holds at most so many bytes.
const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// A body is at most so many levels deep; the object itself is the first.
const DOCUMENT_LEVELS_MAX: usize = 32;
/// A path has at most so many bytes.
const PATH_BYTES_MAX: usize = 256;
/// A path has at most so many keys.
const PATH_KEYS_MAX: usize = 8;
/// A filter has at most so many conditions.
const CONDITIONS_MAX: usize = 128;
/// The paths and values of a filter hold at most so many bytes together.
const FILTER_BYTES_MAX: usize = 1024 * 1024;
/// A membership names at most so many values.
const VALUES_MAX: usize = 1000;
/// A query sorts by at most so many paths.
const SORT_PATHS_MAX: usize = 4;
/// One call reads, writes or answers at most so many documents or buckets.
pub(super) const DOCUMENTS_MAX: usize = 1000;
/// A call carries at most so many bytes of bodies.
const CALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The path of the id.
pub(super) const ID_PATH: &str = "_id";

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::Invalid(message.into())
}

pub(super) fn too_large(limit: usize) -> Error {
    let limit = u64::try_from(limit).expect("limits are small");
    Error::TooLarge { limit }
}

/// Holds a number of things against what is allowed.
pub(super) fn at_most(limit: usize, number: usize, what: &str) -> Result<(), Error> {
    match number <= limit {
        true => Ok(()),
        false => Err(invalid(format!("more than {limit} {what}"))),
    }
}

/// A limit that is named by the caller.
pub(super) fn limit(limit: u32) -> Result<usize, Error> {
    usize::try_from(limit)
        .ok()
        .filter(|limit| (1..=DOCUMENTS_MAX).contains(limit))
        .ok_or_else(|| invalid(format!("a limit is 1 to {DOCUMENTS_MAX}")))
}

pub(super) fn id(id: &str) -> Result<(), Error> {
    match id.len() {
        0 => Err(invalid("an id is empty")),
        1..=ID_BYTES_MAX => Ok(()),
        _ => Err(too_large(ID_BYTES_MAX)),
    }
}

/// The bodies of one call together.
pub(super) fn call_bytes(bytes: usize) -> Result<(), Error> {
    match bytes <= CALL_BYTES_MAX {
        true => Ok(()),
        false => Err(too_large(CALL_BYTES_MAX)),
    }
}

pub(super) fn path(path: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(fits);
    let keys = path.split('.').count();
    match path.len() <= PATH_BYTES_MAX && keys <= PATH_KEYS_MAX && path.split('.').all(is_key) {
        true => Ok(()),
        false => Err(invalid(format!("`{path}` is no path"))),
    }
}

/// A path that an operator may change.
pub(super) fn changeable(changed: &str) -> Result<(), Error> {
    path(changed)?;
    match changed.split('.').next() {
        Some(ID_PATH) => Err(invalid("the id is not changed")),
        _ => Ok(()),
    }
}

pub(super) fn sort(sort: &[Order]) -> Result<(), Error> {
    at_most(SORT_PATHS_MAX, sort.len(), "paths to sort by")?;
    sort.iter().try_for_each(|order| path(&order.path))
}

pub(super) fn filter(conditions: &[Condition]) -> Result<(), Error> {
    conditions_of(conditions, path)
}

/// A filter on elements, where the path of one that is no object is empty.
pub(super) fn pull(conditions: &[Condition]) -> Result<(), Error> {
    conditions_of(conditions, |of| match of {
        "" => Ok(()),
        of => path(of),
    })
}

fn conditions_of(
    conditions: &[Condition],
    path: impl Fn(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    at_most(CONDITIONS_MAX, conditions.len(), "conditions")?;
    if conditions.iter().map(bytes).sum::<usize>() > FILTER_BYTES_MAX {
        return Err(too_large(FILTER_BYTES_MAX));
    }
    conditions.iter().try_for_each(|condition| match condition {
        Condition::AllOf(_) | Condition::AnyOf(_) | Condition::NoneOf(_) => Ok(()),
        Condition::Compare {
            path: at, value, ..
        } => path(at).and_then(|()| scalar(value)),
        Condition::OneOf { path: at, values } => {
            path(at)?;
            at_most(VALUES_MAX, values.len(), "values")?;
            values.iter().try_for_each(scalar)
        }
        Condition::Exists { path: at, .. }
        | Condition::StartsWith { path: at, .. }
        | Condition::Element { path: at, .. } => path(at),
    })
}

/// The bytes of a condition itself.
fn bytes(condition: &Condition) -> usize {
    match condition {
        Condition::AllOf(_) | Condition::AnyOf(_) | Condition::NoneOf(_) => 0,
        Condition::Compare { path, value, .. } => path.len() + scalar_bytes(value),
        Condition::OneOf { path, values } => {
            path.len() + values.iter().map(scalar_bytes).sum::<usize>()
        }
        Condition::StartsWith { path, start } => path.len() + start.len(),
        Condition::Exists { path, .. } | Condition::Element { path, .. } => path.len(),
    }
}

fn scalar_bytes(value: &Scalar) -> usize {
    match value {
        Scalar::Text(text) => text.len(),
        _ => size_of::<u64>(),
    }
}

fn scalar(value: &Scalar) -> Result<(), Error> {
    match value {
        Scalar::Number(number) if !number.is_finite() => Err(invalid("a number is not finite")),
        _ => Ok(()),
    }
}

/// A body as the object it must be.
pub(super) fn body(text: &str) -> Result<Value, Error> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(too_large(DOCUMENT_BYTES_MAX));
    }
    let body = json(text)?;
    match body.as_object() {
        None => Err(invalid("a body is a JSON object")),
        Some(object) if object.contains_key(ID_PATH) => Err(invalid("a body has no `_id`")),
        Some(_) if levels(&body) > DOCUMENT_LEVELS_MAX => Err(invalid("a body is too deep")),
        Some(_) => Ok(body),
    }
}

/// Any JSON that may be part of a body.
pub(super) fn json(text: &str) -> Result<Value, Error> {
    let value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    match fits(&value) {
        true => Ok(value),
        false => Err(invalid("an integer does not fit into 64 bits")),
    }
}

/// Whether all integers are of 64 bits with a sign.
fn fits(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || !number.is_u64(),
        Value::Array(elements) => elements.iter().all(fits),
        Value::Object(object) => object.values().all(fits),
        _ => true,
    }
}

fn levels(value: &Value) -> usize {
    let below = match value {
        Value::Array(elements) => elements.iter().map(levels).max(),
        Value::Object(object) => object.values().map(levels).max(),
        _ => return 0,
    };
    1 + below.unwrap_or(0)
}
