//! What the handlers share: the host, and the bounds on what is done for clients at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use stoa_capabilities::releases::{FILE_BYTES_MAX, NewAudit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::Behind;
use super::gate::Caller;
use super::messages::{Deployed, Moved};
use super::refusal::Refusal;
use crate::logs::Logs;

/// Mebibytes of files that arrive at once: each is held in memory until it is stored.
const UPLOADS_MIB_MAX: u32 = 512;
/// How long a further one waits for its turn.
const UPLOAD_WAIT_MAX: Duration = Duration::from_secs(60);
/// Changes under way at once, those whose clients left included.
pub(super) const CHANGES_MAX: usize = 16;
/// Clients that follow the log at once: they must leave connections to the others.
const FOLLOWERS_MAX: usize = 16;
/// How long changes under way are waited for when the host stops. What is not recorded by then never happened.
const FINISH_MAX: Duration = Duration::from_secs(30);

/// The host as the handlers see it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Api<B>(Arc<Shared<B>>);

struct Shared<B> {
    behind: B,
    logs: Logs,
    stop: CancellationToken,
    /// What goes on when its client leaves.
    changes: TaskTracker,
    changes_left: Arc<Semaphore>,
    uploads_mib_left: Arc<Semaphore>,
    followers_left: Arc<Semaphore>,
}

/// What became of a change, in the words of the audit log.
pub(super) trait Outcome {
    fn outcome(&self) -> String;
}

/// A file that was stored.
pub(super) struct Stored;

impl<B: Behind> Api<B> {
    pub(super) fn new(behind: B, logs: Logs, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            behind,
            logs,
            stop,
            changes: TaskTracker::new(),
            changes_left: Arc::new(Semaphore::new(CHANGES_MAX)),
            uploads_mib_left: Arc::new(Semaphore::new(UPLOADS_MIB_MAX as usize)),
            followers_left: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
        }))
    }

    pub(super) fn behind(&self) -> &B {
        &self.0.behind
    }

    pub(super) fn logs(&self) -> &Logs {
        &self.0.logs
    }

    pub(super) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Room for a file, in the order of asking; none if there is none in time. One that does not say how large it is may
    /// be as large as any.
    pub(super) async fn upload_place(
        &self,
        announced: Option<u64>,
    ) -> Option<OwnedSemaphorePermit> {
        let bytes = announced.map_or(FILE_BYTES_MAX as u64, |it| it.min(FILE_BYTES_MAX as u64));
        let mib = u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(UPLOADS_MIB_MAX);
        let turn = Arc::clone(&self.0.uploads_mib_left).acquire_many_owned(mib.max(1));
        let place = tokio::time::timeout(UPLOAD_WAIT_MAX, turn).await.ok()?;
        Some(place.expect("the semaphore is never closed"))
    }

    pub(super) fn follower_place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = Arc::clone(&self.0.followers_left).try_acquire_owned();
        place.map_err(|_| Refusal::busy("too many clients follow the log"))
    }

    /// Does what changes something, to its end, even if the client leaves, and puts it into the audit log.
    pub(super) async fn change<T: Outcome + Send + 'static>(
        &self,
        caller: Caller,
        action: String,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        if self.0.stop.is_cancelled() {
            return Err(Refusal::stopping());
        }
        // A deploy's future is large, and so is whatever holds it.
        let work = AssertUnwindSafe(Box::pin(work)).catch_unwind();
        let Ok(place) = Arc::clone(&self.0.changes_left).try_acquire_owned() else {
            let why = "too many changes are under way";
            return Err(self.busy(caller, action, why).await);
        };
        let api = self.clone();
        let task = self.0.changes.spawn(async move {
            let _place = place;
            let done = work.await.unwrap_or_else(|_| {
                error!(action, "a change panicked");
                Err(Refusal::broken())
            });
            let done = done.map_err(|refusal| refusal.serving(|| api.behind().serving()));
            let outcome = match &done {
                Ok(done) => format!("done: {}", done.outcome()),
                Err(refusal) => format!("refused: {}", refusal.code()),
            };
            api.record(caller, action, outcome).await;
            done
        });
        // It fails only when the runtime is gone: a panic was caught above.
        task.await.unwrap_or_else(|_| Err(Refusal::stopping()))
    }

    /// Refuses a change before it is begun. The audit log has that too.
    pub(super) async fn busy(&self, caller: Caller, action: String, why: &str) -> Refusal {
        let refusal = Refusal::busy(why).serving(|| self.0.behind.serving());
        let outcome = format!("refused: {}", refusal.code());
        self.record(caller, action, outcome).await;
        refusal
    }

    /// Puts something into the audit log. What happened happened: that it cannot be recorded is for a human.
    pub(super) async fn record(&self, caller: Caller, action: String, outcome: String) {
        let Caller { by, from } = caller;
        info!(by, from, action, outcome, "administered");
        let entry = NewAudit {
            by,
            from,
            action,
            outcome,
        };
        if let Err(error) = self.0.behind.store().record(entry).await {
            error!(%error, "the audit log could not be written");
        }
    }

    /// Waits for changes under way, within [`FINISH_MAX`].
    pub(super) async fn finish(&self) {
        self.0.changes.close();
        let finished = tokio::time::timeout(FINISH_MAX, self.0.changes.wait());
        if finished.await.is_err() {
            let changes = self.0.changes.len();
            warn!(
                changes,
                "stopping although changes are under way; unless recorded they never happened"
            );
        }
    }
}

// === impl Outcome ===

impl Outcome for Deployed {
    fn outcome(&self) -> String {
        match self.release {
            Some(release) => format!("release {release}"),
            None => "dry run".to_owned(),
        }
    }
}

impl Outcome for Moved {
    fn outcome(&self) -> String {
        format!("release {} in version {}", self.stable, self.version)
    }
}

impl Outcome for Stored {
    fn outcome(&self) -> String {
        "stored".to_owned()
    }
}
