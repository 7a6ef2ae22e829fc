//! Long steps: a line that moves on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::output;

const REFRESH: Duration = Duration::from_millis(200);
/// Clears the line that moves, for what follows.
const CLEAR: &str = "\r\x1b[2K";

/// A step whose own output shows its progress.
pub(crate) struct Step {
    name: String,
    start: Instant,
}

impl Step {
    pub(crate) fn announce(name: impl Into<String>) -> Self {
        let (name, start) = (name.into(), Instant::now());
        output::note(format_args!("{name} ..."));
        Self { name, start }
    }

    /// Ends the step with what came of it.
    pub(crate) fn done(self, outcome: &str) {
        let seconds = self.start.elapsed().as_secs_f64();
        output::note(format_args!("{}: {outcome} ({seconds:.1} s)", self.name));
    }
}

/// Components that are prepared side by side, from the start to [`Progress::done`] or its drop.
pub(crate) struct Progress {
    prepared: Arc<AtomicUsize>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(crate) fn start(components: usize) -> Self {
        let prepared = Arc::new(AtomicUsize::new(0));
        let moving = std::io::stderr().is_terminal();
        let ticker = moving.then(|| tick(components, Arc::clone(&prepared)));
        Self { prepared, ticker }
    }

    /// One more is prepared; says what came of it.
    pub(crate) fn note(&self, line: &str) {
        self.prepared.fetch_add(1, Ordering::Relaxed);
        match self.ticker {
            Some(_) => output::note(format_args!("{CLEAR}{line}")),
            None => output::note(line),
        }
    }

    pub(crate) fn done(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some((stop, thread)) = self.ticker.take() {
            drop(stop);
            drop(thread.join());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

fn tick(components: usize, prepared: Arc<AtomicUsize>) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = mpsc::channel();
    let start = Instant::now();
    let thread = std::thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(REFRESH) {
            let (prepared, seconds) = (prepared.load(Ordering::Relaxed), start.elapsed().as_secs());
            output::part(format_args!(
                "\rPreparing components, {prepared} of {components} ... {seconds} s"
            ));
        }
        output::part(CLEAR);
    });
    (stop, thread)
}
