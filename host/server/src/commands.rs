//! The commands, one file each, and what they share: finding the application.

mod up;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use stoa_manifest::App;
use stoa_manifest::text::Source;

pub(crate) use up::up;

use crate::cli::Application;

/// Something the user wrote is wrong: files, arguments, or what they say of this machine.
#[derive(Debug)]
pub(crate) struct Invalid(pub(crate) String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// An application that was read, and the folder its paths are relative to.
pub(crate) struct Project {
    pub(crate) app: App,
    pub(crate) root: PathBuf,
}

impl Project {
    pub(crate) fn read(application: &Application) -> anyhow::Result<Self> {
        let file = match application.from.is_dir() {
            true => application.from.join("spin.toml"),
            false => application.from.clone(),
        };
        let source = source(&file)?;
        let app = stoa_manifest::parse(&source, application.profile.as_deref())
            .map_err(|mistakes| Invalid(mistakes.to_string()))?;
        let root = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Ok(Self {
            app,
            root: root.to_owned(),
        })
    }
}

/// `stoa build`.
pub(crate) fn build(application: &Application) -> anyhow::Result<()> {
    let project = Project::read(application)?;
    crate::build::run(&project.app, &project.root)
}

/// A file that the user named, or that stands where one is expected.
pub(crate) fn source(file: &Path) -> Result<Source, Invalid> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Source::new(file.display().to_string(), text)),
        Err(error) => Err(Invalid(format!(
            "cannot read `{}`: {error}",
            file.display()
        ))),
    }
}
