//! The commands, one file each, and what they share: finding the application.

mod audit;
mod deploy;
mod diff;
mod logs;
mod promote;
mod registry;
mod releases;
mod rollback;
mod status;
mod up;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use stoa_manifest::App;
use stoa_manifest::text::Source;

pub(crate) use audit::audit;
pub(crate) use deploy::deploy;
pub(crate) use diff::diff;
pub(crate) use logs::logs;
pub(crate) use promote::promote;
pub(crate) use registry::registry;
pub(crate) use releases::releases;
pub(crate) use rollback::rollback;
pub(crate) use status::status;
pub(crate) use up::up;

use crate::admin::messages::Bundle;
use crate::bundle::{self, Files};
use crate::cli::Application;

/// Something the user wrote is wrong: files, arguments, or what they say of this machine.
#[derive(Debug)]
pub(crate) struct Invalid(pub(crate) String);

impl Invalid {
    /// Several mistakes, each with a heading of its own.
    pub(crate) fn all(problems: &[String]) -> Self {
        Self(problems.join("\nerror: "))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// An application that was read, and the folder its paths are relative to.
pub(crate) struct Project {
    /// The manifest's file.
    pub(crate) file: PathBuf,
    /// Its text.
    pub(crate) text: String,
    pub(crate) profile: Option<String>,
    pub(crate) app: App,
    pub(crate) root: PathBuf,
}

impl Project {
    pub(crate) fn read(application: &Application) -> anyhow::Result<Self> {
        let file = match application.from.is_dir() {
            true => application.from.join("spin.toml"),
            false => application.from.clone(),
        };
        let text = text(&file)?;
        let source = Source::new(file.display().to_string(), &*text);
        let app = stoa_manifest::parse(&source, application.profile.as_deref())
            .map_err(|mistakes| Invalid(mistakes.to_string()))?;
        let root = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
            .to_owned();
        Ok(Self {
            file,
            text,
            profile: application.profile.clone(),
            app,
            root,
        })
    }
}

/// `stoa build`.
pub(crate) fn build(application: &Application) -> anyhow::Result<()> {
    let project = Project::read(application)?;
    crate::build::run(&project.app, &project.root, &[])
}

/// An application as it lies in its folder.
pub(crate) fn bundled(project: &Project) -> Result<(Bundle, Files), Invalid> {
    let files = bundle::read(&project.app, &project.root, &[]);
    let files = files.map_err(|problems| Invalid::all(&problems))?;
    let bundle = Bundle::new(&project.text, project.profile.as_deref(), &files);
    Ok((bundle, files))
}

/// A file that the user named, or that stands where one is expected.
pub(crate) fn source(file: &Path) -> Result<Source, Invalid> {
    Ok(Source::new(file.display().to_string(), text(file)?))
}

fn text(file: &Path) -> Result<String, Invalid> {
    fs::read_to_string(file)
        .map_err(|error| Invalid(format!("cannot read `{}`: {error}", file.display())))
}
