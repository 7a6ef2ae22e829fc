//! How many components one host holds: what an idle one costs in memory.

use std::thread;
use std::time::Duration;

use anyhow::ensure;

use super::copies::{self, Copies};
use crate::accept::Shown;
use crate::accept::memory::{KIB, MIB};
use crate::host::{self, Host};
use crate::load::{Ask, Client};
use crate::random::{self, Random};
use crate::stage::Stage;

/// Never fewer: what the instance pool keeps warm is shared, and with few components each would seem to cost its part.
const COMPONENTS: usize = 1_000;
const RESIDENT_BYTES_MAX: u64 = 1024 * MIB;
const COMPONENT_BYTES_MAX: u64 = 200 * KIB;
/// Instances without requests are given back after 10 s, the pages of their code some seconds later.
const IDLE: Duration = Duration::from_secs(22);

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let count = COMPONENTS;
    let seed = random::seed();
    eprintln!("  seed {seed}");
    let one = resident(stage, 1, seed)?;
    let many = resident(stage, count, seed)?;
    let each = many.saturating_sub(one) / (count as u64 - 1);
    Ok(Shown {
        passed: many < RESIDENT_BYTES_MAX && each < COMPONENT_BYTES_MAX,
        figure: format!(
            "{count} components, each asked once and idle: {:.1} MiB resident, {:.1} MiB with one, \
             {:.1} KiB per idle component",
            many as f64 / MIB as f64,
            one as f64 / MIB as f64,
            each as f64 / KIB as f64
        ),
    })
}

/// Bytes that a host of so many components occupies when each was asked once and all idle.
fn resident(stage: &Stage, count: usize, seed: u64) -> anyhow::Result<u64> {
    let copies = Copies::written(stage, count)?;
    // The memory of a compiler that has worked is not what components cost.
    copies.serve(stage)?.stop()?;
    let host = copies.serve(stage)?;
    ask_each(&host, &shuffled(count, seed))?;
    thread::sleep(IDLE);
    let bytes = host::resident_bytes(host.id())?;
    host.stop()?;
    Ok(bytes)
}

fn ask_each(host: &Host, numbers: &[usize]) -> anyhow::Result<()> {
    let mut client = Client::new(host.address());
    for number in numbers {
        let path = copies::path(*number);
        let response = client.ask(&Ask::get(&path))?;
        ensure!(
            response.status() == 200,
            "`{path}` answered {}",
            response.shown()
        );
    }
    Ok(())
}

/// Fisher and Yates's shuffle.
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut numbers: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let other = random.between(0, last as u64) as usize;
        numbers.swap(last, other);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_all_in_another_order() {
        let mut numbers = shuffled(100, 7);
        assert!(
            numbers
                .iter()
                .enumerate()
                .any(|(place, number)| place != *number)
        );
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }
}
