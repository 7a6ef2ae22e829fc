//! Programs that tasks start. Each ends with its guard, together with whatever it started; each wait has a bound.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const POLL: Duration = Duration::from_millis(5);
/// How long the end of an output is waited for once its program has ended.
const OUTPUT_MAX: Duration = Duration::from_secs(5);

/// What cargo, rustup and the caller's shell say to this program, and what a program that a person would start by hand
/// does not hear.
const NOT_PASSED_ON: [&str; 9] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_TARGET_DIR",
    "RUSTUP_TOOLCHAIN",
    "RUST_LOG",
    "STOA_HOST",
    "STOA_LISTEN",
    "STOA_TOKEN",
];

/// A running program; killed when this is dropped, with everything it started.
pub(crate) struct Process {
    child: Child,
    watch: Option<Child>,
}

/// How a program ended, and what it said.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

// === impl Process ===

impl Process {
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            // A group of its own: what it starts is found by it, and ends with it.
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", shown(command)))?;
        let mut process = Self { child, watch: None };
        process.watch = Some(watch(process.id()).context("cannot start `sh`")?);
        Ok(process)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says, if that was asked for and not taken yet.
    pub(crate) fn take_outputs(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// How it ended, if it does so within the limit.
    pub(crate) fn wait(&mut self, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().context("cannot wait for a program")? {
                return Ok(Some(status));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) -> anyhow::Result<()> {
        signal("TERM", self.id()).context("cannot run `kill`")
    }

    /// `kill -9`, and nothing before it.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("cannot kill a program")?;
        self.child.wait().context("cannot wait for a program")?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever fails here fails because it is gone already.
        signal("KILL", self.id()).ok();
        self.child.kill().ok();
        self.child.wait().ok();
        if let Some(watch) = &mut self.watch {
            watch.kill().ok();
            watch.wait().ok();
        }
    }
}

// === functions ===

/// A command as a person would give it in `folder`.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if NOT_PASSED_ON.contains(&&*text) || text.starts_with("CARGO_PKG_") {
            command.env_remove(&name);
        }
    }
    command
}

/// A line as a person would type it in `folder`.
pub(crate) fn typed(line: &str, folder: &Path) -> Command {
    let mut command = command("sh", folder);
    command.args(["-e", "-c", line]);
    command
}

/// Where a program lies on the `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Runs a program to its end and keeps what it says.
pub(crate) fn output(command: &mut Command, limit: Duration) -> anyhow::Result<Finished> {
    let mut process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdout, stderr) = process.take_outputs();
    let (stdout, stderr) = (collect(stdout), collect(stderr));
    let status = ended(&mut process, command, limit)?;
    Ok(Finished {
        status,
        stdout: text(&stdout),
        stderr: text(&stderr),
    })
}

/// What a program says that must succeed.
pub(crate) fn successful(command: &mut Command, limit: Duration) -> anyhow::Result<String> {
    let finished = output(command, limit)?;
    if !finished.status.success() {
        bail!(
            "{} failed ({}): {}",
            shown(command),
            finished.status,
            finished.stderr.trim()
        );
    }
    Ok(finished.stdout)
}

/// Runs a program that must succeed and that people may want to watch: all it says goes to standard error.
pub(crate) fn watched(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let mut process = Process::start(command.stdout(io::stderr()))?;
    let status = ended(&mut process, command, limit)?;
    ensure!(status.success(), "{} failed ({status})", shown(command));
    Ok(())
}

fn ended(process: &mut Process, command: &Command, limit: Duration) -> anyhow::Result<ExitStatus> {
    process
        .wait(limit)?
        .with_context(|| format!("{} did not end within {limit:?}", shown(command)))
}

/// A command for people: its program and arguments.
fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(OsStr::to_string_lossy);
    let words: Vec<_> = std::iter::once(command.get_program().to_string_lossy())
        .chain(arguments)
        .collect();
    format!("`{}`", words.join(" "))
}

fn signal(name: &str, group: u32) -> io::Result<()> {
    Command::new("kill")
        .args(["-s", name, "--", &format!("-{group}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(drop)
}

/// Kills the group when this program ends without dropping its guards, as after Ctrl-C: then the other end of its
/// standard input is closed.
fn watch(group: u32) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", "read -r line; kill -s KILL -- \"-$1\"", "watch"])
        .arg(group.to_string())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before a failure is worth showing too.
            stream.read_to_end(&mut bytes).ok();
        }
        // Nobody may be waiting for it any more.
        sender.send(bytes).ok();
    });
    receiver
}

/// Bounded, because something that the program left behind may hold its output open.
fn text(output: &Receiver<Vec<u8>>) -> String {
    let bytes = output.recv_timeout(OUTPUT_MAX).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn what_a_program_says_is_kept_with_its_status() {
        let mut command = typed("echo out; echo err >&2; exit 3", Path::new("/"));
        let finished = output(&mut command, LIMIT).expect("sh is there");
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(
            (finished.stdout.as_str(), finished.stderr.as_str()),
            ("out\n", "err\n")
        );
        assert!(successful(&mut command, LIMIT).is_err());
    }

    #[test]
    fn what_a_program_started_ends_with_its_guard() {
        let mut command = typed("sleep 60 & echo $!; wait", Path::new("/"));
        let mut process = Process::start(command.stdout(Stdio::piped())).expect("sh is there");
        let (stdout, _) = process.take_outputs();
        let output = collect(stdout);
        drop(process);
        // The sleeper held the pipe open: it is closed only when that has ended as well.
        assert!(output.recv_timeout(LIMIT).is_ok());
    }

    #[test]
    fn a_wait_ends_at_its_limit() {
        let mut command = typed("sleep 60", Path::new("/"));
        let error = successful(&mut command, Duration::from_millis(50)).expect_err("it sleeps");
        assert!(error.to_string().contains("did not end within"), "{error}");
    }
}
