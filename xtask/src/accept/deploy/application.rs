//! An application in a folder of this run, its host's state beside it, and the commands that a person gives for it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::admin::Admin;
use super::release::{self, Release};
use super::wait;
use crate::host::{Host, START_MAX};
use crate::process;
use crate::stage::Stage;

/// Several hosts of one machine: each takes a port of its own.
pub(super) const CONFIGURATION: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";
/// From listening to clients until the admin API answers.
const ADMIN_MAX: Duration = Duration::from_secs(10);

/// An application and where its host keeps its state.
pub(super) struct Application<'a> {
    stage: &'a Stage,
    folder: PathBuf,
    manifest: PathBuf,
    state: PathBuf,
    configuration: PathBuf,
}

impl<'a> Application<'a> {
    /// In a folder of this name, where a first start finds this release. `configuration` is what its host's runtime
    /// configuration has beside the address of the admin API.
    pub(super) fn new(
        stage: &'a Stage,
        name: &str,
        first: &Release,
        configuration: &str,
    ) -> anyhow::Result<Self> {
        let folder = stage.folder(name)?;
        let manifest = first.write(&folder.join("application"))?;
        let file = folder.join("runtime.toml");
        let text = format!("{configuration}\n{CONFIGURATION}");
        release::write(&file, text.as_bytes())?;
        Ok(Self {
            stage,
            state: folder.join("state"),
            folder,
            manifest,
            configuration: file,
        })
    }

    /// What serves it.
    fn up(&self) -> Command {
        let mut command = self.stage.up_from(&self.manifest, &self.state);
        command
            .arg("--runtime-config-file")
            .arg(&self.configuration);
        command
    }

    /// What serves only what is deployed to it.
    pub(super) fn up_deployed(&self) -> Command {
        let mut command = process::command(self.stage.stoa(), &self.folder);
        command
            .args(["up", "--deployed", "--listen", "127.0.0.1:0"])
            .arg("--state-dir")
            .arg(&self.state)
            .arg("--runtime-config-file")
            .arg(&self.configuration);
        command
    }

    pub(super) fn start(&self) -> anyhow::Result<Host> {
        Host::start(&mut self.up(), START_MAX)
    }

    /// The admin API of its running host.
    pub(super) fn admin(&self) -> anyhow::Result<Admin> {
        wait::until_well(ADMIN_MAX, "the admin API answers", || {
            // The file may still be that of a host that was killed.
            let admin = Admin::of(&self.state)?;
            admin.status()?;
            Ok(admin)
        })
    }

    /// A command about its running host.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = process::command(self.stage.stoa(), &self.folder);
        command.arg(name).arg("--state-dir").arg(&self.state);
        command
    }

    /// `stoa deploy` of what a manifest names, as it is built.
    pub(super) fn deploy(&self, manifest: &Path) -> Command {
        let mut command = self.command("deploy");
        command.arg("--skip-build").arg("-f").arg(manifest);
        command
    }
}
