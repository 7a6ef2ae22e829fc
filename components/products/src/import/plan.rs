//! What to do about a batch: decided from what is stored, before anything is written.

use super::rows::Row;
use crate::product::{Draft, Product, id};
use stoa_sdk::clock::Timestamp;
use stoa_sdk::keyvalue::{Change, Condition, Value};

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Updated,
    Unchanged,
    Rejected(String),
}

/// What to write, and what that makes of each row.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) changes: Vec<Change>,
}

impl Verdict {
    /// What is left of it when the batch could not be written.
    pub(crate) fn lost(self) -> Self {
        match self {
            Self::Accepted | Self::Updated => Self::Rejected("conflict".to_owned()),
            verdict => verdict,
        }
    }
}

/// Decides. `stored` belongs to the rows that hold a product, in their order.
pub(crate) fn plan(rows: &[Row], stored: Vec<Option<Value>>, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut stored = stored.into_iter();
    for row in rows {
        let verdict = match &row.content {
            Err(rejection) => Verdict::Rejected(rejection.reason.clone()),
            Ok(draft) => plan.product(draft, stored.next().flatten(), now),
        };
        plan.verdicts.push(verdict);
    }
    plan
}

impl Plan {
    fn product(&mut self, draft: &Draft, stored: Option<Value>, now: Timestamp) -> Verdict {
        let Some(value) = stored else {
            self.write(&Product::new(draft.clone(), now), Condition::Absent);
            return Verdict::Accepted;
        };
        match Product::decode(&value.bytes) {
            Ok(product) if product.draft == *draft => Verdict::Unchanged,
            Ok(product) => {
                self.write(
                    &product.redrafted(draft.clone(), now),
                    Condition::Version(value.version),
                );
                Verdict::Updated
            }
            Err(error) => {
                eprintln!("products: value of {} is no product: {error}", draft.sku);
                Verdict::Rejected("what is stored under this sku cannot be read".to_owned())
            }
        }
    }

    fn write(&mut self, product: &Product, condition: Condition) {
        self.changes
            .push(Change::set(id::key(&product.id), product.encode()).when(condition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::rows::tests::{rejected, row};

    fn now() -> Timestamp {
        Timestamp::from_unix_ms(0)
    }

    fn stored(row: &Row) -> Value {
        let draft = row.draft().expect("a product").clone();
        Value {
            bytes: Product::new(draft, now()).encode(),
            version: 7,
        }
    }

    #[test]
    fn what_is_not_stored_is_written_if_it_is_still_absent() {
        let plan = plan(&[row(1, "A-1")], vec![None], now());
        assert_eq!(plan.verdicts, [Verdict::Accepted]);
        assert_eq!(plan.changes[0].condition, Condition::Absent);
    }

    #[test]
    fn what_is_stored_like_this_is_not_written() {
        let row = row(1, "A-1");
        let stored = stored(&row);
        let plan = plan(&[row], vec![Some(stored)], now());
        assert_eq!(plan.verdicts, [Verdict::Unchanged]);
        assert!(plan.changes.is_empty());
    }

    #[test]
    fn what_is_stored_otherwise_is_written_over_the_version_that_was_seen() {
        let mut row = row(1, "A-1");
        let stored = stored(&row);
        if let Ok(draft) = &mut row.content {
            draft.stock += 1;
        }
        let plan = plan(&[row], vec![Some(stored)], now());
        assert_eq!(plan.verdicts, [Verdict::Updated]);
        assert_eq!(plan.changes[0].condition, Condition::Version(7));
    }

    #[test]
    fn a_rejected_row_takes_no_stored_value() {
        let kept = row(2, "A-2");
        let stored = stored(&kept);
        let plan = plan(&[rejected(1, "no"), kept], vec![Some(stored)], now());
        assert_eq!(
            plan.verdicts,
            [Verdict::Rejected("no".to_owned()), Verdict::Unchanged]
        );
    }

    #[test]
    fn only_what_would_have_been_written_is_lost() {
        assert_eq!(
            Verdict::Updated.lost(),
            Verdict::Rejected("conflict".to_owned())
        );
        assert_eq!(Verdict::Unchanged.lost(), Verdict::Unchanged);
    }
}
