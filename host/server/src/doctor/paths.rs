//! Whether the other files that the manifest names are there.

use super::{Finding as Any, Found, Patient};

/// There is no such file, or no such folder.
#[derive(Debug)]
pub(super) enum Finding {
    Openapi { path: String },
    Migrations { folder: String },
    Seed { name: String, file: String },
}

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for (id, component) in &patient.app.components {
        if let Some(path) = &component.openapi
            && !patient.root.join(path).is_file()
        {
            let finding = Finding::Openapi { path: path.clone() };
            found.push(patient.found(id, &["tool", "stoa", "openapi"], Any::Paths(finding)));
        }
        for (label, migrations) in &component.migrations {
            let folder = &migrations.folder;
            if patient.root.join(folder).is_dir() {
                continue;
            }
            let finding = Finding::Migrations {
                folder: folder.clone(),
            };
            let field = ["tool", "stoa", "migrations", label.as_str(), "folder"];
            found.push(patient.found(id, &field, Any::Paths(finding)));
        }
    }
    for seed in &patient.app.seeds {
        if patient.root.join(&seed.file).is_file() {
            continue;
        }
        let path = ["application", "tool", "stoa", "seeds", &seed.name, "file"];
        let finding = Finding::Seed {
            name: seed.name.clone(),
            file: seed.file.clone(),
        };
        found.push(Found::at(Any::Paths(finding), patient.places.find(&path)));
    }
    found
}
