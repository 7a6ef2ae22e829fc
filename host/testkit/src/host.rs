//! The binary as a user runs it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// A start takes at most so long, compiling included; a bound for broken runs, not a measure.
const START_MAX: Duration = Duration::from_secs(120);

/// A host that is about to be started: a folder with a manifest.
pub struct Launch {
    folder: TempDir,
    binary: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A host that listens. Killed when dropped.
pub struct Host {
    child: Child,
    address: SocketAddr,
    stderr: mpsc::Receiver<String>,
    launch: Launch,
}

/// A host that has ended.
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All it printed to standard error.
    pub stderr: String,
}

impl Launch {
    /// Takes the path of the binary (`env!("CARGO_BIN_EXE_stoa")`) and the manifest's text.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn new(binary: &str, manifest: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("spin.toml"), manifest)
            .expect("the manifest can be written");
        Self {
            folder,
            binary: binary.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// The folder of the manifest, to put more files into.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds arguments after `up`.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs another program in its place, such as a script around it.
    #[must_use]
    pub fn binary(mut self, binary: String) -> Self {
        self.binary = binary;
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead, or does not listen in time.
    pub fn start(self) -> Host {
        let (child, address, stderr) = self.spawn();
        Host {
            child,
            address,
            stderr,
            launch: self,
        }
    }

    fn spawn(&self) -> (Child, SocketAddr, mpsc::Receiver<String>) {
        let mut child = self
            .command(&["--listen", "127.0.0.1:0"])
            .spawn()
            .expect("the binary can be run");
        let stdout = BufReader::new(child.stdout.take().expect("its output is piped"));
        let stderr = lines(BufReader::new(
            child.stderr.take().expect("its errors are piped"),
        ));
        let printed = lines(stdout);
        let address = loop {
            match printed.recv_timeout(START_MAX) {
                Ok(line) => {
                    if let Some(address) = line
                        .split("://")
                        .nth(1)
                        .filter(|_| line.starts_with("listening on "))
                    {
                        break address.parse().expect("it prints its address");
                    }
                }
                Err(error) => {
                    drop(child.kill());
                    panic!(
                        "the host does not listen ({error}):\n{}",
                        stderr.iter().collect::<Vec<_>>().join("\n")
                    );
                }
            }
        };
        (child, address, stderr)
    }

    /// Runs it to its end, for starts that must fail.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn fail(&self) -> Ended {
        // By the environment, so that arguments still count: no two starts must want one port.
        let output = self
            .command(&[])
            .env("STOA_LISTEN", "127.0.0.1:0")
            .output()
            .expect("the binary can be run");
        Ended {
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("up")
            .args(more)
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Host {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its manifest.
    pub fn folder(&self) -> &Path {
        self.launch.folder()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`.
    ///
    /// # Panics
    /// When there is no `kill`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.id().to_string()])
            .status();
        assert!(
            sent.expect("kill can be run").success(),
            "the host is gone already"
        );
    }

    /// Waits for a line of its log that contains `part`, and answers it.
    ///
    /// # Panics
    /// When none comes.
    pub fn logged(&self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.stderr.recv_timeout(START_MAX) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("nothing of `{part}` in the log:\n{}", seen.join("\n")),
            }
        }
    }

    /// Waits for its end, and starts it again on the same folder.
    ///
    /// # Panics
    /// When it does not listen again.
    #[must_use]
    pub fn restarted(mut self) -> Self {
        self.child.wait().expect("the host can be waited for");
        (self.child, self.address, self.stderr) = self.launch.spawn();
        self
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn ended(mut self) -> Ended {
        let status = self.child.wait().expect("the host can be waited for");
        let stderr: Vec<String> = self.stderr.iter().collect();
        Ended {
            status,
            stderr: stderr.join("\n"),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads lines on a thread, so that a full pipe never stops the host.
fn lines(reader: BufReader<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                // Nobody reads any more; the pipe is emptied all the same.
            }
        }
    });
    lines
}
