//! The whole manifest.

use std::collections::BTreeMap;

use crate::component::{self, Component};
use crate::deployment::Deployment;
use crate::http::Route;
use crate::name::ComponentId;
use crate::seed::Seed;
use crate::text::{self, Mistake, Mistakes, Report, Shape, Source, Span, Table, Value, Warning};
use crate::trigger::{self, OtherTrigger};
use crate::variable::{self, Variable};
use crate::{application, redis, resolve};

/// An application whose parts fit together: every name in it stands for something that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// What it is called.
    pub name: String,
    /// Its version. Default: empty.
    pub version: String,
    /// What it is, for people. Default: empty.
    pub description: String,
    /// Who made it. Default: nobody.
    pub authors: Vec<String>,
    /// The environments that it promises to run in. Default: none.
    pub targets: Vec<Deployment>,
    /// The values that it takes from outside.
    pub variables: BTreeMap<String, Variable>,
    /// Its HTTP triggers, no two for the same paths, in the order of the manifest.
    pub routes: Vec<Route>,
    /// Its Redis triggers, in the order of the manifest.
    pub redis_triggers: Vec<redis::Trigger>,
    /// Its triggers of kinds that this crate does not know.
    pub other_triggers: Vec<OtherTrigger>,
    /// Its components. Those that are written inside a trigger have an id made from that of the trigger.
    pub components: BTreeMap<ComponentId, Component>,
    /// Data that it starts with, by name.
    pub seeds: Vec<Seed>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Warning>,
}

/// The manifest as it is written. What could not be read at all is `None`, and reported.
pub(crate) struct Draft {
    pub(crate) application: Option<application::Draft>,
    pub(crate) variables: Option<BTreeMap<String, Variable>>,
    pub(crate) triggers: Option<Vec<trigger::Draft>>,
    pub(crate) components: Option<Vec<component::Entry>>,
}

/// Reads a manifest, with the overrides of a profile. A component that does not know the profile stays as it is; that
/// none knows it is a mistake.
pub fn parse(source: &Source, profile: Option<&str>) -> Result<App, Mistakes> {
    text::read(source, |table| {
        let report = table.report();
        let draft = read(table)?;
        let mut app = resolve::resolve(draft, profile, report)?;
        app.warnings = report.take_warnings(source);
        Some(app)
    })
}

fn read(table: &mut Table<'_>) -> Option<Draft> {
    let supported = check_version(table);
    if supported.is_none() && !table.has("application") {
        // Some other kind of file, or version 1: everything else in it would only be reported as unknown.
        table.ignore_rest();
        return None;
    }
    Some(Draft {
        application: table.required("application", |value| value.table(application::read)),
        variables: table.or_default("variables", variable::read_all),
        triggers: table.required("trigger", trigger::read_all),
        components: table.or_default("component", component::read_all),
    })
}

fn check_version(table: &mut Table<'_>) -> Option<()> {
    let (span, report) = (table.span(), table.report());
    match table.take("spin_manifest_version") {
        Some(value) => read_version(value),
        None if table.has("spin_version") => unsupported("1", span, report),
        None => {
            let mistake = Mistake::new(span, "missing field `spin_manifest_version`");
            report.refuse(mistake.hint("add `spin_manifest_version = 2` as the first line"))
        }
    }
}

fn read_version(value: Value<'_>) -> Option<()> {
    let (span, shape, report) = (value.span(), value.shape(), value.report());
    let version = match shape {
        Shape::Integer => value.integer(0..=u64::MAX)?.to_string(),
        Shape::String => value.string()?,
        _ => return value.refuse("an integer"),
    };
    match (version.as_str(), shape) {
        ("2", Shape::Integer) => Some(()),
        ("2", _) => {
            let mistake = Mistake::new(
                span,
                "`spin_manifest_version` must be an integer, found a string",
            );
            report.refuse(mistake.hint("write `spin_manifest_version = 2`"))
        }
        (version, _) => unsupported(version, span, report),
    }
}

fn unsupported(version: &str, span: Span, report: &Report) -> Option<()> {
    let mistake = Mistake::new(
        span,
        format!("manifest version `{version}` is not supported"),
    );
    report.refuse(match version {
        "1" => mistake.hint("`stoa doctor` tells each step to version 2; `spin doctor` takes them"),
        _ => mistake.hint("this version of stoa reads `spin_manifest_version = 2`"),
    })
}
