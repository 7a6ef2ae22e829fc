//! What deploys cost those who have nothing to do with them: other routes, asked as fast as they answer, while a component
//! beside them is deployed over and over as code that has to be compiled.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::application::Application;
use super::products::{self, Products};
use crate::accept::{Scale, Shown};
use crate::load::{self, Ask, Seen};
use crate::process;
use crate::stage::Stage;

/// The neighbours, by the probe that each is.
const NEIGHBOURS: [(&str, &str); 2] = [("hello-p2", "hello_02"), ("hello-p3", "hello_03")];
const CONNECTIONS: usize = 32;
const WARM_UP: Duration = Duration::from_secs(1);
const DEPLOY_MAX: Duration = Duration::from_secs(60);
/// Nobody promised a factor; from this one on they are not served beside a deploy, but after it.
const RATIO_MAX: f64 = 10.0;

/// How the neighbours fare.
struct View {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    failed: u64,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let duration = match stage.scale() {
        Scale::Brief => Duration::from_secs(10),
        Scale::Full => Duration::from_secs(60),
    };
    let mut built = Products::built(stage)?;
    for (id, probe) in NEIGHBOURS {
        built = built.beside(id, &stage.probe(probe)?)?;
    }
    let configuration = products::CONFIGURATION;
    let application = Application::new(stage, "neighbours", &built.rebuilt(0), configuration)?;
    let host = application.start()?;
    neighbours(host.address(), WARM_UP)?;
    let before = View::of(&neighbours(host.address(), duration)?)?;
    let (seen, deploys) = beside_deploys(stage, &application, &built, || {
        neighbours(host.address(), duration)
    })?;
    let during = View::of(&seen)?;
    if during.failed > 0 {
        eprintln!(
            "  the first request lost: {}; {}",
            seen.first_loss(),
            seen.first_other()
        );
        eprintln!("  the host's last words: {}", host.tail());
    }
    host.stop()?;
    let ratio = during.p99.as_secs_f64() / before.p99.as_secs_f64();
    Ok(Shown {
        // Without a deploy nothing was shown.
        passed: ratio <= RATIO_MAX && before.failed + during.failed == 0 && deploys > 0,
        figure: format!(
            "before {}, during {} deploys of products, each compiled: {}; p99 {ratio:.2} times what it was, \
             throughput {:.0} %, {} failures",
            before.figure(),
            deploys,
            during.figure(),
            during.per_second / before.per_second * 100.0,
            before.failed + during.failed
        ),
    })
}

fn neighbours(address: SocketAddr, duration: Duration) -> anyhow::Result<Seen> {
    let asks = NEIGHBOURS.map(|(id, _)| Ask::get(format!("/{id}/")));
    load::closed(address, &asks, CONNECTIONS, duration)
}

/// Looks while one deploy follows the other. Tells how many there were.
fn beside_deploys<T>(
    stage: &Stage,
    application: &Application<'_>,
    built: &Products,
    look: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, u64)> {
    let folder = stage.folder("neighbours-next")?;
    let deploy = |number: u64| -> anyhow::Result<()> {
        let manifest = built.rebuilt(number).write(&folder)?;
        let mut command: Command = application.deploy(&manifest);
        process::successful(command.args(["--component", "products"]), DEPLOY_MAX).map(drop)
    };
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let deploys = scope.spawn(|| {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                deploy(count + 1)?;
                count += 1;
            }
            Ok::<u64, anyhow::Error>(count)
        });
        let seen = look();
        stop.store(true, Ordering::Relaxed);
        let deploys = deploys
            .join()
            .map_err(|_| anyhow!("the thread of the deploys panicked"))?;
        Ok((seen?, deploys.context("a deploy under load")?))
    })
}

// === impl View ===

impl View {
    fn of(seen: &Seen) -> anyhow::Result<Self> {
        let latencies = seen.latencies();
        let rank = |rank| {
            latencies
                .per_mille(rank)
                .with_context(|| format!("the neighbours: {}", seen.first_loss()))
        };
        Ok(Self {
            per_second: seen.per_second(200),
            p50: rank(500)?,
            p99: rank(990)?,
            failed: seen.failed(),
        })
    }

    fn figure(&self) -> String {
        format!(
            "{:.0}/s, p50 {:.1} ms, p99 {:.1} ms",
            self.per_second,
            self.p50.as_secs_f64() * 1_000.0,
            self.p99.as_secs_f64() * 1_000.0
        )
    }
}
