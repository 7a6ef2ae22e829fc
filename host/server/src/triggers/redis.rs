//! `[[trigger.redis]]`: each message of a channel starts the components that listen to it.
//!
//! The stable release says which channels there are. A candidate has none: a message has no client that could be on its
//! side, and if both had it, it would be handled twice. A subscription is the host's and no release's: it outlives all
//! releases that want its channel, so a deploy loses no message, and a message is given to what is stable when it arrives.
//!
//! A channel hands over one message at a time, to all of its components at once, as in Spin: so messages stay in order.
//! Meanwhile nothing is read, and Redis keeps what comes, up to its own bound for a slow client. What is published while
//! there is no connection is lost, because Redis keeps it for nobody.
//!
//! It is the host that connects, to what the manifest says and no guest has a hand in. So neither `allowed_outbound_hosts`
//! nor blocked networks apply: they are for addresses that guests choose. A deploy that listens to another server is told
//! as a wider power.

mod channel;
mod connect;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::join_all;
use stoa_capabilities::redis::Address;
use stoa_capabilities::variables::{Subscription, Value};
use stoa_gateway::Errands;
use stoa_manifest::ComponentId;
use stoa_runtime::{Error, Siblings};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, error, warn};

use crate::deploy::{Host, Service};

/// How often a message is offered where a component is full: each time on another core, after the component's own bound
/// for waiting.
const OFFERS_MAX: usize = 3;

/// What is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Channel {
    address: Address,
    /// As messages may show it.
    name: Value,
}

/// A channel that has a task. The task ends with it, after the message that it has.
struct Listening {
    channel: Channel,
    _ends: DropGuard,
}

/// A component that listens, as the release has it that is stable when a message arrives.
struct Listener {
    component: ComponentId,
    service: Arc<Service>,
    /// Whom it may call, by core; nobody for most.
    siblings: Vec<Arc<dyn Siblings>>,
}

/// Where messages are handed to components.
#[derive(Clone)]
struct Post {
    host: Host,
    errands: Errands,
    /// The core that has the next message.
    core: Arc<AtomicUsize>,
}

/// Listens to the channels of whatever release is stable, until `stop`; then messages that are at work are finished.
pub(crate) async fn follow(host: Host, errands: Errands, stop: CancellationToken) {
    let mut changes = host.changes();
    let post = Post {
        host,
        errands,
        core: Arc::default(),
    };
    let mut listening: Vec<Listening> = Vec::new();
    let mut tasks = JoinSet::new();
    loop {
        // Seen before it is looked what serves: a change in between is looked at again.
        changes.borrow_and_update();
        let wanted = post.channels();
        listening.retain(|it| wanted.contains(&it.channel));
        for channel in wanted {
            if listening.iter().any(|it| it.channel == channel) {
                continue;
            }
            let ends = stop.child_token();
            tasks.spawn(channel::listen(channel.clone(), post.clone(), ends.clone()));
            listening.push(Listening {
                channel,
                _ends: ends.drop_guard(),
            });
        }
        tokio::select! {
            () = stop.cancelled() => break,
            // The other end is the host's, which is here.
            _ = changes.changed() => {}
            Some(ended) = tasks.join_next() => report(ended),
        }
    }
    drop(listening);
    while let Some(ended) = tasks.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "the task of a channel of Redis panicked: it is listened to after the next start");
    }
}

// === impl Channel ===

impl Channel {
    fn of(subscription: &Subscription) -> Self {
        Self {
            address: subscription.address.clone(),
            name: subscription.channel.clone(),
        }
    }
}

// === impl Post ===

impl Post {
    /// The channels of the stable release, each once.
    fn channels(&self) -> Vec<Channel> {
        let mut channels = Vec::new();
        for subscription in &self.host.stable().subscriptions {
            let channel = Channel::of(subscription);
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        channels
    }

    /// Gives a message to every component that listens to the channel now, and waits until all of them are done with it.
    async fn deliver(&self, channel: &Channel, payload: Bytes) {
        let listeners = self.listeners(channel).into_iter();
        let deliveries = listeners.map(|listener| self.hand(listener, payload.clone()));
        join_all(deliveries).await;
    }

    /// The release itself is not held: only what has the message, and what that can call, drain with it.
    fn listeners(&self, channel: &Channel) -> Vec<Listener> {
        let release = self.host.stable();
        let listens = |it: &&Subscription| Channel::of(it) == *channel;
        let listeners = release.subscriptions.iter().filter(listens);
        let served = |it: &Subscription| {
            let (component, siblings) = (&it.component, release.siblings.get(&it.component));
            Some(Listener {
                component: component.clone(),
                service: Arc::clone(release.services.get(component)?),
                siblings: siblings.cloned().unwrap_or_default(),
            })
        };
        listeners.filter_map(served).collect()
    }

    async fn hand(&self, listener: Listener, payload: Bytes) {
        let Listener {
            component,
            service,
            siblings,
        } = listener;
        for offers in 1..=OFFERS_MAX {
            let core = self.core.fetch_add(1, Ordering::Relaxed) % self.errands.cores();
            let (handler, payload) = (service.handler(core).clone(), payload.clone());
            let siblings = siblings.get(core).cloned();
            let work = async move { handler.deliver(payload, siblings).await };
            match self.errands.run(core, work).await {
                Ok(Ok(())) => return,
                // No instance had it, so nothing is done twice.
                Ok(Err(Error::Overloaded)) if offers < OFFERS_MAX => {}
                // Nothing else tells of these.
                Ok(Err(
                    error @ (Error::Overloaded | Error::Retired | Error::BodyTooLarge { .. }),
                )) => {
                    warn!(%component, %error, offers, "a message of Redis is lost");
                    return;
                }
                // What went wrong there is in the log under its revision.
                Ok(Err(error)) => {
                    debug!(%component, %error, "a message of Redis was not handled");
                    return;
                }
                Err(error) => {
                    warn!(%component, %error, "a message of Redis was not handled to its end");
                    return;
                }
            }
        }
    }
}
