//! The two steps of a reservation's life, each one change of the product's document.

use super::asked::Asked;
use super::{HOLDS_MAX, record};
use crate::catalogue::products;
use crate::faults;
use crate::product::{End, Finished, Reservation, Stored};
use serde::de::IgnoredAny;
use stoa_sdk::clock;
use stoa_sdk::documents::{Filter, Update, field};
use stoa_sdk::http::Problem;

/// The product keeps the last so many that ended.
const FINISHED_MAX: u32 = 100;

/// Keeps pieces, if there are enough and nobody did under this id; `None` if that does not hold. `seen` is the product as
/// it was before the id was looked for among the records: whatever ended since must still be among the last that ended.
pub(super) async fn hold(
    product: &str,
    id: &str,
    asked: &Asked,
    seen: &Stored,
) -> Result<Option<Reservation>, Problem> {
    let reservation = Reservation {
        id: id.to_owned(),
        quantity: asked.quantity,
        expires: asked.expires(clock::now()),
    };
    let named = || field("id").equals(id);
    let known = count(seen.stock.ended.saturating_add(FINISHED_MAX.into()));
    let free = field("_id").equals(product)
        & field("stock.available").at_least(asked.pieces())
        & field("stock.holds").below(count(HOLDS_MAX))
        & !field("reservations").any_element(named())
        & !field("finished").any_element(named())
        // Not the other way round: where none ever ended, the number may be missing.
        & !field("stock.ended").above(known);
    let update = Update::of(free)
        .increment("stock.available", -asked.pieces())
        .increment("stock.reserved", asked.pieces())
        .increment("stock.holds", 1)
        .set("stock.due", &reservation.expires)
        .push("reservations", &reservation);
    Ok(happened(update).await?.then_some(reservation))
}

/// Ends a reservation that is active, and records it; `None` if it is not active any more. As expired it ends only once
/// its time is up, and otherwise only before.
pub(super) async fn end(
    product: &str,
    held: &Reservation,
    state: End,
) -> Result<Option<Finished>, Problem> {
    let ended = Finished {
        id: held.id.clone(),
        quantity: held.quantity,
        state,
    };
    let now = count(clock::now().unix_ms());
    let in_time = match state {
        End::Expired => field("expires").at_most(now),
        End::Confirmed | End::Released => field("expires").above(now),
    };
    let theirs = field("reservations").any_element(field("id").equals(&held.id) & in_time);
    let update = ending(product, theirs, &[&ended]);
    if !happened(update).await? {
        return Ok(None);
    }
    record::keep(product, std::slice::from_ref(&ended)).await?;
    Ok(Some(ended))
}

/// Moves reservations, all of one end, from the active to the ended ones, where `active` says that all of them are.
pub(super) fn ending(product: &str, active: Filter, ended: &[&Finished]) -> Update {
    let pieces = ended.iter().map(|ended| ended.quantity);
    let pieces = count(pieces.fold(0, u64::saturating_add));
    let freed = ended.iter().filter(|ended| ended.state != End::Confirmed);
    let freed = count(
        freed
            .map(|ended| ended.quantity)
            .fold(0, u64::saturating_add),
    );
    let filter = field("_id").equals(product) & field("stock.reserved").at_least(pieces) & active;
    let ids = ended.iter().map(|ended| &ended.id);
    let update = Update::of(filter)
        .pull("reservations", field("id").one_of(ids))
        .increment("stock.reserved", -pieces)
        .increment("stock.available", freed)
        .increment("stock.holds", -count(ended.len() as u64))
        .increment("stock.ended", count(ended.len() as u64));
    ended.iter().fold(update, |update, ended| {
        update.push_keeping("finished", *ended, FINISHED_MAX)
    })
}

/// Whether there was a product for which the filter held.
pub(super) async fn happened(update: Update) -> Result<bool, Problem> {
    let changed = products()?.find_and_update::<IgnoredAny>(update).await;
    let changed = changed.map_err(|error| faults::store(&error))?;
    Ok(changed.is_some())
}

/// A number as the store counts. What does not fit was not written here.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::{id, tests::stored};
    use stoa_sdk::testing::block_on;

    #[test]
    fn refused_when_more_ended_since_than_the_product_keeps() {
        let product = id::of("A-1");
        let mut now = stored("A-1", 9, 0);
        now.stock.ended = 101;
        let products = products().expect("granted");
        block_on(products.insert(&product, &now)).expect("it is written");
        let asked = Asked {
            quantity: 1,
            seconds: 10,
        };
        let held_after = |ended: u64| {
            let mut seen = now.clone();
            seen.stock.ended = ended;
            block_on(hold(&product, "late", &asked, &seen)).expect("answered")
        };
        assert_eq!(held_after(0), None);
        let held = held_after(1).expect("it may be held");
        assert_eq!(held.id, "late");
    }
}
