//! What an operator says, and what it makes of a document.

use serde_json::{Map, Value};

use crate::key::Subject;
use crate::{DOCUMENT_LEVELS_MAX, Error, Filter, ID_PATH, body};

/// One change inside a document. Missing objects on the way are made.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// Gives a path a value.
    Set {
        /// Where.
        path: String,
        /// Any JSON.
        value: String,
    },
    /// Removes the value at a path, if there is one.
    Unset(String),
    /// Adds to a 64-bit integer; a missing one counts as 0.
    Increment {
        /// Where the integer is.
        path: String,
        /// What to add.
        by: i64,
    },
    /// Adds an element at the end of an array; a missing array is made.
    Push {
        /// Where the array is.
        path: String,
        /// Any JSON.
        value: String,
        /// The array keeps its last so many elements; none for all.
        keep_last: Option<u32>,
    },
    /// Removes the elements of an array that fulfil a filter.
    Pull {
        /// Where the array is.
        path: String,
        /// Made by [`Filter::from_pull_conditions`].
        filter: Filter,
    },
}

impl Operator {
    /// The path it changes.
    pub fn path(&self) -> &str {
        match self {
            Self::Set { path, .. }
            | Self::Unset(path)
            | Self::Increment { path, .. }
            | Self::Push { path, .. }
            | Self::Pull { path, .. } => path,
        }
    }

    /// The bytes it brings.
    pub fn bytes(&self) -> usize {
        let brought = match self {
            Self::Set { value, .. } | Self::Push { value, .. } => value.len(),
            Self::Pull { filter, .. } => filter.bytes(),
            Self::Unset(_) | Self::Increment { .. } => 0,
        };
        self.path().len() + brought
    }
}

/// What operators make of a body, in their order. Of those before a failing one, the body keeps the changes: the caller
/// drops it.
///
/// # Errors
/// [`Error::Invalid`] where one of them does not fit what is there, or the body became too deep.
pub fn apply(operators: &[Operator], document: &mut Map<String, Value>) -> Result<(), Error> {
    for operator in operators {
        change(operator, document)?;
    }
    let deepest = document.values().map(body::levels).max();
    match 1 + deepest.unwrap_or(0) > DOCUMENT_LEVELS_MAX {
        true => Err(body::too_deep()),
        false => Ok(()),
    }
}

fn change(operator: &Operator, document: &mut Map<String, Value>) -> Result<(), Error> {
    let path = operator.path();
    if path == ID_PATH || path.starts_with("_id.") {
        return Err(Error::invalid("the id of a document does not change"));
    }
    match operator {
        Operator::Set { value, .. } => {
            let value = body::parse_value(value)?;
            let (object, key) = make_way(document, path)?;
            object.insert(key.to_owned(), value);
        }
        Operator::Unset(_) => unset(document, path),
        Operator::Increment { by, .. } => increment(document, path, *by)?,
        Operator::Push {
            value, keep_last, ..
        } => push(document, path, body::parse_value(value)?, *keep_last)?,
        Operator::Pull { filter, .. } => pull(document, path, filter)?,
    }
    Ok(())
}

/// The object that holds the last key of a path. Missing objects on the way are made.
fn make_way<'d, 'p>(
    document: &'d mut Map<String, Value>,
    path: &'p str,
) -> Result<(&'d mut Map<String, Value>, &'p str), Error> {
    let (way, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut object = document;
    for key in way.split('.').filter(|key| !key.is_empty()) {
        let next = object
            .entry(key)
            .or_insert_with(|| Value::Object(Map::new()));
        object = next.as_object_mut().ok_or_else(|| {
            Error::Invalid(format!("on the way to `{path}`, `{key}` is no object"))
        })?;
    }
    Ok((object, last))
}

/// As [`make_way`], but makes nothing: `None` where the way is not there.
fn way<'d, 'p>(
    document: &'d mut Map<String, Value>,
    path: &'p str,
) -> Option<(&'d mut Map<String, Value>, &'p str)> {
    let (way, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut object = document;
    for key in way.split('.').filter(|key| !key.is_empty()) {
        object = object.get_mut(key)?.as_object_mut()?;
    }
    Some((object, last))
}

fn unset(document: &mut Map<String, Value>, path: &str) {
    if let Some((object, key)) = way(document, path) {
        object.remove(key);
    }
}

fn increment(document: &mut Map<String, Value>, path: &str, by: i64) -> Result<(), Error> {
    let (object, key) = make_way(document, path)?;
    let number = match object.get(key) {
        None => 0,
        Some(value) => value
            .as_i64()
            .ok_or_else(|| Error::Invalid(format!("`{path}` is not an integer of 64 bits")))?,
    };
    let sum = number
        .checked_add(by)
        .ok_or_else(|| Error::Invalid(format!("the sum at `{path}` does not fit into 64 bits")))?;
    object.insert(key.to_owned(), Value::from(sum));
    Ok(())
}

fn push(
    document: &mut Map<String, Value>,
    path: &str,
    value: Value,
    keep_last: Option<u32>,
) -> Result<(), Error> {
    let (object, key) = make_way(document, path)?;
    let array = object
        .entry(key)
        .or_insert_with(|| Value::Array(Vec::new()))
        .as_array_mut()
        .ok_or_else(|| no_array(path))?;
    array.push(value);
    if let Some(keep) = keep_last.and_then(|keep| usize::try_from(keep).ok()) {
        array.drain(..array.len().saturating_sub(keep));
    }
    Ok(())
}

/// A missing array has nothing to remove.
fn pull(document: &mut Map<String, Value>, path: &str, filter: &Filter) -> Result<(), Error> {
    let Some((object, key)) = way(document, path) else {
        return Ok(());
    };
    let Some(value) = object.get_mut(key) else {
        return Ok(());
    };
    let array = value.as_array_mut().ok_or_else(|| no_array(path))?;
    array.retain(|body| !filter.holds(Subject { id: None, body }));
    Ok(())
}

fn no_array(path: &str) -> Error {
    Error::Invalid(format!("`{path}` is no array"))
}

/// A body with nothing but these paths. A path that is missing, or leads through what is no object, is left out.
pub fn project(document: &Map<String, Value>, paths: &[String]) -> Map<String, Value> {
    let mut shown = Map::new();
    for path in paths {
        show(document, &mut shown, path);
    }
    shown
}

fn show(from: &Map<String, Value>, to: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => {
            if let Some(value) = from.get(path) {
                to.insert(path.to_owned(), value.clone());
            }
        }
        Some((key, rest)) => {
            let Some(Value::Object(inner)) = from.get(key) else {
                return;
            };
            let part = to
                .entry(key)
                .or_insert_with(|| Value::Object(Map::new()))
                .as_object_mut()
                .expect("what was shown of an object is an object");
            show(inner, part, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Comparison, Condition, Scalar};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("it is an object").clone()
    }

    fn applied(body: Value, operators: &[Operator]) -> Result<Value, Error> {
        let mut body = object(body);
        apply(operators, &mut body).map(|()| Value::Object(body))
    }

    fn set(path: &str, value: &str) -> Operator {
        let (path, value) = (path.into(), value.into());
        Operator::Set { path, value }
    }

    fn push(value: &str, keep_last: Option<u32>) -> Operator {
        Operator::Push {
            path: "a".into(),
            value: value.into(),
            keep_last,
        }
    }

    fn increment(path: &str, by: i64) -> Operator {
        let path = path.into();
        Operator::Increment { path, by }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let deep = format!("{}{}", "[".repeat(32), "]".repeat(32));
        let body = json!({ "a": "text", "max": i64::MAX, "half": 0.5, "null": null });
        let operators = [
            set("_id", "1"),
            set("_id.a", "1"),
            set("a.b", "1"),
            set("b", "{"),
            set("b", "9223372036854775808"),
            set("b", &deep),
            increment("a", 1),
            increment("max", 1),
            increment("half", 1),
            increment("null", 1),
            push("1", None),
            Operator::Pull {
                path: "a".into(),
                filter: Filter::default(),
            },
        ];
        for operator in operators {
            let outcome = applied(body.clone(), std::slice::from_ref(&operator));
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{operator:?}");
        }
    }

    #[test]
    fn objects_on_the_way_are_made() {
        let operators = [set("a.b.c", "[1]"), increment("a.n", -3)];
        let expected = json!({ "a": { "b": { "c": [1] }, "n": -3 } });
        assert_eq!(applied(json!({}), &operators), Ok(expected));
    }

    #[test]
    fn what_is_unset_is_gone_and_what_is_missing_stays_so() {
        let unset = ["a.b", "x.y", "c.d"].map(|path| Operator::Unset(path.into()));
        let body = json!({ "a": { "b": 1, "c": 2 }, "c": 3 });
        let expected = json!({ "a": { "c": 2 }, "c": 3 });
        assert_eq!(applied(body, &unset), Ok(expected));
    }

    #[test]
    fn a_push_keeps_the_last_elements() {
        let operators = [push("1", None), push("2", None), push("3", Some(2))];
        assert_eq!(applied(json!({}), &operators), Ok(json!({ "a": [2, 3] })));
    }

    #[test]
    fn a_pull_removes_scalars_and_objects() {
        let equal = |path: &str, value: Scalar| {
            let condition = Condition::Compare {
                path: path.into(),
                comparison: Comparison::Equal,
                value,
            };
            let filter = Filter::from_pull_conditions(vec![condition]).expect("it is a filter");
            let path = "a".into();
            Operator::Pull { path, filter }
        };
        let operators = [
            equal("", Scalar::Integer(1)),
            equal("n", Scalar::Integer(2)),
        ];
        let body = json!({ "a": [1, "1", { "n": 2 }, { "n": 3 }, 1] });
        let expected = json!({ "a": ["1", { "n": 3 }] });
        assert_eq!(applied(body, &operators), Ok(expected));
    }

    #[test]
    fn only_what_is_asked_for_is_shown() {
        let body = object(json!({ "a": { "b": 1, "c": 2 }, "d": [1], "e": 3 }));
        let paths = ["a.b", "d", "e.f", "none"].map(String::from);
        let expected = json!({ "a": { "b": 1 }, "d": [1] });
        assert_eq!(Value::Object(project(&body, &paths)), expected);
        let paths = ["a", "a.b"].map(String::from);
        let expected = json!({ "a": { "b": 1, "c": 2 } });
        assert_eq!(Value::Object(project(&body, &paths)), expected);
    }
}
