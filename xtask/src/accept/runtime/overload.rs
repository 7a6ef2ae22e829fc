//! Three times what a component can do: what is too much is refused at once, and the rest is served as before.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::accept::memory::{self, MIB};
use crate::accept::{Scale, Shown};
use crate::host::{self, Host};
use crate::load::{self, Answer, Ask, Latencies, Pace, Seen};
use crate::manifest::Mounted;
use crate::stage::Stage;

/// About two milliseconds of processor time: with less, what the clients take of the same cores would count as the host's.
const PATH: &str = "/compute?rounds=2000000";
/// Fewer places than there are clients, so that some are refused.
const LIMITS: &str = "\
requests_in_flight_max = 16
requests_queued_max = 64
queue_ms_max = 500
deadline_ms_max = 5_000";
/// As many as there are places in flight: this is what the component can do at most.
const PEAK_CONNECTIONS: usize = 16;
const OVERLOAD_CONNECTIONS: usize = 256;
const OVERLOAD_FACTOR: f64 = 3.0;
const UNLOADED_REQUESTS: usize = 50;
const WARM_UP: Duration = Duration::from_secs(1);

/// A refusal that takes longer is no refusal: the client might as well have waited.
const REFUSAL_P99_MAX: Duration = Duration::from_millis(100);
const GOODPUT_MIN: f64 = 0.8;
const GROWTH_BYTES_MAX: u64 = 64 * MIB;
/// From the end of the load until answers are as quick as before it.
const RECOVERY_MAX: Duration = Duration::from_secs(1);
/// As quick as before: so many times the unloaded latency,
const RECOVERED_FACTOR: u32 = 3;
/// and so much more.
const RECOVERED_MARGIN: Duration = Duration::from_millis(10);

/// What the overload did.
struct Outcome {
    /// Requests served per second, before and during.
    peak: f64,
    goodput: f64,
    refused: usize,
    /// Refusals that do not say when to come again.
    unhelpful: usize,
    refusal_p99: Duration,
    /// Requests that ended neither in 200 nor in 503.
    others: u64,
    growth_bytes: u64,
    unloaded: Duration,
    /// Until an answer was as quick as before.
    recovered: Option<Duration>,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let guest = stage.probe("behaviour_02")?;
    let limited = Mounted {
        limits: LIMITS,
        ..Mounted::new("limited", "/...", &guest)
    };
    let host = stage.serve("overload", &[limited])?;
    let duration = match stage.scale() {
        Scale::Brief => Duration::from_secs(5),
        Scale::Full => Duration::from_secs(30),
    };
    let outcome = overload(&host, duration)?;
    Ok(Shown {
        passed: outcome.is_right(),
        figure: outcome.figure(),
    })
}

fn overload(host: &Host, duration: Duration) -> anyhow::Result<Outcome> {
    let (address, asks) = (host.address(), [Ask::get(PATH)]);
    let closed = |duration| load::closed(address, &asks, PEAK_CONNECTIONS, duration);
    closed(WARM_UP)?;
    let unloaded = unloaded(address, &asks[0])?;
    let peak = closed(duration)?.per_second(200);
    let before = host::resident_bytes(host.id())?;
    let pace = Pace {
        per_second: peak * OVERLOAD_FACTOR,
        connections: OVERLOAD_CONNECTIONS,
        duration,
    };
    let (seen, most) = memory::peak_during(host.id(), || load::open(address, &asks, &pace))?;
    let recovered = recovery(address, &asks[0], unloaded);
    let refusals = Latencies::of(seen.answered(503).map(|answer| answer.service));
    Ok(Outcome {
        peak,
        goodput: seen.per_second(200),
        refused: seen.answered(503).count(),
        unhelpful: seen.answered(503).filter(is_unhelpful).count(),
        refusal_p99: refusals
            .per_mille(990)
            .with_context(|| format!("nothing was refused; {}", counts(&seen)))?,
        others: others(&seen),
        growth_bytes: most.saturating_sub(before),
        unloaded,
        recovered,
    })
}

fn is_unhelpful(refusal: &&Answer) -> bool {
    !refusal.has_retry_after
}

fn others(seen: &Seen) -> u64 {
    seen.failed() - seen.answered(503).count() as u64
}

fn counts(seen: &Seen) -> String {
    format!(
        "{} answered with 200, {} otherwise or not ({})",
        seen.answered(200).count(),
        seen.failed(),
        seen.first_loss()
    )
}

/// The median latency of single requests.
fn unloaded(address: SocketAddr, ask: &Ask) -> anyhow::Result<Duration> {
    let mut latencies = Vec::new();
    for _ in 0..UNLOADED_REQUESTS {
        latencies.push(single(address, ask)?);
    }
    Latencies::of(latencies.into_iter()).per_mille(500)
}

fn single(address: SocketAddr, ask: &Ask) -> anyhow::Result<Duration> {
    let start = Instant::now();
    ask.once(address)?;
    Ok(start.elapsed())
}

/// How long after the load an answer is as quick as before, if it is so in time.
fn recovery(address: SocketAddr, ask: &Ask, unloaded: Duration) -> Option<Duration> {
    let start = Instant::now();
    while start.elapsed() < RECOVERY_MAX {
        // A refusal now is one try that failed.
        let quick = unloaded * RECOVERED_FACTOR + RECOVERED_MARGIN;
        if single(address, ask).is_ok_and(|took| took < quick) {
            return Some(start.elapsed());
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

// === impl Outcome ===

impl Outcome {
    fn is_right(&self) -> bool {
        self.goodput >= self.peak * GOODPUT_MIN
            && self.unhelpful == 0
            && self.others == 0
            && self.refusal_p99 <= REFUSAL_P99_MAX
            && self.growth_bytes < GROWTH_BYTES_MAX
            && self.recovered.is_some()
    }

    fn figure(&self) -> String {
        let recovered = match self.recovered {
            Some(after) => format!("quick again after {:.0} ms", ms(after)),
            None => format!("not quick again within {:.0} ms", ms(RECOVERY_MAX)),
        };
        format!(
            "peak {:.0}/s, at {OVERLOAD_FACTOR} x goodput {:.0}/s ({:.0} %), {} refused, \
             {} of them without retry-after, p99 of refusals {:.1} ms, {} other outcomes, \
             memory grew by {:.1} MiB, unloaded {:.1} ms, {recovered}",
            self.peak,
            self.goodput,
            self.goodput / self.peak * 100.0,
            self.refused,
            self.unhelpful,
            ms(self.refusal_p99),
            self.others,
            self.growth_bytes as f64 / MIB as f64,
            ms(self.unloaded),
        )
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
