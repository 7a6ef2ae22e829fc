//! What is no filter, and what filters hold for.

use serde_json::json;

use super::*;
use crate::{FILTER_BYTES_MAX, FILTER_CONDITIONS_MAX};

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
    let body = json!({ "tags": ["a", "b"], "parts": [{ "n": 1, "c": "x" }, { "n": 2, "c": "y" }] });
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
