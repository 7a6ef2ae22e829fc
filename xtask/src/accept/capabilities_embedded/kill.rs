//! `kill -9` at random moments under imports, changes, reservations and uploads at once: whatever was acknowledged is
//! there at the next start, and nothing has to be repaired.

mod images;
mod reservations;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

use self::images::Images;
use self::reservations::Reservations;
use crate::accept::shop::kill::{self, Client};
use crate::accept::shop::losses::Losses;
use crate::accept::shop::products::{self, Products};
use crate::accept::{Scale, Shown};
use crate::random::{self, Random};
use crate::stage::Stage;

const STATE: &str = "kill-9-mixed";
/// When a host is killed, counted from the start of its clients. Uploads take longer than other writes.
const KILL_MS: (u64, u64) = (5, 1_200);

/// What clients were promised, from the first host to the last.
#[derive(Default)]
struct Promised {
    products: Products,
    reservations: Reservations,
    images: Images,
}

/// How much is asked for one by one after a start. What all must be true of is in the listing, which is always read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What was written since the start before.
    Recent,
    /// All there ever was.
    All,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let rounds = match stage.scale() {
        Scale::Brief => 8,
        Scale::Full => 100,
    };
    let seed = random::seed();
    eprintln!("  seed {seed}");
    let mut random = Random::new(seed);
    let (promised, mut losses) = (Promised::default(), Losses::default());
    for round in 0..rounds {
        let host = stage.shop(STATE)?;
        losses.add(promised.check(host.address(), Depth::Recent)?);
        let moment = Duration::from_millis(random.between(KILL_MS.0, KILL_MS.1));
        let clients = promised.clients(host.address(), round);
        kill::under(host, moment, clients).with_context(|| format!("round {round}"))?;
    }
    let host = stage.shop(STATE)?;
    losses.add(promised.check(host.address(), Depth::All)?);
    host.stop()?;
    Ok(Shown {
        passed: losses.is_none() && promised.is_some_of_each(),
        figure: format!(
            "{rounds} rounds, seed {seed}: {}; {losses}",
            promised.figure()
        ),
    })
}

// === impl Promised ===

impl Promised {
    fn clients(&self, address: SocketAddr, round: usize) -> Vec<Client<'_>> {
        let mut clients = self.products.clients(address, round);
        clients.extend(self.reservations.clients(address, round));
        clients.push(self.images.client(address, round));
        clients
    }

    /// Holds it against what is served.
    fn check(&self, address: SocketAddr, depth: Depth) -> anyhow::Result<Losses> {
        let (served, mut losses) = products::served(address)?;
        losses.add(self.products.check(address, &served)?);
        losses.add(self.reservations.check(address, &served, depth)?);
        losses.add(self.images.check(address, &served, depth)?);
        Ok(losses)
    }

    /// Without each kind of write the rounds have shown nothing of it.
    fn is_some_of_each(&self) -> bool {
        self.products.counts().is_some_of_each()
            && self.reservations.counts().is_some_of_each()
            && self.images.uploaded() > 0
    }

    fn figure(&self) -> String {
        format!(
            "products: {}; reservations: {}; images: {} uploaded",
            self.products.counts(),
            self.reservations.counts(),
            self.images.uploaded()
        )
    }
}
