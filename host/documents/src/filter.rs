//! What a filter says, and whether a document fulfils it.

mod build;

use std::cmp::Ordering;

use serde_json::Value;
use stoa_manifest::grants::documents::is_path;

use self::build::build;
use crate::Error;
use crate::key::{Subject, compare};

/// A value that can be compared. Values of different kinds are never equal.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `null`, and what is missing.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A number; it equals a [`Scalar::Number`] of the same value.
    Integer(i64),
    /// A number that is finite.
    Number(f64),
    /// Compares by its UTF-8 bytes.
    Text(String),
}

impl Scalar {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Null | Self::Boolean(_) | Self::Integer(_) | Self::Number(_) => size_of::<u64>(),
        }
    }
}

/// How a value compares to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Of one kind and the same.
    Equal,
    /// The opposite of equal.
    NotEqual,
    /// Of one kind and less.
    Less,
    /// Of one kind and not greater.
    LessOrEqual,
    /// Of one kind and greater.
    Greater,
    /// Of one kind and not less.
    GreaterOrEqual,
}

/// One condition of a filter as guests write it: a list in which conditions name others by smaller indices.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these hold.
    AllOf(Vec<u32>),
    /// One of these holds.
    AnyOf(Vec<u32>),
    /// None of these holds.
    NoneOf(Vec<u32>),
    /// The value at a path compares to another.
    Compare {
        /// Where the value is.
        path: String,
        /// How it compares.
        comparison: Comparison,
        /// To what.
        value: Scalar,
    },
    /// The value at a path equals one of these.
    OneOf {
        /// Where the value is.
        path: String,
        /// At most [`MEMBERSHIP_VALUES_MAX`](crate::MEMBERSHIP_VALUES_MAX).
        values: Vec<Scalar>,
    },
    /// Whether there is a value, null included.
    Exists {
        /// Where.
        path: String,
        /// Whether there is one.
        exists: bool,
    },
    /// The text at a path starts with another.
    StartsWith {
        /// Where the text is.
        path: String,
        /// Its start.
        start: String,
    },
    /// One element of an array is an object that fulfils a condition.
    Element {
        /// Where the array is.
        path: String,
        /// The index of the condition.
        condition: u32,
    },
}

/// A filter as a tree. Its paths are paths, and its size is bounded: [`Filter::from_conditions`] saw to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of these hold; without any, it holds for every document.
    All(Vec<Filter>),
    /// One of these holds.
    Any(Vec<Filter>),
    /// None of these holds.
    None(Vec<Filter>),
    /// The value at a path compares to another.
    Compare {
        /// Where the value is.
        path: String,
        /// How it compares.
        comparison: Comparison,
        /// To what.
        value: Scalar,
    },
    /// The value at a path equals one of these.
    OneOf {
        /// Where the value is.
        path: String,
        /// The values.
        values: Vec<Scalar>,
    },
    /// Whether there is a value, null included.
    Exists {
        /// Where.
        path: String,
        /// Whether there is one.
        exists: bool,
    },
    /// The text at a path starts with another.
    StartsWith {
        /// Where the text is.
        path: String,
        /// Its start.
        start: String,
    },
    /// One element of an array is an object that fulfils a filter.
    Element {
        /// Where the array is.
        path: String,
        /// Its paths start in the element.
        filter: Box<Filter>,
    },
}

impl Default for Filter {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Filter {
    /// The tree that a list of conditions stands for; the last is the whole.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an index that is not smaller than that of its condition, for a path that is none, for a
    /// number that is not finite and for a list that stands for too much.
    pub fn from_conditions(conditions: Vec<Condition>) -> Result<Self, Error> {
        build(conditions, is_path)
    }

    /// The filter of a pull: as [`Filter::from_conditions`], but the path of an element that is no object is empty.
    ///
    /// # Errors
    /// As [`Filter::from_conditions`].
    pub fn from_pull_conditions(conditions: Vec<Condition>) -> Result<Self, Error> {
        build(conditions, |path| path.is_empty() || is_path(path))
    }

    /// The bytes of its paths and values.
    pub fn bytes(&self) -> usize {
        match self {
            Self::All(filters) | Self::Any(filters) | Self::None(filters) => {
                filters.iter().map(Self::bytes).sum()
            }
            Self::Compare { path, value, .. } => path.len() + value.bytes(),
            Self::OneOf { path, values } => {
                path.len() + values.iter().map(Scalar::bytes).sum::<usize>()
            }
            Self::Exists { path, .. } => path.len(),
            Self::StartsWith { path, start } => path.len() + start.len(),
            Self::Element { path, filter } => path.len() + filter.bytes(),
        }
    }

    /// Whether a document fulfils it.
    pub fn holds(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.holds(subject)),
            Self::Any(filters) => filters.iter().any(|filter| filter.holds(subject)),
            Self::None(filters) => !filters.iter().any(|filter| filter.holds(subject)),
            Self::Compare {
                path,
                comparison,
                value,
            } => compares(subject, path, *comparison, value),
            Self::OneOf { path, values } => values
                .iter()
                .any(|value| compares(subject, path, Comparison::Equal, value)),
            Self::Exists { path, exists } => subject.at(path).is_some() == *exists,
            Self::StartsWith { path, start } => any_value(subject, path, |value| {
                value.as_str().is_some_and(|text| text.starts_with(start))
            }),
            Self::Element { path, filter } => element_holds(subject, path, filter),
        }
    }
}

fn compares(subject: Subject<'_>, path: &str, comparison: Comparison, scalar: &Scalar) -> bool {
    let holds = |value: &Value| compare(value, scalar).is_some_and(|order| fits(comparison, order));
    match comparison {
        Comparison::NotEqual => !compares(subject, path, Comparison::Equal, scalar),
        Comparison::Equal => any_value(subject, path, holds),
        // What is missing equals null, but has no order, not even that of null.
        Comparison::Less
        | Comparison::LessOrEqual
        | Comparison::Greater
        | Comparison::GreaterOrEqual => {
            subject.at(path).is_some() && any_value(subject, path, holds)
        }
    }
}

fn fits(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// Whether something holds for the value at a path or, where that is an array, for one of its elements. What is missing
/// is null.
fn any_value(subject: Subject<'_>, path: &str, holds: impl Fn(&Value) -> bool) -> bool {
    match subject.at(path).as_deref() {
        None => holds(&Value::Null),
        Some(Value::Array(elements)) => elements.iter().any(holds),
        Some(value) => holds(value),
    }
}

fn element_holds(subject: Subject<'_>, path: &str, filter: &Filter) -> bool {
    let found = subject.at(path);
    let Some(Value::Array(elements)) = found.as_deref() else {
        return false;
    };
    elements
        .iter()
        .filter(|element| element.is_object())
        .any(|body| filter.holds(Subject { id: None, body }))
}

/// The refusal of a path, with its start: the text is the guest's and may be long.
pub(crate) fn no_path(path: &str) -> Error {
    let start: String = path.chars().take(64).collect();
    Error::Invalid(format!("`{start}` is not a path inside a document"))
}

#[cfg(test)]
mod tests;
