//! Clients that import and change products, and note in the ledger what was acknowledged.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::thread;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::catalogue::{self, PRODUCTS, REQUEST_MAX};
use super::kill::Ending;
use super::ledger::{self, Ledger, Write};
use crate::http::{Chunks, Connection, Request, Response};

/// Products that are imported again and again, in this and in later rounds.
const IMPORTED: usize = 6_000;
/// Rows of one import.
const ROWS: usize = 1_000;
/// How much further the next import begins: imports overlap, so rows are new, changed, or both in turn.
const STEP: usize = 700;
/// Rows in one write.
const ROWS_AT_ONCE: usize = 20;
/// How often a product is changed before the next one is created.
const CHANGES: usize = 5;

/// Clients of one host.
#[derive(Clone, Copy)]
pub(super) struct Writers<'a> {
    pub(super) address: SocketAddr,
    pub(super) ledger: &'a Ledger,
}

impl Writers<'_> {
    /// Imports one batch after the other.
    pub(super) fn import(self, round: usize, ending: &Ending) {
        // Each round begins elsewhere.
        let mut first = round * STEP * 3;
        while ending.goes_on(self.import_batch(first)) {
            first += STEP;
        }
    }

    /// Creates products and changes each a few times.
    pub(super) fn write(self, name: &str, ending: &Ending) {
        let mut number = 0;
        while ending.goes_on(self.write_product(&format!("{name}-{number}"))) {
            number += 1;
        }
    }

    fn import_batch(&self, first: usize) -> anyhow::Result<()> {
        let (rows, report) = catalogue::import(self.address, REQUEST_MAX)?;
        thread::scope(|scope| {
            // If it fails, so does the report.
            scope.spawn(move || self.send(rows, first).ok());
            report.read(|line| self.note(line))
        })
    }

    fn send(&self, mut rows: Chunks, first: usize) -> io::Result<()> {
        let mut text = String::new();
        for number in 0..ROWS {
            let sku = format!("K-{:04}", (first + number) % IMPORTED);
            let row = ledger::product(&sku, self.ledger.next(&sku));
            // Writing to a text cannot fail.
            writeln!(text, "{row}").map_err(io::Error::other)?;
            if number % ROWS_AT_ONCE == ROWS_AT_ONCE - 1 {
                rows.send(text.as_bytes())?;
                text.clear();
            }
        }
        rows.send(text.as_bytes())?;
        rows.end()
    }

    fn note(&self, line: &Value) -> anyhow::Result<()> {
        ensure!(catalogue::is_acknowledged(line), "refused: {line}");
        let sku = line["sku"].as_str();
        let sku = sku.with_context(|| format!("a line without a sku: {line}"))?;
        // An import has a row per sku, so the version that was sent last is this one.
        self.ledger.acknowledge(sku, Write::Import);
        Ok(())
    }

    fn write_product(&self, sku: &str) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.address, REQUEST_MAX)?;
        let product = ledger::product(sku, self.ledger.next(sku)).to_string();
        let created = connection.request(&Request {
            method: "POST",
            path: PRODUCTS,
            headers: &[("content-type", "application/json")],
            body: product.as_bytes(),
        })?;
        ensure!(created.status() == 201, "POST answered {}", created.shown());
        self.ledger.acknowledge(sku, Write::Create);
        let body = created.json()?;
        let id = body["id"].as_str().context("a product without an id")?;
        let (path, mut tag) = (format!("{PRODUCTS}/{id}"), tag(&created)?);
        for _ in 0..CHANGES {
            let change = ledger::change(sku, self.ledger.next(sku)).to_string();
            let changed = connection.request(&Request {
                method: "PATCH",
                path: &path,
                headers: &[
                    ("content-type", "application/merge-patch+json"),
                    ("if-match", tag.as_str()),
                ],
                body: change.as_bytes(),
            })?;
            ensure!(
                changed.status() == 200,
                "PATCH answered {}",
                changed.shown()
            );
            self.ledger.acknowledge(sku, Write::Change);
            tag = self::tag(&changed)?;
        }
        Ok(())
    }
}

fn tag(response: &Response) -> anyhow::Result<String> {
    let tag = response.head.header("etag").context("no ETag")?;
    Ok(tag.to_owned())
}
