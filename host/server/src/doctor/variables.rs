//! Whether every variable has a value here, and is used.

use stoa_capabilities::variables::{self, Problem, Sources};
use stoa_manifest::App;

use super::places::Places;
use super::{Finding as Any, Found, Visit};
use crate::configuration::Configuration;

#[derive(Debug)]
pub(super) enum Finding {
    /// Nothing gives it a value here. Elsewhere something may.
    Missing { name: String },
    /// Something else is wrong. The text is for people, and shows no value.
    Wrong(String),
    /// No component and no trigger uses it.
    Unused { name: String },
}

pub(super) async fn check(
    visit: &Visit<'_>,
    app: &App,
    places: &Places,
    configuration: Option<&Configuration>,
) -> Vec<Found> {
    let mut found = unused(app, places);
    // Without it, who could say which providers there are.
    let Some(configuration) = configuration else {
        return found;
    };
    let sources = Sources {
        arguments: visit.variables,
        configured: &configuration.capabilities.variables,
        environment: visit.environment.clone(),
        folder: visit.root,
    };
    let resolved = match sources.open(&app.variables) {
        Ok(providers) => variables::resolve(&mut app.clone(), &providers).await,
        Err(problems) => Err(problems),
    };
    let problems = resolved.err().into_iter().flatten();
    found.extend(problems.map(|problem| of(problem, places)));
    found
}

fn of(problem: Problem, places: &Places) -> Found {
    let at = match &problem {
        Problem::Missing { name } => places.find(&["variables", name]),
        Problem::Template {
            component, name, ..
        } => places.find(&["component", component.as_str(), "variables", name]),
        Problem::Host { component, .. } => {
            places.find(&["component", component.as_str(), "allowed_outbound_hosts"])
        }
        _ => None,
    };
    let finding = match problem {
        Problem::Missing { name } => Finding::Missing { name },
        problem => Finding::Wrong(problem.to_string()),
    };
    Found::at(Any::Variables(finding), at)
}

fn unused(app: &App, places: &Places) -> Vec<Found> {
    let of_components = app.components.values().flat_map(|component| {
        let values = component.variables.values();
        values.chain(&component.allowed_outbound_hosts)
    });
    let redis = app.redis_triggers.iter();
    let of_triggers = redis.flat_map(|trigger| [&trigger.address, &trigger.channel]);
    let texts: Vec<&String> = of_components.chain(of_triggers).collect();
    let unused = app.variables.keys().filter(|name| {
        let mut texts = texts.iter();
        !texts.any(|text| names(text, name))
    });
    unused
        .map(|name| {
            let at = places.find(&["variables", name]);
            let finding = Finding::Unused { name: name.clone() };
            Found::at(Any::Variables(finding), at)
        })
        .collect()
}

/// Whether a template of a text stands for a variable.
fn names(text: &str, variable: &str) -> bool {
    let mut templates = text.split("{{").skip(1);
    templates.any(|rest| {
        let name = rest.split("}}").next().unwrap_or_default();
        name.trim() == variable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_templates_name_variables() {
        assert!(!names("host", "host"));
        assert!(!names("{{ hostname }}", "host"));
        assert!(names("https://{{host}}", "host"));
        assert!(names("{{ a }}-{{ host }}", "host"));
    }
}
