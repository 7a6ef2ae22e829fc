//! Opens the history of releases, and waits for one that is not there yet: a host must not serve what it only believes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use stoa_backends::releases::postgres::{OpenError, Postgres};
use stoa_capabilities::releases::{self, Change, Store, embedded::Embedded};
use tracing::warn;

/// How long a start waits for a history that cannot be reached.
const WAIT_MAX: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(500);

/// Opens what the configuration names; `root` is where its paths start, `state` the state directory.
///
/// # Errors
/// When it cannot be opened, or not within the time that a start waits.
pub(crate) async fn open(
    config: &releases::Config,
    root: &Path,
    state: &Path,
) -> anyhow::Result<Arc<dyn Store>> {
    match config {
        releases::Config::Embedded(config) => {
            let path = state.join(&config.path);
            let store = Embedded::open(&path)
                .with_context(|| format!("cannot open the release history `{}`", path.display()))?;
            Ok(store)
        }
        releases::Config::Postgres(config) => {
            let config = config.clone().relative_to(root);
            let waiting = Waiting::begin();
            loop {
                match Postgres::open(&config).await {
                    Ok(store) => return Ok(store),
                    Err(error @ (OpenError::Database(_) | OpenError::Deadline(_))) => {
                        let error = anyhow::Error::new(error);
                        waiting.again(error).await?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

/// The latest change.
pub(super) async fn current(store: &dyn Store) -> anyhow::Result<Option<Change>> {
    let waiting = Waiting::begin();
    loop {
        match store.current().await {
            Ok(current) => return Ok(current),
            Err(error @ releases::Error::Unavailable(_)) => waiting.again(error.into()).await?,
            Err(error) => return Err(error).context("cannot read the release history"),
        }
    }
}

/// A wait that comes to an end.
struct Waiting(Instant);

impl Waiting {
    fn begin() -> Self {
        Self(Instant::now())
    }

    /// Returns when it is time to try again, or gives the error back when that was tried long enough.
    async fn again(&self, error: anyhow::Error) -> anyhow::Result<()> {
        if self.0.elapsed() >= WAIT_MAX {
            return Err(error.context("cannot use the release history"));
        }
        warn!(error = %format_args!("{error:#}"), "the release history cannot be reached, will retry");
        tokio::time::sleep(RETRY).await;
        Ok(())
    }
}
