//! One workload, measured.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::contender::{self, Contender, Name};
use super::workload::Workload;
use crate::host;
use crate::load::{self, CONNECTIONS, Generator, Pace, Rates, Rounds};
use crate::stage::Stage;

/// The ranks that are told, in thousandths.
const RANKS: [usize; 3] = [500, 990, 999];

pub(super) struct Row {
    pub(super) workload: &'static str,
    /// Requests per second at which latencies were measured, the same for all.
    pub(super) pace: f64,
    pub(super) entries: Vec<Entry>,
}

/// What one contender did.
pub(super) struct Entry {
    pub(super) name: Name,
    /// Requests per second at saturation.
    pub(super) per_second: f64,
    /// In milliseconds, by [`RANKS`].
    pub(super) latencies_ms: [f64; 3],
    pub(super) resident_bytes: u64,
    pub(super) cold: Duration,
    pub(super) again: Duration,
    pub(super) failures: u64,
}

/// What was seen of a contender at the pace, round by round.
#[derive(Default)]
struct Paced {
    rounds: Vec<[f64; 3]>,
    failures: u64,
}

pub(super) fn measure(
    stage: &Stage,
    wasmtime: Option<&Path>,
    workload: &Workload,
    rounds: Rounds,
) -> anyhow::Result<Row> {
    let contenders = contender::all(stage, wasmtime, workload)?;
    let addresses: Vec<_> = contenders.iter().map(|one| one.host.address()).collect();
    // They are asked the same: only the shop has to be asked what that is, and it is alone.
    let asks = &contenders[0].asks;
    let saturated = Generator::found().interleaved(&addresses, asks, rounds)?;
    let pace = pace(&saturated)?;
    let paced = paced(&contenders, pace, rounds)?;
    let entries = contenders
        .iter()
        .zip(saturated.iter().zip(&paced))
        .map(|(contender, (saturated, paced))| Entry::of(contender, saturated, paced))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Row {
        workload: workload.name,
        pace,
        entries,
    })
}

/// Half of what the slowest can do, so that latencies are those of servers that keep up.
fn pace(saturated: &[Rates]) -> anyhow::Result<f64> {
    let medians = saturated
        .iter()
        .map(Rates::median)
        .collect::<anyhow::Result<Vec<f64>>>()?;
    let slowest = medians.into_iter().min_by(f64::total_cmp);
    let half = slowest.context("nothing was measured")? / 2.0;
    Ok(half.max(1.0))
}

fn paced(contenders: &[Contender], pace: f64, rounds: Rounds) -> anyhow::Result<Vec<Paced>> {
    let pace = Pace {
        per_second: pace,
        connections: CONNECTIONS,
        duration: Duration::from_secs(rounds.seconds),
    };
    let mut paced: Vec<Paced> = contenders.iter().map(|_| Paced::default()).collect();
    for _ in 0..rounds.count {
        for (contender, paced) in contenders.iter().zip(&mut paced) {
            paced
                .add(contender, &pace)
                .context(contender.name.shown())?;
        }
    }
    Ok(paced)
}

// === impl Paced ===

impl Paced {
    fn add(&mut self, contender: &Contender, pace: &Pace) -> anyhow::Result<()> {
        let seen = load::open(contender.host.address(), &contender.asks, pace)?;
        let latencies = seen.latencies();
        let mut round = [0.0; 3];
        for (place, rank) in round.iter_mut().zip(RANKS) {
            let latency = latencies.per_mille(rank);
            let latency = latency.with_context(|| seen.first_loss().to_owned())?;
            *place = latency.as_secs_f64() * 1_000.0;
        }
        self.rounds.push(round);
        self.failures += seen.failed();
        Ok(())
    }

    fn medians(&self) -> anyhow::Result<[f64; 3]> {
        let mut medians = [0.0; 3];
        for (rank, median) in medians.iter_mut().enumerate() {
            let of_rank: Vec<f64> = self.rounds.iter().map(|round| round[rank]).collect();
            *median = load::median(&of_rank)?;
        }
        Ok(medians)
    }
}

// === impl Entry ===

impl Entry {
    fn of(contender: &Contender, saturated: &Rates, paced: &Paced) -> anyhow::Result<Self> {
        Ok(Self {
            name: contender.name,
            per_second: saturated.median()?,
            latencies_ms: paced.medians()?,
            resident_bytes: host::resident_bytes(contender.host.id())?,
            cold: contender.cold,
            again: contender.again,
            failures: saturated.failures + paced.failures,
        })
    }
}

// === impl Row ===

impl Row {
    /// What this contender does, as a multiple of what the other one does, if that takes part.
    pub(super) fn ratio(&self, entry: &Entry, to: Name) -> Option<f64> {
        let other = self.entries.iter().find(|other| other.name == to)?;
        Some(entry.per_second / other.per_second)
    }
}
