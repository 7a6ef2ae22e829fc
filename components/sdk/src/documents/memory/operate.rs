//! Changes inside a document.

use super::check::{self, invalid, json};
use super::condition::holds;
use crate::documents::update::Operator;
use crate::documents::{Error, Filter};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// An array keeps its last so many elements at most, where a push says how many.
const KEEP_LAST_MAX: u32 = 10_000;

/// Makes one change.
pub(super) fn change(document: &mut Value, operator: Operator) -> Result<(), Error> {
    match operator {
        Operator::Set { path, value } => set(document, &path, json(&value)?),
        Operator::Unset(path) => unset(document, &path),
        Operator::Increment { path, by } => increment(document, &path, by),
        Operator::Push {
            path,
            value,
            keep_last,
        } => push(document, &path, &value, keep_last),
        Operator::Pull { path, filter } => pull(document, &path, filter),
    }
}

/// Gives the value at a path another. Missing objects on the way are made.
pub(super) fn set(document: &mut Value, path: &str, value: Value) -> Result<(), Error> {
    match entry(document, path)? {
        Entry::Vacant(vacant) => {
            vacant.insert(value);
        }
        Entry::Occupied(mut occupied) => {
            occupied.insert(value);
        }
    }
    Ok(())
}

fn unset(document: &mut Value, path: &str) -> Result<(), Error> {
    check::changeable(path)?;
    let (way, key) = split(path);
    let mut keys = way.into_iter().flat_map(|way| way.split('.'));
    let object = keys.try_fold(document, |value, key| value.get_mut(key));
    if let Some(Value::Object(object)) = object {
        object.remove(key);
    }
    Ok(())
}

fn increment(document: &mut Value, path: &str, by: i64) -> Result<(), Error> {
    let value = entry(document, path)?.or_insert_with(|| Value::from(0));
    let sum = value.as_i64().and_then(|value| value.checked_add(by));
    *value = sum
        .map(Value::from)
        .ok_or_else(|| invalid(format!("`{path}` is no integer, or the sum does not fit")))?;
    Ok(())
}

fn push(
    document: &mut Value,
    path: &str,
    value: &str,
    keep_last: Option<u32>,
) -> Result<(), Error> {
    if keep_last.is_some_and(|keep| !(1..=KEEP_LAST_MAX).contains(&keep)) {
        return Err(invalid(format!(
            "an array keeps its last 1 to {KEEP_LAST_MAX}"
        )));
    }
    let value = json(value)?;
    let array = entry(document, path)?.or_insert_with(|| Value::Array(Vec::new()));
    let elements = elements(array, path)?;
    elements.push(value);
    let keep = keep_last.and_then(|keep| usize::try_from(keep).ok());
    let surplus = keep.map_or(0, |keep| elements.len().saturating_sub(keep));
    elements.drain(..surplus);
    Ok(())
}

fn pull(document: &mut Value, path: &str, filter: Filter) -> Result<(), Error> {
    check::changeable(path)?;
    let conditions = filter.flatten();
    check::pull(&conditions)?;
    let mut keys = path.split('.');
    if let Some(array) = keys.try_fold(document, |value, key| value.get_mut(key)) {
        elements(array, path)?.retain(|element| !holds(&conditions, element));
    }
    Ok(())
}

fn elements<'v>(array: &'v mut Value, path: &str) -> Result<&'v mut Vec<Value>, Error> {
    array
        .as_array_mut()
        .ok_or_else(|| invalid(format!("`{path}` is no array")))
}

/// The place of a value. Missing objects on the way are made.
fn entry<'v>(document: &'v mut Value, path: &str) -> Result<Entry<'v>, Error> {
    check::changeable(path)?;
    let (way, key) = split(path);
    let mut value = document;
    for key in way.into_iter().flat_map(|way| way.split('.')) {
        let made = || Value::Object(Map::new());
        value = object(value, path)?.entry(key).or_insert_with(made);
    }
    Ok(object(value, path)?.entry(key))
}

fn object<'v>(value: &'v mut Value, path: &str) -> Result<&'v mut Map<String, Value>, Error> {
    value
        .as_object_mut()
        .ok_or_else(|| invalid(format!("`{path}` leads through what is no object")))
}

/// The way to a value, and its key.
fn split(path: &str) -> (Option<&str>, &str) {
    match path.rsplit_once('.') {
        Some((way, key)) => (Some(way), key),
        None => (None, path),
    }
}
