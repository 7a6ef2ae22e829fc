//! What became of each reservation, for a month: the product itself remembers only the last.

use super::steps::count;
use crate::catalogue::records;
use crate::faults;
use crate::product::{End, Finished};
use serde::{Deserialize, Serialize};
use stoa_sdk::clock;
use stoa_sdk::documents::{Error, Precondition, Write, field};
use stoa_sdk::http::Problem;

/// Nobody repeats a request for longer than 30 days. Whoever does so after that, reserves anew.
const KEPT_MS: u64 = 30 * 24 * 3600 * 1000;
/// Old records are removed at every so manieth millisecond in which one is written, and whenever several are...
const PRUNED_EACH_MS: u64 = 64;
/// ... and then more of them than were written since, so that they do not grow without end.
const PRUNED_AT_ONCE_MAX: u32 = 128;

#[derive(Serialize, Deserialize)]
struct Record {
    id: String,
    quantity: u64,
    state: End,
    /// In milliseconds since 1970.
    ended: u64,
}

/// Records ends, of which some may be recorded already. Whoever is refused here asks again, and completes it.
pub(super) async fn keep(product: &str, ended: &[Finished]) -> Result<(), Problem> {
    let now = clock::now().unix_ms();
    let writes = ended.iter().map(|ended| write(product, ended, now));
    let outcomes = records()?.put(writes.collect()).await;
    for outcome in outcomes.map_err(|error| unkept(&error))? {
        match outcome {
            Ok(_) | Err(Error::Conflict(_)) => {}
            Err(error) => return Err(unkept(&error)),
        }
    }
    if ended.len() > 1 || now.is_multiple_of(PRUNED_EACH_MS) {
        prune(now).await?;
    }
    Ok(())
}

/// How a reservation ended, if that is recorded.
pub(super) async fn find(product: &str, id: &str) -> Result<Option<Finished>, Problem> {
    let found = records()?.get::<Record>(&key(product, id)).await;
    let found = found.map_err(|error| faults::store(&error))?;
    Ok(found.map(|document| Finished {
        id: document.body.id,
        quantity: document.body.quantity,
        state: document.body.state,
    }))
}

fn write(product: &str, ended: &Finished, now: u64) -> Write {
    let record = Record {
        id: ended.id.clone(),
        quantity: ended.quantity,
        state: ended.state,
        ended: now,
    };
    Write::new(key(product, &ended.id), &record).when(Precondition::Absent)
}

/// Removes some of the oldest. If that fails, the next one does it.
async fn prune(now: u64) -> Result<(), Problem> {
    let old = field("ended").below(count(now.saturating_sub(KEPT_MS)));
    let pruned = records()?.delete_matching(old, PRUNED_AT_ONCE_MAX).await;
    if let Err(error) = pruned {
        eprintln!("products: old records of reservations are left behind: {error}");
    }
    Ok(())
}

fn key(product: &str, id: &str) -> String {
    format!("{product}/{id}")
}

/// The end itself has happened, so that it is never the client's fault.
fn unkept(error: &Error) -> Problem {
    eprintln!("products: the end of a reservation is not recorded: {error}");
    faults::busy()
}
