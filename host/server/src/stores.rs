//! Opens what stands behind every label, and gives it the shape that releases want of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stoa_capabilities::blobs::presign::Signer;
use stoa_capabilities::sql::Contracting;
use stoa_capabilities::{Capabilities, Durability, blobs, documents, identity, keyvalue, llm, sql};
use stoa_manifest::grants::documents::{Collection, Index};
use stoa_manifest::migration::Migrations;
use stoa_manifest::{App, ComponentId, Label};
use tracing::info;

use crate::bundle::Files;
use crate::commands::Invalid;
use crate::configuration::Configuration;
use crate::state::State;

/// The open stores, and a line on each for people.
pub(crate) struct Stores {
    pub(crate) capabilities: Capabilities,
    pub(crate) described: Vec<String>,
}

/// Opens all stores of the configuration. What releases declare of them comes later.
///
/// # Errors
/// The first that cannot be opened.
pub(crate) fn open(
    configuration: &Configuration,
    state: &State,
    signer: &Arc<Signer>,
) -> anyhow::Result<Stores> {
    let mut opening = Opening {
        folder: state.folder(),
        described: Vec::new(),
    };
    let config = &configuration.capabilities;
    let mut capabilities = Capabilities {
        bounds: config.bounds,
        ..Capabilities::default()
    };
    for (label, keyvalue::Config::Embedded(config)) in &config.keyvalue {
        let path = opening.at("keyvalue", label, &config.path, config.durability);
        let store = keyvalue::embedded::Embedded::open(&path, config.durability)
            .with_context(|| format!("cannot open the key-value store `{label}`"))?;
        capabilities.keyvalue.insert(label.clone(), store);
    }
    for (label, sql::Config::Embedded(config)) in &config.sql {
        let path = opening.at("sql", label, &config.path, config.durability);
        let database = sql::embedded::Embedded::open(&path, config.durability)
            .with_context(|| format!("cannot open the database `{label}`"))?;
        capabilities.sql.insert(label.clone(), database);
    }
    for (label, documents::Config::Embedded(config)) in &config.documents {
        let path = opening.at("documents", label, &config.path, config.durability);
        let store = documents::embedded::Embedded::open(&path, config.durability)
            .with_context(|| format!("cannot open the document store `{label}`"))?;
        capabilities.documents.insert(label.clone(), store);
    }
    for (label, blobs::Config::Embedded(config)) in &config.blobs {
        let path = opening.at("blobs", label, &config.path, config.durability);
        let store = blobs::embedded::Embedded::open(&path, config.durability, Arc::clone(signer))
            .with_context(|| format!("cannot open the blob store `{label}`"))?;
        capabilities.blobs.insert(label.clone(), store);
    }
    for (label, identity::Config::Embedded(config)) in &config.identity {
        let path = state.folder().join(&config.path);
        opening
            .described
            .push(format!("identity {label}: {}", path.display()));
        let provider = identity::embedded::Embedded::open(&path, config)
            .with_context(|| format!("cannot open the identity `{label}`"))?;
        capabilities.identity.insert(label.clone(), provider);
    }
    let redis = stoa_backends::redis::Driver::new(&config.redis);
    capabilities.drivers.redis = Some(Arc::new(redis));
    let mqtt = stoa_backends::mqtt::Driver::new(&config.mqtt);
    capabilities.drivers.mqtt = Some(Arc::new(mqtt));
    let postgres = stoa_backends::postgres::Driver::new(&config.postgres);
    capabilities.drivers.postgres = Some(Arc::new(postgres));
    let mysql = stoa_backends::mysql::Driver::new(&config.mysql);
    capabilities.drivers.mysql = Some(Arc::new(mysql));
    if let Some(llm::Config::Remote(remote)) = &config.llm {
        let models = stoa_backends::llm::Driver::new(remote);
        let models = models.map_err(|error| Invalid(error.to_string()))?;
        capabilities.drivers.llm = Some(Arc::new(models));
        opening.described.push("models: a remote host".to_owned());
    }
    Ok(Stores {
        capabilities,
        described: opening.described,
    })
}

struct Opening<'a> {
    folder: &'a Path,
    described: Vec<String>,
}

impl Opening<'_> {
    /// Where a store lies, which is noted.
    fn at(&mut self, noun: &str, label: &Label, path: &Path, durability: Durability) -> PathBuf {
        let path = self.folder.join(path);
        let durability = format!("{durability:?}").to_lowercase();
        let shown = path.display();
        self.described
            .push(format!("{noun} {label}: {shown} ({durability} durability)"));
        path
    }
}

/// Declares what releases want of their document stores, in addition to what is declared already. The first declaration
/// after a start takes away what is not in it, so all releases that serve then are in one.
///
/// # Errors
/// What does not fit, for people.
pub(crate) async fn declare(apps: &[&App], capabilities: &Capabilities) -> Result<(), Vec<String>> {
    for (label, store) in &capabilities.documents {
        let collections = collections(apps, label)?;
        store.declare(collections).await.map_err(|error| {
            vec![format!(
                "the document store `{label}` cannot take what is declared of it: {error}"
            )]
        })?;
    }
    Ok(())
}

/// Whether a release declares what its document stores do not have yet.
pub(crate) fn declares_more(app: &App, capabilities: &Capabilities) -> bool {
    capabilities.documents.iter().any(|(label, store)| {
        let declared = store.declared();
        // What contradicts itself is told when it is declared.
        let wanted = collections(&[app], label).unwrap_or_default();
        wanted.iter().any(|(name, collection)| {
            declared
                .get(name)
                .is_none_or(|known| !contains(known, collection))
        })
    })
}

/// What a release declares that binds the writes of an older one that is live: an index that is new on a collection of both,
/// and that refuses some documents. For people.
pub(crate) fn binds(app: &App, live: &App, capabilities: &Capabilities) -> Vec<String> {
    let mut told = Vec::new();
    for label in capabilities.documents.keys() {
        // What contradicts itself is told when it is declared.
        let wanted = collections(&[app], label).unwrap_or_default();
        let older = collections(&[live], label).unwrap_or_default();
        for (name, collection) in &wanted {
            let Some(older) = older.get(name) else {
                continue;
            };
            let new = collection.indexes.iter();
            let new = new.filter(|(index, _)| !older.indexes.contains_key(*index));
            let refuses = new.filter(|(_, index)| index.unique || index.each);
            told.extend(refuses.map(|(index, _)| {
                format!(
                    "the index `{index}` of `{name}` in the document store `{label}` may refuse what an older release still writes\n  = hint: allow it with `--allow-contracting`, if it never does"
                )
            }));
        }
    }
    told
}

fn contains(known: &Collection, wanted: &Collection) -> bool {
    let index = |(name, index): (&String, &Index)| known.indexes.get(name) == Some(index);
    let weight = |(path, weight): (&String, &u32)| known.search.get(path) == Some(weight);
    wanted.indexes.iter().all(index) && wanted.search.iter().all(weight)
}

/// What all components together declare of the collections of one store.
fn collections(apps: &[&App], label: &Label) -> Result<BTreeMap<String, Collection>, Vec<String>> {
    let mut collections: BTreeMap<String, Collection> = BTreeMap::new();
    let mut declared: BTreeMap<(&str, &str), &ComponentId> = BTreeMap::new();
    for (id, component) in apps.iter().flat_map(|app| &app.components) {
        let Some(grant) = component.grants.documents.get(label) else {
            continue;
        };
        for (name, collection) in &grant.collections {
            let all = collections.entry(name.clone()).or_default();
            for (index, definition) in &collection.indexes {
                let first = *declared.entry((name, index)).or_insert(id);
                let known = all
                    .indexes
                    .entry(index.clone())
                    .or_insert_with(|| definition.clone());
                if known != definition {
                    return Err(twice(
                        first,
                        id,
                        &format!("the index `{index}` of `{name}`"),
                    ));
                }
            }
            for (path, weight) in &collection.search {
                let first = *declared.entry((name, path)).or_insert(id);
                let known = all.search.entry(path.clone()).or_insert(*weight);
                if known != weight {
                    return Err(twice(
                        first,
                        id,
                        &format!("what `{path}` weighs in `{name}`"),
                    ));
                }
            }
        }
    }
    Ok(collections)
}

fn twice(first: &ComponentId, second: &ComponentId, what: &str) -> Vec<String> {
    vec![format!(
        "components `{first}` and `{second}` do not agree on {what}\n  = hint: declare it in one of them, or alike in both"
    )]
}

/// Which migrations of a release would be applied: each was tried, and taken back.
///
/// # Errors
/// What does not fit, for people.
pub(crate) async fn check_migrations(
    app: &App,
    files: &Files,
    capabilities: &Capabilities,
    contracting: Contracting,
) -> Result<Vec<String>, Vec<String>> {
    let mut pending = Vec::new();
    for (label, database) in &capabilities.sql {
        if let Some((id, migrations)) = migrations(app, files, label)? {
            let names = database.check(migrations, contracting).await;
            let names = names.map_err(|error| unfit(&id, label, &error))?;
            pending.extend(names.into_iter().map(|name| format!("{label}/{name}")));
        }
    }
    Ok(pending)
}

/// Brings the databases to the schemas that a release wants.
///
/// # Errors
/// What does not fit, for people.
pub(crate) async fn migrate(
    app: &App,
    files: &Files,
    capabilities: &Capabilities,
    contracting: Contracting,
) -> Result<(), Vec<String>> {
    for (label, database) in &capabilities.sql {
        if let Some((id, migrations)) = migrations(app, files, label)? {
            let applied = database.migrate(migrations, contracting).await;
            for migration in applied.map_err(|error| unfit(&id, label, &error))? {
                info!(component = %id, %label, migration, "migration applied");
            }
        }
    }
    Ok(())
}

fn unfit(id: &ComponentId, label: &Label, error: &sql::migrations::Error) -> Vec<String> {
    vec![format!("cannot migrate `{label}` for `{id}`: {error}")]
}

/// The migrations of a database, and whose they are.
fn migrations(
    app: &App,
    files: &Files,
    label: &Label,
) -> Result<Option<(ComponentId, Vec<sql::Migration>)>, Vec<String>> {
    let components = app.components.iter();
    let mut wanted =
        components.filter_map(|(id, component)| Some((id, component.migrations.get(label)?)));
    let Some((id, migrations)) = wanted.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = wanted.next() {
        let message = format!("components `{id}` and `{other}` both have migrations for `{label}`");
        return Err(vec![format!(
            "{message}\n  = hint: one component owns the schema of a database"
        )]);
    }
    let migrations = of_folder(files, id, migrations).map_err(|problem| vec![problem])?;
    Ok(Some((id.clone(), migrations)))
}

/// The `*.sql` files of the folder.
fn of_folder(
    files: &Files,
    id: &ComponentId,
    migrations: &Migrations,
) -> Result<Vec<sql::Migration>, String> {
    let folder = &migrations.folder;
    let mut texts = BTreeMap::new();
    for (name, bytes) in files.below(folder) {
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|_| format!("component `{id}`: `{folder}/{name}` is not UTF-8"))?;
        texts.insert(name.to_owned(), text.to_owned());
    }
    let mut named = migrations.contracting.iter();
    if let Some(missing) = named.find(|name| !texts.contains_key(*name)) {
        let message = format!("component `{id}`: `contracting` names `{missing}`");
        return Err(format!("{message}, which is not in `{folder}`"));
    }
    let migration = |(name, text): (String, String)| sql::Migration {
        contracts: migrations.contracting.contains(&name),
        name,
        text,
    };
    Ok(texts.into_iter().map(migration).collect())
}
