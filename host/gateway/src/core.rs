//! A core: one thread, one current-thread executor, the connections and guests that live there.
//!
//! A connection and the guest that answers it share a core, so a request never crosses threads on its way. What starts a
//! guest without a connection is sent here as an errand. Whatever
//! may block or must not be delayed by a busy guest lives on another runtime, which the caller owns.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{debug, warn};

use crate::connection::Server;
use crate::errands::Errand;

/// Connections on their way from the listener.
const QUEUE_CONNECTIONS_MAX: usize = 1024;

/// Every request sets a timer that is nearly always dropped before it fires. One that would fire before the executor's next
/// one costs two system calls, because the executor wakes itself up to look at it; this one is always earlier.
const TICK: Duration = Duration::from_millis(100);
/// Threads of a core for what blocks: the file calls of its guests, beside as many look-ups as the host has at once, which
/// may all be this core's.
const BLOCKING_THREADS_MAX: usize = 32 + 64;

/// A connection, with its place among the open ones.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) place: OwnedSemaphorePermit,
    pub(crate) load: Load,
}

/// The listener's end of a core.
pub(crate) struct Core {
    pub(crate) connections: mpsc::Sender<Accepted>,
    /// Connections open on this core.
    pub(crate) load: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Core {
    /// Starts the thread. It ends when the sender is dropped and its connections are done, or the drain bound passed.
    pub(crate) fn spawn<B>(
        name: String,
        server: Server<B>,
        errands: mpsc::Receiver<Errand>,
    ) -> std::io::Result<Self>
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
    {
        let (connections, queue) = mpsc::channel(QUEUE_CONNECTIONS_MAX);
        let load = Arc::new(AtomicUsize::new(0));
        let executor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .build()?;
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            executor.block_on(run(server, queue, errands));
        })?;
        Ok(Self {
            connections,
            load,
            thread,
        })
    }

    /// Nothing more comes: the drain bound begins. The thread ends by itself.
    pub(crate) fn close(self) -> JoinHandle<()> {
        self.thread
    }
}

async fn run<B>(
    server: Server<B>,
    mut queue: mpsc::Receiver<Accepted>,
    mut errands: mpsc::Receiver<Errand>,
) where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    let mut open = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            accepted = queue.recv() => match accepted {
                Some(accepted) => {
                    open.spawn(serve(server.clone(), accepted));
                }
                None => break,
            },
            Some(errand) = errands.recv() => {
                open.spawn(errand);
            }
            Some(ended) = open.join_next() => report(ended),
        }
    }
    // What is still queued comes to no end, and its sender is told.
    drop(errands);
    let drain_max = server.limits.drain_max;
    let drained = tokio::time::timeout(drain_max, async {
        while let Some(ended) = open.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        warn!(
            requests = open.len(),
            ?drain_max,
            "still in flight after the drain bound, cut off"
        );
        open.shutdown().await;
    }
}

async fn serve<B>(server: Server<B>, accepted: Accepted)
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    let Accepted {
        stream,
        peer,
        place,
        load,
    } = accepted;
    let _held = (place, load);
    match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => server.serve(stream, peer).await,
        Err(error) => debug!(%peer, %error, "connection lost before it was served"),
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a task of a core panicked");
    }
}

/// A connection's weight on its core: from the moment it is handed over, so that a burst is spread.
pub(crate) struct Load(Arc<AtomicUsize>);

impl Load {
    pub(crate) fn on(core: &Core) -> Self {
        core.load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&core.load))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
