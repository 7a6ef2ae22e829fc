//! `--log-dir`: what components print, in files as Spin names them: `<component>_stdout.txt` and `<component>_stderr.txt`.
//!
//! A thread of its own writes them, so that no guest waits for a disk; what it cannot keep up with is left out, and the
//! file says so. A file that has grown too large is set aside under `….old`, in place of the one before. What cannot be
//! written is told once a minute: a full disk must not fill the log as well.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::GUEST;

/// Lines that wait to be written; of more, the newest are left out. Guests' lines have at most 8 KiB.
const WAITING_MAX: usize = 4_096;
/// Bytes of one file, before it is set aside.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Streams that have a file; more than any application has components.
const FILES_MAX: usize = 4_096;
/// How long the end of the process waits for lines to be written, and how often it looks.
const FLUSH_MAX: Duration = Duration::from_secs(1);
const FLUSH_LOOK: Duration = Duration::from_millis(5);
/// How long nothing more is told of lines that cannot be written.
const TOLD_PAUSE: Duration = Duration::from_secs(60);
/// What the names of files end with.
const ENDINGS: [&str; 2] = ["_stdout.txt", "_stderr.txt"];

/// The files, once they are opened. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Printouts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: OnceLock<SyncSender<Line>>,
    /// Lines that are not written yet.
    waiting: AtomicUsize,
    /// Lines that were left out since the last that was taken.
    missed: AtomicU64,
}

/// What a guest printed, up to the end of a line.
#[derive(Debug, Default)]
struct Line {
    component: String,
    stream: String,
    text: String,
}

struct Collector(Printouts);

/// What writes.
struct Writer {
    folder: PathBuf,
    files: HashMap<String, Opened>,
    bytes_max: u64,
    /// When it was told last that a line could not be written.
    told: Option<Instant>,
}

struct Opened {
    file: File,
    bytes: u64,
}

// === impl Printouts ===

impl Printouts {
    /// Writes from now on, until the process ends. Once per process.
    ///
    /// # Errors
    /// When the folder cannot be made or emptied.
    pub(crate) fn open(&self, folder: &Path, truncate: bool) -> anyhow::Result<()> {
        let shown = folder.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("cannot make the folder `{shown}` for `--log-dir`"))?;
        if truncate {
            empty(folder).with_context(|| format!("cannot empty the files in `{shown}`"))?;
        }
        let (queue, lines) = mpsc::sync_channel(WAITING_MAX);
        let writer = Writer {
            folder: folder.to_owned(),
            files: HashMap::new(),
            bytes_max: FILE_BYTES_MAX,
            told: None,
        };
        let shared = Arc::clone(&self.0);
        thread::Builder::new()
            .name("printouts".into())
            .spawn(move || writer.run(&lines, &shared))
            .context("cannot start a thread for `--log-dir`")?;
        // Opened twice, the second thread has nobody to listen to and ends.
        self.0.queue.set(queue).ok();
        Ok(())
    }

    /// Waits until what was printed so far is written, for a moment at most: blocks.
    pub(crate) fn flush(&self) {
        let until = Instant::now() + FLUSH_MAX;
        while self.0.waiting.load(Ordering::Acquire) > 0 && Instant::now() < until {
            thread::sleep(FLUSH_LOOK);
        }
    }

    /// What collects the lines.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let printed = |metadata: &Metadata<'_>| metadata.is_event() && metadata.target() == GUEST;
        let wanted = filter_fn(printed).with_max_level_hint(LevelFilter::INFO);
        Collector(self.clone()).with_filter(wanted)
    }
}

// === impl Collector ===

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Shared {
            queue,
            waiting,
            missed,
        } = &*self.0.0;
        let Some(queue) = queue.get() else {
            return;
        };
        let mut line = Line::default();
        event.record(&mut line);
        // Before it is written and counted off.
        waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = queue.try_send(line) {
            waiting.fetch_sub(1, Ordering::Release);
            if matches!(error, TrySendError::Full(_)) {
                missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, format_args!("{value:?}"));
    }
}

impl Line {
    fn field(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        match field.name() {
            "message" => self.text = value.to_string(),
            "component" => self.component = value.to_string(),
            "stream" => self.stream = value.to_string(),
            _ => {}
        }
    }
}

// === impl Writer ===

impl Writer {
    fn run(mut self, lines: &Receiver<Line>, shared: &Shared) {
        while let Ok(line) = lines.recv() {
            let missed = shared.missed.swap(0, Ordering::Relaxed);
            let written = match missed {
                0 => Ok(()),
                missed => {
                    let told = format!("[{missed} lines of all components are missing here]");
                    self.write(&line, &told)
                }
            };
            let written = written.and_then(|()| self.write(&line, &line.text));
            if let Err(error) = written {
                self.failed(&line, &error);
            }
            shared.waiting.fetch_sub(1, Ordering::Release);
        }
    }

    fn failed(&mut self, line: &Line, error: &io::Error) {
        self.files.clear();
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_PAUSE) {
            self.told = Some(Instant::now());
            // To the log and not to the file: this line is no guest's, so it does not come back here.
            let component = &line.component;
            tracing::warn!(component, %error, "what components print cannot be written to their files");
        }
    }

    fn write(&mut self, line: &Line, text: &str) -> io::Result<()> {
        // Ids of components hold no slash and no dot.
        let name = format!("{}_{}.txt", line.component, line.stream);
        let path = self.folder.join(&name);
        if self.files.len() >= FILES_MAX {
            self.files.clear();
        }
        let opened = match self.files.remove(&name) {
            Some(opened) => opened,
            None => Opened::at(&path)?,
        };
        let mut opened = match opened.bytes >= self.bytes_max {
            false => opened,
            true => {
                fs::rename(&path, path.with_extension("txt.old"))?;
                Opened::at(&path)?
            }
        };
        let text = format!("{text}\n");
        opened.file.write_all(text.as_bytes())?;
        opened.bytes += text.len() as u64;
        self.files.insert(name, opened);
        Ok(())
    }
}

impl Opened {
    fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

/// Empties what was written before, and nothing else that lies there.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_ours = name.is_some_and(|name| ENDINGS.iter().any(|ending| name.ends_with(ending)));
        if is_ours {
            File::options().write(true).truncate(true).open(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(component: &str, stream: &str, text: &str) -> Line {
        Line {
            component: component.into(),
            stream: stream.into(),
            text: text.into(),
        }
    }

    fn writer(folder: &Path, bytes_max: u64) -> Writer {
        Writer {
            folder: folder.to_owned(),
            files: HashMap::new(),
            bytes_max,
            told: None,
        }
    }

    fn text(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap_or_default()
    }

    #[test]
    fn only_what_components_printed_is_emptied() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["a_stdout.txt", "b_stderr.txt", "notes.txt"] {
            fs::write(folder.path().join(name), "x").expect("it can be written");
        }
        empty(folder.path()).expect("they can be emptied");
        assert_eq!(text(folder.path(), "a_stdout.txt"), "");
        assert_eq!(text(folder.path(), "b_stderr.txt"), "");
        assert_eq!(text(folder.path(), "notes.txt"), "x");
    }

    #[test]
    fn a_disk_that_fails_is_told_of_once_a_minute_and_tried_again() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut writer = writer(&folder.path().join("gone"), 1_000);
        let line = line("a", "stdout", "x");
        let error = writer.write(&line, &line.text);
        let error = error.expect_err("there is no such folder");
        writer.failed(&line, &error);
        let told = writer.told;
        assert!(told.is_some());
        writer.failed(&line, &error);
        assert_eq!(writer.told, told);
        fs::create_dir(folder.path().join("gone")).expect("it can be made");
        writer.write(&line, &line.text).expect("it can be written");
    }

    #[test]
    fn every_stream_has_its_file_and_is_written_on() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for round in ["1", "2"] {
            let mut writer = writer(folder.path(), 1_000);
            for (component, stream) in [("a", "stdout"), ("a", "stderr"), ("b", "stdout")] {
                let line = line(component, stream, round);
                writer.write(&line, &line.text).expect("it can be written");
            }
        }
        for name in ["a_stdout.txt", "a_stderr.txt", "b_stdout.txt"] {
            assert_eq!(text(folder.path(), name), "1\n2\n");
        }
    }

    #[test]
    fn a_file_that_has_grown_is_set_aside() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut writer = writer(folder.path(), 4);
        for text in ["one", "two", "three"] {
            let line = line("a", "stdout", text);
            writer.write(&line, &line.text).expect("it can be written");
        }
        assert_eq!(text(folder.path(), "a_stdout.txt"), "three\n");
        assert_eq!(text(folder.path(), "a_stdout.txt.old"), "two\n");
    }

    #[test]
    fn lines_that_were_left_out_are_told_of() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (queue, lines) = mpsc::sync_channel(1);
        let shared = Shared::default();
        shared.missed.store(3, Ordering::Relaxed);
        shared.waiting.store(1, Ordering::Relaxed);
        queue.send(line("a", "stdout", "x")).expect("there is room");
        drop(queue);
        writer(folder.path(), 1_000).run(&lines, &shared);
        let expected = "[3 lines of all components are missing here]\nx\n";
        assert_eq!(text(folder.path(), "a_stdout.txt"), expected);
        assert_eq!(shared.waiting.load(Ordering::Relaxed), 0);
    }
}
