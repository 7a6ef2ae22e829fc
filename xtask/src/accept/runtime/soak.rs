//! Many requests to components of all kinds, some of which break: nothing that they take is kept.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::json;

use crate::accept::descriptors::{self, MARGIN};
use crate::accept::memory::{self, MIB};
use crate::accept::{Scale, Shown};
use crate::host::{self, Host, START_MAX};
use crate::load::{self, Ask, Client};
use crate::manifest::Mounted;
use crate::stage::Stage;

/// What the catalogue needs: the requests of this point search for nothing.
const PRODUCTS_GRANTS: &str = r#"
[component.products.tool.stoa.grants.documents.catalogue.collections.products.indexes]
due = { paths = ["stock.due"] }

[component.products.tool.stoa.grants.documents.catalogue.collections.categories]

[component.products.tool.stoa.grants.documents.catalogue.collections.reservations]

[component.products.tool.stoa.grants.blobs.media]
containers = ["images", "thumbnails"]
"#;
const CLIENTS: usize = 16;
/// How much the peak of memory may grow after the first tenth, in percent of that tenth's peak.
const GROWTH_PERCENT_MAX: f64 = 5.0;
const STALL_PAUSE: Duration = Duration::from_millis(20);
/// Far below what any machine does that can run this at all.
const PER_SECOND_MIN: u64 = 500;

const PRODUCTS: &str = "/v1/products";

/// A request, and the answers that are right.
struct Case {
    ask: Ask,
    statuses: &'static [u16],
    /// How many of a round are this one.
    weight: usize,
}

/// What the clients share.
struct Soak<'a> {
    address: SocketAddr,
    round: Vec<&'a Case>,
    total: u64,
    /// Requests that were taken up.
    taken: AtomicU64,
    stop: AtomicBool,
    failures: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let total = match stage.scale() {
        Scale::Brief => 300_000,
        Scale::Full => 10_000_000,
    };
    let host = host(stage)?;
    let cases = cases(host.address())?;
    for case in &cases {
        case.once(host.address())?;
    }
    let descriptors_before = descriptors::settled(&host, None)?;
    let start = Instant::now();
    let soak = Soak::new(host.address(), &cases, total);
    let ((), early) = memory::peak_during(host.id(), || soak.run(total / 10))?;
    let ((), late) = memory::peak_during(host.id(), || soak.run(total))?;
    let seconds = start.elapsed().as_secs_f64();
    let descriptors_after = descriptors::settled(&host, Some(descriptors_before))?;
    cases[0].once(host.address()).context("afterwards")?;
    let growth = (late as f64 / early as f64 - 1.0) * 100.0;
    let failures = soak.failures();
    let is_same = descriptors_after.abs_diff(descriptors_before) <= MARGIN;
    Ok(Shown {
        passed: growth <= GROWTH_PERCENT_MAX && is_same && failures.is_none(),
        figure: format!(
            "{total} requests, {:.0}/s; peak of memory {:.1} MiB in the first tenth, {:.1} MiB later ({growth:+.1} %), \
             {:.1} MiB at the end; {descriptors_before} descriptors before, {descriptors_after} after; {}",
            total as f64 / seconds,
            early as f64 / MIB as f64,
            late as f64 / MIB as f64,
            host::resident_bytes(host.id())? as f64 / MIB as f64,
            failures.unwrap_or_else(|| "no wrong answer".to_owned())
        ),
    })
}

/// Probes choose what they do by the whole path, so one of them has all paths that nobody else has.
fn host(stage: &Stage) -> anyhow::Result<Host> {
    let (hello_p2, hello_p3) = (stage.probe("hello_02")?, stage.probe("hello_03")?);
    let behaviour_p2 = stage.probe("behaviour_02")?;
    let behaviour_p3 = stage.probe("behaviour_03")?;
    let products = stage.guest("products")?;
    let components = [
        Mounted::new("hello-p2", "/hello-p2/...", &hello_p2),
        Mounted::new("hello-p3", "/hello-p3/...", &hello_p3),
        Mounted::new("behaviour-p2", "/...", &behaviour_p2),
        // A component of its own, because requests that share an instance of 0.3 with a panic are refused.
        Mounted::new("panic-p3", "/panic", &behaviour_p3),
        Mounted::new("echo-p3", "/echo", &behaviour_p3),
        Mounted {
            grants: PRODUCTS_GRANTS,
            ..Mounted::new("products", "/v1/products/...", &products)
        },
    ];
    let mut command = stage.up("soak", &components)?;
    // It says what stands behind the store.
    let configuration = stage.root().join("runtime-config/embedded.toml");
    command.arg("--runtime-config-file").arg(configuration);
    Host::start(&mut command, START_MAX)
}

fn cases(address: SocketAddr) -> anyhow::Result<Vec<Case>> {
    Ok(vec![
        case(Ask::get("/hello-p2/"), &[200], 5),
        case(Ask::get("/hello-p3/"), &[200], 5),
        case(Ask::get("/ok"), &[200], 3),
        case(
            Ask::post("/echo", "application/octet-stream", vec![b'x'; 2_048]),
            &[200],
            3,
        ),
        case(Ask::get(product(address)?), &[200], 2),
        // No response at all: the guest's fault.
        case(Ask::get("/no-response"), &[500], 1),
        // Others that panic at the same time may share its instance, and are told to come again.
        case(Ask::get("/panic"), &[500, 503], 1),
    ])
}

fn case(ask: Ask, statuses: &'static [u16], weight: usize) -> Case {
    Case {
        ask,
        statuses,
        weight,
    }
}

/// Makes a product and tells its path.
fn product(address: SocketAddr) -> anyhow::Result<String> {
    let product = json!({
        "sku": "SOAK-0001", "name": "Soaked", "description": "Read over and over.", "category": "soak",
        "brand": "Soak", "price": {"amount": 100, "currency": "EUR"}, "stock": 1, "tags": ["soak"],
    });
    let create = Ask::post(PRODUCTS, "application/json", product.to_string());
    let created = create.once(address)?.json()?;
    let id = created["id"].as_str().context("a product without an id")?;
    Ok(format!("{PRODUCTS}/{id}"))
}

// === impl Case ===

impl Case {
    fn check(&self, client: &mut Client) -> anyhow::Result<()> {
        let response = client.ask(&self.ask)?;
        ensure!(
            self.statuses.contains(&response.status()),
            "{:?} answered {}",
            self.ask,
            response.shown()
        );
        Ok(())
    }

    fn once(&self, address: SocketAddr) -> anyhow::Result<()> {
        self.check(&mut Client::new(address))
    }
}

// === impl Soak ===

impl<'a> Soak<'a> {
    fn new(address: SocketAddr, cases: &'a [Case], total: u64) -> Self {
        let times = |case: &'a Case| std::iter::repeat_n(case, case.weight);
        Self {
            address,
            round: cases.iter().flat_map(times).collect(),
            total,
            taken: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            first_failure: Mutex::default(),
        }
    }

    /// Goes on until so many requests were made.
    fn run(&self, until: u64) -> anyhow::Result<()> {
        let limit = Duration::from_secs(60 + self.total / PER_SECOND_MIN);
        let end = Instant::now() + limit;
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                load::light(scope, || self.ask(until, end)).context("cannot start a client")?;
            }
            Ok::<(), anyhow::Error>(())
        })?;
        if self.stop.load(Ordering::Relaxed) {
            bail!("not {until} requests within {limit:?}");
        }
        Ok(())
    }

    /// A client. It takes up requests by their number, so that all clients together make each once.
    fn ask(&self, until: u64, end: Instant) {
        let mut client = Client::new(self.address);
        while let Some(case) = self.next(until) {
            if Instant::now() >= end {
                self.stop.store(true, Ordering::Relaxed);
                return;
            }
            if let Err(error) = case.check(&mut client) {
                self.fail(&error);
            }
        }
    }

    fn next(&self, until: u64) -> Option<&'a Case> {
        let take = |taken: u64| (taken < until).then_some(taken + 1);
        let order = Ordering::Relaxed;
        let number = self.taken.fetch_update(order, order, take).ok()?;
        let place = number as usize % self.round.len();
        Some(self.round[place])
    }

    fn fail(&self, error: &anyhow::Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let first = self.first_failure.lock();
        let mut first = first.unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| format!("{error:#}"));
        drop(first);
        // A host that is gone is not asked in a tight loop.
        thread::sleep(STALL_PAUSE);
    }

    fn failures(&self) -> Option<String> {
        let first = self.first_failure.lock();
        let first = first.unwrap_or_else(PoisonError::into_inner);
        let count = self.failures.load(Ordering::Relaxed);
        let first = first.as_ref()?;
        Some(format!("{count} wrong answers, the first: {first}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_up_by_weight_and_no_more_than_asked_for() {
        let cases = [
            case(Ask::get("/a"), &[200], 3),
            case(Ask::get("/b"), &[500], 1),
        ];
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let soak = Soak::new(address, &cases, 8);
        let taken: Vec<u16> = std::iter::from_fn(|| soak.next(8))
            .map(|case| case.statuses[0])
            .collect();
        assert_eq!(taken, [200, 200, 200, 500, 200, 200, 200, 500]);
    }
}
