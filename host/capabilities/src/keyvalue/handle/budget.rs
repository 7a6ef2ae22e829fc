//! What the calls of a handle hold at most, for its budget.

use crate::keyvalue::{
    CALL_BYTES_MAX, Change, Entry, KEY_BYTES_MAX, PAGE_BYTES_MAX, Page, Projection, Range,
    VALUE_BYTES_MAX,
};

/// What a batch holds.
pub(super) fn of_changes(changes: &[Change]) -> usize {
    let of_change =
        |change: &Change| change.key.len() + change.action.value().map_or(0, <[u8]>::len);
    changes.iter().map(of_change).sum()
}

/// What the values of `keys` hold at most.
pub(super) fn of_values(keys: &[String]) -> usize {
    CALL_BYTES_MAX.min(keys.len() * VALUE_BYTES_MAX)
}

/// What a page holds at most: the entry that fills it is still part of it.
pub(super) fn of_page(range: &Range) -> usize {
    let entry = match range.projection {
        Projection::Keys => KEY_BYTES_MAX,
        Projection::Values => KEY_BYTES_MAX + VALUE_BYTES_MAX,
    };
    (range.limit * entry).min(PAGE_BYTES_MAX + entry)
}

/// What the keys of a page hold, each with what keeps it.
pub(super) fn of_keys(page: &Page) -> usize {
    let of_entry = |entry: &Entry| entry.key.len() + size_of::<String>();
    page.entries.iter().map(of_entry).sum()
}
