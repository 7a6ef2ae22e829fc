//! Whether something stands behind every label that a component is granted, and whether its code uses what it is granted.

use std::collections::BTreeMap;

use stoa_manifest::dependency::{Dependency, Inherit};
use stoa_manifest::text::Mistake;
use stoa_manifest::{Component, ComponentId, Label};

use super::{Finding as Any, Found, Patient, Text};

#[derive(Debug)]
pub(super) enum Finding {
    /// A mistake in the runtime configuration.
    Mistaken(Mistake),
    /// Nothing is configured under a label.
    Unconfigured {
        noun: &'static str,
        label: Label,
        known: Vec<Label>,
    },
    /// The code imports nothing that could use it.
    Unused { noun: &'static str, label: Label },
    /// Nobody runs language models for this host.
    NoModels,
    /// The code imports an interface, and is granted nothing of it.
    Ungranted { noun: &'static str, import: String },
}

/// A noun, and by which interfaces code uses it.
struct Noun {
    name: &'static str,
    /// The field of Spin that names its labels, if there is one.
    field: Option<&'static str>,
    interfaces: &'static [&'static str],
}

static NOUNS: [Noun; 5] = [
    Noun {
        name: "keyvalue",
        field: Some("key_value_stores"),
        interfaces: &[
            "fermyon:spin/key-value",
            "spin:key-value/",
            "stoa:keyvalue/",
            "wasi:keyvalue/",
        ],
    },
    Noun {
        name: "sql",
        field: Some("sqlite_databases"),
        interfaces: &["fermyon:spin/sqlite", "spin:sqlite/", "stoa:sql/"],
    },
    Noun {
        name: "documents",
        field: None,
        interfaces: &["stoa:documents/"],
    },
    Noun {
        name: "blobs",
        field: None,
        interfaces: &["stoa:blobs/"],
    },
    Noun {
        name: "identity",
        field: None,
        interfaces: &["stoa:identity/"],
    },
];

/// One of the mistakes in the runtime configuration.
pub(super) fn mistaken(mistake: &Mistake) -> Found {
    let finding = Any::Labels(Finding::Mistaken(mistake.clone()));
    super::mistaken(Text::Configuration, mistake, finding)
}

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    let configuration = patient.configuration.as_ref();
    let has_models = configuration.is_none_or(|it| it.capabilities.llm.is_some());
    for (id, component) in &patient.app.components {
        if !component.ai_models.is_empty() && !has_models {
            found.push(patient.found(id, &["ai_models"], Any::Labels(Finding::NoModels)));
        }
        for noun in &NOUNS {
            let granted = granted(component, noun.name);
            found.extend(unconfigured(patient, id, noun, &granted));
            if !is_inherited(component, noun) {
                found.extend(used(patient, id, noun, &granted));
            }
        }
    }
    found
}

/// Whether what one dependency at least uses is the component's grant: an adapter does so under Spin alone.
fn is_inherited(component: &Component, noun: &Noun) -> bool {
    let inherits = |dependency: &Dependency| match &dependency.inherit {
        Some(Inherit::All) => true,
        Some(Inherit::Fields(fields)) => fields.iter().any(|field| Some(&**field) == noun.field),
        Some(Inherit::Nothing) | None => false,
    };
    component.dependencies.values().any(inherits)
}

fn unconfigured(
    patient: &Patient,
    id: &ComponentId,
    noun: &Noun,
    granted: &[&Label],
) -> Vec<Found> {
    let Some(configuration) = &patient.configuration else {
        return Vec::new();
    };
    let config = &configuration.capabilities;
    let known = match noun.name {
        "keyvalue" => labels(&config.keyvalue),
        "sql" => labels(&config.sql),
        "documents" => labels(&config.documents),
        "blobs" => labels(&config.blobs),
        _ => labels(&config.identity),
    };
    let unknown = granted.iter().filter(|label| !known.contains(label));
    unknown
        .map(|label| {
            let finding = Finding::Unconfigured {
                noun: noun.name,
                label: (*label).clone(),
                known: known.clone(),
            };
            at_label(patient, id, noun, label, finding)
        })
        .collect()
}

/// Holds what a component is granted against what its code could use it by.
fn used(patient: &Patient, id: &ComponentId, noun: &Noun, granted: &[&Label]) -> Vec<Found> {
    // Joined as it serves: dependencies use what they inherit.
    let Some(code) = patient.code.get(id).and_then(|it| it.whole.as_ref()) else {
        return Vec::new();
    };
    let uses = |import: &&String| {
        let mut interfaces = noun.interfaces.iter();
        // Types do nothing by themselves.
        interfaces.any(|it| import.starts_with(it)) && !import.contains("/types@")
    };
    match (code.imports.iter().find(uses), granted) {
        (Some(import), []) => {
            let field = noun.field.unwrap_or("tool");
            let import = import.clone();
            let finding = Finding::Ungranted {
                noun: noun.name,
                import,
            };
            vec![patient.found(id, &[field], Any::Labels(finding))]
        }
        (Some(_), _) => Vec::new(),
        (None, labels) => {
            let unused = labels.iter().map(|label| {
                let finding = Finding::Unused {
                    noun: noun.name,
                    label: (*label).clone(),
                };
                at_label(patient, id, noun, label, finding)
            });
            unused.collect()
        }
    }
}

fn at_label(
    patient: &Patient,
    id: &ComponentId,
    noun: &Noun,
    label: &Label,
    finding: Finding,
) -> Found {
    let grant = ["tool", "stoa", "grants", noun.name, label.as_str()];
    let mut found = patient.found(id, &grant, Any::Labels(finding));
    if let Some(field) = noun.field {
        let list = ["component", id.as_str(), field];
        let item = patient.places.item(&list, label.as_str());
        found.at = item.map(|span| (Text::Manifest, span)).or(found.at);
    }
    found
}

fn granted<'c>(component: &'c Component, noun: &str) -> Vec<&'c Label> {
    let grants = &component.grants;
    match noun {
        "keyvalue" => grants.keyvalue.keys().collect(),
        "sql" => grants.sql.keys().collect(),
        "documents" => grants.documents.keys().collect(),
        "blobs" => grants.blobs.keys().collect(),
        _ => grants.identity.keys().collect(),
    }
}

fn labels<T>(stores: &BTreeMap<Label, T>) -> Vec<Label> {
    stores.keys().cloned().collect()
}
