//! Whether every component can be joined with its dependencies and its middleware.

use super::{Finding as Any, Found, Patient};
use crate::fetched::{self, Place};

#[derive(Debug)]
pub(super) enum Finding {
    /// It cannot be joined. What is told is for people, and names the component.
    Unjoined(String),
    /// A part comes from the network, and so the whole was not looked at.
    Remote { name: String },
}

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for examined in patient.code.values() {
        let told = examined.unjoined.iter();
        found.extend(told.map(|told| {
            let field = field(told);
            let finding = Any::Dependencies(Finding::Unjoined(told.clone()));
            patient.found(&examined.named, &field, finding)
        }));
    }
    for (id, component) in &patient.app.components {
        for (name, dependency) in &component.dependencies {
            let place = fetched::of_dependency(&patient.app, name, dependency);
            if let Some(Place::Remote(_)) = place {
                let finding = Any::Dependencies(Finding::Remote { name: name.clone() });
                found.push(patient.found(id, &["dependencies", name], finding));
            }
        }
    }
    found
}

/// The field that an error of joining is about: such an error begins with the dependency's name.
pub(super) fn field(told: &str) -> Vec<&str> {
    let name = told.split_once("dependency `").map(|(_, rest)| rest);
    let name = name.and_then(|rest| rest.split_once('`'));
    let mut field = vec!["dependencies"];
    field.extend(name.map(|(name, _)| name));
    field
}
