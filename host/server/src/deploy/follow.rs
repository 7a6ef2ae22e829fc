//! Follows the history: what another host of the fleet recorded is served here too.

use std::sync::Arc;
use std::time::Duration;

use stoa_capabilities::releases::Change;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::plan::Plan;
use super::serving::{Candidate, Serving};
use super::{Host, Power, Refused};

/// How long a host waits before it tries again what it could not follow or move.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// ... and at most, when it fails again and again: every try compiles and asks instances.
const RETRY_MAX: Duration = Duration::from_secs(30);

impl Host {
    /// Until `stop`: serves every change that somebody else records. What cannot be followed is told, and tried again;
    /// what serves, serves on.
    pub(crate) async fn follow(self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            let mut retry = RETRY;
            loop {
                let version = self.serving().version;
                if let Err(error) = self.0.store.newer(version).await {
                    warn!(%error, "the release history cannot be watched, will retry");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                let turn = self.0.changing.take_own().await;
                let outcome = Box::pin(self.catch_up()).await;
                drop(turn);
                retry = match outcome {
                    Ok(()) => RETRY,
                    // What could not be reached may be there again at any moment.
                    Err(refused @ Refused::Unavailable(_)) => {
                        self.stays_behind(&refused);
                        tokio::time::sleep(RETRY).await;
                        RETRY
                    }
                    Err(refused) => {
                        self.stays_behind(&refused);
                        tokio::time::sleep(retry).await;
                        (retry * 2).min(RETRY_MAX)
                    }
                };
            }
        })
        .await;
    }

    fn stays_behind(&self, refused: &Refused) {
        let told = refused.to_string();
        let mut behind = self.0.behind.lock().expect("noting does not panic");
        // Once, and not at every try.
        if behind.as_ref() != Some(&told) {
            error!(
                serving = self.words(),
                "cannot serve the latest change: {told}"
            );
            *behind = Some(told);
        }
    }

    /// Serves the latest change. The caller has the turn.
    pub(super) async fn catch_up(&self) -> Result<(), Refused> {
        match self.0.store.current().await? {
            Some(change) if change.version > self.serving().version => self.go_to(&change).await,
            _ => {
                self.keeps_up();
                Ok(())
            }
        }
    }

    /// Whatever it was that could not be followed, it is over.
    pub(super) fn keeps_up(&self) {
        *self.0.behind.lock().expect("noting does not panic") = None;
    }

    async fn go_to(&self, change: &Change) -> Result<(), Refused> {
        let serving = self.serving();
        let stable = self.obtain(change.stable, Power::Full).await?;
        let candidate = match change.candidate {
            None => None,
            Some(number) => Some(self.candidate(number, change).await?),
        };
        let place = self.place_early().await?;
        self.swap(
            Serving::of(change, stable, candidate, &serving),
            Some(place),
        );
        Ok(())
    }

    pub(super) async fn candidate(
        &self,
        number: u64,
        change: &Change,
    ) -> Result<Candidate, Refused> {
        let plan = Plan::parse(&change.plan)?;
        let release = self.obtain(number, plan.power()).await?;
        Ok(match &self.serving().candidate {
            // What a mirror found is of all its plans.
            Some(known) if Arc::ptr_eq(&known.release, &release) => known.under(plan),
            _ => Candidate::new(release, plan),
        })
    }
}
