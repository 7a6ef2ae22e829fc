//! Ending what nobody came back for.
//!
//! Nothing runs in the background: reservations whose time is up end when somebody looks at their product, needs their
//! pieces, or asks for them.

use super::record;
use super::steps::{ending, happened};
use crate::catalogue::load;
use crate::product::{End, Finished, Stored};
use stoa_sdk::clock;
use stoa_sdk::documents::{Filter, field};
use stoa_sdk::http::Problem;

/// So many end in one step: with one push and two conditions each, that fits into an update of the store.
pub(super) const SWEPT_AT_ONCE_MAX: usize = 50;

/// The product as it is now, and its version; 404 if there is none. Some reservations whose time is up end first: if
/// that fails, it is shown as it was.
pub(crate) async fn current(id: &str) -> Result<(Stored, u64), Problem> {
    let (stored, version) = load(id).await?;
    match sweep(id, &stored).await {
        Ok(true) => load(id).await,
        Ok(false) | Err(_) => Ok((stored, version)),
    }
}

/// Ends some of the reservations of a product whose time is up. Answers whether there were any, be it that somebody
/// else ended them meanwhile: then the product is worth another look.
pub(crate) async fn sweep(product: &str, stored: &Stored) -> Result<bool, Problem> {
    let ended = over(stored);
    if ended.is_empty() {
        return Ok(false);
    }
    // When one expires never changes, so that the time of those that are still active is still up.
    let active = |one: &Finished| field("reservations").any_element(field("id").equals(&one.id));
    let all = ended
        .iter()
        .fold(Filter::everything(), |all, one| all & active(one));
    let each: Vec<_> = ended.iter().collect();
    if happened(ending(product, all, &each)).await? {
        record::keep(product, &ended).await?;
    }
    Ok(true)
}

fn over(stored: &Stored) -> Vec<Finished> {
    let now = clock::now();
    let over = stored.reservations.iter().filter(|held| held.is_over(now));
    let ended = over.take(SWEPT_AT_ONCE_MAX).map(|held| Finished {
        id: held.id.clone(),
        quantity: held.quantity,
        state: End::Expired,
    });
    ended.collect()
}
