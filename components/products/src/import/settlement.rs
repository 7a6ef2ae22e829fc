//! Writing a batch: each row on its own, so that one that cannot be written does not disturb the others.

use super::plan::{Verdict, plan};
use super::rows::Row;
use crate::catalogue::Readable;
use crate::product::Stored;
use crate::reservations;
use stoa_sdk::clock;
use stoa_sdk::documents::{Collection, Document, Error, Write};

/// How often a row is decided anew because somebody else was faster.
const ATTEMPTS_MAX: usize = 5;

/// What is stored of a row's product.
type Found = Document<Readable<Stored>>;

/// Rows on their way to their verdicts.
struct Settlement<'a> {
    products: &'a Collection,
    rows: &'a [Row],
    /// By row; `None` for those that are not settled yet.
    verdicts: Vec<Option<Verdict>>,
    /// How many rows are settled in one go.
    step: usize,
}

/// What became of each row. Where it fails, nobody knows.
pub(super) async fn settle(products: &Collection, rows: &[Row]) -> Result<Vec<Verdict>, Error> {
    let mut settlement = Settlement {
        products,
        rows,
        verdicts: rows.iter().map(rejected).collect(),
        step: rows.len().max(1),
    };
    for _ in 0..ATTEMPTS_MAX {
        settlement.attempt().await?;
    }
    let verdicts = settlement.verdicts.into_iter();
    Ok(verdicts
        .map(|verdict| verdict.unwrap_or_else(lost))
        .collect())
}

fn rejected(row: &Row) -> Option<Verdict> {
    let rejection = row.content.as_ref().err()?;
    Some(Verdict::Rejected(rejection.reason.clone()))
}

/// Somebody else kept changing the product under our hands.
fn lost() -> Verdict {
    Verdict::Rejected("conflict".to_owned())
}

impl Settlement<'_> {
    /// Decides and writes all that is open, in as few goes as it takes.
    async fn attempt(&mut self) -> Result<(), Error> {
        let open = self.verdicts.iter().enumerate();
        let open = open.filter(|(_, verdict)| verdict.is_none());
        let open: Vec<_> = open.map(|(place, _)| place).collect();
        let mut rest = open.as_slice();
        while !rest.is_empty() {
            let (some, later) = rest.split_at(self.step.min(rest.len()));
            match self.go(some).await {
                // Products with many reservations are larger than their rows.
                Err(Error::TooLarge { .. }) if some.len() > 1 => self.step = some.len() / 2,
                outcome => {
                    outcome?;
                    rest = later;
                }
            }
        }
        Ok(())
    }

    async fn go(&mut self, places: &[usize]) -> Result<(), Error> {
        let ids = places.iter().filter_map(|place| self.rows[*place].id());
        let stored = self.products.get_many(ids).await?;
        let mut seen = Vec::new();
        for (place, document) in places.iter().copied().zip(stored) {
            if !self.frees(place, document.as_ref()).await {
                seen.push((place, document));
            }
        }
        let (planned, writes) = self.decide(seen);
        if writes.is_empty() {
            return Ok(());
        }
        let outcomes = self.products.put(writes).await?;
        for ((place, verdict), outcome) in planned.into_iter().zip(outcomes) {
            self.verdicts[place] = match outcome {
                Ok(_) => Some(verdict),
                Err(Error::Conflict(_)) => None,
                Err(Error::TooLarge { .. }) => Some(too_large()),
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }

    /// Whether reservations whose time is up ended because they kept more than its row leaves of a product. Such a row is
    /// decided at the next attempt.
    async fn frees(&self, place: usize, document: Option<&Found>) -> bool {
        let (Some(draft), Some(document)) = (self.rows[place].draft(), document) else {
            return false;
        };
        let Ok(stored) = &document.body.0 else {
            return false;
        };
        // Where it fails, the row is rejected as if nothing had expired.
        draft.stock < stored.stock.reserved
            && matches!(reservations::sweep(&document.id, stored).await, Ok(true))
    }

    /// Settles what needs no write; answers the writes, and what each makes of its row.
    fn decide(&mut self, seen: Vec<(usize, Option<Found>)>) -> (Vec<(usize, Verdict)>, Vec<Write>) {
        let (mut planned, mut writes) = (Vec::new(), Vec::new());
        for (place, stored) in seen {
            let Some(draft) = self.rows[place].draft() else {
                continue;
            };
            let plan = plan(draft, stored, clock::now());
            match plan.write {
                None => self.verdicts[place] = Some(plan.verdict),
                Some(write) => {
                    planned.push((place, plan.verdict));
                    writes.push(write);
                }
            }
        }
        (planned, writes)
    }
}

fn too_large() -> Verdict {
    Verdict::Rejected("product is too large with what is reserved of it".to_owned())
}
