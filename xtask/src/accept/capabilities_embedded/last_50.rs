//! Two hundred clients want the last fifty pieces at the same moment: fifty get one, and nobody gets one twice.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};

use super::shelf::{End, Shelf, Stock};
use crate::accept::Shown;
use crate::load;
use crate::stage::Stage;

const STOCK: usize = 50;
const CLIENTS: usize = 200;
/// Half of what was reserved is sold, the rest goes back.
const CONFIRMED: usize = STOCK / 2;
/// From when all clients are connected until they ask. A moment, not a barrier: a client that could not be started
/// would keep the others waiting at that for ever.
const START: Duration = Duration::from_millis(300);

/// What the clients were answered.
struct Race {
    /// The reservations that were made.
    made: Vec<String>,
    refused: usize,
    /// Answers that are neither.
    others: Vec<String>,
    took: Duration,
    /// The least that was available while they asked, and how often it was looked at.
    least: i64,
    looks: usize,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let host = stage.shop("last-50")?;
    let address = host.address();
    let product = Shelf::create(address, "LAST-50", STOCK as u64)?;
    let race = race(address, &product)?;
    let mut shelf = Shelf::open(address, &product)?;
    let after = shelf.stock()?;
    let replayed = replay(&mut shelf, &race.made)?;
    let still = shelf.stock()?;
    finish(&mut shelf, &race.made)?;
    let last = shelf.stock()?;
    host.stop()?;
    let rest = (STOCK - CONFIRMED) as i64;
    let passed = race.is_right()
        && after == stock(STOCK as i64, 0)
        && replayed == STOCK
        && still == after
        && last == stock(rest, rest);
    Ok(Shown {
        passed,
        figure: format!(
            "{}; {replayed} of {STOCK} repeated without effect, {} available then; \
             {CONFIRMED} confirmed and the others released, {} available of {} on hand",
            race.figure(),
            still.available,
            last.available,
            last.on_hand
        ),
    })
}

fn stock(on_hand: i64, available: i64) -> Stock {
    Stock { on_hand, available }
}

fn race(address: SocketAddr, product: &str) -> anyhow::Result<Race> {
    // All are connected before the first asks.
    let shelves = (0..CLIENTS)
        .map(|_| Shelf::open(address, product))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut watcher = Shelf::open(address, product)?;
    let (start, done) = (Instant::now() + START, AtomicBool::new(false));
    thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&mut watcher, &done));
        let answers = ask(shelves, start);
        let took = start.elapsed();
        // Whatever became of the others, the watcher must end.
        done.store(true, Ordering::Relaxed);
        let watched = watch.join().map_err(|_| anyhow!("the watcher panicked"))?;
        let (least, looks) = watched?;
        Ok(Race::of(answers?, took, least, looks))
    })
}

/// Each asks for one piece, under an id of its own. Answers ids and statuses.
fn ask(shelves: Vec<Shelf>, start: Instant) -> anyhow::Result<Vec<(String, u16)>> {
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for (number, mut shelf) in shelves.into_iter().enumerate() {
            let id = format!("client-{number}");
            let client = load::light(scope, move || {
                thread::sleep(start.saturating_duration_since(Instant::now()));
                let response = shelf.reserve(&id, 1)?;
                anyhow::Ok((id, response.status()))
            });
            clients.push(client.context("cannot start a client")?);
        }
        clients
            .into_iter()
            .map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?)
            .collect()
    })
}

/// The least that is available until the others are done, and how often that was looked at.
fn watch(shelf: &mut Shelf, done: &AtomicBool) -> anyhow::Result<(i64, usize)> {
    let (mut least, mut looks) = (i64::MAX, 0);
    loop {
        let is_last = done.load(Ordering::Relaxed);
        let seen = shelf.stock()?;
        ensure!(
            seen.on_hand == STOCK as i64,
            "{} on hand while nothing was sold",
            seen.on_hand
        );
        least = least.min(seen.available);
        looks += 1;
        if is_last {
            return Ok((least, looks));
        }
    }
}

/// Everybody who has a piece asks for it again. Answers to how many it was shown.
fn replay(shelf: &mut Shelf, made: &[String]) -> anyhow::Result<usize> {
    let mut replayed = 0;
    for id in made {
        if shelf.reserve(id, 1)?.status() == 200 {
            replayed += 1;
        }
    }
    Ok(replayed)
}

fn finish(shelf: &mut Shelf, made: &[String]) -> anyhow::Result<()> {
    for (number, id) in made.iter().enumerate() {
        let end = match number < CONFIRMED {
            true => End::Confirm,
            false => End::Release,
        };
        shelf.end(id, end)?;
    }
    Ok(())
}

// === impl Race ===

impl Race {
    fn of(answers: Vec<(String, u16)>, took: Duration, least: i64, looks: usize) -> Self {
        let (mut made, mut refused, mut others) = (Vec::new(), 0, Vec::new());
        for (id, status) in answers {
            match status {
                201 => made.push(id),
                409 => refused += 1,
                status => others.push(status.to_string()),
            }
        }
        Self {
            made,
            refused,
            others,
            took,
            least,
            looks,
        }
    }

    fn is_right(&self) -> bool {
        self.made.len() == STOCK
            && self.refused == CLIENTS - STOCK
            && self.others.is_empty()
            && self.least == 0
    }

    fn figure(&self) -> String {
        let others = match self.others.as_slice() {
            [] => "none otherwise".to_owned(),
            others => format!("{} otherwise ({})", others.len(), others.join(" ")),
        };
        format!(
            "{CLIENTS} clients in {} ms: {} reserved, {} refused with 409, {others}, \
             never less than {} available in {} looks",
            self.took.as_millis(),
            self.made.len(),
            self.refused,
            self.least,
            self.looks
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn race(made: usize, refused: usize, least: i64) -> Race {
        let answers = std::iter::repeat_n(201, made).chain(std::iter::repeat_n(409, refused));
        let answers = answers.map(|status| ("id".to_owned(), status)).collect();
        Race::of(answers, Duration::ZERO, least, 1)
    }

    #[test]
    fn one_reservation_too_many_or_too_few_is_wrong() {
        assert!(race(50, 150, 0).is_right());
        assert!(!race(51, 149, 0).is_right());
        assert!(!race(49, 150, 0).is_right());
        assert!(!race(50, 150, -1).is_right());
    }

    #[test]
    fn an_answer_that_is_neither_is_wrong() {
        let mut race = race(50, 150, 0);
        race.others.push("503".to_owned());
        assert!(!race.is_right());
    }
}
