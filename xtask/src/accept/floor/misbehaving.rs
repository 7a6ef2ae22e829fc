//! Guests that misbehave: each is answered within its limits, and their neighbours keep answering.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use crate::abi::Abi;
use crate::accept::Shown;
use crate::host::Host;
use crate::http::{self, Chunks, Connection, Head, Request};
use crate::manifest::Mounted;
use crate::stage::Stage;

const LIMITS: &str = "deadline_ms_max = 1_000\nmemory_bytes_max = 33_554_432";
/// The deadline above.
const DEADLINE: Duration = Duration::from_millis(1_000);
/// What an answer may take beyond it.
const GRACE: Duration = Duration::from_millis(500);
/// What a neighbour's answer may take.
const NEIGHBOUR_MAX: Duration = Duration::from_millis(500);
/// When an answer is not waited for any more.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// More connections than cores, so that some share the core of whoever misbehaves.
const NEIGHBOURS: [&str; 4] = [
    "/neighbour-p2/",
    "/neighbour-p3/",
    "/neighbour-p2/",
    "/neighbour-p3/",
];
const NEIGHBOUR_PAUSE: Duration = Duration::from_millis(2);
static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// A request to a guest that misbehaves, and the answers that are right.
struct Case {
    path: &'static str,
    /// Chunks of the request's body, 64 KiB each.
    chunks: usize,
    statuses: &'static [u16],
}

/// What neighbours saw.
#[derive(Default)]
struct Watch {
    stop: AtomicBool,
    answers: AtomicU64,
    failures: AtomicU64,
    slowest_us: AtomicU64,
}

pub(super) fn show(stage: &Stage, abi: Abi) -> anyhow::Result<Shown> {
    let host = host(stage, abi)?;
    let address = host.address();
    let watch = Watch::default();
    let (mut seen, mut wrong) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        for path in NEIGHBOURS {
            let watch = &watch;
            scope.spawn(move || watch.ask(address, path));
        }
        for case in cases(abi) {
            match case.run(address) {
                Ok(took) => seen.push(format!("{} {} ms", case.name(), took.as_millis())),
                Err(error) => wrong.push(format!("{}: {error:#}", case.name())),
            }
        }
        match cut_off(address) {
            Ok(()) => seen.push("trap-midway cut off".to_owned()),
            Err(error) => wrong.push(format!("trap-midway: {error:#}")),
        }
        if let Err(error) = still_well(address) {
            wrong.push(format!("afterwards: {error:#}"));
        }
        watch.stop.store(true, Ordering::Relaxed);
    });
    if !wrong.is_empty() {
        eprintln!("  the host's last words: {}", host.tail());
    }
    let passed = wrong.is_empty() && watch.is_content();
    // What is wrong goes first.
    let mut figure = wrong;
    figure.extend(seen);
    figure.push(watch.figure());
    Ok(Shown {
        passed,
        figure: figure.join(", "),
    })
}

fn cases(abi: Abi) -> [Case; 5] {
    // Requests that share an instance of 0.3 with the one that broke it are not to blame, and are told to come again.
    let broken: &'static [u16] = match abi {
        Abi::P2 => &[500],
        Abi::P3 => &[500, 503],
    };
    [
        case("/loop", 0, &[504]),
        case("/allocate", 0, broken),
        case("/panic", 0, broken),
        case("/ignore-body", 16, &[200]),
        case("/never", 0, &[504]),
    ]
}

fn case(path: &'static str, chunks: usize, statuses: &'static [u16]) -> Case {
    Case {
        path,
        chunks,
        statuses,
    }
}

fn mounted<'a>(id: &'a str, route: &'a str, wasm: &'a Path) -> Mounted<'a> {
    Mounted {
        limits: LIMITS,
        ..Mounted::new(id, route, wasm)
    }
}

fn host(stage: &Stage, abi: Abi) -> anyhow::Result<Host> {
    let behaviour = stage.probe(&format!("behaviour_{}", abi.suffix()))?;
    let (hello_p2, hello_p3) = (stage.probe("hello_02")?, stage.probe("hello_03")?);
    stage.serve(
        &format!("misbehaving-{}", abi.suffix()),
        &[
            mounted("behaviour", "/...", &behaviour),
            mounted("neighbour-p2", "/neighbour-p2/...", &hello_p2),
            mounted("neighbour-p3", "/neighbour-p3/...", &hello_p3),
        ],
    )
}

// === impl Case ===

impl Case {
    fn name(&self) -> &'static str {
        self.path.trim_start_matches('/')
    }

    /// How long the answer took, if it was right.
    fn run(&self, address: SocketAddr) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let status = self.status(address)?;
        let took = start.elapsed();
        ensure!(
            self.statuses.contains(&status),
            "answered {status} instead of {:?}",
            self.statuses
        );
        ensure!(
            took <= DEADLINE + GRACE,
            "answered {status} only after {} ms",
            took.as_millis()
        );
        Ok(took)
    }

    fn status(&self, address: SocketAddr) -> anyhow::Result<u16> {
        let mut connection = Connection::open(address, ANSWER_MAX)?;
        if self.chunks == 0 {
            return Ok(connection.get(self.path)?.status());
        }
        let body = connection.send_chunked(&Request {
            method: "POST",
            ..Request::get(self.path)
        })?;
        thread::scope(|scope| {
            // A guest that does not read may have it cut off: only the answer counts.
            scope.spawn(move || send(body, self.chunks));
            let answer = connection.response();
            connection.shut_down();
            Ok(answer?.status())
        })
    }
}

fn send(mut body: Chunks, chunks: usize) -> Option<()> {
    for _ in 0..chunks {
        body.send(&CHUNK).ok()?;
    }
    body.end().ok()
}

/// A guest that traps within its answer: what was sent cannot be taken back, so it must be seen to be incomplete.
fn cut_off(address: SocketAddr) -> anyhow::Result<()> {
    let mut connection = Connection::open(address, ANSWER_MAX)?;
    connection.send(&Request::get("/trap-midway"))?;
    let head: Head = connection.head()?;
    ensure!(head.status == 200, "answered {}", head.status);
    let mut body = Vec::new();
    let start = Instant::now();
    match std::io::Read::read_to_end(&mut connection.body(&head)?, &mut body) {
        Ok(_) => bail!("the answer looks complete with {} bytes", body.len()),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            bail!("neither the end nor a reset within {:?}", start.elapsed())
        }
        Err(_) => Ok(()),
    }
}

fn still_well(address: SocketAddr) -> anyhow::Result<()> {
    let response = http::get(address, "/ok", ANSWER_MAX)?;
    ensure!(
        response.status() == 200,
        "/ok answered {}",
        response.shown()
    );
    Ok(())
}

// === impl Watch ===

impl Watch {
    /// Asks until it is stopped, on one connection as long as that lasts.
    fn ask(&self, address: SocketAddr, path: &str) {
        let mut kept = None;
        while !self.stop.load(Ordering::Relaxed) {
            let start = Instant::now();
            let outcome = ask_once(kept.take(), address, path);
            let took = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.slowest_us.fetch_max(took, Ordering::Relaxed);
            match outcome {
                Ok(connection) => {
                    self.answers.fetch_add(1, Ordering::Relaxed);
                    kept = Some(connection);
                }
                Err(error) => {
                    // The first few say enough.
                    if self.failures.fetch_add(1, Ordering::Relaxed) < 3 {
                        eprintln!("  neighbour {path}: {error:#}");
                    }
                }
            }
            thread::sleep(NEIGHBOUR_PAUSE);
        }
    }

    fn slowest(&self) -> Duration {
        Duration::from_micros(self.slowest_us.load(Ordering::Relaxed))
    }

    fn is_content(&self) -> bool {
        let failures = self.failures.load(Ordering::Relaxed);
        let answers = self.answers.load(Ordering::Relaxed);
        failures == 0 && answers > 0 && self.slowest() < NEIGHBOUR_MAX
    }

    fn figure(&self) -> String {
        format!(
            "neighbours: {} answers, {} failures, slowest {:.1} ms",
            self.answers.load(Ordering::Relaxed),
            self.failures.load(Ordering::Relaxed),
            self.slowest().as_secs_f64() * 1_000.0
        )
    }
}

fn ask_once(
    kept: Option<Connection>,
    address: SocketAddr,
    path: &str,
) -> anyhow::Result<Connection> {
    let mut connection = match kept {
        Some(connection) => connection,
        None => Connection::open(address, ANSWER_MAX)?,
    };
    let response = connection.get(path)?;
    ensure!(response.status() == 200, "answered {}", response.shown());
    Ok(connection)
}
