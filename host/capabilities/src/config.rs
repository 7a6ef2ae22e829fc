//! What stands behind each label on this machine, as the runtime configuration writes it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Component, Path, PathBuf};

use stoa_manifest::Label;
use stoa_manifest::text::{Mistake, Report, Spanned, Table, Value};

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
        let stores = merged(
            ours.unwrap_or_default(),
            spins.unwrap_or_default(),
            table.report(),
        );
        check_paths(&stores, table.report());
        let keyvalue = stores
            .into_iter()
            .map(|(label, store)| Some((label, store.value?)));
        Some(Self {
            keyvalue: keyvalue.collect::<Option<_>>()?,
        })
    }
}

/// What stands behind each label, with the place of the label; `None` if that cannot be read, which was reported.
type Labelled<T> = BTreeMap<Label, Spanned<Option<T>>>;

/// Reads a table whose keys are labels.
fn labelled<T>(
    value: Value<'_>,
    mut read: impl FnMut(&Label, Value<'_>) -> Option<T>,
) -> Option<Labelled<T>> {
    let entries = value.entries()?.into_iter().filter_map(|(key, value)| {
        let label = read_label(&key, value.report())?;
        let store = read(&label, value);
        Some((label, Spanned::new(key.span, store)))
    });
    Some(entries.collect())
}

fn read_label(key: &Spanned<String>, report: &Report) -> Option<Label> {
    match Label::new(&*key.value) {
        Ok(label) => Some(label),
        Err(error) => report.refuse(Mistake::new(
            key.span,
            format!("`{}` is not a label: {error}", key.value),
        )),
    }
}

/// One label has one store: the same label in our section and in Spin's is a mistake.
fn merged<T>(ours: Labelled<T>, spins: Labelled<T>, report: &Report) -> Labelled<T> {
    let mut stores = ours;
    for (label, store) in spins {
        match stores.entry(label) {
            Entry::Occupied(first) => {
                let message = format!("the store `{}` is configured twice", first.key());
                let mistake = Mistake::new(store.span, message);
                report.add(mistake.hint("keep one of `keyvalue` and `key_value_store`"));
            }
            Entry::Vacant(place) => {
                place.insert(store);
            }
        }
    }
    stores
}

/// One file has one writer. Of two stores with one file, the mistake is at the one that is written later.
fn check_paths(stores: &Labelled<keyvalue::Config>, report: &Report) {
    let mut stores: Vec<_> = stores.iter().collect();
    stores.sort_by_key(|(_, store)| store.span.start);
    let mut labels = BTreeMap::new();
    for (label, store) in stores {
        let Some(keyvalue::Config::Embedded(config)) = &store.value else {
            continue;
        };
        let first = *labels.entry(plain(&config.path)).or_insert(label);
        if first != label {
            let message = format!(
                "the stores `{first}` and `{label}` have the same file, `{}`",
                config.path.display()
            );
            report.add(Mistake::new(store.span, message));
        }
    }
}

/// A path without the `.` that say nothing. Where links lead is not looked at.
fn plain(path: &Path) -> PathBuf {
    let components = path.components();
    components
        .filter(|component| !matches!(component, Component::CurDir))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_manifest::text::{self, Source};

    /// The mistakes in a runtime configuration: line and message.
    fn mistakes(text: &str) -> Vec<(usize, String)> {
        let read = text::read(&Source::new("runtime.toml", text), Config::read);
        let mistakes = read.expect_err("there are mistakes in it");
        let line = |start: usize| text[..start].matches('\n').count() + 1;
        mistakes
            .iter()
            .map(|mistake| (line(mistake.span.start), mistake.message.clone()))
            .collect()
    }

    #[test]
    fn every_store_with_the_file_of_another_is_reported_at_its_place() {
        let text = "[keyvalue.c.embedded]\npath = \"x.db\"\n\
            [keyvalue.b.embedded]\npath = \"./x.db\"\n\
            [keyvalue.a.embedded]\npath = \"x.db/.\"\n\
            [keyvalue.d.embedded]\npath = \"y.db\"\n";
        let told = |line: usize, label: &str, path: &str| {
            let message = format!("the stores `c` and `{label}` have the same file, `{path}`");
            (line, message)
        };
        assert_eq!(
            mistakes(text),
            [told(3, "b", "./x.db"), told(5, "a", "x.db/.")]
        );
    }

    #[test]
    fn a_mistake_in_one_store_does_not_hide_that_it_is_configured_twice() {
        let text = "[keyvalue.a.embedded]\npath = 1\n[key_value_store.a]\ntype = \"redis\"\n";
        let told = mistakes(text);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.contains(&(3, "the store `a` is configured twice".to_owned())));
    }

    #[test]
    fn one_section_does_not_hide_the_mistakes_of_the_other() {
        let told = mistakes("key_value_store = 1\nkeyvalue.a.embedded.path = 1\n");
        assert_eq!(told.len(), 2, "{told:?}");
    }
}
