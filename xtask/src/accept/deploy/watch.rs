//! `stoa up --watch`: what is saved is built and serves; a build that fails says why and changes nothing.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::application::CONFIGURATION;
use super::guests::{Guests, Word};
use super::release::{self, Extra, Release};
use super::said;
use super::wait;
use crate::accept::Shown;
use crate::host::{self, Host, START_MAX};
use crate::stage::Stage;

/// From saving to the first answer, or to the compiler's words. The build is a copy.
const SAVED_MAX: Duration = Duration::from_secs(30);
/// What the build says when it fails.
const COMPLAINT: &str = "error: the probe does not compile";

/// The component that is built, from a file in a folder of its own that is watched.
const BUILD: &str = "
[component.p3.build]
command = \"sh build.sh\"
watch = [\"source/**/*\", \"build.sh\"]
";
const SCRIPT: &str = "\
if grep -q broken source/note.txt; then
    echo 'error: the probe does not compile' >&2
    exit 1
fi
cp source/guest.wasm p3.wasm.new
mv p3.wasm.new p3.wasm
";

/// A folder with sources.
struct Sources {
    folder: PathBuf,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let guests = Guests::built(stage)?;
    let folder = stage.folder("watch")?;
    let sources = Sources {
        folder: folder.join("application"),
    };
    let manifest = sources.lay(&guests)?;
    let configuration = folder.join("runtime.toml");
    release::write(&configuration, CONFIGURATION.as_bytes())?;
    let mut command = host::up(stage.stoa(), &manifest, &folder.join("state"));
    command
        .arg("--watch")
        .arg("--runtime-config-file")
        .arg(&configuration);
    let host = Host::start(&mut command, START_MAX)?;
    let address = host.address();
    ensure!(
        serving(address)? == Word::steady(0).text(),
        "it does not serve what lay there"
    );
    let swapped = swaps(&sources, &guests, Word::steady(1), address)?;
    let complained = complains(&sources, &host)?;
    ensure!(
        serving(address)? == Word::steady(1).text(),
        "a build that failed took the old revision away"
    );
    sources.save("note.txt", b"fine again\n")?;
    let mended = swaps(&sources, &guests, Word::steady(2), address)?;
    host.stop()?;
    Ok(Shown {
        passed: true,
        figure: format!(
            "what was saved answered after {:.0} ms; a build that failed said so after {:.0} ms and the old revision \
             went on; mended, it answered after {:.0} ms",
            ms(swapped),
            ms(complained),
            ms(mended)
        ),
    })
}

/// Saves code with another word, and waits for its first answer.
fn swaps(
    sources: &Sources,
    guests: &Guests,
    word: Word,
    address: SocketAddr,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    sources.save("guest.wasm", &guest(guests, word)?)?;
    let expected = word.text();
    wait::until(SAVED_MAX, "what was saved answers", || {
        Ok((serving(address)? == expected).then(|| start.elapsed()))
    })
}

/// Saves what does not build, and waits for the words of the build.
fn complains(sources: &Sources, host: &Host) -> anyhow::Result<Duration> {
    let start = Instant::now();
    sources.save("note.txt", b"broken\n")?;
    wait::until(SAVED_MAX, "the build says why it failed", || {
        let said = host.log().iter().any(|line| line.contains(COMPLAINT));
        Ok(said.then(|| start.elapsed()))
    })
}

fn serving(address: SocketAddr) -> anyhow::Result<String> {
    Ok(said::now(address, "p3")?.word)
}

fn guest(guests: &Guests, word: Word) -> anyhow::Result<Vec<u8>> {
    let mut made = guests.saying(word)?.into_iter();
    let built = made.find(|(component, _)| *component == "p3");
    let (_, bytes) = built.context("there is no such probe")?;
    Ok(bytes)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

// === impl Sources ===

impl Sources {
    /// The application as it is at the first start. Tells where its manifest is.
    fn lay(&self, guests: &Guests) -> anyhow::Result<PathBuf> {
        let extra = Extra {
            grants: BUILD,
            ..Extra::default()
        };
        let manifest = Release::with(guests, Word::steady(0), 0, &extra)?.write(&self.folder)?;
        release::write(&self.folder.join("build.sh"), SCRIPT.as_bytes())?;
        release::write(&self.source("note.txt"), b"fine\n")?;
        release::write(&self.source("guest.wasm"), &guest(guests, Word::steady(0))?)?;
        Ok(manifest)
    }

    /// Saves as editors do: written aside and moved, so that no build meets half a file.
    fn save(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let aside = self.folder.join("saving");
        release::write(&aside, bytes)?;
        let file = self.source(name);
        fs::rename(&aside, &file).with_context(|| format!("cannot save `{}`", file.display()))
    }

    fn source(&self, name: &str) -> PathBuf {
        self.folder.join("source").join(name)
    }
}
