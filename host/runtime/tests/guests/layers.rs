//! What a request costs in the runtime, from the handler to the end of the answer and back, by the kind of instance that
//! answers and by how much it says. Printed, not judged; `cargo xtask bench` asks for more requests.
//!
//! The differences explain the whole: what a fresh instance costs beside a reused one, and what a call, two headers and a
//! body cost a guest of WASI 0.3 beside one of 0.2.

use std::time::{Duration, Instant};

use crate::fixture::{Fixture, Service};

/// Rounds in which all take their turn; of each the median counts.
const ROUNDS: usize = 9;

/// How instances are used: the name, the guest, its manifest.
const KINDS: [(&str, &str, &str); 3] = [
    ("0.2-fresh", "steps-02", ""),
    (
        "0.2-reused",
        "steps-02",
        "tool.stoa.schema = 1\ntool.stoa.limits = { requests_per_instance_max = 1_000_000 }",
    ),
    (
        "0.3-reused",
        "steps-03",
        "tool.stoa.schema = 1\ntool.stoa.limits = { requests_per_instance_max = 1_000_000 }",
    ),
];

/// What is asked for, each a step more than the one before, and how long its answer is.
const STEPS: [(&str, usize); 3] = [("status", 0), ("headers", 0), ("body", 12)];

/// Requests of a round: few, so that this is a test like any other.
fn requests() -> u32 {
    let set = std::env::var("STOA_LAYER_REQUESTS");
    set.map_or(10, |set| set.parse().expect("a number"))
}

struct Timed {
    kind: &'static str,
    step: &'static str,
    length: usize,
    service: Service,
    times: Vec<Duration>,
}

impl Timed {
    async fn round(&mut self) {
        let path = format!("/{}", self.step);
        let start = Instant::now();
        for _ in 0..requests() {
            let answer = self.service.get(&path).await;
            let answer = answer.unwrap_or_else(|error| panic!("{} {path}: {error}", self.kind));
            assert_eq!(
                (answer.status.as_u16(), answer.body.len()),
                (200, self.length)
            );
        }
        self.times.push(start.elapsed());
    }

    fn median_ns(&mut self) -> u128 {
        self.times.sort_unstable();
        let median = self.times[self.times.len() / 2];
        median.as_nanos() / u128::from(requests())
    }
}

#[tokio::test]
async fn every_step_answers_and_is_timed() {
    let fixture = Fixture::new();
    let mut all = Vec::new();
    for (kind, guest, manifest) in KINDS {
        let service = fixture.serve(guest, manifest);
        all.extend(STEPS.map(|(step, length)| Timed {
            kind,
            step,
            length,
            service: service.clone(),
            times: Vec::new(),
        }));
    }
    for _ in 0..ROUNDS {
        for timed in &mut all {
            timed.round().await;
        }
    }
    for timed in &mut all {
        let nanoseconds = timed.median_ns();
        println!("layer runtime {} {} {nanoseconds}", timed.kind, timed.step);
    }
}
