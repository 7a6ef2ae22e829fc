//! What class `power` promises: before a write is answered it is on the disk. Seen in the calls that the host makes, as
//! `strace` writes them down; in class `process` there is no such call in between.

mod trace;
mod writes;

use anyhow::ensure;

use self::trace::Trace;
use self::writes::Write;
use crate::accept::Shown;
use crate::process;
use crate::stage::Stage;

/// A class of durability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Process,
    Power,
}

/// What was seen of a write.
struct Seen {
    store: &'static str,
    /// Syncs of the store's files between the request and its answer.
    syncs: usize,
    /// From the end of the last of them to the beginning of the answer, if all that was written before was synced.
    lead_us: Option<u64>,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    ensure!(
        process::find("strace").is_some(),
        "`strace` is not installed"
    );
    let power = observed(stage, Class::Power)?;
    let process = observed(stage, Class::Process)?;
    let is_synced = power.iter().all(|seen| seen.lead_us.is_some());
    let is_spared = process.iter().all(|seen| seen.syncs == 0);
    let figures: Vec<String> = power
        .iter()
        .zip(&process)
        .map(|(power, process)| power.figure(process))
        .collect();
    Ok(Shown {
        passed: is_synced && is_spared,
        figure: figures.join(", "),
    })
}

/// Writes to every noun's store in this class, and reads what the host did meanwhile.
fn observed(stage: &Stage, class: Class) -> anyhow::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for (trace, writes) in [
        writes::to_shop(stage, class)?,
        writes::to_probe(stage, class)?,
    ] {
        for write in writes {
            seen.push(judged(&trace, &write)?);
        }
    }
    Ok(seen)
}

fn judged(trace: &Trace, write: &Write) -> anyhow::Result<Seen> {
    let meanwhile = trace.until_answer(write.asked_us)?;
    let folder = write.state.join(write.store);
    Ok(Seen {
        store: write.store,
        syncs: meanwhile.syncs(&folder),
        lead_us: meanwhile.lead_us(&folder),
    })
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Power => "power",
        }
    }
}

impl Seen {
    fn figure(&self, spared: &Self) -> String {
        let lead = match self.lead_us {
            Some(lead) => format!("synced {:.1} ms before the answer", lead as f64 / 1_000.0),
            None => "NOT synced before the answer".to_owned(),
        };
        format!(
            "{}: {lead} ({} syncs; in class process {})",
            self.store, self.syncs, spared.syncs
        )
    }
}
