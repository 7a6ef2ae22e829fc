//! Clients that keep the cookies they are given, and note which release answers them.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};

use crate::accept::deploy::said::Said;
use crate::http::{Connection, Request, Response};
use crate::load;
use crate::random::{self, Random};

const EXCHANGE_MAX: Duration = Duration::from_secs(30);
/// Between two requests of a client. Together they are a load that leaves the machine idle for most of the time.
const THINK_MS: (u64, u64) = (100, 300);

/// What one client saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Answers of the candidate, and failures among them.
    pub(super) by_candidate: u64,
    pub(super) failed_by_candidate: u64,
    /// How often the answering release was another one than before.
    pub(super) switches: u64,
    pub(super) first_of_candidate: Option<Instant>,
    pub(super) last_of_candidate: Option<Instant>,
    /// Failures of other releases, and requests without an answer.
    others_failed: u64,
    first_failure: Option<String>,
    answers: u64,
}

/// One client.
struct Client<'a> {
    address: SocketAddr,
    stop: &'a AtomicBool,
    /// The number of the release that is tried.
    candidate: u64,
    kept: Option<Connection>,
    /// `name=value`, as it is sent back.
    jar: Vec<String>,
    last: Option<u64>,
    seen: Seen,
}

/// Does the work while clients ask. What failed is told with what they saw.
pub(super) fn during<T>(
    address: SocketAddr,
    count: usize,
    candidate: u64,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Vec<Seen>)> {
    let (stop, seed) = (&AtomicBool::new(false), random::seed());
    thread::scope(|scope| {
        let clients = (0..count)
            .map(|index| {
                let client = Client::new(address, candidate, stop);
                let random = Random::new(seed ^ (index as u64 + 1));
                load::light(scope, move || client.run(random))
            })
            .collect::<io::Result<Vec<_>>>()
            .context("cannot start a client");
        let outcome = clients.as_ref().map_err(|error| anyhow!("{error:#}"));
        let outcome = outcome.and_then(|_| work());
        stop.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for client in clients.into_iter().flatten() {
            all.push(client.join().map_err(|_| anyhow!("a client panicked"))?);
        }
        Ok((outcome.with_context(|| troubles(&all))?, all))
    })
}

/// Whether nobody but the candidate failed, and everybody was answered.
pub(super) fn sound(clients: &[Seen]) -> bool {
    clients.iter().all(|seen| seen.others_failed == 0)
}

/// What went wrong beside the candidate, for people.
pub(super) fn troubles(clients: &[Seen]) -> String {
    let answers: u64 = clients.iter().map(|seen| seen.answers).sum();
    let failed: u64 = clients.iter().map(|seen| seen.others_failed).sum();
    let first = clients.iter().find_map(|seen| seen.first_failure.as_ref());
    let first = first.map_or_else(String::new, |why| format!(" (the first: {why})"));
    format!("{failed} other failures in {answers} answers{first}")
}

// === impl Client ===

impl<'a> Client<'a> {
    fn new(address: SocketAddr, candidate: u64, stop: &'a AtomicBool) -> Self {
        Self {
            address,
            stop,
            candidate,
            kept: None,
            jar: Vec::new(),
            last: None,
            seen: Seen::default(),
        }
    }

    fn run(mut self, mut random: Random) -> Seen {
        while !self.stop.load(Ordering::SeqCst) {
            let draw = random.between(0, 99);
            if let Err(error) = self.ask(draw) {
                self.kept = None;
                self.seen.fail(|| format!("{error:#}"));
            }
            thread::sleep(Duration::from_millis(
                random.between(THINK_MS.0, THINK_MS.1),
            ));
        }
        self.seen
    }

    fn ask(&mut self, draw: u64) -> anyhow::Result<()> {
        let path = format!("/p3/quick?draw={draw}");
        let mut connection = match self.kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.address, EXCHANGE_MAX)?,
        };
        let cookies = self.jar.join("; ");
        let cookie = [("cookie", cookies.as_str())];
        let headers = match self.jar.is_empty() {
            true => &cookie[..0],
            false => &cookie[..],
        };
        let response = connection.request(&Request {
            headers,
            ..Request::get(&path)
        })?;
        self.kept = Some(connection);
        if let Some(set) = response.head.header("set-cookie") {
            keep(&mut self.jar, set);
        }
        self.note(&response)
    }

    fn note(&mut self, response: &Response) -> anyhow::Result<()> {
        let is_failure = response.status() >= 500;
        ensure!(
            is_failure || response.status() == 200,
            "answered {}",
            response.shown()
        );
        let said = Said::in_body(&response.body)
            .with_context(|| format!("answered {}", response.shown()))?;
        self.seen.answers += 1;
        let is_other = self.last.replace(said.number);
        self.seen.switches += u64::from(is_other.is_some_and(|before| before != said.number));
        if said.number != self.candidate {
            ensure!(!is_failure, "release {} failed", said.number);
            return Ok(());
        }
        let now = Instant::now();
        self.seen.by_candidate += 1;
        self.seen.failed_by_candidate += u64::from(is_failure);
        self.seen.first_of_candidate.get_or_insert(now);
        self.seen.last_of_candidate = Some(now);
        Ok(())
    }
}

/// Keeps a cookie in the place of one of the same name.
fn keep(jar: &mut Vec<String>, set: &str) {
    let pair = set.split(';').next().unwrap_or_default().trim();
    let name = pair.split('=').next().unwrap_or_default();
    jar.retain(|kept| kept.split('=').next() != Some(name));
    jar.push(pair.to_owned());
}

// === impl Seen ===

impl Seen {
    pub(super) fn saw_candidate(&self) -> bool {
        self.by_candidate > 0
    }

    fn fail(&mut self, why: impl FnOnce() -> String) {
        self.others_failed += 1;
        self.first_failure.get_or_insert_with(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(client: &mut Client<'_>, status: u16, number: u64) -> bool {
        let response = Response::of(status, format!("w {number}\n"));
        client.note(&response).is_ok()
    }

    #[test]
    fn only_the_candidate_may_fail() {
        let stop = AtomicBool::new(false);
        let mut client = Client::new(SocketAddr::from(([127, 0, 0, 1], 9)), 2, &stop);
        assert!(!answered(&mut client, 500, 1));
        assert!(!answered(&mut client, 404, 2));
        assert!(answered(&mut client, 500, 2));
        assert!(answered(&mut client, 200, 1));
        let seen = client.seen;
        assert_eq!((seen.by_candidate, seen.failed_by_candidate), (1, 1));
        assert_eq!(seen.switches, 2);
    }

    #[test]
    fn a_jar_keeps_one_cookie_of_a_name() {
        let mut jar = Vec::new();
        for set in ["stoa-bucket=7; Path=/", "a=b", "stoa-bucket=8; Max-Age=60"] {
            keep(&mut jar, set);
        }
        assert_eq!(jar, ["a=b", "stoa-bucket=8"]);
    }
}
