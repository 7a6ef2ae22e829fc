//! What guests print becomes log lines with component, revision and instance.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tracing::{info, warn};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use stoa_manifest::ComponentId;

use crate::metrics::RUNTIME_LOG_BYTES_DROPPED_TOTAL;
use crate::revision::Revision;

/// What a line costs beside its text: time, component, revision, instance.
const LINE_BYTES_MIN: usize = 256;
/// A line that is longer is cut into several.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// What a write is told it may bring.
const WRITE_BYTES_MAX: usize = 64 * 1024;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Where an instance prints to. A guest never waits for the log: what is over the component's budget is dropped and
/// counted.
#[derive(Clone)]
pub(crate) struct Output(Arc<Line>);

struct Line {
    revision: Arc<Revision>,
    instance: u64,
    stream: Stream,
    /// What came after the last line end.
    started: Mutex<Vec<u8>>,
}

impl Output {
    pub(crate) fn new(revision: &Arc<Revision>, instance: u64, stream: Stream) -> Self {
        Self(Arc::new(Line {
            revision: Arc::clone(revision),
            instance,
            stream,
            started: Mutex::default(),
        }))
    }
}

impl Line {
    fn print(&self, bytes: &[u8]) {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        if !self.revision.log_budget.spend(
            &self.revision.component,
            bytes.len() + lines * LINE_BYTES_MIN,
        ) {
            let component = self.revision.component.to_string();
            metrics::counter!(RUNTIME_LOG_BYTES_DROPPED_TOTAL, "component" => component)
                .increment(bytes.len() as u64);
            return;
        }
        let mut started = self.started.lock().expect("printing does not panic");
        for byte in bytes {
            match byte {
                b'\n' => self.emit(&mut started),
                byte => {
                    started.push(*byte);
                    if started.len() >= LINE_BYTES_MAX {
                        self.emit(&mut started);
                    }
                }
            }
        }
    }

    fn emit(&self, line: &mut Vec<u8>) {
        let Revision { component, id, .. } = &*self.revision;
        let (instance, stream) = (self.instance, self.stream.name());
        // Whatever a guest prints, one line stays one line and no escape reaches a terminal.
        let text = String::from_utf8_lossy(line);
        let text: String = text
            .trim_end_matches('\r')
            .chars()
            .map(|c| {
                if c.is_control() && c != '\t' {
                    '\u{fffd}'
                } else {
                    c
                }
            })
            .collect();
        info!(target: "guest", %component, revision = %id, instance, stream, "{text}");
        line.clear();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut rest = std::mem::take(self.started.get_mut().expect("printing does not panic"));
        if !rest.is_empty() {
            self.emit(&mut rest);
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Bytes that a component may print in each second; what is over is dropped.
pub(crate) struct Budget {
    bytes_per_second_max: u64,
    window: Mutex<Window>,
}

struct Window {
    start: Instant,
    spent: u64,
    exceeded: bool,
}

impl Budget {
    pub(crate) fn new(bytes_per_second_max: u64) -> Self {
        Self {
            bytes_per_second_max,
            window: Mutex::new(Window::starting(Instant::now())),
        }
    }

    /// Takes `bytes` from this second's budget, or refuses; the first refusal of a second is logged.
    fn spend(&self, component: &ComponentId, bytes: usize) -> bool {
        let (now, bytes) = (Instant::now(), bytes as u64);
        let mut window = self.window.lock().expect("counting does not panic");
        if now.duration_since(window.start) >= SECOND {
            *window = Window::starting(now);
        }
        if window.spent + bytes <= self.bytes_per_second_max {
            window.spent += bytes;
            return true;
        }
        if !std::mem::replace(&mut window.exceeded, true) {
            warn!(%component, limit = self.bytes_per_second_max, "a component prints over its log limit, the rest of the second is dropped"
            );
        }
        false
    }
}

impl Window {
    fn starting(start: Instant) -> Self {
        Self {
            start,
            spent: 0,
            exceeded: false,
        }
    }
}
