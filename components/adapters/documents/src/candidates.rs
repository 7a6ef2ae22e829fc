//! Which documents could fulfil a filter, in SQL. It may leave more than do, never fewer: what is left is held against the
//! filter itself.
//!
//! SQLite's reading of JSON is not that of the interface in two places, and both are allowed for. It reads long fractions
//! to its own precision, so bounds of numbers are widened. It ends a text at a NUL, which makes it less, never greater.

use stoa_documents::{Comparison, Filter, ID_PATH, Scalar};

use crate::database::{Value, of_id};
use crate::table::{ARRAY, place, value};

/// A filter with more conditions and values than this is not narrowed down: all documents are candidates.
const LEAVES_MAX: usize = 200;
/// A condition of more bytes is not used either: a statement has at most 256 KiB in Stoa's databases.
const CONDITION_BYTES_MAX: usize = 128 * 1024;
/// By how much bounds of numbers are widened, of themselves. SQLite reads 15 digits right, at least.
const WIDER: f64 = 1e-12;

/// A condition with its parameters, in their order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidates {
    pub(crate) condition: String,
    pub(crate) parameters: Vec<Value>,
}

impl Candidates {
    /// All documents.
    pub(crate) fn all() -> Self {
        Self::fixed("1")
    }

    /// Those that could fulfil a filter.
    pub(crate) fn of(filter: &Filter) -> Self {
        let narrowed = match leaves(filter) <= LEAVES_MAX {
            true => narrowed(filter),
            false => None,
        };
        narrowed
            .filter(|candidates| candidates.condition.len() <= CONDITION_BYTES_MAX)
            .unwrap_or_else(Self::all)
    }

    fn fixed(condition: &str) -> Self {
        Self::with(condition, [])
    }

    fn with(condition: impl Into<String>, parameters: impl IntoIterator<Item = Value>) -> Self {
        Self {
            condition: condition.into(),
            parameters: parameters.into_iter().collect(),
        }
    }

    fn joined(parts: Vec<Self>, word: &str) -> Self {
        let conditions: Vec<_> = parts.iter().map(|part| part.condition.as_str()).collect();
        let condition = format!("({})", conditions.join(word));
        let parameters = parts.into_iter().flat_map(|part| part.parameters);
        Self::with(condition, parameters)
    }
}

fn leaves(filter: &Filter) -> usize {
    match filter {
        Filter::All(filters) | Filter::Any(filters) | Filter::None(filters) => {
            1 + filters.iter().map(leaves).sum::<usize>()
        }
        Filter::OneOf { values, .. } => 1 + values.len(),
        Filter::Compare { .. }
        | Filter::Exists { .. }
        | Filter::StartsWith { .. }
        | Filter::Element { .. } => 1,
    }
}

/// Nothing where every document could fulfil it.
fn narrowed(filter: &Filter) -> Option<Candidates> {
    match filter {
        Filter::All(filters) => {
            let parts: Vec<_> = filters.iter().filter_map(narrowed).collect();
            (!parts.is_empty()).then(|| Candidates::joined(parts, " AND "))
        }
        Filter::Any(filters) => any(filters.iter().map(narrowed)),
        Filter::None(_) => None,
        Filter::Compare {
            path,
            comparison,
            value,
        } => compared(path, *comparison, value),
        Filter::OneOf { path, values } => {
            let equal = |value| compared(path, Comparison::Equal, value);
            any(values.iter().map(equal))
        }
        Filter::Exists { path, exists } => Some(existing(path, *exists)),
        Filter::StartsWith { path, start } if path != ID_PATH && !start.contains('\0') => {
            let text = Value::Text(start.clone());
            Some(or_array(path, "? <= {} AND {} < x''", vec![text]))
        }
        Filter::StartsWith { .. } => None,
        Filter::Element { path, .. } if path == ID_PATH => Some(Candidates::fixed("0")),
        Filter::Element { path, .. } => {
            let condition = format!("json_type(body, {}) = 'array'", place(path));
            Some(Candidates::fixed(&condition))
        }
    }
}

/// One of these; none of them may leave all documents.
fn any(parts: impl Iterator<Item = Option<Candidates>>) -> Option<Candidates> {
    let parts: Vec<_> = parts.collect::<Option<_>>()?;
    Some(match parts.is_empty() {
        true => Candidates::fixed("0"),
        false => Candidates::joined(parts, " OR "),
    })
}

fn existing(path: &str, exists: bool) -> Candidates {
    let condition = match (path == ID_PATH, exists) {
        (true, true) => "1".to_owned(),
        (true, false) => "0".to_owned(),
        (false, true) => format!("json_type(body, {}) IS NOT NULL", place(path)),
        (false, false) => format!("json_type(body, {}) IS NULL", place(path)),
    };
    Candidates::fixed(&condition)
}

fn compared(path: &str, comparison: Comparison, scalar: &Scalar) -> Option<Candidates> {
    if path == ID_PATH {
        return compared_id(comparison, scalar);
    }
    match scalar {
        _ if comparison == Comparison::NotEqual => None,
        Scalar::Null | Scalar::Boolean(_) => equal(path, comparison, scalar),
        Scalar::Integer(integer) => Some(number(path, comparison, *integer as f64)),
        Scalar::Number(double) => Some(number(path, comparison, *double)),
        Scalar::Text(text) => compared_text(path, comparison, text),
    }
}

/// Ids are stored as their bytes.
fn compared_id(comparison: Comparison, scalar: &Scalar) -> Option<Candidates> {
    let operator = match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => return None,
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    };
    Some(match scalar {
        Scalar::Text(id) => Candidates::with(format!("id {operator} ?"), [of_id(id)]),
        Scalar::Null | Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::Number(_) => {
            Candidates::fixed("0")
        }
    })
}

/// Null and truth, which are seldom asked for by order.
fn equal(path: &str, comparison: Comparison, scalar: &Scalar) -> Option<Candidates> {
    let condition = match (comparison, scalar) {
        (Comparison::Equal, Scalar::Boolean(true)) => "{} = x'01'",
        (Comparison::Equal, Scalar::Boolean(false)) => "{} = x'00'",
        (Comparison::Equal, _) => "{} IS NULL",
        _ => return None,
    };
    Some(or_array(path, condition, Vec::new()))
}

/// Every text is greater than every number.
fn number(path: &str, comparison: Comparison, double: f64) -> Candidates {
    let width = double.abs() * WIDER + f64::MIN_POSITIVE;
    let (low, high) = (Value::Real(double - width), Value::Real(double + width));
    match comparison {
        Comparison::Less | Comparison::LessOrEqual => or_array(path, "{} <= ?", vec![high]),
        Comparison::Greater | Comparison::GreaterOrEqual => {
            or_array(path, "{} >= ? AND {} < ''", vec![low])
        }
        Comparison::Equal | Comparison::NotEqual => {
            or_array(path, "{} >= ? AND {} <= ?", vec![low, high])
        }
    }
}

/// Every number is less than every text, and every mark is greater.
fn compared_text(path: &str, comparison: Comparison, text: &str) -> Option<Candidates> {
    if text.contains('\0') {
        return None;
    }
    let condition = match comparison {
        Comparison::Equal => "{} = ?",
        Comparison::NotEqual => return None,
        Comparison::Less | Comparison::LessOrEqual => "{} >= '' AND {} <= ?",
        // A text that SQLite ended at a NUL may be greater than it seems.
        Comparison::Greater | Comparison::GreaterOrEqual => "{} >= ? AND {} < x''",
    };
    let text = Value::Text(text.to_owned());
    Some(or_array(path, condition, vec![text]))
}

/// The condition, of which `{}` is the value, or an array: it may fulfil the filter by one of its elements.
fn or_array(path: &str, condition: &str, parameters: Vec<Value>) -> Candidates {
    let value = value(path);
    let condition = condition.replace("{}", &value);
    Candidates::with(format!("(({condition}) OR {value} = {ARRAY})"), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(path: &str, comparison: Comparison, value: Scalar) -> Filter {
        Filter::Compare {
            path: path.into(),
            comparison,
            value,
        }
    }

    #[test]
    fn what_cannot_be_narrowed_down_leaves_all() {
        let differs = compare("a", Comparison::NotEqual, Scalar::Integer(1));
        let nul = compare("a", Comparison::Equal, Scalar::Text("a\0b".into()));
        let narrow = compare("a", Comparison::Equal, Scalar::Integer(1));
        let many = Filter::OneOf {
            path: "a".into(),
            values: vec![Scalar::Null; LEAVES_MAX],
        };
        let long = compare(&"p".repeat(256), Comparison::Less, Scalar::Text("x".into()));
        for filter in [
            Filter::All(vec![long; LEAVES_MAX - 1]),
            Filter::default(),
            Filter::None(vec![narrow.clone()]),
            Filter::Any(vec![narrow, differs.clone()]),
            differs,
            nul,
            many,
        ] {
            assert_eq!(Candidates::of(&filter), Candidates::all(), "{filter:?}");
        }
    }

    #[test]
    fn what_nothing_fulfils_leaves_none() {
        for filter in [
            Filter::Any(Vec::new()),
            compare("_id", Comparison::Equal, Scalar::Integer(1)),
        ] {
            assert_eq!(Candidates::of(&filter).condition, "0", "{filter:?}");
        }
    }

    #[test]
    fn parameters_come_in_the_order_of_their_places() {
        let filter = Filter::All(vec![
            compare("_id", Comparison::Equal, Scalar::Text("x".into())),
            Filter::Any(vec![
                compare("a", Comparison::Less, Scalar::Text("b".into())),
                compare("b", Comparison::Equal, Scalar::Text("c".into())),
            ]),
        ]);
        let candidates = Candidates::of(&filter);
        let places = candidates.condition.matches('?').count();
        assert_eq!(places, candidates.parameters.len());
        let text = |text: &str| Value::Text(text.into());
        let expected = [of_id("x"), text("b"), text("c")];
        assert_eq!(candidates.parameters, expected);
    }
}
