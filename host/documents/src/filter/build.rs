//! How a list of conditions becomes a tree of bounded size.

use super::{Condition, Filter, Scalar, no_path};
use crate::{Error, FILTER_BYTES_MAX, FILTER_CONDITIONS_MAX, MEMBERSHIP_VALUES_MAX};

/// A condition that others name twice is counted twice: a short list could stand for an endless tree.
const TREE_CONDITIONS_MAX: usize = 1024;
/// The values of all memberships of a filter together.
const FILTER_VALUES_MAX: usize = 16 * 1024;

/// Builds the tree from the first condition to the last, so that what one names is built already.
pub(super) fn build(
    conditions: Vec<Condition>,
    is_path: impl Fn(&str) -> bool,
) -> Result<Filter, Error> {
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
