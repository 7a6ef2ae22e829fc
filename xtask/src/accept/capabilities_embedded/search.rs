//! Search finds what was meant, and among a hundred thousand products faster than a scan does.

mod scan;
mod words;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::accept::memory::{self, MIB};
use crate::accept::shop::catalogue::{PRODUCTS, REQUEST_MAX, encoded};
use crate::accept::shop::eshop::Eshop;
use crate::accept::shop::generated::{self, ROWS};
use crate::accept::{Scale, Shown};
use crate::http::Connection;
use crate::load::Latencies;
use crate::stage::Stage;

/// One letter is missing, and nothing else in the catalogue is meant.
const TYPO: &str = "hikng boots";
const MEANT: [&str; 2] = ["hiking", "boots"];
/// Names that are shown.
const SHOWN: usize = 3;
/// Hits on a page.
const PAGE: usize = 20;
/// Not measured: the first requests read the file.
const WARM_UP: usize = 50;
const STATE: &str = "search-large";

/// What searches took.
struct Measured {
    latencies: Latencies,
    /// Searches that found nothing.
    empty: usize,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let found = meant(stage)?;
    let is_found = found.first().is_some_and(|name| is_meant(name));
    let host = stage.shop(STATE)?;
    let imported = generated::import(host.address())?;
    let count = match stage.scale() {
        Scale::Brief => 500,
        Scale::Full => 2_000,
    };
    let (measured, memory) = memory::peak_during(host.id(), || measured(host.address(), count))?;
    host.stop()?;
    let scan = scan::measured(stage, STATE)?;
    let (p50, p99) = (
        measured.latencies.per_mille(500)?,
        measured.latencies.per_mille(990)?,
    );
    let (scan_p50, scan_p99) = (scan.per_mille(500)?, scan.per_mille(990)?);
    Ok(Shown {
        passed: is_found && imported == ROWS && measured.empty == 0 && p99 < scan_p50,
        figure: format!(
            "`{TYPO}` finds {}; {count} searches in {imported} products over HTTP: p50 {}, p99 {}, {} found nothing, \
             the host had {} MiB at most; `LIKE` scan of the same documents: p50 {}, p99 {}",
            found.join(", "),
            ms(p50),
            ms(p99),
            measured.empty,
            memory / MIB,
            ms(scan_p50),
            ms(scan_p99)
        ),
    })
}

/// The names that come first in a real catalogue.
fn meant(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let eshop = Eshop::found(stage)?;
    let host = stage.shop("search-real")?;
    let acknowledged = eshop.import(stage, host.address())?;
    ensure!(
        acknowledged == eshop.products().len(),
        "only {acknowledged} of {} products were imported",
        eshop.products().len()
    );
    let mut connection = Connection::open(host.address(), REQUEST_MAX)?;
    let hits = hits(&mut connection, TYPO)?;
    host.stop()?;
    let names = hits.iter().take(SHOWN);
    Ok(names
        .map(|hit| hit["name"].as_str().unwrap_or_default().to_owned())
        .collect())
}

fn is_meant(name: &str) -> bool {
    let name = name.to_lowercase();
    MEANT.iter().all(|word| name.contains(word))
}

/// One search after the other, on one connection.
fn measured(address: SocketAddr, count: usize) -> anyhow::Result<Measured> {
    let mut connection = Connection::open(address, REQUEST_MAX)?;
    for number in 0..WARM_UP {
        hits(&mut connection, &words::search(number))?;
    }
    let (mut latencies, mut empty) = (Vec::with_capacity(count), 0);
    for number in 0..count {
        let text = words::search(number);
        let start = Instant::now();
        let hits = hits(&mut connection, &text)?;
        latencies.push(start.elapsed());
        if hits.is_empty() {
            eprintln!("  `{text}` found nothing");
            empty += 1;
        }
    }
    Ok(Measured {
        latencies: Latencies::of(latencies.into_iter()),
        empty,
    })
}

/// The first page of what is found, the best first.
fn hits(connection: &mut Connection, text: &str) -> anyhow::Result<Vec<Value>> {
    let path = format!("{PRODUCTS}?limit={PAGE}&q={}", encoded(text));
    let response = connection.get(&path)?;
    ensure!(
        response.status() == 200,
        "`GET {path}` answered {}",
        response.shown()
    );
    let page = response.json()?;
    let items = page["items"].as_array();
    let items = items.with_context(|| format!("no items: {}", response.shown()))?;
    Ok(items.clone())
}

fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_for_something_else_are_not_meant() {
        assert!(is_meant("Wanderer Black Hiking Boots"));
        assert!(!is_meant("Explorer Frost Boots"));
        assert!(!is_meant("Trailblazer Black Hiking Shoes"));
    }
}
