//! How much of the machine a compilation may take.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tracing::warn;

/// What leaves the processor to everybody else: the kernel gives a thread of this niceness about a seventieth of what it
/// gives one that serves requests.
const NICENESS: i32 = 19;
/// Threads per core. Work is dealt out in portions, one per thread at first, and functions are of very different sizes: with
/// one portion per core, one core was done when the other had half of the time still before it.
const THREADS_PER_CORE: usize = 2;

/// When a component is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Before anything is served: as fast as the machine can.
    Start,
    /// Beside live traffic: on threads that give way to it. On a machine that is idle it takes as long as the other.
    Niced,
}

/// The threads that compile beside live traffic, made when they are first needed. None where they cannot be made.
#[derive(Default)]
pub(crate) struct Compilers(OnceLock<Option<ThreadPool>>);

impl Compilers {
    /// Runs `compile`, and all that it does in parallel, at its pace. Blocks until it is done.
    pub(crate) fn run<R: Send>(&self, pace: Pace, compile: impl FnOnce() -> R + Send) -> R {
        match pace {
            Pace::Start => compile(),
            Pace::Niced => match self.0.get_or_init(niced) {
                // Whatever it gives to rayon stays in the pool.
                Some(pool) => pool.install(compile),
                None => compile(),
            },
        }
    }
}

fn niced() -> Option<ThreadPool> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ThreadPoolBuilder::new()
        .num_threads(cores * THREADS_PER_CORE)
        .thread_name(|number| format!("compile-{number}"))
        .start_handler(|_| give_way())
        .build()
        .inspect_err(
            |error| warn!(%error, "no threads to compile on, deploys compile at full speed"),
        )
        .ok()
}

/// On Linux the priority of a "process" is that of the thread with its number, and of no other.
fn give_way() {
    if let Err(error) = setpriority_process(Some(gettid()), NICENESS) {
        warn!(%error, "a compiling thread keeps its priority");
    }
}

#[cfg(test)]
mod tests {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};
    use rustix::process::getpriority_process;

    use super::*;

    fn niceness() -> i32 {
        getpriority_process(Some(gettid())).expect("a thread may ask for its own")
    }

    #[test]
    fn what_is_compiled_beside_traffic_is_niced_with_all_its_parallel_work_and_nothing_else_is() {
        let (compilers, before) = (Compilers::default(), niceness());
        let everywhere = || {
            (0..64)
                .into_par_iter()
                .map(|_| niceness())
                .collect::<Vec<_>>()
        };
        let (own, parallel) = compilers.run(Pace::Niced, || (niceness(), everywhere()));
        assert_eq!(own, NICENESS);
        assert!(
            parallel.iter().all(|nice| *nice == NICENESS),
            "{parallel:?}"
        );
        assert_eq!(compilers.run(Pace::Start, niceness), before);
        assert_eq!(niceness(), before);
    }
}
