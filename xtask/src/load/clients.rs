//! Clients in a thread each, that blocks: they ask when they are meant to, to the microsecond.

use std::io;
use std::net::SocketAddr;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::ask::Ask;
use super::seen::{Seen, Told};
use crate::http::{Connection, Response};

/// How long one answer may take before it counts as a failure.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(10);
/// What the clients of an open loop have to connect before the first request is due.
const CONNECT: Duration = Duration::from_millis(300);
/// When requests of an open loop that are still due are not sent any more.
const LATE_MAX: Duration = Duration::from_secs(10);
/// These threads call little.
const STACK_BYTES: usize = 256 * 1024;

/// A client with one connection, made anew when that is over.
pub(crate) struct Client {
    address: SocketAddr,
    kept: Option<Connection>,
}

/// When the requests of an open loop are due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) per_second: f64,
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
}

// === impl Client ===

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            kept: None,
        }
    }

    /// Connects before the first request. If that fails, so will the request, and say why.
    fn connected(address: SocketAddr) -> Self {
        Self {
            address,
            kept: Connection::open(address, ANSWER_MAX).ok(),
        }
    }

    pub(crate) fn ask(&mut self, ask: &Ask) -> anyhow::Result<Response> {
        let mut connection = match self.kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.address, ANSWER_MAX)?,
        };
        let response = connection.request(&ask.request())?;
        if !is_last(&response) {
            self.kept = Some(connection);
        }
        Ok(response)
    }
}

/// Whether the server closes the connection after this answer.
fn is_last(response: &Response) -> bool {
    let connection = response.head.header("connection");
    connection.is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

// === functions ===

/// Asks in turn at a rate. A latency counts from the moment its request was due, not from when a connection was free
/// for it: so a server that stalls is seen by everyone who would have come meanwhile.
pub(crate) fn open(address: SocketAddr, asks: &[Ask], pace: &Pace) -> anyhow::Result<Seen> {
    let start = Instant::now() + CONNECT;
    let until = start + pace.duration;
    // Rounded: the last one may be due at the very end.
    let count = (pace.per_second * pace.duration.as_secs_f64()).round() as usize;
    each(pace.connections, pace.duration, |index| {
        let (mut client, mut seen) = (Client::connected(address), Seen::default());
        for number in (index..count).step_by(pace.connections) {
            let due = start + Duration::from_secs_f64(number as f64 / pace.per_second);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let sent = Instant::now();
            if sent > until + LATE_MAX {
                seen.lose(|| "it was due long ago and not sent".to_owned());
                continue;
            }
            let outcome = client.ask(&asks[number % asks.len()]);
            let outcome = outcome.map(|response| Told::by(&response));
            seen.note(due, sent, Instant::now() <= until, outcome);
        }
        seen
    })
}

/// A thread that costs little, for one client among many.
pub(crate) fn light<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn_scoped(scope, work)
}

/// Runs so many clients and adds up what they saw.
fn each(
    count: usize,
    lasted: Duration,
    work: impl Fn(usize) -> Seen + Sync,
) -> anyhow::Result<Seen> {
    let work = &work;
    thread::scope(|scope| {
        let clients = (0..count)
            .map(|index| light(scope, move || work(index)))
            .collect::<io::Result<Vec<_>>>()
            .context("cannot start a client")?;
        let mut all = Seen::during(lasted);
        for client in clients {
            all.add(client.join().map_err(|_| anyhow!("a client panicked"))?);
        }
        Ok(all)
    })
}
