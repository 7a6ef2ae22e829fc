//! Whether the code is a component that this host can link, and that exports what its triggers call.

use stoa_runtime::PrepareError;

use super::code::Examined;
use super::{Finding as Any, Found, Patient};

#[derive(Debug)]
pub(super) enum Finding {
    /// It is no component, and cannot be made one. The reason is for people.
    Unfit { reason: String },
    /// Nobody provides an import.
    Import {
        import: String,
        nearest: Option<String>,
    },
    /// It exports nothing that one of its triggers calls. In words.
    Entry { reason: String },
}

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for examined in patient.code.values() {
        let findings = of_code(examined).into_iter();
        found.extend(
            findings.map(|finding| {
                patient.found(&examined.named, &["source"], Any::Interfaces(finding))
            }),
        );
    }
    found
}

fn of_code(examined: &Examined) -> Vec<Finding> {
    if let Some(reason) = &examined.unfit {
        let reason = reason.clone();
        return vec![Finding::Unfit { reason }];
    }
    let Some(code) = &examined.whole else {
        return Vec::new();
    };
    let imports = code.imports.iter();
    let unprovided = imports.filter_map(|import| {
        let nearest = stoa_runtime::provides(import).err()?;
        let import = import.clone();
        Some(Finding::Import { import, nearest })
    });
    let entry = match stoa_runtime::abis(&code.exports, examined.triggers) {
        Err(error @ PrepareError::NoHandler { .. }) => Some(Finding::Entry {
            reason: error.to_string(),
        }),
        _ => None,
    };
    unprovided.chain(entry).collect()
}
