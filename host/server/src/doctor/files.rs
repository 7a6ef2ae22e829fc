//! Whether the files that components mount are there.

use stoa_manifest::Component;
use stoa_manifest::component::Files;

use super::{Finding as Any, Found, Patient};
use crate::mounts;

#[derive(Debug)]
pub(super) enum Finding {
    /// A pattern matches no file.
    NoMatch { pattern: String },
    /// An entry cannot be mounted. The text is for people.
    Unmountable(String),
}

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for (id, component) in &patient.app.components {
        for (index, entry) in component.files.iter().enumerate() {
            // One by one: of all together nobody could say which of them matched nothing.
            let alone = Component {
                files: vec![entry.clone()],
                exclude_files: Vec::new(),
                ..component.clone()
            };
            let findings = of_entry(patient, &alone, entry).into_iter();
            let index = index.to_string();
            found.extend(
                findings.map(|finding| patient.found(id, &["files", &index], Any::Files(finding))),
            );
        }
    }
    found
}

fn of_entry(patient: &Patient, alone: &Component, entry: &Files) -> Vec<Finding> {
    match (mounts::find(&patient.root, alone), entry) {
        (Err(told), _) => told.into_iter().map(Finding::Unmountable).collect(),
        (Ok(keys), Files::Pattern(pattern)) if keys.is_empty() => vec![Finding::NoMatch {
            pattern: pattern.clone(),
        }],
        (Ok(_), _) => Vec::new(),
    }
}
