//! What the parameters of a call say.

use probe_kit_03::{Call, Refusal};
use serde_json::Value;
use stoa_sdk::documents::{Direction, Facet, Field, Filter, Moment, Order, Scalar, Update, field};

/// What is asked for where no limit is.
const LIMIT: u32 = 1000;

/// A part of a parameter, or that it has not the shape it should have.
pub(crate) fn shape<T>(part: Option<T>, what: &str) -> Result<T, Refusal> {
    part.ok_or_else(|| Refusal::bad(format!("there is not {what}")))
}

pub(crate) fn json(text: &str) -> Result<Value, Refusal> {
    shape(serde_json::from_str(text).ok(), "JSON")
}

pub(crate) fn limit(call: &Call) -> Result<u32, Refusal> {
    match call.optional("limit") {
        Some(limit) => shape(limit.parse().ok(), "a limit"),
        None => Ok(LIMIT),
    }
}

/// The tree of a list of conditions, of which the last is the whole.
pub(crate) fn filter(conditions: &[String]) -> Result<Filter, Refusal> {
    let mut filters: Vec<Filter> = Vec::new();
    for text in conditions {
        let filter = shape(condition(text, &filters), "a condition")?;
        filters.push(filter);
    }
    Ok(filters.pop().unwrap_or_default())
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

pub(crate) fn facets(call: &Call) -> Result<Vec<Facet>, Refusal> {
    let facet = |text: &String| {
        let (path, limit) = text.rsplit_once(':')?;
        Some(Facet::of(path).limit(limit.parse().ok()?))
    };
    let facets = call.all("facet");
    let facets = facets.iter().map(|text| shape(facet(text), "a facet"));
    facets.collect()
}

pub(crate) fn update(call: &Call) -> Result<Update, Refusal> {
    let mut update = Update::of(filter(&call.all("c"))?);
    for order in sort(call) {
        update = match order.direction {
            Direction::Ascending => update.ascending(order.path),
            Direction::Descending => update.descending(order.path),
        };
    }
    for text in call.all("change") {
        update = shape(change(update, &text), "a change")?;
    }
    Ok(match call.optional("answer") {
        Some("before") => update.answering(Moment::Before),
        _ => update,
    })
}

fn change(update: Update, text: &str) -> Option<Update> {
    let (what, rest) = text.split_once(':')?;
    if what == "unset" {
        return Some(update.unset(rest));
    }
    let (path, rest) = rest.split_once(':')?;
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    Some(match what {
        "set" => update.set(path, &value(rest)?),
        "increment" => update.increment(path, rest.parse().ok()?),
        "push" => update.push(path, &value(rest)?),
        "push-keeping" => {
            let (last, rest) = rest.split_once(':')?;
            update.push_keeping(path, &value(rest)?, last.parse().ok()?)
        }
        "pull" => update.pull(path, condition(rest, &[])?),
        _ => return None,
    })
}

fn condition(text: &str, before: &[Filter]) -> Option<Filter> {
    let (what, rest) = text.split_once(':')?;
    match what {
        "all-of" => {
            return named(rest, before)?
                .into_iter()
                .reduce(|all, one| all & one);
        }
        "any-of" => {
            return named(rest, before)?
                .into_iter()
                .reduce(|any, one| any | one);
        }
        "none-of" => {
            let any = named(rest, before)?
                .into_iter()
                .reduce(|any, one| any | one);
            return any.map(|any| !any);
        }
        _ => {}
    }
    let (path, rest) = rest.split_once(':')?;
    Some(match what {
        "one-of" => field(path).one_of(rest.split(',').map(scalar)),
        "exists" => match rest.parse::<bool>().ok()? {
            true => field(path).exists(),
            false => !field(path).exists(),
        },
        "starts-with" => field(path).starts_with(rest),
        "element" => field(path).any_element(named(rest, before)?.pop()?),
        what => compare(field(path), what, scalar(rest))?,
    })
}

fn named(text: &str, before: &[Filter]) -> Option<Vec<Filter>> {
    text.split(',')
        .map(|index| before.get(index.parse::<usize>().ok()?).cloned())
        .collect()
}

fn compare(field: Field, what: &str, value: Scalar) -> Option<Filter> {
    Some(match what {
        "equal" => field.equals(value),
        "not-equal" => field.differs_from(value),
        "less" => field.below(value),
        "less-or-equal" => field.at_most(value),
        "greater" => field.above(value),
        "greater-or-equal" => field.at_least(value),
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
