//! What acceptance lists and benchmarks need: the built binary, the built guests, a folder to work in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::accept::Scale;
use crate::host::{self, Host, START_MAX};
use crate::manifest::{self, Mounted};
use crate::process;
use crate::scratch::Scratch;

/// A cold build on two cores stays far below.
pub(crate) const BUILD_MAX: Duration = Duration::from_secs(60 * 60);

/// Set, nothing is built: what is there is shown.
const SKIP_BUILD: &str = "STOA_SKIP_BUILD";

/// How the host is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As whoever tries it builds it.
    Release,
    /// As it is handed out, for what is measured beside others that are.
    Dist,
}

pub(crate) struct Stage {
    root: PathBuf,
    target: PathBuf,
    /// A copy: a point may build another one in its place.
    stoa: PathBuf,
    scratch: Scratch,
    scale: Scale,
}

impl Stage {
    /// Builds what is to be shown, unless told not to.
    pub(crate) fn set(scale: Scale, profile: Profile) -> anyhow::Result<Self> {
        let root = root()?;
        let target = target(&root);
        let built = match std::env::var_os(SKIP_BUILD) {
            None => {
                build(&root, &target, profile)?;
                profile.binary(&target)
            }
            Some(_) => profile.newest(&target),
        };
        let scratch = Scratch::new("stoa-xtask")?;
        let stoa = scratch.path().join("stoa");
        fs::copy(&built, &stoa).with_context(|| format!("cannot copy `{}`", built.display()))?;
        Ok(Self {
            root,
            target,
            stoa,
            scratch,
            scale,
        })
    }

    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    /// The repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds the host.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    pub(crate) fn stoa(&self) -> &Path {
        &self.stoa
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.root.join("spin.toml")
    }

    /// A folder of this run.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(folder)
    }

    /// A built probe.
    pub(crate) fn probe(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.guest(&format!("probe_{name}"))
    }

    /// A built guest, by the name of its library.
    pub(crate) fn guest(&self, library: &str) -> anyhow::Result<PathBuf> {
        let file = format!("components/target/wasm32-wasip2/release/{library}.wasm");
        let file = self.root.join(file);
        ensure!(file.is_file(), "`{}` is not built", file.display());
        Ok(file)
    }

    /// What serves these components from a folder of this run; started again, it finds its state.
    pub(crate) fn up(&self, name: &str, components: &[Mounted<'_>]) -> anyhow::Result<Command> {
        let folder = self.folder(name)?;
        let manifest = manifest::write(&folder, components)?;
        Ok(self.up_from(&manifest, &folder.join("state")))
    }

    /// What serves a manifest whose guests are built.
    pub(crate) fn up_from(&self, manifest: &Path, state: &Path) -> Command {
        let mut command = host::up(&self.stoa, manifest, state);
        command.arg("--skip-build");
        command
    }

    /// Serves these components.
    pub(crate) fn serve(&self, name: &str, components: &[Mounted<'_>]) -> anyhow::Result<Host> {
        Host::start(&mut self.up(name, components)?, START_MAX)
    }

    /// What serves the shop, from a state directory that lasts as long as this run.
    pub(crate) fn shop_up(&self, state: &str) -> anyhow::Result<Command> {
        let state = self.folder(&format!("{state}-state"))?;
        Ok(self.up_from(&self.manifest(), &state))
    }

    /// Serves the shop.
    pub(crate) fn shop(&self, state: &str) -> anyhow::Result<Host> {
        Host::start(&mut self.shop_up(state)?, START_MAX)
    }
}

fn root() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    Ok(root.context("this crate is in no repository")?.to_owned())
}

fn target(root: &Path) -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root.join(folder)
}

// === impl Profile ===

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }

    fn binary(self, target: &Path) -> PathBuf {
        target.join(self.name()).join("stoa")
    }

    /// What is there of the host: one that is not handed out stands in for one that is, where it was built later.
    fn newest(self, target: &Path) -> PathBuf {
        let [own, release] = [self, Self::Release].map(|profile| profile.binary(target));
        let built = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        match built(&own) >= built(&release) {
            true => own,
            false => release,
        }
    }
}

/// Host, shop and probes. The shop is built by the host itself, which adds the target that the probes need as well.
fn build(root: &Path, target: &Path, profile: Profile) -> anyhow::Result<()> {
    eprintln!("building ...");
    let mut host = process::command("cargo", root);
    host.args(["build", "--locked", "--profile", profile.name()])
        .env("CARGO_TARGET_DIR", target);
    process::watched(&mut host, BUILD_MAX)?;
    let mut shop = process::command(profile.binary(target), root);
    process::watched(shop.args(["build", "--from", "spin.toml"]), BUILD_MAX)?;
    let mut probes = process::command("cargo", &root.join("components"));
    probes.args([
        "build",
        "--release",
        "--locked",
        "--workspace",
        "--target",
        "wasm32-wasip2",
    ]);
    process::watched(&mut probes, BUILD_MAX)
}
