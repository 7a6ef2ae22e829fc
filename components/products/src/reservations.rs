//! Reservations: pieces of a product that are kept for somebody, for a while.
//!
//! Whoever reserves names the reservation, so that asking again asks for the same one. Every step is one atomic change
//! of the product's document, whose filter says what must hold for it: the stock cannot go below zero, and a reservation
//! cannot end twice, whoever else writes.
//!
//! A reservation is looked for in three places, in this order: among the active ones of the product; among the last
//! that ended, which the product keeps; in its own record. The step that ends it moves it from the first to the second
//! at once, and only then is the record written. Should the host die in between, the product still knows, and whoever
//! asks next completes the record before being answered. The record alone matters once a hundred others of the same
//! product have ended, and nobody was told of an end that is not recorded. What can be lost is the end of a reservation
//! after which the host died and for which nobody asked until then: its pieces went where they belong all the same.

mod asked;
mod record;
mod shown;
mod steps;
mod sweep;

use crate::catalogue::{expect_id, load};
use crate::faults;
use crate::product::{End, Finished, Reservation, Stored};
use asked::Asked;
use stoa_sdk::clock;
use stoa_sdk::http::{Problem, Request, Response};

pub(crate) use shown::below_reserved;
pub(crate) use sweep::{current, sweep};

/// A product has at most so many active reservations: its document has its limit.
const HOLDS_MAX: u64 = 1000;
/// How often a step is decided anew because somebody else was faster.
const ATTEMPTS_MAX: usize = 5;
/// As `ATTEMPTS_MAX`, where each attempt may first have to end reservations whose time is up: all there can be.
const RESERVE_ATTEMPTS_MAX: usize = ATTEMPTS_MAX + HOLDS_MAX as usize / sweep::SWEPT_AT_ONCE_MAX;

/// Where a reservation stands.
enum Standing {
    Held(Reservation),
    Ended(Finished),
}

/// `PUT /v1/products/{id}/reservations/{reservation}`. The same again changes nothing, whatever became of it.
pub(crate) async fn reserve(
    mut request: Request,
    product: &str,
    id: &str,
) -> Result<Response, Problem> {
    expect_ids(product, id)?;
    let asked = Asked::read(&mut request).await?;
    // The oldest are only known here.
    if let Some(ended) = record::find(product, id).await? {
        return replayed(product, &asked, &Standing::Ended(ended));
    }
    for _ in 0..RESERVE_ATTEMPTS_MAX {
        if let Some(held) = steps::hold(product, id, &asked).await? {
            let location = format!("/v1/products/{product}/reservations/{id}");
            return Ok(shown::held(201, product, &held).header("location", location));
        }
        let (stored, standing) = standing(product, id).await?;
        if let Some(standing) = standing {
            return replayed(product, &asked, &standing);
        }
        make_room(product, &stored, &asked).await?;
    }
    Err(faults::busy())
}

/// `GET /v1/products/{id}/reservations/{reservation}`
pub(crate) async fn get(product: &str, id: &str) -> Result<Response, Problem> {
    expect_ids(product, id)?;
    let (_, standing) = standing(product, id).await?;
    let standing = standing.ok_or_else(shown::absent)?;
    Ok(shown::standing(product, &standing))
}

/// `POST /v1/products/{id}/reservations/{reservation}:confirm`: the pieces are sold.
pub(crate) async fn confirm(product: &str, id: &str) -> Result<Response, Problem> {
    finish(product, id, End::Confirmed).await
}

/// `POST /v1/products/{id}/reservations/{reservation}:release`: the pieces are available again.
pub(crate) async fn release(product: &str, id: &str) -> Result<Response, Problem> {
    finish(product, id, End::Released).await
}

async fn finish(product: &str, id: &str, wanted: End) -> Result<Response, Problem> {
    expect_ids(product, id)?;
    for _ in 0..ATTEMPTS_MAX {
        let (_, standing) = standing(product, id).await?;
        match standing.ok_or_else(shown::absent)? {
            Standing::Ended(ended) => return finished(product, &ended, wanted),
            Standing::Held(held) => {
                if let Some(ended) = steps::end(product, &held, wanted).await? {
                    return finished(product, &ended, wanted);
                }
            }
        }
    }
    Err(faults::busy())
}

/// What is said of a reservation that ended, to whom wanted it to end like this.
fn finished(product: &str, ended: &Finished, wanted: End) -> Result<Response, Problem> {
    match (wanted, ended.state) {
        (End::Released, End::Expired) => Ok(shown::ended(product, ended)),
        (wanted, state) if wanted == state => Ok(shown::ended(product, ended)),
        _ => Err(shown::ended_otherwise(ended)),
    }
}

fn replayed(product: &str, asked: &Asked, standing: &Standing) -> Result<Response, Problem> {
    let quantity = match standing {
        Standing::Held(held) => held.quantity,
        Standing::Ended(ended) => ended.quantity,
    };
    match quantity == asked.quantity {
        true => Ok(shown::standing(product, standing)),
        false => Err(shown::another_quantity(quantity)),
    }
}

/// Where a reservation stands, and the product that says so; 404 without the product. One whose time is up is ended
/// first, so that nobody is told that it holds.
async fn standing(product: &str, id: &str) -> Result<(Stored, Option<Standing>), Problem> {
    for _ in 0..ATTEMPTS_MAX {
        let (stored, _) = load(product).await?;
        match look(product, &stored, id).await? {
            Some(Standing::Held(held)) if held.is_over(clock::now()) => {
                steps::end(product, &held, End::Expired).await?;
            }
            standing => return Ok((stored, standing)),
        }
    }
    Err(faults::busy())
}

async fn look(product: &str, stored: &Stored, id: &str) -> Result<Option<Standing>, Problem> {
    if let Some(held) = stored.reservations.iter().find(|held| held.id == id) {
        return Ok(Some(Standing::Held(held.clone())));
    }
    if let Some(ended) = stored.finished.iter().find(|ended| ended.id == id) {
        // Whoever ended it may have died before it was recorded.
        record::keep(product, std::slice::from_ref(ended)).await?;
        return Ok(Some(Standing::Ended(ended.clone())));
    }
    let recorded = record::find(product, id).await?;
    Ok(recorded.map(Standing::Ended))
}

/// Ends reservations whose time is up where there is no room for another; refuses it where there are none.
async fn make_room(product: &str, stored: &Stored, asked: &Asked) -> Result<(), Problem> {
    let is_short = stored.stock.available < asked.quantity;
    let is_full = stored.stock.holds >= HOLDS_MAX;
    // Neither: somebody else was faster, and it may work now.
    if !(is_short || is_full) || sweep(product, stored).await? {
        return Ok(());
    }
    Err(match is_short {
        true => shown::insufficient(stored.stock.available),
        false => faults::busy(),
    })
}

/// Refuses what cannot be a product or a reservation.
fn expect_ids(product: &str, id: &str) -> Result<(), Problem> {
    expect_id(product)?;
    asked::expect_reservation_id(id)
}
