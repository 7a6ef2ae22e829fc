//! `kill -9` at random moments during imports and writes: what was acknowledged is there at the next start, whole, and
//! nothing has to be repaired.

mod clients;
mod ledger;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;

use self::clients::Clients;
use self::ledger::{Ledger, Losses};
use super::catalogue::{self, PRODUCTS, REQUEST_MAX};
use crate::accept::{Scale, Shown};
use crate::host::Host;
use crate::http::Connection;
use crate::random::{self, Random};
use crate::stage::Stage;

/// Clients that create and change products one by one.
const WRITERS: usize = 2;
/// When a host is killed, counted from the start of its clients.
const KILL_MS: (u64, u64) = (5, 800);
/// Products that are also read one by one after a start.
const READ_BY_ID: usize = 50;

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let rounds = match stage.scale() {
        Scale::Brief => 8,
        Scale::Full => 50,
    };
    let seed = random::seed();
    eprintln!("  seed {seed}");
    let mut random = Random::new(seed);
    let (ledger, mut losses) = (Ledger::default(), Losses::default());
    for round in 0..rounds {
        let host = stage.shop("kill-9")?;
        losses.add(verify(host.address(), &ledger)?);
        let moment = Duration::from_millis(random.between(KILL_MS.0, KILL_MS.1));
        until_killed(host, &ledger, round, moment)?;
    }
    let host = stage.shop("kill-9")?;
    losses.add(verify(host.address(), &ledger)?);
    host.stop()?;
    let counts = ledger.counts();
    Ok(Shown {
        // Without each of the three kinds of write the round has shown nothing of it.
        passed: losses.is_none() && counts.is_some_of_each(),
        figure: format!("{rounds} rounds, seed {seed}: {counts}; {losses}"),
    })
}

/// Lets clients write until the host is killed under them.
fn until_killed(host: Host, ledger: &Ledger, round: usize, moment: Duration) -> anyhow::Result<()> {
    let clients = Clients::new(host.address(), ledger);
    thread::scope(|scope| {
        scope.spawn(|| clients.import(round));
        for writer in 0..WRITERS {
            let (clients, name) = (&clients, format!("W{round}-{writer}"));
            scope.spawn(move || clients.write(&name));
        }
        thread::sleep(moment);
        clients.expect_the_end();
        host.kill()
    })?;
    let trouble = clients.trouble();
    ensure!(trouble.is_empty(), "round {round}: {}", trouble.join("; "));
    Ok(())
}

fn verify(address: SocketAddr, ledger: &Ledger) -> anyhow::Result<Losses> {
    let mut losses = Losses::default();
    let mut served: HashMap<String, Value> = HashMap::new();
    catalogue::each(address, |product| {
        let sku = product["sku"].as_str().unwrap_or_default().to_owned();
        if !ledger::is_complete(product) {
            losses.note_broken(format!("incomplete: {product}"));
        }
        if served.insert(sku, product.clone()).is_some() {
            losses.note_broken(format!("listed twice: {product}"));
        }
        Ok(())
    })?;
    read_by_id(address, &served, &mut losses)?;
    losses.add(ledger.check(&served));
    Ok(losses)
}

/// The listing and the products themselves must agree.
fn read_by_id(
    address: SocketAddr,
    served: &HashMap<String, Value>,
    losses: &mut Losses,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(address, REQUEST_MAX)?;
    for listed in served.values().take(READ_BY_ID) {
        let id = listed["id"].as_str().unwrap_or_default();
        let response = connection.get(&format!("{PRODUCTS}/{id}"))?;
        if response.status() != 200 || response.json()? != *listed {
            losses.note_broken(format!("listed {listed}, read {}", response.shown()));
        }
    }
    Ok(())
}
