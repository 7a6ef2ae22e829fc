//! Load for benchmarks: a closed loop on kept connections, by `wrk` where it is installed.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};

use crate::http::Connection;
use crate::process;

/// Connections, each with one request under way.
const CONNECTIONS: usize = 32;
/// How long one answer may take before it counts as a failure.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// What `wrk` needs beside the measured time.
const WRK_MARGIN: Duration = Duration::from_secs(30);

/// What a server did under load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) requests_per_second: f64,
    /// Requests without an answer, or with one that is no success.
    pub(crate) failures: u64,
}

/// How load is made on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generator {
    Wrk,
    /// As many threads as connections. They take more of the machine than `wrk` does.
    Threads,
}

impl Generator {
    pub(crate) fn found() -> Self {
        match process::find("wrk") {
            Some(_) => Self::Wrk,
            None => Self::Threads,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Threads => "threads",
        }
    }

    /// Asks for `/` as fast as answers come.
    pub(crate) fn measure(self, address: SocketAddr, seconds: u64) -> anyhow::Result<Rate> {
        match self {
            Self::Wrk => wrk(address, seconds),
            Self::Threads => threads(address, Duration::from_secs(seconds)),
        }
    }
}

fn wrk(address: SocketAddr, seconds: u64) -> anyhow::Result<Rate> {
    let mut command = process::command("wrk", Path::new("."));
    command
        .arg("-t2")
        .arg(format!("-c{CONNECTIONS}"))
        .arg(format!("-d{seconds}s"))
        .arg(format!("http://{address}/"));
    let limit = Duration::from_secs(seconds) + WRK_MARGIN;
    let report = process::successful(&mut command, limit)?;
    read(&report).with_context(|| format!("not a report of wrk: {report}"))
}

/// Reads a report of `wrk`.
fn read(report: &str) -> Option<Rate> {
    let value = |name: &str| {
        report
            .lines()
            .find_map(|line| line.trim().strip_prefix(name))
    };
    let refused =
        value("Non-2xx or 3xx responses:").and_then(|count| count.trim().parse::<u64>().ok());
    // `connect 0, read 0, write 0, timeout 0`
    let lost = value("Socket errors:").map_or(0, |counts| {
        counts
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|count| count.parse::<u64>().ok())
            .sum::<u64>()
    });
    Some(Rate {
        requests_per_second: value("Requests/sec:")?.trim().parse::<f64>().ok()?,
        failures: refused.unwrap_or(0) + lost,
    })
}

fn threads(address: SocketAddr, duration: Duration) -> anyhow::Result<Rate> {
    let start = Instant::now();
    let until = start + duration;
    let answers = thread::scope(|scope| -> anyhow::Result<u64> {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(move || client(address, until)))
            .collect();
        let mut sum = 0;
        for client in clients {
            sum += client.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(sum)
    })?;
    Ok(Rate {
        requests_per_second: answers as f64 / start.elapsed().as_secs_f64(),
        failures: 0,
    })
}

fn client(address: SocketAddr, until: Instant) -> anyhow::Result<u64> {
    let mut connection = Connection::open(address, ANSWER_MAX)?;
    let mut answers = 0;
    while Instant::now() < until {
        let response = connection.get("/")?;
        ensure!(response.status() == 200, "answered {}", response.shown());
        answers += 1;
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_report_are_added_up() {
        let report = "  Socket errors: connect 0, read 2, write 0, timeout 1\n  \
                      Non-2xx or 3xx responses: 4\nRequests/sec:  12345.67\n";
        let expected = Rate {
            requests_per_second: 12345.67,
            failures: 7,
        };
        assert_eq!(read(report), Some(expected));
    }

    #[test]
    fn a_report_without_a_rate_is_none() {
        assert_eq!(read("unable to connect"), None);
    }
}
