//! A product whose pieces are reserved and sold, as its clients see it.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::accept::shop::catalogue::{PRODUCTS, REQUEST_MAX};
use crate::http::{Connection, Request, Response};

/// As long as reservations can be kept: none expires while a point is shown.
const SECONDS: u64 = 86_400;

/// A client of one product.
pub(super) struct Shelf {
    connection: Connection,
    path: String,
}

/// How a client ends a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Confirm,
    Release,
}

/// The pieces of a product. Signed, so that less than nothing would be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stock {
    pub(super) on_hand: i64,
    pub(super) available: i64,
}

// === impl Shelf ===

impl Shelf {
    /// Connects to a product that exists.
    pub(super) fn open(address: SocketAddr, product: &str) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::open(address, REQUEST_MAX)?,
            path: format!("{PRODUCTS}/{product}"),
        })
    }

    /// Creates a product with so many pieces, and answers its id.
    pub(super) fn create(address: SocketAddr, sku: &str, stock: u64) -> anyhow::Result<String> {
        let body = product(sku, stock).to_string();
        let created = Connection::open(address, REQUEST_MAX)?.request(&Request {
            method: "POST",
            path: PRODUCTS,
            headers: &[("content-type", "application/json")],
            body: body.as_bytes(),
        })?;
        ensure!(created.status() == 201, "POST answered {}", created.shown());
        let body = created.json()?;
        let id = body["id"].as_str().context("a product without an id")?;
        Ok(id.to_owned())
    }

    pub(super) fn stock(&mut self) -> anyhow::Result<Stock> {
        let response = self.connection.get(&self.path)?;
        ensure!(
            response.status() == 200,
            "GET answered {}",
            response.shown()
        );
        Stock::of(&response.json()?)
    }

    /// Reserves pieces under an id of the caller's.
    pub(super) fn reserve(&mut self, id: &str, quantity: u64) -> anyhow::Result<Response> {
        let body = json!({"quantity": quantity, "seconds": SECONDS}).to_string();
        self.connection.request(&Request {
            method: "PUT",
            path: &format!("{}/reservations/{id}", self.path),
            headers: &[("content-type", "application/json")],
            body: body.as_bytes(),
        })
    }

    /// Ends a reservation. It must succeed.
    pub(super) fn end(&mut self, id: &str, end: End) -> anyhow::Result<()> {
        let path = format!("{}/reservations/{id}:{}", self.path, end.verb());
        let ended = self.connection.request(&Request {
            method: "POST",
            ..Request::get(&path)
        })?;
        ensure!(
            ended.status() == 200,
            "`POST {path}` answered {}",
            ended.shown()
        );
        Ok(())
    }

    /// Asks for a reservation: 404 if there is none.
    pub(super) fn reservation(&mut self, id: &str) -> anyhow::Result<Response> {
        let path = format!("{}/reservations/{id}", self.path);
        self.connection.get(&path)
    }
}

// === impl End ===

impl End {
    fn verb(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Release => "release",
        }
    }

    /// The state of a reservation that ended like this.
    pub(super) fn state(self) -> &'static str {
        match self {
            Self::Confirm => "confirmed",
            Self::Release => "released",
        }
    }
}

// === impl Stock ===

impl Stock {
    /// As a product shows it.
    pub(super) fn of(product: &Value) -> anyhow::Result<Self> {
        let pieces = |name: &str| product[name].as_i64();
        match (pieces("stock"), pieces("available")) {
            (Some(on_hand), Some(available)) => Ok(Self { on_hand, available }),
            _ => anyhow::bail!("a product without its stock: {product}"),
        }
    }
}

fn product(sku: &str, stock: u64) -> Value {
    json!({
        "sku": sku,
        "name": format!("{sku}, to be reserved"),
        "description": "Its pieces are kept for whoever asks first.",
        "category": "reserved",
        "brand": "Shelf",
        "price": {"amount": 1_999, "currency": "EUR"},
        "stock": stock,
        "tags": ["shelf"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_may_be_less_than_nothing_but_not_missing() {
        let stock = Stock::of(&json!({"stock": 0, "available": -1})).expect("both are there");
        assert_eq!((stock.on_hand, stock.available), (0, -1));
        assert!(Stock::of(&json!({"stock": 3})).is_err());
    }
}
