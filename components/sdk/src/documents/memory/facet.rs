//! How often each value occurs.

use super::check;
use super::value::{compare, compared, scalar, whole};
use crate::documents::{Bucket, Error, Facet, Scalar};
use serde_json::Value;
use std::cmp::Reverse;

/// The most frequent values first; of equally frequent ones, the least.
pub(super) fn buckets(bodies: &[&Value], facet: &Facet) -> Result<Vec<Bucket>, Error> {
    check::path(&facet.path)?;
    let limit = check::limit(facet.limit)?;
    let found = bodies
        .iter()
        .filter_map(|body| compared(body, &facet.path))
        .flatten();
    let mut values: Vec<_> = found.filter_map(scalar).map(whole).collect();
    values.sort_by(compare);
    let same = |left: &Scalar, right: &Scalar| compare(left, right).is_eq();
    let mut buckets: Vec<_> = values
        .chunk_by(same)
        .map(|values| Bucket {
            value: values[0].clone(),
            count: u64::try_from(values.len()).expect("a length fits"),
        })
        .collect();
    buckets.sort_by_key(|bucket| Reverse(bucket.count));
    buckets.truncate(limit);
    Ok(buckets)
}
