//! A large import takes bounded memory.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::accept::Shown;
use crate::accept::memory::{self, MIB};
use crate::accept::shop::catalogue;
use crate::accept::shop::generated::{self, ROWS};
use crate::host;
use crate::stage::Stage;

const GROWTH_BYTES_MAX: u64 = 150 * MIB;

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let host = stage.shop("import-large")?;
    // So that what a first request costs is not counted as growth.
    catalogue::count(host.address())?;
    let before = host::resident_bytes(host.id())?;
    let start = Instant::now();
    let (acknowledged, peak) =
        memory::peak_during(host.id(), || generated::import(host.address()))?;
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

/// How many of the rows are served as they were sent.
fn served(address: SocketAddr) -> anyhow::Result<usize> {
    let mut seen = vec![false; ROWS];
    catalogue::each(address, |product| {
        if let Some(number) = generated::number(product) {
            let place = seen.get_mut(number).context("a product nobody sent")?;
            ensure!(!*place, "listed twice: {product}");
            ensure!(
                generated::is_as_sent(product, number),
                "not as sent: {product}"
            );
            *place = true;
        }
        Ok(())
    })?;
    Ok(seen.iter().filter(|seen| **seen).count())
}
