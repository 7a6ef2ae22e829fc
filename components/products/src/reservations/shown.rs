//! What clients are told of reservations.

use super::Standing;
use crate::product::{Finished, Reservation};
use serde::Serialize;
use stoa_sdk::clock::Timestamp;
use stoa_sdk::http::{Problem, Response};

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    product: &'a str,
    quantity: u64,
    state: &'static str,
    /// Until when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

pub(super) fn held(status: u16, product: &str, held: &Reservation) -> Response {
    let shown = Shown {
        id: &held.id,
        product,
        quantity: held.quantity,
        state: "held",
        expires: Some(Timestamp::from_unix_ms(held.expires).to_string()),
    };
    Response::json(status, &shown)
}

pub(super) fn ended(product: &str, ended: &Finished) -> Response {
    let shown = Shown {
        id: &ended.id,
        product,
        quantity: ended.quantity,
        state: ended.state.name(),
        expires: None,
    };
    Response::json(200, &shown)
}

pub(super) fn standing(product: &str, standing: &Standing) -> Response {
    match standing {
        Standing::Held(reservation) => held(200, product, reservation),
        Standing::Ended(finished) => ended(product, finished),
    }
}

// === refusals ===

pub(super) fn absent() -> Problem {
    Problem::new(404).detail("no reservation of this product has this id")
}

pub(super) fn insufficient(available: u64) -> Problem {
    Problem::new(409)
        .kind("/problems/insufficient-stock", "insufficient stock")
        .detail(format!("{available} pieces are available"))
        .member("available", available)
}

pub(super) fn another_quantity(quantity: u64) -> Problem {
    Problem::new(409)
        .kind("/problems/another-quantity", "another quantity")
        .detail(format!("{quantity} pieces were reserved under this id"))
        .member("quantity", quantity)
}

pub(super) fn ended_otherwise(ended: &Finished) -> Problem {
    let state = ended.state.name();
    Problem::new(409)
        .kind("/problems/reservation-ended", "reservation ended")
        .detail(format!("the reservation is {state}"))
        .member("state", state)
}

/// A stock that would be less than what is reserved of it.
pub(crate) fn below_reserved(reserved: u64) -> Problem {
    Problem::new(409)
        .kind("/problems/stock-reserved", "stock reserved")
        .detail(format!("{reserved} pieces are reserved"))
        .member("reserved", reserved)
}
