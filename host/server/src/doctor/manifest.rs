//! Whether the manifest can be read, and means what it says.

use stoa_manifest::text::Mistake;

use super::{Finding as Any, Found, Patient, Text};
use crate::wiring;

#[derive(Debug)]
pub(super) enum Finding {
    /// It cannot be read as it is.
    Mistaken(Mistake),
    /// It can be read, and is probably not meant.
    Warned(Mistake),
    /// This version cannot do it. The text is for people.
    Unsupported(String),
}

/// One of the mistakes that keep it from being read.
pub(super) fn mistaken(mistake: &Mistake) -> Found {
    let finding = Any::Manifest(Finding::Mistaken(mistake.clone()));
    super::mistaken(Text::Manifest, mistake, finding)
}

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let warnings = patient.app.warnings.iter().map(|warning| {
        let mistake = warning.mistake();
        let finding = Any::Manifest(Finding::Warned(mistake.clone()));
        super::mistaken(Text::Manifest, mistake, finding)
    });
    let unsupported = wiring::check_supported(&patient.app).err();
    let unsupported = unsupported.into_iter().flatten();
    let unsupported =
        unsupported.map(|text| Found::at(Any::Manifest(Finding::Unsupported(text)), None));
    warnings.chain(unsupported).collect()
}
