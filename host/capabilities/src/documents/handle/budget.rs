//! What the calls of a handle hold at most, for its budget.

use crate::documents::key::TEXT_BYTES_MAX;
use crate::documents::{CALL_BYTES_MAX, DOCUMENT_BYTES_MAX, Facet, PAGE_BYTES_MAX};

/// What a page holds at most: the document that fills it is still part of it.
pub(super) const OF_PAGE: usize = PAGE_BYTES_MAX + DOCUMENT_BYTES_MAX;

/// What so many documents hold at most.
pub(super) fn of_ids(count: usize) -> usize {
    CALL_BYTES_MAX.min(count * DOCUMENT_BYTES_MAX)
}

/// What the buckets of facets hold at most.
pub(super) fn of_facets(facets: &[Facet]) -> usize {
    let buckets: usize = facets.iter().map(|facet| facet.limit).sum();
    buckets * TEXT_BYTES_MAX
}
