//! What clients saw of a server.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::http::Response;

/// An answer that was read to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// From the moment its request was due: whoever had to wait for a connection has waited too.
    pub(crate) latency: Duration,
    /// From the moment its request was sent.
    pub(crate) service: Duration,
    /// Whether it was complete while the load was on.
    in_time: bool,
    /// Whether it says when to come again.
    pub(crate) has_retry_after: bool,
}

/// What counts of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) has_retry_after: bool,
}

/// All answers, and how many requests had none.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    answers: Vec<Answer>,
    lost: u64,
    /// Why the first one had no answer.
    first_loss: Option<String>,
    /// How long the load was on.
    lasted: Duration,
}

/// Latencies in order.
pub(crate) struct Latencies(Vec<Duration>);

// === impl Told ===

impl Told {
    pub(super) fn by(response: &Response) -> Self {
        Self {
            status: response.status(),
            has_retry_after: response.head.header("retry-after").is_some(),
        }
    }
}

// === impl Seen ===

impl Seen {
    /// Under a load that was on for so long.
    pub(super) fn during(lasted: Duration) -> Self {
        Self {
            lasted,
            ..Self::default()
        }
    }

    /// `in_time` says whether the load is still on.
    pub(super) fn note(
        &mut self,
        due: Instant,
        sent: Instant,
        in_time: bool,
        outcome: anyhow::Result<Told>,
    ) {
        match outcome {
            Ok(told) => self.answers.push(Answer {
                status: told.status,
                latency: due.elapsed(),
                service: sent.elapsed(),
                in_time,
                has_retry_after: told.has_retry_after,
            }),
            Err(error) => self.lose(|| format!("{error:#}")),
        }
    }

    pub(super) fn lose(&mut self, why: impl FnOnce() -> String) {
        self.lost += 1;
        self.first_loss.get_or_insert_with(why);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.lost += other.lost;
        self.first_loss = self.first_loss.take().or(other.first_loss);
    }

    pub(crate) fn answered(&self, status: u16) -> impl Iterator<Item = &Answer> {
        self.answers
            .iter()
            .filter(move |answer| answer.status == status)
    }

    /// Answers of this status per second, while the load was on: what is answered after it, when most clients have gone,
    /// says nothing of what is answered under it.
    pub(crate) fn per_second(&self, status: u16) -> f64 {
        let in_time = self.answered(status).filter(|answer| answer.in_time);
        in_time.count() as f64 / self.lasted.as_secs_f64().max(f64::EPSILON)
    }

    /// Answers, whatever they say.
    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Requests without an answer.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Requests without an answer, or with another one than 200.
    pub(crate) fn failed(&self) -> u64 {
        let others = self.answers.len() - self.answered(200).count();
        self.lost + others as u64
    }

    /// The first answer that was not 200, for messages.
    pub(crate) fn first_other(&self) -> String {
        match self.answers.iter().find(|answer| answer.status != 200) {
            None => "all answers were 200".to_owned(),
            Some(answer) => format!(
                "the first other answer was {} after {:.0} ms",
                answer.status,
                answer.service.as_secs_f64() * 1_000.0
            ),
        }
    }

    /// Why the first request that was lost had no answer, for messages.
    pub(crate) fn first_loss(&self) -> &str {
        self.first_loss.as_deref().unwrap_or("none was lost")
    }

    /// Latencies of what was answered with 200.
    pub(crate) fn latencies(&self) -> Latencies {
        Latencies::of(self.answered(200).map(|answer| answer.latency))
    }
}

// === impl Latencies ===

impl Latencies {
    pub(crate) fn of(latencies: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = latencies.collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// The least latency that this many thousandths do not exceed (nearest rank).
    pub(crate) fn per_mille(&self, rank: usize) -> anyhow::Result<Duration> {
        let place = (self.0.len() * rank).div_ceil(1_000).max(1);
        let latency = self.0.get(place - 1);
        latency.copied().context("nothing was answered")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(count: u64) -> Latencies {
        // Not in order.
        Latencies::of((1..=count).rev().map(Duration::from_millis))
    }

    fn ms(latencies: &Latencies, rank: usize) -> u128 {
        let latency = latencies.per_mille(rank).expect("there are some");
        latency.as_millis()
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let thousand = latencies(1_000);
        let seen = [500, 990, 999, 1_000].map(|rank| ms(&thousand, rank));
        assert_eq!(seen, [500, 990, 999, 1_000]);
        let ten = latencies(10);
        assert_eq!([0, 500, 501, 990].map(|rank| ms(&ten, rank)), [1, 5, 6, 10]);
    }

    #[test]
    fn a_single_latency_is_every_percentile() {
        let one = latencies(1);
        assert_eq!([1, 500, 999].map(|rank| ms(&one, rank)), [1, 1, 1]);
    }

    #[test]
    fn without_answers_there_is_no_percentile() {
        assert!(latencies(0).per_mille(500).is_err());
    }

    #[test]
    fn what_is_answered_after_the_load_is_no_part_of_its_rate() {
        let now = Instant::now();
        let mut seen = Seen::during(Duration::from_secs(2));
        for in_time in [true, false] {
            let told = Told::by(&Response::of(200, ""));
            seen.note(now, now, in_time, Ok(told));
        }
        assert_eq!((seen.answered(200).count(), seen.per_second(200)), (2, 0.5));
    }

    #[test]
    fn what_several_clients_lost_is_added_up() {
        let (mut one, mut two) = (Seen::default(), Seen::default());
        one.lose(|| "first".to_owned());
        two.lose(|| "second".to_owned());
        one.add(two);
        assert_eq!((one.failed(), one.first_loss()), (2, "first"));
    }
}
