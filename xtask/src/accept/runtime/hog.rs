//! A component that takes what it can get does not take it from its neighbour.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::abi::Abi;
use crate::accept::{Scale, Shown};
use crate::host::{self, Host};
use crate::load::{self, Ask, Client, Seen};
use crate::manifest::Mounted;
use crate::stage::Stage;

/// What a hog takes, and how.
pub(super) struct Hog {
    name: &'static str,
    /// The probe that it is, by the beginning of its name, and what it is asked for.
    probe: &'static str,
    path: &'static str,
    limits: &'static str,
    /// Where it may connect to.
    hosts: &'static [&'static str],
    /// Sockets that it must hold at least for the point to show anything; others must get one even so.
    sockets_min: usize,
}

const BEHAVIOUR: Hog = Hog {
    name: "",
    probe: "behaviour",
    path: "",
    limits: "deadline_ms_max = 1_000\nmemory_bytes_max = 33_554_432",
    hosts: &[],
    sockets_min: 0,
};

pub(super) const CPU: Hog = Hog {
    name: "cpu",
    path: "/loop",
    ..BEHAVIOUR
};

pub(super) const MEMORY: Hog = Hog {
    name: "memory",
    path: "/allocate",
    ..BEHAVIOUR
};

pub(super) const LOG: Hog = Hog {
    name: "log",
    path: "/flood",
    ..BEHAVIOUR
};

/// It keeps every socket that it gets, over all its requests: as many as a component may have unless its manifest says
/// otherwise. All requests beyond them ask for more.
pub(super) const SOCKETS: Hog = Hog {
    name: "sockets",
    probe: "sockets",
    path: "/?op=leak&count=1000000",
    limits: "requests_per_instance_max = 100_000",
    hosts: &["tcp://127.0.0.1:9"],
    sockets_min: 100,
};

/// Somebody else who wants a socket beside a hog.
const ONE_SOCKET: &str = "/other/?op=hold&count=1";
/// Clients that keep asking the hog, a connection each.
const HOGGING: usize = 50;
/// Connections to the neighbour.
const CONNECTIONS: usize = 16;
const WARM_UP: Duration = Duration::from_secs(1);
/// From the first request to the hog until its neighbour is looked at: longer than its deadline, so that requests of
/// all ages are there.
const LEAD: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_millis(10);
/// The neighbour's p99 may become this many times what it is alone,
const LATENCY_FACTOR: u32 = 3;
/// and this much more: a guest that computes gives way every 10 ms.
const LATENCY_MARGIN: Duration = Duration::from_millis(30);
/// It gets almost half of the machine, or better.
const THROUGHPUT_MIN: f64 = 0.45;

/// How the neighbour fares.
struct View {
    per_second: f64,
    p99: Duration,
    failed: u64,
}

/// What the clients of the hog share.
#[derive(Default)]
struct Hogging {
    stop: AtomicBool,
    answers: AtomicU64,
    lost: AtomicU64,
}

pub(super) fn show(stage: &Stage, hog: &Hog, abi: Abi) -> anyhow::Result<Shown> {
    let host = host(stage, hog, abi)?;
    let address = host.address();
    let duration = match stage.scale() {
        Scale::Brief => Duration::from_secs(4),
        Scale::Full => Duration::from_secs(20),
    };
    neighbour(address, WARM_UP)?;
    let alone = View::of(&neighbour(address, duration)?)?;
    let before = host::descriptors(host.id())?;
    let (seen, hogging) = beside(address, hog.path, || {
        let seen = neighbour(address, duration)?;
        hog.leaves_sockets(&host, before)?;
        Ok(seen)
    })?;
    let during = View::of(&seen)?;
    if during.failed > 0 {
        eprintln!("  the first request lost: {}", seen.first_loss());
    }
    if during.failed > 0 || hogging.lost.load(Ordering::Relaxed) > 0 {
        eprintln!("  the host's last words: {}", host.tail());
    }
    let asked = hogging.answers.into_inner();
    Ok(Shown {
        // A hog that nobody asked has shown nothing.
        passed: during.is_fair(&alone) && asked > 0,
        figure: format!(
            "neighbour alone {}, during {}: throughput {:.0} %, {} failures; \
             the hog gave {asked} answers and owes {}",
            alone.figure(),
            during.figure(),
            during.per_second / alone.per_second * 100.0,
            during.failed,
            hogging.lost.into_inner()
        ),
    })
}

fn host(stage: &Stage, hog: &Hog, abi: Abi) -> anyhow::Result<Host> {
    let probe = |name: &str| stage.probe(&format!("{name}_{}", abi.suffix()));
    let (code, hello, sockets) = (probe(hog.probe)?, probe("hello")?, probe("sockets")?);
    let components = [
        Mounted {
            limits: hog.limits,
            hosts: hog.hosts,
            ..Mounted::new("hog", "/...", &code)
        },
        Mounted::new("neighbour", "/neighbour/...", &hello),
        Mounted {
            hosts: SOCKETS.hosts,
            ..Mounted::new("other", "/other/...", &sockets)
        },
    ];
    let name = format!("hog-{}-{}", hog.name, abi.suffix());
    stage.serve(&name, &components)
}

fn neighbour(address: SocketAddr, duration: Duration) -> anyhow::Result<Seen> {
    load::closed(address, &[Ask::get("/neighbour/")], CONNECTIONS, duration)
}

/// Looks while the hog is asked.
fn beside<T>(
    address: SocketAddr,
    path: &str,
    look: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Hogging)> {
    let (hogging, ask) = (Hogging::default(), Ask::get(path));
    let seen = thread::scope(|scope| {
        let (hogging, ask) = (&hogging, &ask);
        let started = (0..HOGGING).try_for_each(|_| {
            load::light(scope, move || hogging.keep_asking(address, ask)).map(drop)
        });
        let seen = started.context("cannot start a client").and_then(|()| {
            thread::sleep(LEAD);
            look()
        });
        // Whatever happened: the clients that were started wait for it.
        hogging.stop.store(true, Ordering::Relaxed);
        seen
    })?;
    Ok((seen, hogging))
}

// === impl Hog ===

impl Hog {
    /// While it is asked, it has what it came for, and others get a socket even so.
    fn leaves_sockets(&self, host: &Host, before: usize) -> anyhow::Result<()> {
        if self.sockets_min == 0 {
            return Ok(());
        }
        // Beside the connections of its clients.
        let held = host::descriptors(host.id())?.saturating_sub(before + HOGGING);
        ensure!(
            held >= self.sockets_min,
            "the hog holds {held} sockets, and {} are the least that shows anything",
            self.sockets_min
        );
        let answer = Ask::get(ONE_SOCKET).once(host.address())?;
        let had = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(
            had == "1",
            "beside the hog, another component had {had:?} sockets"
        );
        Ok(())
    }
}

// === impl Hogging ===

impl Hogging {
    fn keep_asking(&self, address: SocketAddr, ask: &Ask) {
        let mut client = Client::new(address);
        while !self.stop.load(Ordering::Relaxed) {
            match client.ask(ask) {
                Ok(_) => {
                    self.answers.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    if self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
                        eprintln!("  the first answer that the hog owes: {error:#}");
                    }
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}

// === impl View ===

impl View {
    fn of(seen: &Seen) -> anyhow::Result<Self> {
        Ok(Self {
            per_second: seen.per_second(200),
            p99: seen
                .latencies()
                .per_mille(990)
                .with_context(|| format!("the neighbour: {}", seen.first_loss()))?,
            failed: seen.failed(),
        })
    }

    fn is_fair(&self, alone: &Self) -> bool {
        self.failed == 0
            && self.p99 <= alone.p99 * LATENCY_FACTOR + LATENCY_MARGIN
            && self.per_second > alone.per_second * THROUGHPUT_MIN
    }

    fn figure(&self) -> String {
        format!(
            "{:.0}/s, p99 {:.1} ms",
            self.per_second,
            self.p99.as_secs_f64() * 1_000.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(per_second: f64, p99_ms: u64, failed: u64) -> View {
        View {
            per_second,
            p99: Duration::from_millis(p99_ms),
            failed,
        }
    }

    #[test]
    fn a_neighbour_that_loses_too_much_is_not_treated_fairly() {
        let alone = view(1_000.0, 10, 0);
        assert!(view(460.0, 60, 0).is_fair(&alone));
        assert!(!view(440.0, 60, 0).is_fair(&alone));
        assert!(!view(460.0, 61, 0).is_fair(&alone));
        assert!(!view(460.0, 60, 1).is_fair(&alone));
    }
}
