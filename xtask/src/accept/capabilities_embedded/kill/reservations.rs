//! Reservations that are made and ended while hosts die.
//!
//! Each product has one client, which sends one step after the other: so after a start at most one step of a product is
//! in doubt, and its sums must be right to the piece.

mod claim;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::ensure;
use serde_json::Value;

use self::claim::{Claim, Step};
use super::Depth;
use crate::accept::capabilities_embedded::shelf::{Shelf, Stock};
use crate::accept::shop::kill::{Client, Ending};
use crate::accept::shop::losses::Losses;
use crate::accept::shop::products::Served;

const CLIENTS: usize = 2;
/// More pieces than the reservations of a product ask for.
const STOCK: u64 = 1_000;
/// Fewer than ended reservations are remembered by their product, so that none is only in its record.
const RESERVATIONS: usize = 90;

/// What was promised, by the sku of the product.
#[derive(Default)]
pub(super) struct Reservations(Mutex<HashMap<String, Promised>>);

/// What is known of a product.
#[derive(Debug, Default)]
struct Promised {
    is_acknowledged: bool,
    claims: Vec<Claim>,
    /// Whether every claim was looked at since it was last changed.
    is_settled: bool,
}

/// Steps that are known to have happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    held: usize,
    ended: usize,
}

/// A client of one host.
#[derive(Clone, Copy)]
struct Reserver<'a> {
    address: SocketAddr,
    promised: &'a Reservations,
}

// === impl Reservations ===

impl Reservations {
    pub(super) fn clients(&self, address: SocketAddr, round: usize) -> Vec<Client<'_>> {
        let reserver = Reserver {
            address,
            promised: self,
        };
        let mut clients: Vec<Client<'_>> = Vec::with_capacity(CLIENTS);
        for client in 0..CLIENTS {
            let name = format!("R{round}-{client}");
            clients.push(Box::new(move |ending: &Ending| reserver.run(&name, ending)));
        }
        clients
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for claim in self.book().values().flat_map(|promised| &promised.claims) {
            counts.held += usize::from(claim.acknowledged >= Step::Held);
            counts.ended += usize::from(claim.acknowledged >= Step::Ended);
        }
        counts
    }

    /// Asks for reservations one by one, and holds the sums of every product against its stock.
    pub(super) fn check(
        &self,
        address: SocketAddr,
        served: &Served,
        depth: Depth,
    ) -> anyhow::Result<Losses> {
        let mut losses = Losses::default();
        for (sku, promised) in self.book().iter_mut() {
            match served.get(sku) {
                Some(product) => promised.check(address, sku, product, depth, &mut losses)?,
                None if promised.is_acknowledged => losses.note_lost(format!("{sku} is not there")),
                // It was on its way when the host died.
                None => {}
            }
        }
        Ok(losses)
    }

    fn with(&self, sku: &str, change: impl FnOnce(&mut Promised)) {
        let mut book = self.book();
        let promised = book.entry(sku.to_owned()).or_default();
        promised.is_settled = false;
        change(promised);
    }

    fn book(&self) -> MutexGuard<'_, HashMap<String, Promised>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Promised ===

impl Promised {
    fn check(
        &mut self,
        address: SocketAddr,
        sku: &str,
        product: &Value,
        depth: Depth,
        losses: &mut Losses,
    ) -> anyhow::Result<()> {
        if depth == Depth::All || !self.is_settled {
            let mut shelf = Shelf::open(address, product["id"].as_str().unwrap_or_default())?;
            for (number, claim) in self.claims.iter_mut().enumerate() {
                let answer = shelf.reservation(&id(number))?;
                claim.settle(sku, &answer, losses)?;
            }
            self.is_settled = true;
        }
        self.check_sums(sku, Stock::of(product)?, losses);
        Ok(())
    }

    /// What is available, reserved and sold are all the pieces there were.
    fn check_sums(&self, sku: &str, stock: Stock, losses: &mut Losses) {
        let (held, confirmed) = (
            self.pieces(Claim::is_held),
            self.pieces(Claim::is_confirmed),
        );
        let on_hand = STOCK as i64 - confirmed;
        let expected = Stock {
            on_hand,
            available: on_hand - held,
        };
        if stock != expected {
            losses.note_broken(format!(
                "{sku} has {stock:?}, but with {held} reserved and {confirmed} sold it is {expected:?}"
            ));
        }
    }

    fn pieces(&self, which: fn(&Claim) -> bool) -> i64 {
        let claims = self.claims.iter().filter(|claim| which(claim));
        claims.map(|claim| claim.quantity as i64).sum()
    }
}

// === impl Counts ===

impl Counts {
    pub(super) fn is_some_of_each(&self) -> bool {
        self.held > 0 && self.ended > 0
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} made, {} of them ended", self.held, self.ended)
    }
}

// === impl Reserver ===

impl Reserver<'_> {
    /// Creates products and reserves their pieces.
    fn run(self, name: &str, ending: &Ending) {
        let mut number = 0;
        while ending.goes_on(self.fill(&format!("{name}-{number}"), ending)) {
            number += 1;
        }
    }

    fn fill(self, sku: &str, ending: &Ending) -> anyhow::Result<()> {
        self.promised.with(sku, |_| {});
        let product = Shelf::create(self.address, sku, STOCK)?;
        self.promised
            .with(sku, |known| known.is_acknowledged = true);
        let mut shelf = Shelf::open(self.address, &product)?;
        for number in 0..RESERVATIONS {
            // A host that is killed late must not be written to for ever.
            if ending.is_near() {
                break;
            }
            self.reserve(&mut shelf, sku, number)?;
        }
        Ok(())
    }

    /// One reservation: made, and ended if it is to end.
    fn reserve(self, shelf: &mut Shelf, sku: &str, number: usize) -> anyhow::Result<()> {
        let claim = Claim::sent(number);
        let (quantity, end) = (claim.quantity, claim.end);
        // What is sent is noted first.
        self.promised.with(sku, |known| known.claims.push(claim));
        let made = shelf.reserve(&id(number), quantity)?;
        ensure!(made.status() == 201, "PUT answered {}", made.shown());
        self.note(sku, number, |claim| claim.acknowledged = Step::Held);
        let Some(end) = end else {
            return Ok(());
        };
        self.note(sku, number, |claim| claim.sent = Step::Ended);
        shelf.end(&id(number), end)?;
        self.note(sku, number, |claim| claim.acknowledged = Step::Ended);
        Ok(())
    }

    fn note(self, sku: &str, number: usize, change: impl FnOnce(&mut Claim)) {
        self.promised.with(sku, |known| {
            if let Some(claim) = known.claims.get_mut(number) {
                change(claim);
            }
        });
    }
}

/// What a client calls a reservation.
fn id(number: usize) -> String {
    format!("r-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reservations of 1, 2 and 3 pieces: held, sold, given back.
    fn promised() -> Promised {
        let claims = (0..3).map(|number| {
            let mut claim = Claim::sent(number);
            claim.acknowledged = match claim.end {
                None => Step::Held,
                Some(_) => Step::Ended,
            };
            claim
        });
        Promised {
            is_acknowledged: true,
            claims: claims.collect(),
            is_settled: true,
        }
    }

    fn found(on_hand: i64, available: i64) -> (usize, usize) {
        let mut losses = Losses::default();
        promised().check_sums("R", Stock { on_hand, available }, &mut losses);
        losses.counts()
    }

    #[test]
    fn all_pieces_are_somewhere() {
        assert_eq!(found(998, 997), (0, 0));
        assert_eq!(found(998, 998), (0, 1));
        assert_eq!(found(1_000, 997), (0, 1));
    }
}
