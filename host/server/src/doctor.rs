//! `stoa doctor`: looks at a project of Spin or Stoa, and says what to change before it is built, served or deployed.
//!
//! Nothing of the application runs, nothing is fetched, and its stores stay closed: what is told comes from files
//! alone. One module per check, each with an enum of what it finds; how that is worded is decided in `words`, how it is
//! shown in `report`.

mod code;
mod dependencies;
mod files;
mod hosts;
mod interfaces;
mod labels;
mod manifest;
mod paths;
mod places;
mod portable;
mod report;
mod routes;
mod sources;
#[cfg(test)]
mod tests;
mod toolchain;
mod upgrade;
mod variables;
mod words;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use stoa_capabilities::variables::{Environment, Secret};
use stoa_manifest::text::{Mistake, Source, Span};
use stoa_manifest::{App, ComponentId};

use crate::configuration::Configuration;
use code::Examined;
use places::Places;

pub(crate) use report::Report;

/// What is to be looked at, and what is around it.
pub(crate) struct Visit<'a> {
    /// The manifest, named as messages should name it.
    pub(crate) manifest: Source,
    /// The folder that its paths are relative to.
    pub(crate) root: &'a Path,
    pub(crate) profile: Option<&'a str>,
    /// The runtime configuration that a start would use.
    pub(crate) configuration: Source,
    /// `--variable`, as written.
    pub(crate) variables: &'a [Secret],
    pub(crate) environment: Environment,
    /// Where programs are looked for: `PATH`.
    pub(crate) path: Option<OsString>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// It does not build, start, or answer as it is.
    Error,
    /// It starts, and probably does not do what is meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// Something to tell, and where.
#[derive(Debug)]
struct Found {
    finding: Finding,
    component: Option<ComponentId>,
    at: Option<(Text, Span)>,
}

/// Which text a place is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Text {
    Manifest,
    Configuration,
}

/// What was found, by the check that found it.
#[derive(Debug)]
enum Finding {
    Manifest(manifest::Finding),
    Upgrade(upgrade::Step),
    Toolchain(toolchain::Finding),
    Sources(sources::Finding),
    Paths(paths::Finding),
    Interfaces(interfaces::Finding),
    Dependencies(dependencies::Finding),
    Routes(routes::Finding),
    Labels(labels::Finding),
    Variables(variables::Finding),
    Hosts(hosts::Finding),
    Files(files::Finding),
    Portable(portable::Finding),
}

/// An application whose manifest can be read, and what is known of it.
struct Patient {
    root: PathBuf,
    app: App,
    places: Places,
    /// None if it has mistakes of its own.
    configuration: Option<Configuration>,
    code: BTreeMap<ComponentId, Examined>,
    path: Option<OsString>,
}

/// Looks at everything that can be looked at.
pub(crate) async fn examine(visit: Visit<'_>) -> Report {
    let places = Places::of(&visit.manifest);
    let mut found = Vec::new();
    let configuration = match Configuration::parse(&visit.configuration) {
        Ok(configuration) => Some(configuration),
        Err(mistakes) => {
            found.extend(mistakes.iter().map(labels::mistaken));
            None
        }
    };
    match stoa_manifest::parse(&visit.manifest, visit.profile) {
        Err(mistakes) => {
            found.extend(mistakes.iter().map(manifest::mistaken));
            found.extend(upgrade::check(&places));
        }
        Ok(app) => {
            found.extend(variables::check(&visit, &app, &places, configuration.as_ref()).await);
            let patient = Patient {
                code: code::examine(&app, visit.root),
                root: visit.root.to_owned(),
                path: visit.path.clone(),
                app,
                places,
                configuration,
            };
            found.extend(patient.checked());
        }
    }
    Report::new(visit.manifest, visit.configuration, found)
}

// === impl Patient ===

impl Patient {
    /// What every check finds that needs no waiting.
    fn checked(&self) -> Vec<Found> {
        let checks: [fn(&Self) -> Vec<Found>; 11] = [
            manifest::check,
            toolchain::check,
            sources::check,
            paths::check,
            interfaces::check,
            dependencies::check,
            routes::check,
            labels::check,
            hosts::check,
            files::check,
            portable::check,
        ];
        checks.iter().flat_map(|check| check(self)).collect()
    }

    /// Something about a component, at one of its fields if it is written there.
    fn found(&self, id: &ComponentId, field: &[&str], finding: Finding) -> Found {
        let path: Vec<&str> = ["component", id.as_str()]
            .into_iter()
            .chain(field.iter().copied())
            .collect();
        Found {
            finding,
            component: Some(id.clone()),
            at: self.places.find(&path).map(|span| (Text::Manifest, span)),
        }
    }
}

// === impl Found ===

impl Found {
    fn at(finding: Finding, at: Option<Span>) -> Self {
        Self {
            finding,
            component: None,
            at: at.map(|span| (Text::Manifest, span)),
        }
    }
}

// === functions ===

/// A message and the hint behind it, as other parts of this host word them for people.
fn told(text: &str) -> (String, Option<String>) {
    match text.split_once("\n  = hint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// A mistake in one of the texts.
fn mistaken(text: Text, mistake: &Mistake, finding: Finding) -> Found {
    Found {
        finding,
        component: None,
        at: Some((text, mistake.span)),
    }
}
