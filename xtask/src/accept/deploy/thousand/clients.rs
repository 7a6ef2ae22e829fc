//! Clients that keep their connections over all deploys, and what they see.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::stream::{self, Stream};
use crate::accept::deploy::guests::PROBES;
use crate::accept::deploy::said::Said;
use crate::http::Connection;
use crate::random::Random;

/// Each with one request under way.
pub(super) const CONNECTIONS: usize = 64;
/// How long an exchange may take: the longest one asks for five seconds.
const EXCHANGE_MAX: Duration = Duration::from_secs(30);
/// The longest slow answer.
const SLOW_MS_MAX: u64 = 2_000;
/// Five seconds, if nobody ends it.
const EVENTS: u64 = 250;
/// Between the requests of a client that asks for quick ones: the load is to leave the machine some air, because a
/// machine without any shows how it queues, and not how it deploys.
const THINK_MS_MAX: u64 = 20;
/// After a failure, so that a host that is gone is not asked in a tight loop.
const PAUSE: Duration = Duration::from_millis(50);

/// What the clients share.
pub(super) struct Clients {
    address: SocketAddr,
    seed: u64,
    stop: AtomicBool,
    /// The last release whose deploy was answered: every request that is sent from then on is for it or a later one.
    acknowledged: AtomicU64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quick,
    Big,
    Slow,
    Events,
}

/// One client's connection, and the newest release it has had an answer of.
struct Client<'a> {
    all: &'a Clients,
    kept: Option<Connection>,
    newest: u64,
    saw: Saw,
}

/// What clients saw.
#[derive(Debug, Default)]
pub(super) struct Saw {
    by_release: HashMap<u64, u64>,
    quick: u64,
    big: u64,
    slow: u64,
    streams: u64,
    /// Streams that the host ended, after a whole event.
    ended_streams: u64,
    events: u64,
    /// Requests without a right answer, and the first reason.
    failures: u64,
    first_failure: Option<String>,
    /// Connections that the host closed after an answer.
    closed: u64,
    /// Answers of a release older than one that the connection had seen, or than one that was acknowledged before.
    backward: u64,
}

// === impl Clients ===

impl Clients {
    pub(super) fn new(address: SocketAddr, seed: u64) -> Self {
        Self {
            address,
            seed,
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
        }
    }

    /// A deploy was answered.
    pub(super) fn acknowledge(&self, number: u64) {
        self.acknowledged.store(number, Ordering::SeqCst);
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Asks until it is told to stop: half of the clients for what is quick or big, a quarter for what is slow, a
    /// quarter for events.
    pub(super) fn run(&self, index: usize) -> Saw {
        let mut random = Random::new(self.seed ^ (index as u64 + 1));
        let mut client = Client {
            all: self,
            kept: None,
            newest: 0,
            saw: Saw::default(),
        };
        let component = PROBES[index % PROBES.len()].0;
        while !self.stop.load(Ordering::SeqCst) {
            let kind = Kind::of(index / PROBES.len(), &mut random);
            if let Err(error) = client.ask(component, kind, &mut random) {
                client.saw.fail(&error, component, kind);
                client.kept = None;
                thread::sleep(PAUSE);
            }
        }
        client.saw
    }
}

// === impl Kind ===

impl Kind {
    fn of(role: usize, random: &mut Random) -> Self {
        match role % 4 {
            0 | 1 if random.between(0, 15) == 0 => Self::Big,
            0 | 1 => Self::Quick,
            2 => Self::Slow,
            _ => Self::Events,
        }
    }

    fn path(self, component: &str, random: &mut Random) -> String {
        match self {
            Self::Quick => format!("/{component}/quick"),
            Self::Big => format!("/{component}/big"),
            Self::Slow => {
                let when = ["slow", "late"][random.between(0, 1) as usize];
                format!("/{component}/{when}?ms={}", random.between(0, SLOW_MS_MAX))
            }
            Self::Events => format!("/{component}/events?count={EVENTS}"),
        }
    }
}

// === impl Client ===

impl Client<'_> {
    fn ask(&mut self, component: &str, kind: Kind, random: &mut Random) -> anyhow::Result<()> {
        let path = kind.path(component, random);
        let mut connection = match self.kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.all.address, EXCHANGE_MAX)?,
        };
        let oldest = self
            .all
            .acknowledged
            .load(Ordering::SeqCst)
            .max(self.newest);
        let (said, is_last) = match kind {
            Kind::Events => self.events(&mut connection, &path)?,
            _ => whole(&mut connection, &path)?,
        };
        self.saw.note(kind, &said, oldest);
        self.newest = self.newest.max(said.number);
        if is_last {
            self.saw.closed += 1;
        } else {
            self.kept = Some(connection);
        }
        if matches!(kind, Kind::Quick | Kind::Big) {
            thread::sleep(Duration::from_millis(random.between(0, THINK_MS_MAX)));
        }
        Ok(())
    }

    fn events(&mut self, connection: &mut Connection, path: &str) -> anyhow::Result<(Said, bool)> {
        let Stream {
            said,
            events,
            is_last,
        } = stream::read(connection, path)?;
        self.saw.events += events;
        self.saw.ended_streams += u64::from(events < EVENTS);
        Ok((said, is_last))
    }
}

/// A whole answer, and whether the host closes the connection after it.
fn whole(connection: &mut Connection, path: &str) -> anyhow::Result<(Said, bool)> {
    let response = connection.get(path)?;
    let said = Said::in_response(&response)?;
    Ok((said, stream::is_last(&response.head)))
}

// === impl Saw ===

impl Saw {
    fn note(&mut self, kind: Kind, said: &Said, oldest: u64) {
        *self.by_release.entry(said.number).or_default() += 1;
        self.backward += u64::from(said.number < oldest);
        let count = match kind {
            Kind::Quick => &mut self.quick,
            Kind::Big => &mut self.big,
            Kind::Slow => &mut self.slow,
            Kind::Events => &mut self.streams,
        };
        *count += 1;
    }

    fn fail(&mut self, error: &anyhow::Error, component: &str, kind: Kind) {
        self.failures += 1;
        self.first_failure
            .get_or_insert_with(|| format!("{component} {kind:?}: {error:#}"));
    }

    pub(super) fn add(&mut self, other: Self) {
        for (number, count) in other.by_release {
            *self.by_release.entry(number).or_default() += count;
        }
        self.quick += other.quick;
        self.big += other.big;
        self.slow += other.slow;
        self.streams += other.streams;
        self.ended_streams += other.ended_streams;
        self.events += other.events;
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.closed += other.closed;
        self.backward += other.backward;
    }

    pub(super) fn is_flawless(&self) -> bool {
        self.failures == 0 && self.closed == 0 && self.backward == 0
    }

    /// Without each kind the deploys have shown nothing of it.
    pub(super) fn is_some_of_each(&self) -> bool {
        [
            self.quick,
            self.big,
            self.slow,
            self.streams,
            self.ended_streams,
        ]
        .iter()
        .all(|count| *count > 0)
    }

    /// The fewest, the median and the most answers of one release.
    pub(super) fn per_release(&self, releases: u64) -> (u64, u64, u64) {
        let count = |number| self.by_release.get(&number).copied().unwrap_or(0);
        let mut counts: Vec<u64> = (1..=releases).map(count).collect();
        counts.sort_unstable();
        let at = |place: usize| counts.get(place).copied().unwrap_or(0);
        (
            at(0),
            at(counts.len() / 2),
            at(counts.len().saturating_sub(1)),
        )
    }

    pub(super) fn figure(&self) -> String {
        let first = self.first_failure.as_deref();
        let first = first.map_or_else(String::new, |why| format!(" (the first: {why})"));
        format!(
            "{} quick, {} big, {} slow answers and {} streams with {} events, {} of them ended for a deploy; \
             {} failures{first}, {} connections closed, {} answers of an older revision",
            self.quick,
            self.big,
            self.slow,
            self.streams,
            self.events,
            self.ended_streams,
            self.failures,
            self.closed,
            self.backward
        )
    }
}

/// What must be true of an event's number, counted from 0.
pub(super) fn in_order(id: &str, expected: u64) -> anyhow::Result<()> {
    let number: u64 = id.parse().with_context(|| format!("no number: {id:?}"))?;
    ensure!(
        number == expected,
        "event {number} in the place of {expected}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(number: u64) -> Said {
        Said {
            word: "w".to_owned(),
            number,
        }
    }

    #[test]
    fn an_answer_of_an_older_release_is_no_good() {
        let mut saw = Saw::default();
        saw.note(Kind::Quick, &said(4), 4);
        assert!(saw.is_flawless());
        saw.note(Kind::Quick, &said(3), 4);
        assert!(!saw.is_flawless());
    }

    #[test]
    fn releases_without_an_answer_count() {
        let mut saw = Saw::default();
        for number in [0, 2, 2, 3] {
            saw.note(Kind::Big, &said(number), 0);
        }
        assert_eq!(saw.per_release(3), (0, 1, 2));
        assert!(!saw.is_some_of_each());
    }

    #[test]
    fn a_quarter_of_the_clients_reads_events() {
        let mut random = Random::new(1);
        let kinds: Vec<Kind> = (0..32).map(|role| Kind::of(role, &mut random)).collect();
        let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
        assert_eq!((count(Kind::Slow), count(Kind::Events)), (8, 8));
    }
}
