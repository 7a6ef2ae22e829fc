//! One channel: subscribe, receive, and again when that ends.

use std::time::Duration;

use anyhow::Context;
use stoa_backends::redis::Subscription;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::connect::{Stream, connect};
use super::{Channel, Post};

/// The first pause before it is tried again. Each further one is twice as long ...
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// ... up to this. A subscription that stood for so long begins anew.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Hands the messages of a channel over, one after the other, until `ends`. A message that it has then is finished.
pub(super) async fn listen(channel: Channel, post: Post, ends: CancellationToken) {
    let mut pause = PAUSE_MIN;
    loop {
        let begun = Instant::now();
        let Some(error) = receive(&channel, &post, &ends).await else {
            return;
        };
        if begun.elapsed() >= PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        warn!(address = %channel.address, channel = %channel.name, error = %format_args!("{error:#}"), ?pause, "a channel of Redis is not listened to, will try again");
        if ends.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Why there are no more messages; none if there are to be none.
async fn receive(
    channel: &Channel,
    post: &Post,
    ends: &CancellationToken,
) -> Option<anyhow::Error> {
    let mut subscription = match ends.run_until_cancelled(open(channel)).await? {
        Ok(subscription) => subscription,
        Err(error) => return Some(error),
    };
    info!(address = %channel.address, channel = %channel.name, "listening to a channel of Redis");
    loop {
        match ends.run_until_cancelled(subscription.next()).await? {
            Ok(payload) => post.deliver(channel, payload).await,
            Err(error) => return Some(error.into()),
        }
    }
}

async fn open(channel: &Channel) -> anyhow::Result<Subscription<Stream>> {
    let Channel { address, name } = channel;
    let stream = connect(address).await?;
    let subscription = Subscription::start(stream, address, name.expose()).await;
    subscription.context("the server did not subscribe")
}
