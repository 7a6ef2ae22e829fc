//! The last lines that are about components: what guests print and what the host says of them. Kept in memory, for whoever
//! asks the admin API; standard error has them all.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::admin::messages::LogLine;

/// Lines that are kept; the oldest goes first.
const LINES_MAX: usize = 2_000;
/// Bytes of one line; the rest of it is cut off.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Bytes that all kept lines take together.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a component's or revision's name.
const NAME_BYTES_MAX: usize = 256;
/// What a line takes besides its texts, rounded up.
const LINE_OVERHEAD_BYTES: usize = 128;
/// Lines that a follower may be behind; then it misses some and is told so.
const BEHIND_MAX: usize = 512;
/// Where guests print to, whatever their component is called.
const GUEST: &str = "guest";
/// Stands where a line was cut off.
const CUT: char = '…';

/// The kept lines. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Logs(Arc<Kept>);

struct Kept {
    ring: Mutex<Ring>,
    followers: broadcast::Sender<Arc<LogLine>>,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<Arc<LogLine>>,
    bytes: usize,
}

/// The lines that come from now on, of one component or of all.
pub(crate) struct Follower {
    lines: broadcast::Receiver<Arc<LogLine>>,
    component: Option<String>,
}

/// Fills the ring from events.
struct Collector(Logs);

/// One event, as its fields are visited.
struct Reading {
    component: Option<Bounded>,
    revision: Option<Bounded>,
    message: Bounded,
    others: Bounded,
}

/// Text that grows up to a limit, without control characters: it will stand in somebody's terminal.
struct Bounded {
    text: String,
    bytes_max: usize,
    cut: bool,
}

// === impl Logs ===

impl Logs {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Kept {
            ring: Mutex::default(),
            followers: broadcast::Sender::new(BEHIND_MAX),
        }))
    }

    /// What collects the lines: events of guests, and events of `info` and up that name a component. Below `info` nothing
    /// is looked at (guests' lines are `info`), so that tracing's own switch leaves out all that is not wanted.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let about_components = |metadata: &Metadata<'_>| {
            let about =
                metadata.target() == GUEST || metadata.fields().field("component").is_some();
            metadata.is_event() && about
        };
        let wanted = filter_fn(about_components).with_max_level_hint(LevelFilter::INFO);
        Collector(self.clone()).with_filter(wanted)
    }

    /// The last lines, oldest first.
    pub(crate) fn recent(&self, component: Option<&str>, lines: usize) -> Vec<Arc<LogLine>> {
        self.ring().recent(component, lines)
    }

    /// The last lines, and every line after them: none is missed between the two, none is there twice.
    pub(crate) fn follow(
        &self,
        component: Option<String>,
        lines: usize,
    ) -> (Vec<Arc<LogLine>>, Follower) {
        let ring = self.ring();
        let recent = ring.recent(component.as_deref(), lines);
        let lines = self.0.followers.subscribe();
        drop(ring);
        (recent, Follower { lines, component })
    }

    fn push(&self, line: LogLine) {
        let line = Arc::new(line);
        let mut ring = self.ring();
        ring.push(Arc::clone(&line));
        // Under the lock: whoever begins to follow has a line in the ring or is sent it, never both.
        if self.0.followers.receiver_count() > 0 {
            drop(self.0.followers.send(line));
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().expect("keeping lines does not panic")
    }
}

// === impl Ring ===

impl Ring {
    fn push(&mut self, line: Arc<LogLine>) {
        self.bytes += weight(&line);
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= weight(&oldest);
        }
    }

    fn recent(&self, component: Option<&str>, lines: usize) -> Vec<Arc<LogLine>> {
        let newest = self.lines.iter().rev();
        let mut found: Vec<_> = newest
            .filter(|line| is_about(line, component))
            .take(lines)
            .cloned()
            .collect();
        found.reverse();
        found
    }
}

fn weight(line: &LogLine) -> usize {
    let names = [&line.component, &line.revision];
    let names: usize = names.into_iter().flatten().map(String::len).sum();
    LINE_OVERHEAD_BYTES + names + line.text.len()
}

fn is_about(line: &LogLine, component: Option<&str>) -> bool {
    component.is_none_or(|component| line.component.as_deref() == Some(component))
}

// === impl Follower ===

impl Follower {
    /// The next line; none when there will be none. Who reads too slowly is told how many lines went by, and goes on.
    pub(crate) async fn next(&mut self) -> Option<Arc<LogLine>> {
        loop {
            match self.lines.recv().await {
                Ok(line) if is_about(&line, self.component.as_deref()) => return Some(line),
                Ok(_) => {}
                Err(RecvError::Lagged(lines)) => return Some(Arc::new(missed(lines))),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn missed(lines: u64) -> LogLine {
    LogLine {
        at_ms: now_ms(),
        level: "warn".into(),
        component: None,
        revision: None,
        text: format!("{lines} lines went by faster than they were read, they are missing here"),
    }
}

// === impl Collector ===

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut reading = Reading::new();
        event.record(&mut reading);
        self.0.push(reading.line(event.metadata()));
    }
}

// === impl Reading ===

impl Reading {
    fn new() -> Self {
        Self {
            component: None,
            revision: None,
            message: Bounded::new(LINE_BYTES_MAX),
            others: Bounded::new(LINE_BYTES_MAX),
        }
    }

    fn field(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        match field.name() {
            "message" => self.message.add(value),
            "component" => self.component = Some(Bounded::of(value)),
            "revision" => self.revision = Some(Bounded::of(value)),
            name => self.others.add(format_args!(" {name}={value}")),
        }
    }

    fn line(self, metadata: &Metadata<'_>) -> LogLine {
        let mut text = self.message;
        if !text.cut {
            text.add(format_args!("{}", self.others.text));
            text.cut |= self.others.cut;
        }
        LogLine {
            at_ms: now_ms(),
            level: metadata.level().as_str().to_ascii_lowercase(),
            component: self.component.map(Bounded::finish),
            revision: self.revision.map(Bounded::finish),
            text: text.finish(),
        }
    }
}

impl Visit for Reading {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, format_args!("{value:?}"));
    }
}

// === impl Bounded ===

impl Bounded {
    fn new(bytes_max: usize) -> Self {
        Self {
            text: String::new(),
            bytes_max: bytes_max - CUT.len_utf8(),
            cut: false,
        }
    }

    fn of(value: fmt::Arguments<'_>) -> Self {
        let mut name = Self::new(NAME_BYTES_MAX);
        name.add(value);
        name
    }

    fn add(&mut self, value: fmt::Arguments<'_>) {
        // Whatever cannot be shown whole ends there.
        if self.write_fmt(value).is_err() {
            self.cut = true;
        }
    }

    fn finish(mut self) -> String {
        if self.cut {
            self.text.push(CUT);
        }
        self.text
    }
}

impl Write for Bounded {
    /// The error ends the formatting early: a huge value is not formatted for nothing.
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for written in part.chars() {
            let shown = match written {
                '\t' | '\n' => written,
                control if control.is_control() => char::REPLACEMENT_CHARACTER,
                other => other,
            };
            if self.text.len() + shown.len_utf8() > self.bytes_max {
                return Err(fmt::Error);
            }
            self.text.push(shown);
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO).as_millis();
    u64::try_from(since).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tracing::{debug, info, warn};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// The lines that are kept of what `say` logs.
    fn kept(say: impl FnOnce()) -> Logs {
        let logs = Logs::new();
        let subscriber = tracing_subscriber::registry().with(logs.layer());
        tracing::subscriber::with_default(subscriber, say);
        logs
    }

    fn texts(lines: &[Arc<LogLine>]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    fn all(logs: &Logs) -> Vec<Arc<LogLine>> {
        logs.recent(None, LINES_MAX)
    }

    #[test]
    fn what_names_no_component_is_not_kept() {
        let logs = kept(|| {
            info!("stopping");
            info!(target: "access", status = 200, "request");
            debug!(component = "a", "a request was refused");
        });
        assert!(all(&logs).is_empty(), "{:?}", all(&logs));
    }

    #[test]
    fn what_is_kept_has_a_bound_in_lines_and_in_bytes() {
        let logs = kept(|| {
            for number in 0..LINES_MAX + 5 {
                info!(component = "a", "{number}");
            }
        });
        let lines = all(&logs);
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines[0].text, "5");

        let long = "x".repeat(2 * LINE_BYTES_MAX);
        let logs = kept(|| {
            for _ in 0..LINES_MAX {
                info!(target: GUEST, component = "a", "{long}");
            }
        });
        let lines = all(&logs);
        assert!(lines.iter().all(|line| line.text.len() <= LINE_BYTES_MAX));
        assert!(lines.iter().all(|line| line.text.ends_with(CUT)));
        let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
        assert!(bytes <= BYTES_MAX, "{bytes}");
        assert!(lines.len() >= 500, "{}", lines.len());
    }

    #[test]
    fn no_escape_reaches_a_terminal() {
        let logs = kept(|| warn!(component = "a", error = "\u{1b}[2Jgone", "instance trapped"));
        assert_eq!(
            texts(&all(&logs)),
            ["instance trapped error=\u{fffd}[2Jgone"]
        );
    }

    #[test]
    fn a_line_has_its_component_its_revision_and_its_other_fields() {
        let logs = kept(|| {
            info!(target: "guest", component = %"products", revision = "f00", instance = 3, stream = "stdout", "hello");
            warn!(component = "users", limit = ?Some(1), "too much");
        });
        let lines = all(&logs);
        assert_eq!(
            texts(&lines),
            ["hello instance=3 stream=stdout", "too much limit=Some(1)"]
        );
        assert_eq!(lines[0].component.as_deref(), Some("products"));
        assert_eq!(lines[0].revision.as_deref(), Some("f00"));
        assert_eq!(
            (lines[0].level.as_str(), lines[1].level.as_str()),
            ("info", "warn")
        );
        assert!(lines[0].at_ms > 0);
    }

    #[test]
    fn the_newest_of_one_component_are_given_oldest_first() {
        let logs = kept(|| {
            for number in 0..6 {
                let component = if number % 2 == 0 { "even" } else { "odd" };
                info!(component, "{number}");
            }
        });
        assert_eq!(texts(&logs.recent(Some("even"), 2)), ["2", "4"]);
        assert_eq!(texts(&logs.recent(None, 3)), ["3", "4", "5"]);
        assert!(logs.recent(Some("other"), 2).is_empty());
    }

    #[tokio::test]
    async fn a_follower_goes_on_where_the_recent_lines_end() {
        let logs = kept(|| info!(component = "a", "before"));
        let (recent, mut follower) = logs.follow(Some("a".into()), 10);
        assert_eq!(texts(&recent), ["before"]);
        let subscriber = tracing_subscriber::registry().with(logs.layer());
        tracing::subscriber::with_default(subscriber, || {
            info!(component = "b", "of another");
            info!(component = "a", "after");
        });
        assert_eq!(follower.next().await.expect("there is one").text, "after");
        drop(logs);
        assert!(follower.next().await.is_none());
    }

    #[tokio::test]
    async fn who_reads_too_slowly_is_told_what_is_missing_and_goes_on() {
        let logs = Logs::new();
        let (_, mut follower) = logs.follow(None, 0);
        let subscriber = tracing_subscriber::registry().with(logs.layer());
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..BEHIND_MAX + 7 {
                info!(component = "a", "{number}");
            }
        });
        let told = follower.next().await.expect("it is told");
        assert!(told.text.starts_with("7 lines went by"), "{}", told.text);
        assert_eq!(follower.next().await.expect("it goes on").text, "7");
    }
}
