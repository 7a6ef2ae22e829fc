//! What the parameters of a call say.

use crate::bindings::stoa::documents::types::{
    Addition, Assignment, Compare, Comparison, Condition, Direction, Element, Facet, Membership,
    Moment, Operator, Order, Presence, Pull, Push, Scalar, Start,
};
use probe_kit_02::{Answer, Call};

/// What is asked for where no limit is.
const LIMIT: u32 = 1000;

/// A part of a parameter, or that it has not the shape it should have.
pub(crate) fn shape<T>(part: Option<T>, what: &str) -> Result<T, Answer> {
    part.ok_or_else(|| Answer::bad(format!("there is not {what}")))
}

pub(crate) fn limit(call: &Call) -> Result<u32, Answer> {
    match call.optional("limit") {
        Some(limit) => shape(limit.parse().ok(), "a limit"),
        None => Ok(LIMIT),
    }
}

pub(crate) fn filter(conditions: &[String]) -> Result<Vec<Condition>, Answer> {
    conditions
        .iter()
        .map(|text| shape(condition(text), "a condition"))
        .collect()
}

pub(crate) fn sort(call: &Call) -> Vec<Order> {
    let order = |path: String| match path.strip_prefix('-') {
        Some(path) => Order {
            path: path.to_owned(),
            direction: Direction::Descending,
        },
        None => Order {
            path,
            direction: Direction::Ascending,
        },
    };
    call.all("sort").into_iter().map(order).collect()
}

pub(crate) fn facets(call: &Call) -> Result<Vec<Facet>, Answer> {
    let facet = |text: &String| {
        let (path, limit) = text.rsplit_once(':')?;
        Some(Facet {
            path: path.to_owned(),
            limit: limit.parse().ok()?,
        })
    };
    let facets = call.all("facet");
    let facets = facets.iter().map(|text| shape(facet(text), "a facet"));
    facets.collect()
}

pub(crate) fn moment(call: &Call) -> Moment {
    match call.optional("answer") {
        Some("before") => Moment::Before,
        _ => Moment::After,
    }
}

pub(crate) fn operators(call: &Call) -> Result<Vec<Operator>, Answer> {
    let changes = call.all("change");
    let operators = changes.iter().map(|text| shape(operator(text), "a change"));
    operators.collect()
}

fn operator(text: &str) -> Option<Operator> {
    let (what, rest) = text.split_once(':')?;
    if what == "unset" {
        return Some(Operator::Unset(rest.to_owned()));
    }
    let (path, rest) = rest.split_once(':')?;
    let (path, value) = (path.to_owned(), rest.to_owned());
    Some(match what {
        "set" => Operator::Set(Assignment { path, value }),
        "increment" => Operator::Increment(Addition {
            path,
            by: rest.parse().ok()?,
        }),
        "push" => Operator::Push(Push {
            path,
            value,
            keep_last: None,
        }),
        "push-keeping" => {
            let (last, value) = rest.split_once(':')?;
            Operator::Push(Push {
                path,
                value: value.to_owned(),
                keep_last: Some(last.parse().ok()?),
            })
        }
        "pull" => Operator::Pull(Pull {
            path,
            filter: vec![condition(rest)?],
        }),
        _ => return None,
    })
}

fn condition(text: &str) -> Option<Condition> {
    let (what, rest) = text.split_once(':')?;
    match what {
        "all-of" => return Some(Condition::AllOf(indices(rest)?)),
        "any-of" => return Some(Condition::AnyOf(indices(rest)?)),
        "none-of" => return Some(Condition::NoneOf(indices(rest)?)),
        _ => {}
    }
    let (path, rest) = rest.split_once(':')?;
    let path = path.to_owned();
    Some(match what {
        "one-of" => Condition::OneOf(Membership {
            path,
            values: rest.split(',').map(scalar).collect(),
        }),
        "exists" => Condition::Exists(Presence {
            path,
            exists: rest.parse().ok()?,
        }),
        "starts-with" => Condition::StartsWith(Start {
            path,
            start: rest.to_owned(),
        }),
        "element" => Condition::Element(Element {
            path,
            condition: rest.parse().ok()?,
        }),
        what => Condition::Compare(Compare {
            path,
            comparison: comparison(what)?,
            value: scalar(rest),
        }),
    })
}

fn indices(text: &str) -> Option<Vec<u32>> {
    text.split(',').map(|index| index.parse().ok()).collect()
}

fn comparison(what: &str) -> Option<Comparison> {
    Some(match what {
        "equal" => Comparison::Equal,
        "not-equal" => Comparison::NotEqual,
        "less" => Comparison::Less,
        "less-or-equal" => Comparison::LessOrEqual,
        "greater" => Comparison::Greater,
        "greater-or-equal" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// `NaN` is a number, so that one can be sent.
fn scalar(text: &str) -> Scalar {
    match text {
        "null" => Scalar::Null,
        "true" => Scalar::Boolean(true),
        "false" => Scalar::Boolean(false),
        text => match (text.parse(), text.parse()) {
            (Ok(integer), _) => Scalar::Integer(integer),
            (_, Ok(number)) => Scalar::Number(number),
            _ => Scalar::Text(text.to_owned()),
        },
    }
}
