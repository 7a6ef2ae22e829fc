//! What stands behind each label on this machine, as the runtime configuration writes it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Component, Path, PathBuf};

use stoa_manifest::Label;
use stoa_manifest::text::{Mistake, Report, Span, Spanned, Table, Value};

use crate::{
    Bounds, blobs, documents, identity, keyvalue, llm, mqtt, mysql, postgres, redis, sql, variables,
};

/// All stores of a host, by noun and label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[keyvalue.<label>.<kind>]`, and Spin's `[key_value_store.<label>]`.
    pub keyvalue: BTreeMap<Label, keyvalue::Config>,
    /// `[sql.<label>.<kind>]`, and Spin's `[sqlite_database.<label>]`.
    pub sql: BTreeMap<Label, sql::Config>,
    /// `[documents.<label>.<kind>]`.
    pub documents: BTreeMap<Label, documents::Config>,
    /// `[blobs.<label>.<kind>]`.
    pub blobs: BTreeMap<Label, blobs::Config>,
    /// `[identity.<label>.<kind>]`.
    pub identity: BTreeMap<Label, identity::Config>,
    /// `[outbound_redis]`.
    pub redis: redis::Config,
    /// `[outbound_mqtt]`.
    pub mqtt: mqtt::Config,
    /// `[outbound_pg]`.
    pub postgres: postgres::Config,
    /// `[outbound_mysql]`.
    pub mysql: mysql::Config,
    /// `[llm_compute]`. Default: nobody runs models.
    pub llm: Option<llm::Config>,
    /// `[[variables_provider]]`, in their order.
    pub variables: Vec<variables::Config>,
    /// `result_bytes_max`.
    pub bounds: Bounds,
}

impl Config {
    /// Takes the sections of this crate out of a runtime configuration. Mistakes are reported to the document.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        let keyvalue = section(table, "keyvalue", keyvalue::Config::read);
        let spins = section(table, "key_value_store", keyvalue::Config::read_spin);
        let keyvalue = merged(
            "keyvalue",
            keyvalue,
            "key_value_store",
            spins,
            table.report(),
        );
        let sql = section(table, "sql", sql::Config::read);
        let spins = section(table, "sqlite_database", sql::Config::read_spin);
        let sql = merged("sql", sql, "sqlite_database", spins, table.report());
        let documents = section(table, "documents", documents::Config::read);
        let blobs = section(table, "blobs", blobs::Config::read);
        let identity = section(table, "identity", identity::Config::read);
        let bounds = Bounds::read(table);
        let redis = table.or_default("outbound_redis", |value| value.table(redis::Config::read));
        let mqtt = table.or_default("outbound_mqtt", |value| value.table(mqtt::Config::read));
        let postgres = table.or_default("outbound_pg", |value| value.table(postgres::Config::read));
        let mysql = table.or_default("outbound_mysql", |value| value.table(mysql::Config::read));
        let llm = llm::Config::read(table);
        let variables = variables::Config::read_all(table);
        let mut places = Places::default();
        places.add(
            "keyvalue",
            &keyvalue,
            |keyvalue::Config::Embedded(config)| &config.path,
        );
        places.add("sql", &sql, |sql::Config::Embedded(config)| &config.path);
        places.add(
            "documents",
            &documents,
            |documents::Config::Embedded(config)| &config.path,
        );
        places.add("blobs", &blobs, |blobs::Config::Embedded(config)| {
            &config.path
        });
        places.add(
            "identity",
            &identity,
            |identity::Config::Embedded(config)| &config.path,
        );
        places.check(table.report());
        let bounds = bounds?;
        let Bounds {
            result_bytes_max, ..
        } = bounds;
        Some(Self {
            keyvalue: settled(keyvalue)?,
            sql: settled(sql)?,
            documents: settled(documents)?,
            blobs: settled(blobs)?,
            identity: settled(identity)?,
            redis: redis::Config {
                reply_bytes_max: result_bytes_max,
                ..redis?
            },
            mqtt: mqtt?,
            postgres: postgres::Config {
                result_bytes_max,
                ..postgres?
            },
            mysql: mysql::Config {
                result_bytes_max,
                ..mysql?
            },
            llm: llm?,
            variables: variables?,
            bounds,
        })
    }
}

/// A section of labels; empty if it is not there or cannot be read, which was reported.
fn section<T>(
    table: &mut Table<'_>,
    name: &str,
    read: impl FnMut(&Label, Value<'_>) -> Option<T>,
) -> Labelled<T> {
    let stores = table.or_default(name, |value| labelled(value, read));
    stores.unwrap_or_default()
}

/// `None` if one of them could not be read.
fn settled<T>(stores: Labelled<T>) -> Option<BTreeMap<Label, T>> {
    let stores = stores.into_iter();
    stores
        .map(|(label, store)| Some((label, store.value?)))
        .collect()
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
fn merged<T>(
    our_name: &str,
    ours: Labelled<T>,
    spins_name: &str,
    spins: Labelled<T>,
    report: &Report,
) -> Labelled<T> {
    let mut stores = ours;
    for (label, store) in spins {
        match stores.entry(label) {
            Entry::Occupied(first) => {
                let message = format!("the store `{}` is configured twice", first.key());
                let mistake = Mistake::new(store.span, message);
                report.add(mistake.hint(format!("keep one of `{our_name}` and `{spins_name}`")));
            }
            Entry::Vacant(place) => {
                place.insert(store);
            }
        }
    }
    stores
}

/// Where the stores of this host lie: one file has one writer.
#[derive(Default)]
struct Places(Vec<Place>);

struct Place {
    /// Of the label.
    span: Span,
    store: String,
    path: PathBuf,
}

impl Places {
    fn add<T>(&mut self, noun: &str, stores: &Labelled<T>, path: impl Fn(&T) -> &PathBuf) {
        for (label, store) in stores {
            let Some(config) = &store.value else {
                continue;
            };
            self.0.push(Place {
                span: store.span,
                store: format!("{noun}.{label}"),
                path: plain(path(config)),
            });
        }
    }

    /// Of two stores in one place, the mistake is at the one that is written later.
    fn check(mut self, report: &Report) {
        self.0.sort_by_key(|place| place.span.start);
        let mut seen: BTreeMap<&Path, &str> = BTreeMap::new();
        for place in &self.0 {
            let first = *seen.entry(&place.path).or_insert(&place.store);
            if first != place.store {
                let message = format!(
                    "the stores `{first}` and `{}` have the same path, `{}`",
                    place.store,
                    place.path.display()
                );
                report.add(Mistake::new(place.span, message));
            }
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
            [keyvalue.d.embedded]\npath = \"y.db\"\n\
            [documents.a.embedded]\npath = \"x.db\"\n";
        let told = |line: usize, label: &str, path: &str| {
            let message =
                format!("the stores `keyvalue.c` and `{label}` have the same path, `{path}`");
            (line, message)
        };
        assert_eq!(
            mistakes(text),
            [
                told(3, "keyvalue.b", "x.db"),
                told(5, "keyvalue.a", "x.db"),
                told(9, "documents.a", "x.db")
            ]
        );
    }

    #[test]
    fn the_bound_of_results_is_one_for_stores_and_servers() {
        let read = |text: &str| text::read(&Source::new("runtime.toml", text), Config::read);
        let bounds = |text: &str| {
            let Config {
                bounds,
                redis,
                postgres,
                mysql,
                ..
            } = read(text).expect("it is a configuration");
            let servers = [
                redis.reply_bytes_max,
                postgres.result_bytes_max,
                mysql.result_bytes_max,
            ];
            assert_eq!(servers, [bounds.result_bytes_max; 3]);
            bounds.result_bytes_max
        };
        assert_eq!(bounds(""), 128 << 20);
        let set = "result_bytes_max = 20_000_000\n[outbound_redis]\nmax_connections = 3\n";
        assert_eq!(bounds(set), 20_000_000);
        for wrong in ["16_777_215", "268_435_457", "\"128 MiB\""] {
            let text = format!("result_bytes_max = {wrong}\n");
            assert_eq!(mistakes(&text).len(), 1, "{wrong}");
        }
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
