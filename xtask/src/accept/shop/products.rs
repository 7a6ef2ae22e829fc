//! Products that are imported and changed while hosts die, and what must be served of them afterwards.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::Value;

use super::catalogue::{self, PRODUCTS, REQUEST_MAX};
use super::kill::{Client, Ending};
use super::ledger::{self, Counts, Ledger};
use super::losses::Losses;
use super::writers::Writers;
use crate::http::Connection;

/// Clients that create and change products one by one.
const WRITERS: usize = 2;
/// Products that are also read one by one after a start.
const READ_BY_ID: usize = 50;

/// Products as they are listed, by sku.
pub(in crate::accept) type Served = HashMap<String, Value>;

/// What clients were promised of products, from the first host to the last.
#[derive(Default)]
pub(in crate::accept) struct Products(Ledger);

impl Products {
    /// One client that imports, and some that create and change.
    pub(in crate::accept) fn clients(&self, address: SocketAddr, round: usize) -> Vec<Client<'_>> {
        let writers = Writers {
            address,
            ledger: &self.0,
        };
        let import: Client<'_> = Box::new(move |ending: &Ending| writers.import(round, ending));
        let mut clients = vec![import];
        for writer in 0..WRITERS {
            clients.push(Box::new(move |ending: &Ending| {
                writers.write(&format!("W{round}-{writer}"), ending);
            }));
        }
        clients
    }

    pub(in crate::accept) fn counts(&self) -> Counts {
        self.0.counts()
    }

    /// Holds what was promised against what is served.
    pub(in crate::accept) fn check(
        &self,
        address: SocketAddr,
        served: &Served,
    ) -> anyhow::Result<Losses> {
        let mut losses = read_by_id(address, served)?;
        losses.add(self.0.check(served));
        Ok(losses)
    }
}

/// Reads the whole listing. Whatever is in it must be complete, and there once.
pub(in crate::accept) fn served(address: SocketAddr) -> anyhow::Result<(Served, Losses)> {
    let (mut served, mut losses) = (Served::new(), Losses::default());
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
    Ok((served, losses))
}

/// The listing and the products themselves must agree.
fn read_by_id(address: SocketAddr, served: &Served) -> anyhow::Result<Losses> {
    let mut losses = Losses::default();
    let mut connection = Connection::open(address, REQUEST_MAX)?;
    for listed in served.values().take(READ_BY_ID) {
        let id = listed["id"].as_str().unwrap_or_default();
        let response = connection.get(&format!("{PRODUCTS}/{id}"))?;
        if response.status() != 200 || response.json()? != *listed {
            losses.note_broken(format!("listed {listed}, read {}", response.shown()));
        }
    }
    Ok(losses)
}
