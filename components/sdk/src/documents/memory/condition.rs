//! Whether a document fulfils a filter.

use super::value::{compare_alike, compared, lookup, scalar};
use crate::documents::Scalar;
use crate::documents::filter::{Comparison, Condition};
use serde_json::Value;
use std::cmp::Ordering;

/// Whether the last condition holds; without any, it does.
pub(super) fn holds(conditions: &[Condition], document: &Value) -> bool {
    match conditions.len() {
        0 => true,
        length => holds_at(conditions, length - 1, document),
    }
}

fn holds_at(conditions: &[Condition], index: usize, document: &Value) -> bool {
    let at = |index: &u32| holds_at(conditions, place(*index), document);
    match &conditions[index] {
        Condition::AllOf(indices) => indices.iter().all(at),
        Condition::AnyOf(indices) => indices.iter().any(at),
        Condition::NoneOf(indices) => !indices.iter().any(at),
        Condition::Compare {
            path,
            comparison,
            value,
        } => compares(document, path, *comparison, value),
        Condition::OneOf { path, values } => {
            values.iter().any(|value| equals(document, path, value))
        }
        Condition::Exists { path, exists } => lookup(document, path).is_some() == *exists,
        Condition::StartsWith { path, start } => starts_with(document, path, start),
        Condition::Element { path, condition } => elements(document, path)
            .iter()
            .any(|element| element.is_object() && holds_at(conditions, place(*condition), element)),
    }
}

fn place(index: u32) -> usize {
    usize::try_from(index).expect("the filter was flattened here")
}

fn compares(document: &Value, path: &str, comparison: Comparison, value: &Scalar) -> bool {
    let any = |wanted: fn(Ordering) -> bool| any(document, path, value, wanted);
    match comparison {
        Comparison::Equal => equals(document, path, value),
        Comparison::NotEqual => !equals(document, path, value),
        Comparison::Less => any(Ordering::is_lt),
        Comparison::LessOrEqual => any(Ordering::is_le),
        Comparison::Greater => any(Ordering::is_gt),
        Comparison::GreaterOrEqual => any(Ordering::is_ge),
    }
}

/// A missing value equals null.
fn equals(document: &Value, path: &str, value: &Scalar) -> bool {
    match lookup(document, path) {
        None => *value == Scalar::Null,
        Some(_) => any(document, path, value, Ordering::is_eq),
    }
}

fn any(document: &Value, path: &str, value: &Scalar, wanted: fn(Ordering) -> bool) -> bool {
    let fits = |found: &Value| {
        scalar(found)
            .and_then(|found| compare_alike(&found, value))
            .is_some_and(wanted)
    };
    compared(document, path).is_some_and(|values| values.iter().any(fits))
}

fn starts_with(document: &Value, path: &str, start: &str) -> bool {
    let fits = |found: &Value| found.as_str().is_some_and(|text| text.starts_with(start));
    compared(document, path).is_some_and(|values| values.iter().any(fits))
}

fn elements<'v>(document: &'v Value, path: &str) -> &'v [Value] {
    lookup(document, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
