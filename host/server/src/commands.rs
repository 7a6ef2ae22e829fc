//! The commands, one file each, and what they share: finding the application.

mod audit;
mod build;
mod deploy;
mod diff;
mod doctor;
mod logs;
mod lone;
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
pub(crate) use build::build;
pub(crate) use deploy::deploy;
pub(crate) use diff::diff;
pub(crate) use doctor::doctor;
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
use crate::{overrides, wiring};

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

/// Where an application is read from, again each time that something was saved.
#[derive(Clone)]
pub(crate) struct Folder {
    pub(crate) application: Application,
    /// The only components that matter; all if there is none.
    pub(crate) components: Vec<String>,
    /// Whether its build commands are run. If not, what they would make is its source.
    pub(crate) builds: bool,
}

impl Folder {
    pub(crate) fn read(&self) -> anyhow::Result<Project> {
        let mut project = Project::read(&self.application)?;
        overrides::retain(&mut project.app, &self.components)
            .map_err(|problems| Invalid::all(&problems))?;
        if !self.builds {
            let components = project.app.components.values_mut();
            components.for_each(|component| component.build = None);
        }
        Ok(project)
    }
}

impl Project {
    pub(crate) fn read(application: &Application) -> anyhow::Result<Self> {
        let (file, text) = manifest(application)?;
        let source = Source::new(file.display().to_string(), &*text);
        let app = stoa_manifest::parse(&source, application.profile.as_deref())
            .map_err(|mistakes| Invalid(mistakes.to_string()))?;
        let root = root(&file).to_owned();
        Ok(Self {
            file,
            text,
            profile: application.profile.clone(),
            app,
            root,
        })
    }
}

/// The manifest's file, and its text.
fn manifest(application: &Application) -> Result<(PathBuf, String), Invalid> {
    let file = match application.from.is_dir() {
        true => application.from.join("spin.toml"),
        false => application.from.clone(),
    };
    // Code alone is an application, too.
    let text = match lone::is_code(&file) {
        true => lone::manifest(&file)?,
        false => text(&file)?,
    };
    Ok((file, text))
}

/// The folder that a manifest's paths are relative to.
fn root(file: &Path) -> &Path {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The runtime configuration that the user named, else the one beside the manifest, else what is built in; and the folder
/// that the files it names are relative to.
fn configured(file: Option<&Path>, root: &Path) -> Result<(Source, PathBuf), Invalid> {
    let beside = root.join("runtime-config/embedded.toml");
    let file = file.or(Some(&*beside).filter(|beside| beside.exists()));
    let source = match file {
        Some(file) => source(file)?,
        None => wiring::built_in_configuration(),
    };
    let folder = file.and_then(Path::parent).unwrap_or(root);
    Ok((source, folder.to_owned()))
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
