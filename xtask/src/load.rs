//! Load for benchmarks: a closed loop asks as fast as answers come, an open loop at a rate, whatever the answers do.
//!
//! What a server can do at most is measured by `wrk` where it is installed, latencies by clients of our own.

mod ask;
mod clients;
mod closed;
mod seen;
mod wrk;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

use crate::process;

pub(crate) use ask::Ask;
pub(crate) use clients::{Client, Pace, light, open};
pub(crate) use closed::{beside, closed};
pub(crate) use seen::{Answer, Latencies, Seen};

/// Connections, each with one request under way.
pub(crate) const CONNECTIONS: usize = 32;
const WARM_UP_SECONDS: u64 = 1;

/// What a server did under load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) requests_per_second: f64,
    /// Requests without an answer, or with one that is no success.
    pub(crate) failures: u64,
}

/// What it did in several rounds.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    per_second: Vec<f64>,
    pub(crate) failures: u64,
}

/// How often and how long something is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) seconds: u64,
}

/// How load is made on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generator {
    Wrk,
    /// Clients of our own. They take more of the machine than `wrk` does.
    Own,
}

// === impl Generator ===

impl Generator {
    pub(crate) fn found() -> Self {
        match process::find("wrk") {
            Some(_) => Self::Wrk,
            None => Self::Own,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Own => "clients of our own",
        }
    }

    /// Asks in turn, as fast as answers come.
    pub(crate) fn measure(
        self,
        address: SocketAddr,
        asks: &[Ask],
        seconds: u64,
    ) -> anyhow::Result<Rate> {
        match self {
            Self::Wrk => wrk::measure(address, asks, seconds),
            Self::Own => {
                let seen = closed(address, asks, CONNECTIONS, Duration::from_secs(seconds))?;
                Ok(Rate {
                    requests_per_second: seen.per_second(200),
                    failures: seen.failed(),
                })
            }
        }
    }

    /// Measures servers in turn, round by round, so that what else the machine does meets all of them.
    pub(crate) fn interleaved(
        self,
        servers: &[SocketAddr],
        asks: &[Ask],
        rounds: Rounds,
    ) -> anyhow::Result<Vec<Rates>> {
        for address in servers {
            self.measure(*address, asks, WARM_UP_SECONDS)?;
        }
        let mut rates: Vec<Rates> = servers.iter().map(|_| Rates::default()).collect();
        for _ in 0..rounds.count {
            for (address, rates) in servers.iter().zip(&mut rates) {
                rates.add(self.measure(*address, asks, rounds.seconds)?);
            }
        }
        Ok(rates)
    }
}

// === impl Rates ===

impl Rates {
    fn add(&mut self, rate: Rate) {
        self.per_second.push(rate.requests_per_second);
        self.failures += rate.failures;
    }

    /// Requests per second.
    pub(crate) fn median(&self) -> anyhow::Result<f64> {
        median(&self.per_second)
    }

    /// How many times what another did in the same rounds: the median over the rounds, because what else the machine did in
    /// one of them met both.
    pub(crate) fn times(&self, other: &Self) -> anyhow::Result<f64> {
        let rounds = self.per_second.iter().zip(&other.per_second);
        let ratios: Vec<f64> = rounds.map(|(own, other)| own / other).collect();
        median(&ratios)
    }
}

// === functions ===

/// The value in the middle; the upper one of two.
pub(crate) fn median(values: &[f64]) -> anyhow::Result<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2);
    middle.copied().context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_round_that_was_slow_for_both_changes_no_ratio() {
        let rates = |per_second: [f64; 3]| Rates {
            per_second: per_second.to_vec(),
            failures: 0,
        };
        let (one, other) = (rates([30.0, 3.0, 40.0]), rates([10.0, 1.0, 20.0]));
        assert_eq!(one.times(&other).expect("it was measured"), 3.0);
    }

    /// Two, so that `wrk` needs a script.
    fn asks() -> [Ask; 2] {
        [Ask::get("/"), Ask::get("/again")]
    }

    #[test]
    fn every_generator_loads_a_server() {
        let address = bare::spawned();
        for generator in [Generator::found(), Generator::Own] {
            let rate = generator.measure(address, &asks(), 1);
            let rate = rate.expect("the server answers");
            assert!(rate.requests_per_second > 0.0, "{generator:?}: {rate:?}");
            assert_eq!(rate.failures, 0, "{generator:?}: {rate:?}");
        }
    }

    #[test]
    fn an_open_loop_sends_what_was_scheduled() {
        let pace = Pace {
            per_second: 200.0,
            connections: 8,
            duration: SECOND,
        };
        let seen = open(bare::spawned(), &asks(), &pace).expect("the server answers");
        assert_eq!((seen.answered(200).count(), seen.failed()), (200, 0));
    }

    #[test]
    fn a_stalled_server_is_seen_by_all_who_were_due_meanwhile() {
        // Half a second without an answer: coordinated omission would see it once per connection.
        let address = stalling(Duration::from_millis(500));
        let pace = Pace {
            per_second: 100.0,
            connections: 1,
            duration: SECOND,
        };
        let seen = open(address, &asks(), &pace).expect("the server answers");
        let slow = |answer: &&Answer| answer.latency > Duration::from_millis(100);
        assert!(seen.answered(200).filter(slow).count() > 20, "{seen:?}");
    }

    #[test]
    fn a_median_is_the_value_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).expect("there are values"), 2.0);
        assert!(median(&[]).is_err());
    }

    /// Answers on one connection, the first time late.
    fn stalling(stall: Duration) -> SocketAddr {
        use std::io::{BufRead, BufReader, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port is there");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client comes");
            let mut stall = Some(stall);
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                if line.is_empty() {
                    std::thread::sleep(stall.take().unwrap_or_default());
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    (&stream).write_all(answer).ok();
                }
            }
        });
        address
    }
}
