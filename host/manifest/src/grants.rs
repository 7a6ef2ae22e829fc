//! What a component may touch: one module per noun, one map per module.

pub mod keyvalue;

use std::collections::BTreeMap;

use crate::name::{self, Label};
use crate::text::{self, Mistake, Report, Spanned, Value};

/// Everything that a component was granted, by noun and label. What is not in here does not exist for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// The stores of `key_value_stores`; those without a table in `grants.keyvalue` are granted in full, as in Spin.
    pub keyvalue: BTreeMap<Label, keyvalue::Grant>,
}

/// The narrower grants as they are written, not yet held against the labels that Spin's own fields name.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    keyvalue: Vec<(Spanned<String>, keyvalue::Grant)>,
}

/// A list of labels: the good ones, each once.
pub(crate) fn read_labels(value: Value<'_>) -> Option<Vec<Label>> {
    let report = value.report();
    let mut labels: Vec<Label> = Vec::new();
    for written in value.spanned_strings()? {
        match read_label(&written, report) {
            Some(label) if labels.contains(&label) => {
                let message = format!("`{label}` is listed twice");
                report.warn(Mistake::new(written.span, message));
            }
            label => labels.extend(label),
        }
    }
    Some(labels)
}

pub(crate) fn read(value: Value<'_>) -> Option<Draft> {
    value.table(|table| {
        let keyvalue = table.or_default("keyvalue", read_keyvalue);
        Some(Draft {
            keyvalue: keyvalue.unwrap_or_default(),
        })
    })
}

/// Gives each label its grant. A table for a label that Spin would not open is a mistake: under Spin, the component
/// would not have the store.
pub(crate) fn resolve(draft: Draft, stores: Vec<Label>, report: &Report) -> Grants {
    let mut keyvalue: BTreeMap<Label, keyvalue::Grant> = stores
        .into_iter()
        .map(|label| (label, keyvalue::Grant::default()))
        .collect();
    for (label, grant) in draft.keyvalue {
        match keyvalue.get_mut(label.value.as_str()) {
            Some(granted) => *granted = grant,
            None => report.add(ungranted(&label, keyvalue.keys())),
        }
    }
    Grants { keyvalue }
}

fn read_label(written: &Spanned<String>, report: &Report) -> Option<Label> {
    match Label::new(&*written.value) {
        Ok(label) => Some(label),
        Err(error) => report.refuse(name::unfit(written, "a label", &error)),
    }
}

/// A grant that cannot be read is kept even so: its label is still to be looked up.
fn read_keyvalue(value: Value<'_>) -> Option<Vec<(Spanned<String>, keyvalue::Grant)>> {
    let grants = value.entries()?.into_iter();
    let read = |(label, value): (Spanned<String>, Value<'_>)| {
        (label, value.table(keyvalue::read).unwrap_or_default())
    };
    Some(grants.map(read).collect())
}

fn ungranted<'l>(label: &Spanned<String>, granted: impl Iterator<Item = &'l Label>) -> Mistake {
    let message = format!(
        "`{}` is not one of the component's `key_value_stores`",
        label.value
    );
    let meant = text::nearest(&label.value, granted.map(Label::as_str));
    Mistake::new(label.span, message).did_you_mean(meant)
}
