//! What a filter says, and whether a document fulfils it.

use std::cmp::Ordering;

use serde_json::Value;
use stoa_manifest::grants::documents::is_path;

use crate::key::{Subject, compare};
use crate::{Error, FILTER_BYTES_MAX, FILTER_CONDITIONS_MAX, MEMBERSHIP_VALUES_MAX};

/// A condition that others name twice is counted twice: a short list could stand for an endless tree.
const TREE_CONDITIONS_MAX: usize = 1024;
/// The values of all memberships of a filter together.
const FILTER_VALUES_MAX: usize = 16 * 1024;

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
        /// At most [`MEMBERSHIP_VALUES_MAX`].
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

/// Builds the tree from the first condition to the last, so that what one names is built already.
fn build(conditions: Vec<Condition>, is_path: impl Fn(&str) -> bool) -> Result<Filter, Error> {
    if conditions.len() > FILTER_CONDITIONS_MAX {
        return Err(Error::Invalid(format!(
            "a filter has at most {FILTER_CONDITIONS_MAX} conditions"
        )));
    }
    let mut built: Vec<Built> = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let next = translate(condition, &built, &is_path)?;
        built.push(next);
    }
    Ok(built.pop().map(|built| built.filter).unwrap_or_default())
}

/// A part of the tree, with its size.
#[derive(Clone)]
struct Built {
    filter: Filter,
    conditions: usize,
    values: usize,
    bytes: usize,
}

impl Built {
    /// A condition that names no other.
    fn leaf(filter: Filter, values: usize) -> Result<Self, Error> {
        let bytes = filter.bytes();
        check_bytes(bytes)?;
        Ok(Self {
            filter,
            conditions: 1,
            values,
            bytes,
        })
    }
}

fn translate(
    condition: Condition,
    built: &[Built],
    is_path: &impl Fn(&str) -> bool,
) -> Result<Built, Error> {
    let checked = |path: String| match is_path(&path) {
        true => Ok(path),
        false => Err(no_path(&path)),
    };
    Ok(match condition {
        Condition::AllOf(indices) => group(&indices, built, Filter::All)?,
        Condition::AnyOf(indices) => group(&indices, built, Filter::Any)?,
        Condition::NoneOf(indices) => group(&indices, built, Filter::None)?,
        Condition::Compare {
            path,
            comparison,
            value,
        } => {
            finite(&value)?;
            let path = checked(path)?;
            let compare = Filter::Compare {
                path,
                comparison,
                value,
            };
            Built::leaf(compare, 1)?
        }
        Condition::OneOf { path, values } => {
            let count = members(&values)?;
            let path = checked(path)?;
            Built::leaf(Filter::OneOf { path, values }, count)?
        }
        Condition::Exists { path, exists } => {
            let path = checked(path)?;
            Built::leaf(Filter::Exists { path, exists }, 0)?
        }
        Condition::StartsWith { path, start } => {
            let path = checked(path)?;
            Built::leaf(Filter::StartsWith { path, start }, 1)?
        }
        Condition::Element { path, condition } => {
            let path = checked(path)?;
            let whole = |mut filters: Vec<Filter>| {
                let filter = Box::new(filters.pop().unwrap_or_default());
                Filter::Element { path, filter }
            };
            group(&[condition], built, whole)?
        }
    })
}

/// A condition that names others. Its size is known before anything is copied.
fn group(
    indices: &[u32],
    built: &[Built],
    whole: impl FnOnce(Vec<Filter>) -> Filter,
) -> Result<Built, Error> {
    let parts = indices.iter().map(|index| {
        let part = usize::try_from(*index).ok().and_then(|at| built.get(at));
        part.ok_or_else(|| Error::invalid("a condition names one that does not come before it"))
    });
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let conditions = 1 + parts.iter().map(|part| part.conditions).sum::<usize>();
    let values = parts.iter().map(|part| part.values).sum();
    if conditions > TREE_CONDITIONS_MAX || values > FILTER_VALUES_MAX {
        return Err(Error::Invalid(format!(
            "a filter stands for at most {TREE_CONDITIONS_MAX} conditions and {FILTER_VALUES_MAX} values"
        )));
    }
    let bytes = parts.iter().map(|part| part.bytes).sum();
    check_bytes(bytes)?;
    let filters = parts.iter().map(|part| part.filter.clone()).collect();
    Ok(Built {
        filter: whole(filters),
        conditions,
        values,
        bytes,
    })
}

fn check_bytes(bytes: usize) -> Result<(), Error> {
    let limit = FILTER_BYTES_MAX;
    match bytes <= limit {
        true => Ok(()),
        false => Err(Error::TooLarge { limit }),
    }
}

fn members(values: &[Scalar]) -> Result<usize, Error> {
    if values.len() > MEMBERSHIP_VALUES_MAX {
        return Err(Error::Invalid(format!(
            "a membership names at most {MEMBERSHIP_VALUES_MAX} values"
        )));
    }
    values.iter().try_for_each(finite)?;
    Ok(values.len())
}

fn finite(value: &Scalar) -> Result<(), Error> {
    match value {
        Scalar::Number(number) if !number.is_finite() => {
            Err(Error::invalid("a number to compare with is finite"))
        }
        _ => Ok(()),
    }
}

/// The refusal of a path, with its start: the text is the guest's and may be long.
pub(crate) fn no_path(path: &str) -> Error {
    let start: String = path.chars().take(64).collect();
    Error::Invalid(format!("`{start}` is not a path inside a document"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compare(path: &str, comparison: Comparison, value: Scalar) -> Condition {
        Condition::Compare {
            path: path.into(),
            comparison,
            value,
        }
    }

    fn holds(conditions: Vec<Condition>, body: &Value) -> bool {
        let filter = Filter::from_conditions(conditions).expect("it is a filter");
        filter.holds(Subject {
            id: Some("the-id"),
            body,
        })
    }

    #[test]
    fn wrong_lists_are_refused() {
        let exists = |path: &str| Condition::Exists {
            path: path.into(),
            exists: true,
        };
        let doubled = (0..128_u32).map(|at| match at {
            0 => exists("a"),
            _ => Condition::AllOf(vec![at - 1, at - 1]),
        });
        let lists = [
            vec![Condition::AllOf(vec![0])],
            vec![exists("a"), Condition::AnyOf(vec![2]), exists("b")],
            vec![Condition::Element {
                path: "a".into(),
                condition: 0,
            }],
            vec![exists("")],
            vec![exists("a..b"), exists("a")],
            vec![compare("a", Comparison::Less, Scalar::Number(f64::NAN))],
            vec![exists("a"); FILTER_CONDITIONS_MAX + 1],
            doubled.collect(),
        ];
        for list in lists {
            let outcome = Filter::from_conditions(list);
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
        }
    }

    /// One long text that is named again and again would be copied each time.
    #[test]
    fn long_texts_are_refused_before_they_are_copied() {
        let long = |bytes: usize| {
            let text = Scalar::Text("x".repeat(bytes));
            compare("a", Comparison::Equal, text)
        };
        let half = FILTER_BYTES_MAX / 2;
        let lists = [
            vec![long(FILTER_BYTES_MAX)],
            vec![long(half), Condition::AnyOf(vec![0; 1000])],
            vec![long(half), long(half), Condition::AllOf(vec![0, 1])],
        ];
        let limit = FILTER_BYTES_MAX;
        for list in lists {
            let outcome = Filter::from_conditions(list);
            assert_eq!(outcome, Err(Error::TooLarge { limit }));
        }
        let fits = Filter::from_conditions(vec![long(half), Condition::NoneOf(vec![0])]);
        assert_eq!(fits.map(|filter| filter.bytes()), Ok(half + 1));
    }

    #[test]
    fn kinds_are_never_equal_and_have_no_order() {
        let body = json!({ "t": true, "n": 1, "s": "1", "null": null });
        let one = Scalar::Integer(1);
        for (path, is_equal) in [("t", false), ("n", true), ("s", false), ("none", false)] {
            let equal = vec![compare(path, Comparison::Equal, one.clone())];
            assert_eq!(holds(equal, &body), is_equal, "{path}");
            let differs = vec![compare(path, Comparison::NotEqual, one.clone())];
            assert_eq!(holds(differs, &body), !is_equal, "{path}");
            let less = vec![compare(path, Comparison::Less, Scalar::Integer(2))];
            assert_eq!(holds(less, &body), is_equal, "{path}");
        }
        for path in ["null", "none"] {
            let null = vec![compare(path, Comparison::Equal, Scalar::Null)];
            assert!(holds(null, &body), "{path}");
            for comparison in [Comparison::LessOrEqual, Comparison::GreaterOrEqual] {
                let ordered = vec![compare(path, comparison, Scalar::Null)];
                assert_eq!(holds(ordered, &body), path == "null", "{path}");
            }
        }
    }

    #[test]
    fn one_element_of_an_array_is_enough() {
        let body =
            json!({ "tags": ["a", "b"], "parts": [{ "n": 1, "c": "x" }, { "n": 2, "c": "y" }] });
        let tag = |tag: &str| compare("tags", Comparison::Equal, Scalar::Text(tag.into()));
        assert!(holds(vec![tag("b")], &body));
        assert!(!holds(vec![tag("c")], &body));
        let part = |n: i64, c: &str| {
            vec![
                compare("n", Comparison::Equal, Scalar::Integer(n)),
                compare("c", Comparison::Equal, Scalar::Text(c.into())),
                Condition::AllOf(vec![0, 1]),
                Condition::Element {
                    path: "parts".into(),
                    condition: 2,
                },
            ]
        };
        assert!(holds(part(2, "y"), &body));
        assert!(!holds(part(1, "y"), &body), "both hold for one element");
    }

    #[test]
    fn the_id_is_at_its_path() {
        let id = compare("_id", Comparison::Equal, Scalar::Text("the-id".into()));
        assert!(holds(vec![id.clone()], &json!({})));
        assert!(!holds(vec![id, Condition::NoneOf(vec![0])], &json!({})));
    }
}
