//! What fulfils a filter is a candidate, whatever SQLite makes of its JSON.

use serde_json::json;
use stoa_documents::{Comparison, Scalar};

use super::*;
use crate::candidates::Candidates;

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// Values that are hard to tell apart, or to read.
fn values() -> Vec<Json> {
    let numbers = [
        "-0.0",
        "0.1",
        "0.30000000000000004",
        "1.0",
        "1.5",
        "-2.5",
        "123456789.12345679",
        "1.2345678901234567e18",
        "9007199254740993.0",
        "9.223372036854775e18",
        "1e19",
        "1e22",
        "1e23",
        "5e-324",
        "2.225073858507201e-308",
        "1.7976931348623157e308",
        "-1.7976931348623157e308",
    ];
    let integers = [
        0,
        1,
        -1,
        2,
        9_007_199_254_740_992,
        9_007_199_254_740_993,
        i64::MAX,
        i64::MAX - 1,
        i64::MIN,
    ];
    let texts = [
        "",
        "\0",
        "1",
        "A",
        "a",
        "a\0",
        "a\0b",
        "a\u{1}",
        "ab",
        "b",
        "é",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
        "true",
        "null",
        "\"",
        "\\",
    ];
    let mut values: Vec<Json> = numbers
        .iter()
        .map(|number| serde_json::from_str(number).expect("it is JSON"))
        .collect();
    values.extend(integers.iter().map(|integer| json!(integer)));
    values.extend(texts.iter().map(|text| json!(text)));
    values.extend([json!(null), json!(true), json!(false), json!({}), json!([])]);
    values.extend([json!(["a", 1]), json!([null, 0.1]), json!([{ "n": 1 }])]);
    values
}

fn scalar(value: &Json) -> Option<Scalar> {
    Some(match value {
        Json::Null => Scalar::Null,
        Json::Bool(truth) => Scalar::Boolean(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Scalar::Integer(integer),
            None => Scalar::Number(number.as_f64()?),
        },
        Json::String(text) => Scalar::Text(text.clone()),
        Json::Array(_) | Json::Object(_) => return None,
    })
}

fn filters() -> Vec<Filter> {
    let path = || "v.w".to_owned();
    let scalars: Vec<_> = values().iter().filter_map(scalar).collect();
    let mut filters = vec![
        Filter::Element {
            path: path(),
            filter: Box::default(),
        },
        Filter::OneOf {
            path: path(),
            values: scalars.clone(),
        },
    ];
    filters.extend([true, false].map(|exists| Filter::Exists {
        path: path(),
        exists,
    }));
    for value in scalars {
        if let Scalar::Text(start) = &value {
            let (path, start) = (path(), start.clone());
            filters.push(Filter::StartsWith { path, start });
        }
        let compared = COMPARISONS.map(|comparison| Filter::Compare {
            path: path(),
            comparison,
            value: value.clone(),
        });
        filters.push(Filter::None(vec![compared[0].clone()]));
        filters.push(Filter::Any(vec![compared[0].clone(), compared[4].clone()]));
        filters.extend(compared);
    }
    filters
}

/// What the candidates of a filter are, by SQLite.
fn candidates(database: &Sqlite, filter: &Filter) -> Vec<String> {
    let Candidates {
        condition,
        parameters,
    } = Candidates::of(filter);
    let statement =
        format!("SELECT id FROM \"documents/{LABEL}/{THINGS}\" WHERE {condition} ORDER BY id");
    let rows = database.run(&statement, parameters);
    let rows = rows.unwrap_or_else(|error| panic!("{statement}: {error}"));
    let ids = rows.into_iter().flatten().filter_map(Value::into_text);
    ids.collect()
}

#[test]
fn what_fulfils_a_filter_is_a_candidate() {
    let database = Sqlite::new();
    let store = open(database.clone(), indexed(&[("v", "v.w", false)]));
    let mut bodies: Vec<_> = values()
        .into_iter()
        .map(|value| json!({ "v": { "w": value } }))
        .collect();
    bodies.extend([json!({}), json!({ "v": 1 }), json!({ "v": [{ "w": 1 }] })]);
    for (number, body) in bodies.iter().enumerate() {
        assert!(put(&store, &format!("{number:03}"), body).is_ok(), "{body}");
    }
    let mut narrowed = 0;
    for filter in filters() {
        let candidates = candidates(&database, &filter);
        narrowed += usize::from(candidates.len() < bodies.len());
        for (number, body) in bodies.iter().enumerate() {
            let id = format!("{number:03}");
            let subject = stoa_documents::key::Subject {
                id: Some(&id),
                body,
            };
            if filter.holds(subject) {
                assert!(candidates.contains(&id), "{filter:?} leaves out {body}");
            }
        }
    }
    assert!(narrowed > filters().len() / 2, "most filters leave fewer");
}

#[test]
fn an_index_is_used() {
    let database = Sqlite::new();
    let store = open(database.clone(), indexed(&[("v", "v.w", false)]));
    assert!(put(&store, "a", &json!({})).is_ok());
    let equal = Filter::Compare {
        path: "v.w".into(),
        comparison: Comparison::Equal,
        value: Scalar::Text("x".into()),
    };
    let Candidates {
        condition,
        parameters,
    } = Candidates::of(&equal);
    let statement = format!(
        "EXPLAIN QUERY PLAN SELECT id FROM \"documents/{LABEL}/{THINGS}\" WHERE {condition}"
    );
    let plan = database
        .run(&statement, parameters)
        .expect("it can be explained");
    let plan: Vec<_> = plan
        .into_iter()
        .flatten()
        .filter_map(Value::into_text)
        .collect();
    let index = format!("documents/{LABEL}/{THINGS}/v");
    assert!(
        plan.iter()
            .any(|step| step.contains("SEARCH") && step.contains(&index)),
        "{plan:?}"
    );
}
