//! A host on a folder of its own, and the command line about it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use stoa_testkit::{Host, Launch};

use crate::release::Release;
use crate::visitor::{Answer, Connection};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// Whatever is waited for is seen within this; a bound for broken runs, not a measure.
const SEEN_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A host that serves.
pub(crate) struct Stage {
    host: Host,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

// === impl Stage ===

impl Stage {
    /// Serves a release from its folder.
    pub(crate) fn serving(first: &Release) -> Self {
        Self::start(launch(first))
    }

    pub(crate) fn start(launch: Launch) -> Self {
        Self {
            host: launch.start(),
        }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// Runs a command about this host.
    pub(crate) fn stoa(&self, arguments: &[&str]) -> Told {
        stoa(&self.state(), arguments)
    }

    /// Runs `stoa deploy` of a release in another folder than the host was started with.
    pub(crate) fn deploy(&self, release: &Release, arguments: &[&str]) -> Told {
        self.offer("deploy", release, arguments)
    }

    /// Runs `stoa diff` in the same way.
    pub(crate) fn diff(&self, release: &Release, arguments: &[&str]) -> Told {
        self.offer("diff", release, arguments)
    }

    fn offer(&self, command: &str, release: &Release, arguments: &[&str]) -> Told {
        let folder = tempfile::tempdir().expect("a folder can be made");
        release.write(folder.path());
        let file = folder.path().display().to_string();
        let offer = [command, "--skip-build", "-f", file.as_str()];
        self.stoa(&[&offer[..], arguments].concat())
    }

    /// What `stoa status --json` says.
    pub(crate) fn status(&self) -> Value {
        let told = self.stoa(&["status", "--json"]).done();
        serde_json::from_str(&told.stdout).expect("it is JSON")
    }

    /// The value of `stoa-release` that reaches the candidate.
    pub(crate) fn key(&self) -> String {
        let status = self.status();
        let key = status["key"].as_str();
        key.expect("there is a candidate").to_owned()
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        Connection::open(self.address()).get(path, headers)
    }

    /// Which revision answers, on a connection of its own.
    #[track_caller]
    pub(crate) fn word(&self) -> String {
        self.get("/quick", &[]).word()
    }

    /// Nothing was published: the first release answers, in the first version.
    #[track_caller]
    pub(crate) fn assert_untouched(&self) {
        let status = self.status();
        assert_eq!(status["version"], 1, "{status}");
        assert_eq!(status["candidate"], Value::Null, "{status}");
        assert_eq!(self.word(), crate::release::steady(1));
    }

    /// Ends it by a signal, and starts it again on the same folder.
    pub(crate) fn restarted(self, signal: &str) -> Self {
        self.host.signal(signal);
        Self {
            host: self.host.restarted(),
        }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.host.folder().join(".stoa")
    }

    /// Where its admin API is.
    pub(crate) fn admin(&self) -> SocketAddr {
        let url = fs::read_to_string(self.state().join("admin.url")).expect("it runs");
        let address = url.strip_prefix("http://").expect("it is on loopback");
        address.parse().expect("it is an address")
    }
}

// === impl Told ===

impl Told {
    /// It did what it was told.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It did not, with this code and all of these words.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            let told = &self.stderr;
            assert!(told.contains(part), "`{part}` is missing in:\n{told}");
        }
        self
    }

    /// All of these are in what it printed.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            let told = &self.stdout;
            assert!(told.contains(part), "`{part}` is missing in:\n{told}");
        }
        self
    }
}

// === functions ===

/// A host that is to be started on the folder of a release.
pub(crate) fn launch(first: &Release) -> Launch {
    let launch = Launch::new(STOA, "");
    first.write(launch.folder());
    launch
}

/// The same, with a runtime configuration.
pub(crate) fn configured(first: &Release, configuration: &str) -> Launch {
    let launch = launch(first);
    fs::write(launch.folder().join("rc.toml"), configuration).expect("it can be written");
    launch.arguments(&["--runtime-config-file", "rc.toml"])
}

/// Runs a command about the host of a state directory.
pub(crate) fn stoa(state: &Path, arguments: &[&str]) -> Told {
    let output = Command::new(STOA)
        .args(arguments)
        .arg("--state-dir")
        .arg(state)
        .env_remove("STOA_HOST")
        .env_remove("STOA_TOKEN")
        .stdin(Stdio::null())
        .output()
        .expect("the binary can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SEEN_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never seen: {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}
