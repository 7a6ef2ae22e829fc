//! Values inside a document, and how they compare.

use crate::documents::Scalar;
use serde_json::Value;
use std::cmp::Ordering;

/// The value at a path, which does not lead through arrays. The empty path is the document itself.
pub(super) fn lookup<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    match path {
        "" => Some(document),
        path => path
            .split('.')
            .try_fold(document, |value, key| value.get(key)),
    }
}

/// What a comparison looks at: the elements of an array, or the one value that there is.
pub(super) fn compared<'v>(document: &'v Value, path: &str) -> Option<&'v [Value]> {
    lookup(document, path).map(|value| match value {
        Value::Array(elements) => elements.as_slice(),
        value => std::slice::from_ref(value),
    })
}

/// A value that can be compared; none of an array or an object.
pub(super) fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Null => Some(Scalar::Null),
        Value::Bool(value) => Some(Scalar::Boolean(*value)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(integer) => Scalar::Integer(integer),
            None => Scalar::Number(number.as_f64().unwrap_or(f64::MAX)),
        }),
        Value::String(text) => Some(Scalar::Text(text.clone())),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number that is whole is an integer, however it was written.
pub(super) fn whole(value: Scalar) -> Scalar {
    // 2^63, the first double above all integers.
    const END: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Scalar::Number(number) if number.fract() == 0.0 && (-END..END).contains(&number) => {
            Scalar::Integer(number as i64)
        }
        value => value,
    }
}

/// How two values of one kind compare.
pub(super) fn compare_alike(left: &Scalar, right: &Scalar) -> Option<Ordering> {
    (kind(left) == kind(right)).then(|| compare(left, right))
}

/// How any two values compare: null, booleans, numbers, texts.
pub(super) fn compare(left: &Scalar, right: &Scalar) -> Ordering {
    match (left, right) {
        (Scalar::Boolean(left), Scalar::Boolean(right)) => left.cmp(right),
        (Scalar::Integer(left), Scalar::Integer(right)) => left.cmp(right),
        (Scalar::Integer(left), Scalar::Number(right)) => compare_mixed(*left, *right),
        (Scalar::Number(left), Scalar::Integer(right)) => compare_mixed(*right, *left).reverse(),
        (Scalar::Number(left), Scalar::Number(right)) => {
            left.partial_cmp(right).unwrap_or(Ordering::Equal)
        }
        (Scalar::Text(left), Scalar::Text(right)) => left.cmp(right),
        (left, right) => kind(left).cmp(&kind(right)),
    }
}

/// Exactly: most integers beyond 2^53 are no double.
fn compare_mixed(integer: i64, number: f64) -> Ordering {
    match whole(Scalar::Number(number.floor())) {
        Scalar::Integer(floor) => integer.cmp(&floor).then(
            0.0_f64
                .partial_cmp(&(number - number.floor()))
                .unwrap_or(Ordering::Equal),
        ),
        _ if number < 0.0 => Ordering::Greater,
        _ => Ordering::Less,
    }
}

fn kind(scalar: &Scalar) -> u8 {
    match scalar {
        Scalar::Null => 0,
        Scalar::Boolean(_) => 1,
        Scalar::Integer(_) | Scalar::Number(_) => 2,
        Scalar::Text(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_one_after_the_other() {
        let ascending = [
            Scalar::Null,
            Scalar::Boolean(false),
            Scalar::Boolean(true),
            Scalar::Number(-1.5),
            Scalar::Integer(-1),
            Scalar::Integer(2),
            Scalar::Number(2.5),
            Scalar::Text("10".to_owned()),
            Scalar::Text("9".to_owned()),
        ];
        assert!(ascending.is_sorted_by(|left, right| compare(left, right).is_lt()));
    }

    #[test]
    fn integers_compare_exactly_to_numbers() {
        let (even, odd) = (9_007_199_254_740_992, 9_007_199_254_740_993);
        let number = Scalar::Number(9_007_199_254_740_992.0);
        assert!(compare(&Scalar::Integer(even), &number).is_eq());
        assert!(compare(&Scalar::Integer(odd), &number).is_gt());
        assert!(compare(&Scalar::Integer(i64::MAX), &Scalar::Number(1e300)).is_lt());
        assert!(compare(&Scalar::Integer(i64::MIN), &Scalar::Number(-1e300)).is_gt());
    }
}
