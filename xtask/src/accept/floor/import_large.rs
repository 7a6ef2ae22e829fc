//! A large import takes bounded memory.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use serde_json::{Value, json};

use super::catalogue::{self, Report};
use crate::accept::Shown;
use crate::host::{self, Host};
use crate::http::Chunks;
use crate::stage::Stage;

const ROWS: usize = 100_000;
/// Rows in one write: some 80 KiB.
const ROWS_AT_ONCE: usize = 256;
const GROWTH_BYTES_MAX: u64 = 150 * MIB;
const MIB: u64 = 1024 * 1024;
const IMPORT_MAX: Duration = Duration::from_secs(10 * 60);
const SAMPLE: Duration = Duration::from_millis(50);
const SKU_PREFIX: &str = "GEN-";

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let host = stage.shop("import-large")?;
    // So that what a first request costs is not counted as growth.
    catalogue::count(host.address())?;
    let before = host::resident_bytes(host.id())?;
    let start = Instant::now();
    let (acknowledged, peak) = import(&host)?;
    let seconds = start.elapsed().as_secs_f64();
    let served = served(host.address())?;
    let growth = peak.saturating_sub(before);
    Ok(Shown {
        passed: acknowledged == ROWS && served == ROWS && growth < GROWTH_BYTES_MAX,
        figure: format!(
            "{acknowledged} of {ROWS} rows acknowledged, {served} served back, {:.0} rows/s, \
             resident memory grew by {} MiB from {} MiB",
            ROWS as f64 / seconds,
            growth / MIB,
            before / MIB
        ),
    })
}

/// How many rows were acknowledged, and the most memory that the host had meanwhile.
fn import(host: &Host) -> anyhow::Result<(usize, u64)> {
    let (rows, report) = catalogue::import(host.address(), IMPORT_MAX)?;
    let (process, done) = (host.id(), AtomicBool::new(false));
    thread::scope(|scope| {
        let peak = scope.spawn(|| peak(process, &done));
        let sent = scope.spawn(move || send(rows));
        let acknowledged = acknowledged(report);
        done.store(true, Ordering::Relaxed);
        let (peak, sent) = (joined(peak)?, joined(sent)?);
        // The report's own error says more than that nobody took the rows.
        let acknowledged = acknowledged?;
        sent.context("the rows were not taken")?;
        Ok((acknowledged, peak?))
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> anyhow::Result<T> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))
}

fn send(mut rows: Chunks) -> io::Result<()> {
    let mut text = String::new();
    for number in 0..ROWS {
        // Writing to a text cannot fail.
        writeln!(text, "{}", row(number)).map_err(io::Error::other)?;
        if number % ROWS_AT_ONCE == ROWS_AT_ONCE - 1 {
            rows.send(text.as_bytes())?;
            text.clear();
        }
    }
    rows.send(text.as_bytes())?;
    rows.end()
}

fn acknowledged(report: Report) -> anyhow::Result<usize> {
    let mut count = 0;
    report.read(|line| {
        ensure!(catalogue::is_acknowledged(line), "refused: {line}");
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

fn peak(process: u32, done: &AtomicBool) -> anyhow::Result<u64> {
    let mut peak = 0;
    loop {
        let is_last = done.load(Ordering::Relaxed);
        peak = host::resident_bytes(process)?.max(peak);
        if is_last {
            return Ok(peak);
        }
        thread::sleep(SAMPLE);
    }
}

/// How many of the rows are served as they were sent.
fn served(address: SocketAddr) -> anyhow::Result<usize> {
    let mut seen = vec![false; ROWS];
    catalogue::each(address, |product| {
        if let Some(number) = number(product) {
            let place = seen.get_mut(number).context("a product nobody sent")?;
            ensure!(!*place, "listed twice: {product}");
            ensure!(is_as_sent(product, &row(number)), "not as sent: {product}");
            *place = true;
        }
        Ok(())
    })?;
    Ok(seen.iter().filter(|seen| **seen).count())
}

fn number(product: &Value) -> Option<usize> {
    let number = product["sku"].as_str()?.strip_prefix(SKU_PREFIX)?;
    number.parse::<usize>().ok()
}

/// What a service adds (an id, times) does not matter.
fn is_as_sent(product: &Value, row: &Value) -> bool {
    row.as_object()
        .is_some_and(|members| members.iter().all(|(name, value)| product[name] == *value))
}

fn row(number: usize) -> Value {
    json!({
        "sku": format!("{SKU_PREFIX}{number:06}"),
        "name": format!("Generated product {number}"),
        "description": format!("Row {number} of a catalogue that nobody wrote, as long as a short description is."),
        "category": format!("generated-{}", number % 8),
        "brand": format!("Brand {}", number % 12),
        "price": {"amount": 100 + number, "currency": "EUR"},
        "stock": number % 500,
        "tags": ["generated", format!("lot-{}", number % 100)],
    })
}
