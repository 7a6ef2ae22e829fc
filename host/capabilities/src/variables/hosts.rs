//! Templates in `allowed_outbound_hosts`, filled in when an application is deployed.

use std::collections::BTreeMap;

use stoa_manifest::hosts::Destination;
use stoa_manifest::{Component, ComponentId};

use super::{HostFlaw, Problem, Value, template};

/// Puts values into the entries of a component. Entries without templates are as the manifest has checked them.
pub(super) fn expand(
    id: &ComponentId,
    component: &mut Component,
    values: &BTreeMap<String, Value>,
    problems: &mut Vec<Problem>,
) {
    let entries = component.allowed_outbound_hosts.iter_mut();
    for entry in entries.filter(|entry| entry.contains("{{")) {
        match expanded(entry, values) {
            Ok(known) => *entry = known,
            Err(why) => problems.push(Problem::Host {
                component: id.clone(),
                entry: entry.clone(),
                why,
            }),
        }
    }
}

fn expanded(entry: &str, values: &BTreeMap<String, Value>) -> Result<String, HostFlaw> {
    let value = template::expand(entry, values)?;
    let destination = Destination::parse(value.expose()).map_err(|error| match &value {
        Value::Plain(text) => HostFlaw::Destination {
            value: text.clone(),
            error,
        },
        // The error quotes what it does not understand.
        Value::Secret(_) => HostFlaw::Hidden,
    })?;
    match value.is_secret() && destination.is_internal() {
        true => Err(HostFlaw::Internal),
        false => Ok(value.expose().to_owned()),
    }
}
