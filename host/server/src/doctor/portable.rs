//! Whether the application would run under Spin 4.1 as it is, and with the same bounds.

use std::collections::BTreeSet;

use stoa_manifest::grants::{Access, Quota};
use stoa_manifest::{App, Component, ComponentId};

use super::code::Code;
use super::{Finding as Any, Found, Patient};

#[derive(Debug)]
pub(super) enum Finding {
    /// An interface, or all of a package, that Spin does not provide. `promised`: the manifest names environments of Spin.
    Import { name: String, promised: bool },
    /// It cannot be joined with what serves Stoa's interfaces. The text is for people.
    Unadapted { told: String, promised: bool },
    /// A grant that Spin gives in full.
    Unbound { noun: &'static str, label: String },
    /// Migrations that Spin does not apply.
    Migrations { label: String },
}

/// Interfaces besides Stoa's own that this host provides and Spin 4.1 does not.
const BEYOND: [&str; 4] = [
    "wasi:config/store@0.2.0-rc.1",
    "wasi:keyvalue/atomics@0.2.0-draft",
    "wasi:keyvalue/batch@0.2.0-draft",
    "wasi:keyvalue/store@0.2.0-draft",
];

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for examined in patient.code.values() {
        let Some(component) = patient.app.components.get(&examined.named) else {
            continue;
        };
        let promised = is_promised(&patient.app, component);
        let told = examined.unadapted.iter();
        // What keeps it from being joined here as well was told.
        let told = told.filter(|told| !examined.unjoined.contains(told));
        found.extend(told.map(|told| {
            let field = super::dependencies::field(told);
            let told = told.clone();
            let finding = Finding::Unadapted { told, promised };
            patient.found(&examined.named, &field, Any::Portable(finding))
        }));
        let names = examined.adapted.as_ref().map(unknown).unwrap_or_default();
        found.extend(names.into_iter().map(|name| {
            let finding = Finding::Import { name, promised };
            patient.found(&examined.named, &["dependencies"], Any::Portable(finding))
        }));
    }
    for (id, component) in &patient.app.components {
        for (label, grant) in &component.grants.keyvalue {
            let full = grant.access == Access::ReadWrite
                && grant.prefix.is_empty()
                && grant.value_bytes_max.is_none()
                && grant.quota == Quota::default();
            found.extend((!full).then(|| unbound(patient, id, "keyvalue", label.as_str())));
        }
        for (label, grant) in &component.grants.sql {
            let full = grant.access == Access::ReadWrite
                && grant.tables.is_none()
                && grant.quota == Quota::default();
            found.extend((!full).then(|| unbound(patient, id, "sql", label.as_str())));
        }
        for label in component.migrations.keys() {
            let field = ["tool", "stoa", "migrations", label.as_str()];
            let label = label.to_string();
            let finding = Any::Portable(Finding::Migrations { label });
            found.push(patient.found(id, &field, finding));
        }
    }
    found
}

fn unbound(patient: &Patient, id: &ComponentId, noun: &'static str, label: &str) -> Found {
    let field = ["tool", "stoa", "grants", noun, label];
    let label = label.to_owned();
    patient.found(id, &field, Any::Portable(Finding::Unbound { noun, label }))
}

/// Whether the manifest says that it runs in environments of Spin.
fn is_promised(app: &App, component: &Component) -> bool {
    let targets = component.targets.as_ref().unwrap_or(&app.targets);
    !targets.is_empty()
}

/// What Spin does not know of the imports: packages of ours as a whole, others by their names.
fn unknown(code: &Code) -> BTreeSet<String> {
    let imports = code.imports.iter();
    let unknown = imports.filter_map(|import| match import.split_once('/') {
        Some((package, _)) if package.starts_with("stoa:") => Some(package.to_owned()),
        _ => BEYOND.contains(&import.as_str()).then(|| import.clone()),
    });
    unknown.collect()
}
