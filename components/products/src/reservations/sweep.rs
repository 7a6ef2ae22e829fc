//! Ending what nobody came back for.
//!
//! Nothing runs in the background: reservations whose time is up end when somebody looks at their product, needs their
//! pieces, or asks for them, and some whenever somebody looks for products. Otherwise one whose last pieces were reserved
//! and never paid for would stay hidden from everybody who looks for what is in stock.

use super::record;
use super::steps::{count, ending, happened};
use crate::catalogue::{load, products};
use crate::faults;
use crate::product::{End, Finished, Stored};
use serde::de::IgnoredAny;
use stoa_sdk::clock;
use stoa_sdk::documents::{Filter, Query, Update, field};
use stoa_sdk::http::Problem;

/// So many end in one step: with one push and two conditions each, that fits into an update of the store.
pub(super) const SWEPT_AT_ONCE_MAX: usize = 50;
/// A listing looks after at most so many products, so that none waits long for the others.
const DUE_AT_ONCE_MAX: u32 = 4;

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

/// Ends reservations of some products of which it is time to look. Fails only where the store does not answer at all.
pub(crate) async fn sweep_due() -> Result<(), Problem> {
    let now = count(clock::now().unix_ms());
    let due = Query::of(field("stock.due").at_most(now)).ascending("stock.due");
    let due = due.fields(["stock.due"]).limit(DUE_AT_ONCE_MAX);
    let due = products()?.find::<IgnoredAny>(due).await;
    for document in due.map_err(|error| faults::store(&error))?.documents {
        // Why it failed is in the log, and the next listing tries again.
        if renew(&document.id, now).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Looks after one product, and sets when to do so again.
async fn renew(product: &str, now: i64) -> Result<(), Problem> {
    let (stored, _) = current(product).await?;
    let next = stored.reservations.iter().map(|held| held.expires).min();
    // Whoever reserved meanwhile set a later time, which stays.
    let due = Update::of(field("_id").equals(product) & field("stock.due").at_most(now));
    happened(match next {
        Some(next) => due.set("stock.due", &next),
        None => due.unset("stock.due"),
    })
    .await?;
    Ok(())
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
