//! Rows that are written together.

use super::rows::Row;
use std::collections::BTreeSet;

/// Few enough that a report line is never far behind its row, many enough that the store is rarely asked. It takes twice
/// as many.
const ROWS_MAX: usize = 500;
/// A batch and what is stored of it fit several times into the smallest memory limit.
const BYTES_MAX: usize = 1024 * 1024;

/// Rows that are written together: none of the same product as another.
#[derive(Default)]
pub(crate) struct Batch {
    rows: Vec<Row>,
    skus: BTreeSet<String>,
    bytes: usize,
}

impl Batch {
    /// Whether the row can be written together with what is here. A second row of one product must see what the first
    /// has done.
    pub(crate) fn has_room_for(&self, row: &Row) -> bool {
        let fits = self.rows.len() < ROWS_MAX && self.bytes + row.bytes <= BYTES_MAX;
        fits && !row
            .draft()
            .is_some_and(|draft| self.skus.contains(&draft.sku))
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.bytes += row.bytes;
        self.skus.extend(row.draft().map(|draft| draft.sku.clone()));
        self.rows.push(row);
    }

    /// Takes all rows out, in their order.
    pub(crate) fn take(&mut self) -> Vec<Row> {
        std::mem::take(self).rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::rows::tests::row;

    #[test]
    fn no_room_for_a_product_that_is_in_it() {
        let mut batch = Batch::default();
        batch.push(row(1, "A-1"));
        assert!(!batch.has_room_for(&row(2, "A-1")));
        assert!(batch.has_room_for(&row(2, "A-2")));
        assert_eq!(batch.take().len(), 1);
        assert!(batch.has_room_for(&row(3, "A-1")));
    }

    #[test]
    fn no_room_after_500_rows() {
        let mut batch = Batch::default();
        for number in 0..500 {
            assert!(batch.has_room_for(&row(number, &number.to_string())));
            batch.push(row(number, &number.to_string()));
        }
        assert!(!batch.has_room_for(&row(500, "500")));
    }

    #[test]
    fn no_room_after_a_mebibyte() {
        let mut batch = Batch::default();
        batch.push(Row {
            bytes: BYTES_MAX,
            ..row(1, "A-1")
        });
        assert!(!batch.has_room_for(&row(2, "A-2")));
    }
}
