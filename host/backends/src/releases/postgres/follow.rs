//! Follows the latest version, for all who wait for a newer one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use stoa_capabilities::releases::BoxError;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::CALL_MAX;
use super::connection::CONNECT_MAX;

/// How often it is looked without having been told. A lost notification costs as much.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The first pause before a lost connection is made again. It doubles with each attempt ...
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// ... up to this. Attempts have no end: whoever waits for a newer version decides for how long.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Follows until it is dropped.
pub(super) async fn run(
    options: PgConnectOptions,
    channel: Arc<str>,
    latest: Arc<watch::Sender<u64>>,
) {
    let follower = Follower {
        options,
        channel,
        latest,
        pause: PAUSE_MIN,
        lost: false,
    };
    follower.run().await;
}

/// Makes a version known, unless a later one is.
pub(super) fn saw(latest: &watch::Sender<u64>, version: u64) {
    latest.send_if_modified(|latest| {
        let newer = version > *latest;
        *latest = version.max(*latest);
        newer
    });
}

struct Follower {
    options: PgConnectOptions,
    channel: Arc<str>,
    latest: Arc<watch::Sender<u64>>,
    /// Before the next attempt.
    pause: Duration,
    /// Whether the loss of the connection was logged, and its return was not.
    lost: bool,
}

impl Follower {
    async fn run(mut self) {
        loop {
            match self.follow().await {
                Ok(never) => match never {},
                Err(error) => self.lose(&error),
            }
            sleep(self.pause).await;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
    }

    /// Follows until the connection is lost. It is asked on the connection that notifications come by, so that one that
    /// is dead without a word is found out within a call's deadline.
    async fn follow(&mut self) -> Result<Infallible, BoxError> {
        let mut listener = timeout(CALL_MAX, self.listen()).await??;
        loop {
            let version = timeout(CALL_MAX, look(&mut listener)).await??;
            saw(&self.latest, version);
            self.find();
            match timeout(LOOK_EVERY, listener.try_recv()).await {
                // Any number of notifications are worth one look.
                Ok(Ok(Some(_))) => while listener.next_buffered().is_some() {},
                Ok(Ok(None)) => return Err("the connection was lost".into()),
                Ok(Err(error)) => return Err(error.into()),
                // Nothing was told within this time.
                Err(_) => {}
            }
        }
    }

    /// Listens on a connection of its own, which is never made anew behind our back: what happened meanwhile is looked
    /// at first.
    async fn listen(&self) -> Result<PgListener, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_MAX)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(&self.channel).await?;
        Ok(listener)
    }

    fn lose(&mut self, error: &BoxError) {
        if self.lost {
            debug!(%error, "the release history is still out of reach");
        } else {
            warn!(%error, "the release history is out of reach, will retry");
        }
        self.lost = true;
    }

    fn find(&mut self) {
        if self.lost {
            info!("the release history is reached again");
        }
        self.lost = false;
        self.pause = PAUSE_MIN;
    }
}

async fn look(listener: &mut PgListener) -> Result<u64, sqlx::Error> {
    let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM changes")
        .fetch_one(listener)
        .await?;
    Ok(version.map_or(0, i64::cast_unsigned))
}
