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
//! product have ended, and nobody was told of an end that is not recorded. Who reserves has looked into all three before,
//! and is refused where more ended since than the product keeps: the id may be one of those. What can be lost is the end
//! of a reservation after which the host died and for which nobody asked until then: its pieces went where they belong
//! all the same.

mod asked;
mod record;
mod shown;
mod steps;
mod sweep;

use crate::catalogue::{self, expect_id};
use crate::faults;
use crate::product::{End, Finished, Reservation, Stored};
use asked::Asked;
use stoa_sdk::clock;
use stoa_sdk::http::{Problem, Request, Response};

pub(crate) use shown::below_reserved;
pub(crate) use sweep::{current, sweep, sweep_due};

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
    for _ in 0..RESERVE_ATTEMPTS_MAX {
        if let Some(response) = reserve_once(product, id, &asked).await? {
            return Ok(response);
        }
    }
    Err(faults::busy())
}

/// `None` if somebody else changed the product meanwhile, or room was made in it.
async fn reserve_once(product: &str, id: &str, asked: &Asked) -> Result<Option<Response>, Problem> {
    let (stored, standing) = standing(product, id).await?;
    if let Some(standing) = standing {
        return replayed(product, asked, &standing).map(Some);
    }
    let stored = stored.ok_or_else(catalogue::absent)?;
    if make_room(product, &stored, asked).await? {
        return Ok(None);
    }
    let held = steps::hold(product, id, asked, &stored).await?;
    Ok(held.map(|held| {
        let location = format!("/v1/products/{product}/reservations/{id}");
        shown::held(201, product, &held).header("location", location)
    }))
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

/// Where a reservation stands, and the product, if it is there: what was sold of one that was deleted stays sold. One
/// whose time is up is ended first, so that nobody is told that it holds.
async fn standing(product: &str, id: &str) -> Result<(Option<Stored>, Option<Standing>), Problem> {
    for _ in 0..ATTEMPTS_MAX {
        let stored = catalogue::find(product).await?.map(|(stored, _)| stored);
        match look(product, stored.as_ref(), id).await? {
            Some(Standing::Held(held)) if held.is_over(clock::now()) => {
                steps::end(product, &held, End::Expired).await?;
            }
            standing => return Ok((stored, standing)),
        }
    }
    Err(faults::busy())
}

async fn look(
    product: &str,
    stored: Option<&Stored>,
    id: &str,
) -> Result<Option<Standing>, Problem> {
    let (active, ended) = stored.map_or((None, None), |stored| {
        let active = stored.reservations.iter().find(|held| held.id == id);
        let ended = stored.finished.iter().find(|ended| ended.id == id);
        (active, ended)
    });
    if let Some(held) = active {
        return Ok(Some(Standing::Held(held.clone())));
    }
    let recorded = record::find(product, id).await?;
    let Some(ended) = ended else {
        return Ok(recorded.map(Standing::Ended));
    };
    // Whoever ended it may have died before it was recorded.
    if recorded.is_none() {
        record::keep(product, std::slice::from_ref(ended)).await?;
    }
    Ok(Some(Standing::Ended(ended.clone())))
}

/// Ends reservations whose time is up where there is no room for another, and answers whether there were any: then the
/// product is worth another look. Refuses it where there are none.
async fn make_room(product: &str, stored: &Stored, asked: &Asked) -> Result<bool, Problem> {
    let is_short = stored.stock.available < asked.quantity;
    let is_full = stored.stock.holds >= HOLDS_MAX;
    if !(is_short || is_full) {
        return Ok(false);
    }
    if sweep(product, stored).await? {
        return Ok(true);
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
