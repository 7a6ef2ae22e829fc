//! Long steps: a line that moves on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::output;

const REFRESH: Duration = Duration::from_millis(200);

/// A step that is under way, from its start to [`Step::done`] or its drop.
pub(crate) struct Step {
    name: String,
    start: Instant,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Step {
    /// A step whose own output shows its progress.
    pub(crate) fn announce(name: impl Into<String>) -> Self {
        let (name, start) = (name.into(), Instant::now());
        output::note(format_args!("{name} ..."));
        Self {
            name,
            start,
            ticker: None,
        }
    }

    /// A silent step.
    pub(crate) fn start(name: impl Into<String>) -> Self {
        let (name, start) = (name.into(), Instant::now());
        let ticker = std::io::stderr()
            .is_terminal()
            .then(|| tick(name.clone(), start));
        if ticker.is_none() {
            output::note(format_args!("{name} ..."));
        }
        Self {
            name,
            start,
            ticker,
        }
    }

    /// Ends the step with what came of it.
    pub(crate) fn done(mut self, outcome: &str) {
        self.stop();
        let seconds = self.start.elapsed().as_secs_f64();
        output::note(format_args!("{}: {outcome} ({seconds:.1} s)", self.name));
    }

    fn stop(&mut self) {
        if let Some((stop, thread)) = self.ticker.take() {
            drop(stop);
            drop(thread.join());
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.stop();
    }
}

fn tick(name: String, start: Instant) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(REFRESH) {
            let seconds = start.elapsed().as_secs_f64();
            output::part(format_args!("\r{name} ... {seconds:.0} s"));
        }
        // Clears the line for what follows.
        output::part("\r\x1b[2K");
    });
    (stop, thread)
}
