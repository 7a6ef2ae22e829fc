//! A component that takes what it can get does not take it from its neighbour.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::abi::Abi;
use crate::accept::{Scale, Shown};
use crate::host::{self, Host};
use crate::load::{self, Ask, Seen, median};
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
/// The neighbour's p99 may become this many times what it is alone,
const LATENCY_FACTOR: u32 = 3;
/// and this much more: a guest that computes gives way every 10 ms.
const LATENCY_MARGIN: Duration = Duration::from_millis(30);
/// It gets almost half of the machine, or better.
const THROUGHPUT_MIN: f64 = 0.45;
/// How often it is looked at alone and beside the hog, in turn, so that what else the machine does meets both.
const ROUNDS: usize = 3;

/// How the neighbour fares.
struct View {
    per_second: f64,
    p99: Duration,
    failed: u64,
}

/// How it fares alone, and right after that beside the hog.
struct Round {
    alone: View,
    during: View,
    /// What the hog answered, and what it owes.
    answers: usize,
    lost: u64,
}

pub(super) fn show(stage: &Stage, hog: &Hog, abi: Abi) -> anyhow::Result<Shown> {
    let host = host(stage, hog, abi)?;
    let duration = match stage.scale() {
        Scale::Brief => Duration::from_secs(2),
        Scale::Full => Duration::from_secs(10),
    };
    neighbour(host.address(), WARM_UP)?;
    let before = host::descriptors(host.id())?;
    let rounds = (0..ROUNDS)
        .map(|_| hog.round(&host, before, duration))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let throughput = throughput(&rounds)?;
    let figures: Vec<String> = rounds.iter().map(Round::figure).collect();
    Ok(Shown {
        passed: rounds.iter().all(Round::is_fair) && throughput > THROUGHPUT_MIN,
        figure: format!(
            "throughput {:.0} %, the median of {}",
            throughput * 100.0,
            figures.join("; ")
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

/// What is left of its throughput beside the hog: the median over the rounds.
fn throughput(rounds: &[Round]) -> anyhow::Result<f64> {
    let ratios: Vec<f64> = rounds.iter().map(Round::throughput).collect();
    median(&ratios)
}

// === impl Hog ===

impl Hog {
    fn round(&self, host: &Host, before: usize, duration: Duration) -> anyhow::Result<Round> {
        let (address, ask) = (host.address(), [Ask::get(self.path)]);
        let alone = neighbour(address, duration)?;
        let (during, hogging) = load::beside(address, &ask, HOGGING, LEAD, || {
            let seen = neighbour(address, duration)?;
            self.leaves_sockets(host, before)?;
            Ok(seen)
        })?;
        for seen in [&during, &hogging].iter().filter(|seen| seen.lost() > 0) {
            eprintln!("  the first request lost: {}", seen.first_loss());
            eprintln!("  the host's last words: {}", host.tail());
        }
        Ok(Round {
            alone: View::of(&alone)?,
            during: View::of(&during)?,
            answers: hogging.answers(),
            lost: hogging.lost(),
        })
    }

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

    fn figure(&self) -> String {
        format!(
            "{:.0}/s, p99 {:.1} ms",
            self.per_second,
            self.p99.as_secs_f64() * 1_000.0
        )
    }
}

// === impl Round ===

impl Round {
    fn throughput(&self) -> f64 {
        self.during.per_second / self.alone.per_second
    }

    /// Nothing of the neighbour's was lost, and it did not wait too long. A hog that nobody asked has shown nothing.
    fn is_fair(&self) -> bool {
        let p99_max = self.alone.p99 * LATENCY_FACTOR + LATENCY_MARGIN;
        self.during.failed == 0 && self.during.p99 <= p99_max && self.answers > 0
    }

    fn figure(&self) -> String {
        format!(
            "{:.0} % (alone {}, during {}, {} failures; the hog gave {} and owes {})",
            self.throughput() * 100.0,
            self.alone.figure(),
            self.during.figure(),
            self.during.failed,
            self.answers,
            self.lost
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(per_second: f64, p99_ms: u64, failed: u64) -> Round {
        let view = |per_second, p99_ms, failed| View {
            per_second,
            p99: Duration::from_millis(p99_ms),
            failed,
        };
        Round {
            alone: view(1_000.0, 10, 0),
            during: view(per_second, p99_ms, failed),
            answers: 1,
            lost: 0,
        }
    }

    #[test]
    fn a_neighbour_that_waits_or_loses_too_much_is_not_treated_fairly() {
        assert!(round(460.0, 60, 0).is_fair());
        assert!(!round(460.0, 61, 0).is_fair());
        assert!(!round(460.0, 60, 1).is_fair());
        let nobody_asked = Round {
            answers: 0,
            ..round(460.0, 60, 0)
        };
        assert!(!nobody_asked.is_fair());
    }

    #[test]
    fn what_is_left_to_it_is_the_median_of_the_rounds() {
        let rounds = [200.0, 460.0, 900.0].map(|per_second| round(per_second, 10, 0));
        assert_eq!(throughput(&rounds).expect("there are rounds"), 0.46);
    }
}
