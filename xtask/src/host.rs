//! A server that a task runs: `stoa up`, or another one beside it. It is ready when it has said where it listens.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::process::{self, Process};

/// A start that does not build: opening stores, and compiling where nothing is found compiled.
pub(crate) const START_MAX: Duration = Duration::from_secs(120);
/// Thirty seconds to finish what is in flight, and some to end.
const STOP_MAX: Duration = Duration::from_secs(35);
/// Lines of the log that are kept: more than any start prints.
const LINES_MAX: usize = 20_000;
/// Lines of the log in a message.
const TAIL_LINES: usize = 8;

/// How servers say where they listen: ours on standard output, `wasmtime serve` on standard error.
const ANNOUNCEMENTS: [&str; 2] = ["listening on http://", "Serving HTTP on http://"];

/// A running server, killed when this is dropped.
pub(crate) struct Host {
    process: Process,
    address: SocketAddr,
    log: Log,
    started: Instant,
}

/// What a server has said, on both outputs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

// === impl Host ===

impl Host {
    /// Starts a server and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command, limit: Duration) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let log = Log::default();
        let (sender, announced) = mpsc::channel();
        let (stdout, stderr) = process.take_outputs();
        log.follow(stdout, sender.clone());
        log.follow(stderr, sender);
        match announced.recv_timeout(limit) {
            Ok(address) => Ok(Self {
                process,
                address,
                log,
                started,
            }),
            Err(RecvTimeoutError::Timeout) => {
                bail!("the server did not listen within {limit:?}: {}", log.tail())
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("the server ended before it listened: {}", log.tail())
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How long ago its process was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.with(|lines| lines.clone())
    }

    /// Its last lines, for messages.
    pub(crate) fn tail(&self) -> String {
        self.log.tail()
    }

    /// Stops it as an operator does. It must finish its work and succeed.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        let status = self
            .process
            .wait(STOP_MAX)?
            .with_context(|| format!("it did not stop within {STOP_MAX:?} of SIGTERM"))?;
        ensure!(
            status.success(),
            "stopped by SIGTERM, it ended with {status}"
        );
        Ok(())
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()
    }
}

// === impl Log ===

impl Log {
    /// Reads an output to its end; whoever waits learns the address that is announced in it.
    fn follow(&self, output: Option<impl Read + Send + 'static>, announced: Sender<SocketAddr>) {
        let Some(output) = output else {
            return;
        };
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n') {
                let Ok(line) = line else {
                    return;
                };
                let line = String::from_utf8_lossy(&line).into_owned();
                let address = announcement(&line);
                // First kept, then announced: who waits finds it in the log.
                log.add(line);
                if let Some(address) = address {
                    // Nobody waits for a second announcement.
                    announced.send(address).ok();
                }
            }
        });
    }

    fn add(&self, line: String) {
        self.with(|lines| {
            if lines.len() == LINES_MAX {
                lines.drain(..LINES_MAX / 2);
            }
            lines.push(line);
        });
    }

    fn tail(&self) -> String {
        self.with(|lines| lines[lines.len().saturating_sub(TAIL_LINES)..].join(" | "))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<String>) -> T) -> T {
        // Lines are whole whatever happened to a thread that held the lock.
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut lines)
    }
}

// === functions ===

/// `stoa up` on a free port.
pub(crate) fn up(stoa: &Path, manifest: &Path, state: &Path) -> Command {
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let mut command = process::command(stoa, folder);
    command
        .args(["up", "--listen", "127.0.0.1:0"])
        .arg("--from")
        .arg(manifest)
        .arg("--state-dir")
        .arg(state);
    command
}

/// Bytes of memory that a process occupies now.
pub(crate) fn resident_bytes(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|value| value.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .with_context(|| format!("{path} has no VmRSS"))?;
    Ok(kibibytes * 1024)
}

/// Descriptors that a process has open now.
pub(crate) fn descriptors(process: u32) -> anyhow::Result<usize> {
    let path = format!("/proc/{process}/fd");
    let entries = std::fs::read_dir(&path).with_context(|| format!("cannot read {path}"))?;
    Ok(entries.count())
}

fn announcement(line: &str) -> Option<SocketAddr> {
    ANNOUNCEMENTS
        .iter()
        .find_map(|words| line.strip_prefix(*words))
        .and_then(|address| {
            address
                .trim()
                .trim_end_matches('/')
                .parse::<SocketAddr>()
                .ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_server_is_ready_when_it_says_where_it_listens() {
        let script = "echo one >&2; echo listening on http://127.0.0.1:4711; sleep 60";
        let mut command = process::typed(script, Path::new("/"));
        let host = Host::start(&mut command, LIMIT).expect("it listens");
        assert_eq!(host.address().port(), 4711);
    }

    #[test]
    fn a_server_that_ends_is_reported_with_its_last_words() {
        let mut command = process::typed("echo the port is taken >&2; exit 64", Path::new("/"));
        let error = Host::start(&mut command, LIMIT).err().expect("it ended");
        assert!(error.to_string().contains("the port is taken"), "{error}");
    }

    #[test]
    fn both_kinds_of_announcement_are_understood() {
        let ours = announcement("listening on http://127.0.0.1:3000").expect("it is one");
        let theirs = announcement("Serving HTTP on http://127.0.0.1:3000/").expect("it is one");
        assert_eq!(ours, theirs);
        assert_eq!(announcement("listening on http://here"), None);
    }

    #[test]
    fn this_process_occupies_memory() {
        let bytes = resident_bytes(std::process::id()).expect("/proc is there");
        assert!(bytes > 4096, "{bytes}");
    }

    #[test]
    fn this_process_has_descriptors() {
        let count = descriptors(std::process::id()).expect("/proc is there");
        assert!(count > 0);
    }
}
