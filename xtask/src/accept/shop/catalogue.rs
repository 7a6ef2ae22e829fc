//! The products service as its clients see it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::http::{Chunks, Connection, Request};

pub(in crate::accept) const PRODUCTS: &str = "/v1/products";
/// How long a request that is no import may take.
pub(in crate::accept) const REQUEST_MAX: Duration = Duration::from_secs(10);
/// The largest page there is.
const PAGE_PRODUCTS: usize = 200;
/// Far above what any point puts in: a listing that does not end is a fault.
const PAGES_MAX: usize = 5_000;

/// The answering end of an import: its report.
pub(in crate::accept) struct Report(Connection);

/// Reads all products, page by page, and tells how many there are.
pub(in crate::accept) fn each(
    address: SocketAddr,
    mut take: impl FnMut(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let mut connection = Connection::open(address, REQUEST_MAX)?;
    let mut path = format!("{PRODUCTS}?limit={PAGE_PRODUCTS}");
    let mut count = 0;
    for _ in 0..PAGES_MAX {
        let response = connection.get(&path)?;
        ensure!(
            response.status() == 200,
            "`GET {path}` answered {}",
            response.shown()
        );
        let page = response.json()?;
        let items = page["items"].as_array();
        for item in items.with_context(|| format!("no items: {}", response.shown()))? {
            take(item)?;
            count += 1;
        }
        match page["next"].as_str() {
            Some(next) => {
                path = format!("{PRODUCTS}?limit={PAGE_PRODUCTS}&cursor={}", encoded(next));
            }
            None => return Ok(count),
        }
    }
    bail!("the listing has no end after {count} products")
}

pub(in crate::accept) fn count(address: SocketAddr) -> anyhow::Result<usize> {
    each(address, |_| Ok(()))
}

pub(in crate::accept) fn all(address: SocketAddr) -> anyhow::Result<Vec<Value>> {
    let mut products = Vec::new();
    each(address, |product| {
        products.push(product.clone());
        Ok(())
    })?;
    Ok(products)
}

/// Starts an import: rows go out at one end while their report comes in at the other.
pub(in crate::accept) fn import(
    address: SocketAddr,
    limit: Duration,
) -> anyhow::Result<(Chunks, Report)> {
    let mut connection = Connection::open(address, limit)?;
    let rows = connection.send_chunked(&Request {
        method: "POST",
        path: "/v1/products:import",
        headers: &[("content-type", "application/x-ndjson")],
        body: &[],
    })?;
    Ok((rows, Report(connection)))
}

/// Whether a line of a report acknowledges its row.
pub(in crate::accept) fn is_acknowledged(line: &Value) -> bool {
    matches!(
        line["result"].as_str(),
        Some("accepted" | "updated" | "unchanged")
    )
}

impl Report {
    /// Reads to the end, and passes on every line that arrived whole. Fails unless the end is a summary without error.
    pub(in crate::accept) fn read(
        mut self,
        take: impl FnMut(&Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let outcome = self.lines(take);
        if outcome.is_err() {
            // Whoever sends the rows must not wait for a server that takes no more.
            self.0.shut_down();
        }
        outcome
    }

    fn lines(&mut self, mut take: impl FnMut(&Value) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let head = self.0.head()?;
        ensure!(head.status == 200, "the import answered {}", head.status);
        let mut lines = BufReader::new(self.0.body(&head)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            lines
                .read_until(b'\n', &mut line)
                .context("the report broke off")?;
            ensure!(line.ends_with(b"\n"), "the report ends without a summary");
            let entry: Value =
                serde_json::from_slice(&line).context("a line of the report is no JSON")?;
            if !entry["error"].is_null() {
                bail!("the import stopped: {entry}");
            }
            if !entry["summary"].is_null() {
                return Ok(());
            }
            take(&entry)?;
        }
    }
}

/// As a value in a query.
pub(in crate::accept) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_may_hold_anything() {
        assert_eq!(encoded("a-1+/="), "a-1%2B%2F%3D");
    }
}
