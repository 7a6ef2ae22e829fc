//! What makes a manifest of version 1 one of version 2, field by field.

use super::places::Places;
use super::{Finding, Found};

/// A thing to change. `component`: what its `id` says.
#[derive(Debug)]
pub(super) enum Step {
    /// `spin_version = "1"`, or `spin_manifest_version = "1"`; as a number, too.
    Version { field: &'static str },
    /// `name`, `version`, … outside of `[application]`.
    Application { field: &'static str },
    /// `trigger = { type = "http" }`.
    Trigger { kind: String },
    /// `base` in it.
    Base { base: String },
    /// `[[component]]`.
    Component { component: String },
    /// `[component.trigger]`.
    Route { component: String, kind: String },
    /// `[component.config]`.
    Variables { component: String },
    /// `allowed_http_hosts`.
    Hosts { component: String },
}

/// Where the version stands.
const VERSIONS: [&str; 2] = ["spin_version", "spin_manifest_version"];
/// What describes the application.
const APPLICATION: [&str; 4] = ["name", "version", "description", "authors"];

/// Every step, if it is a manifest of version 1.
pub(super) fn check(places: &Places) -> Vec<Found> {
    let version = |field: &&str| places.text(&[*field]) == Some("1");
    let Some(field) = VERSIONS.into_iter().find(version) else {
        return Vec::new();
    };
    let found = |step: Step, path: &[&str]| Found::at(Finding::Upgrade(step), places.find(path));
    let mut steps = vec![found(Step::Version { field }, &[field])];
    let described = APPLICATION
        .into_iter()
        .filter(|field| places.has(&[*field]));
    steps.extend(described.map(|field| found(Step::Application { field }, &[field])));
    let kind = places.text(&["trigger", "type"]).unwrap_or("http");
    if places.has(&["trigger"]) {
        let kind = kind.to_owned();
        steps.push(found(Step::Trigger { kind }, &["trigger"]));
    }
    let base = places.text(&["trigger", "base"]);
    if let Some(base) = base.filter(|base| *base != "/") {
        let base = base.to_owned();
        steps.push(found(Step::Base { base }, &["trigger", "base"]));
    }
    for index in places.items(&["component"]) {
        steps.extend(of_component(places, &index, kind));
    }
    steps
}

fn of_component(places: &Places, index: &str, kind: &str) -> Vec<Found> {
    let id = places.text(&["component", index, "id"]);
    let component = || id.unwrap_or("<id>").to_owned();
    let step = |field: &str, step: Step| {
        let path = ["component", index, field];
        let written = field.is_empty() || places.has(&path);
        written.then(|| Found::at(Finding::Upgrade(step), places.find(&path)))
    };
    let route = Step::Route {
        component: component(),
        kind: kind.to_owned(),
    };
    let steps = [
        // The list's item itself.
        step(
            "",
            Step::Component {
                component: component(),
            },
        ),
        step("trigger", route),
        step(
            "config",
            Step::Variables {
                component: component(),
            },
        ),
        step(
            "allowed_http_hosts",
            Step::Hosts {
                component: component(),
            },
        ),
    ];
    steps.into_iter().flatten().collect()
}
