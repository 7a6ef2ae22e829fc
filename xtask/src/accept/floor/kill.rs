//! `kill -9` at random moments during imports and writes: what was acknowledged is there at the next start, whole, and
//! nothing has to be repaired.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

use crate::accept::shop::kill;
use crate::accept::shop::losses::Losses;
use crate::accept::shop::products::{self, Products};
use crate::accept::{Scale, Shown};
use crate::random::{self, Random};
use crate::stage::Stage;

/// When a host is killed, counted from the start of its clients.
const KILL_MS: (u64, u64) = (5, 800);

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let rounds = match stage.scale() {
        Scale::Brief => 8,
        Scale::Full => 50,
    };
    let seed = random::seed();
    eprintln!("  seed {seed}");
    let mut random = Random::new(seed);
    let (products, mut losses) = (Products::default(), Losses::default());
    for round in 0..rounds {
        let host = stage.shop("kill-9")?;
        losses.add(verify(host.address(), &products)?);
        let moment = Duration::from_millis(random.between(KILL_MS.0, KILL_MS.1));
        let clients = products.clients(host.address(), round);
        kill::under(host, moment, clients).with_context(|| format!("round {round}"))?;
    }
    let host = stage.shop("kill-9")?;
    losses.add(verify(host.address(), &products)?);
    host.stop()?;
    let counts = products.counts();
    Ok(Shown {
        // Without each of the three kinds of write the round has shown nothing of it.
        passed: losses.is_none() && counts.is_some_of_each(),
        figure: format!("{rounds} rounds, seed {seed}: {counts}; {losses}"),
    })
}

fn verify(address: SocketAddr, products: &Products) -> anyhow::Result<Losses> {
    let (served, mut losses) = products::served(address)?;
    losses.add(products.check(address, &served)?);
    Ok(losses)
}
