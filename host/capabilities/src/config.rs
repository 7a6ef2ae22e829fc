//! What stands behind each label on this machine, as the runtime configuration writes it.

use std::collections::BTreeMap;

use stoa_manifest::Label;
use stoa_manifest::text::{Mistake, Spanned, Table, Value};

use crate::keyvalue;

/// All stores of a host, by noun and label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[keyvalue.<label>.<kind>]`, and Spin's `[key_value_store.<label>]`.
    pub keyvalue: BTreeMap<Label, keyvalue::Config>,
}

impl Config {
    /// Takes the sections of this crate out of a runtime configuration. Mistakes are reported to the document.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        let ours = table.or_default("keyvalue", |value| labelled(value, keyvalue::Config::read));
        let spins = table.or_default("key_value_store", |value| {
            labelled(value, keyvalue::Config::read_spin)
        });
        let keyvalue = merged(table, ours?, spins?)?;
        check_paths(table, &keyvalue)?;
        Some(Self { keyvalue })
    }
}

type Labelled<T> = BTreeMap<Label, Spanned<T>>;

/// Reads a table whose keys are labels.
fn labelled<T>(
    value: Value<'_>,
    mut read: impl FnMut(&Label, Value<'_>) -> Option<T>,
) -> Option<Labelled<T>> {
    let entries = value.entries()?;
    let read: Vec<Option<(Label, Spanned<T>)>> = entries
        .into_iter()
        .map(|(key, value)| {
            let report = value.report();
            let refused = |error| {
                report.refuse(Mistake::new(
                    key.span,
                    format!("`{}` is not a label: {error}", key.value),
                ))
            };
            let label = Label::new(key.value.clone()).map_or_else(refused, Some)?;
            let config = read(&label, value)?;
            Some((label, Spanned::new(key.span, config)))
        })
        .collect();
    read.into_iter().collect()
}

/// One label has one store: the same label in our section and in Spin's is a mistake.
fn merged<T>(
    table: &Table<'_>,
    ours: Labelled<T>,
    spins: Labelled<T>,
) -> Option<BTreeMap<Label, T>> {
    let mut all: BTreeMap<Label, T> = BTreeMap::new();
    let mut twice = false;
    for (label, config) in ours.into_iter().chain(spins) {
        if all.contains_key(&label) {
            let hint = "keep one of `keyvalue` and `key_value_store`";
            table.report().add(
                Mistake::new(
                    config.span,
                    format!("the store `{label}` is configured twice"),
                )
                .hint(hint),
            );
            twice = true;
        }
        all.insert(label, config.value);
    }
    (!twice).then_some(all)
}

/// One file has one writer.
fn check_paths(table: &Table<'_>, stores: &BTreeMap<Label, keyvalue::Config>) -> Option<()> {
    let mut paths = BTreeMap::new();
    for (label, keyvalue::Config::Embedded(config)) in stores {
        if let Some(first) = paths.insert(&config.path, label) {
            let message = format!(
                "the stores `{first}` and `{label}` have the same file, `{}`",
                config.path.display()
            );
            return table.report().refuse(Mistake::new(table.span(), message));
        }
    }
    Some(())
}
