//! Opens what stands behind every label, before any component is prepared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stoa_capabilities::blobs::presign::Signer;
use stoa_capabilities::{Capabilities, Durability, blobs, documents, identity, keyvalue, sql};
use stoa_manifest::grants::documents::Collection;
use stoa_manifest::migration::Migrations;
use stoa_manifest::{App, ComponentId, Label};
use tracing::info;

use crate::commands::{Invalid, Project};
use crate::configuration::Configuration;
use crate::state::State;

/// The open stores, and a line on each for people.
pub(crate) struct Stores {
    pub(crate) capabilities: Capabilities,
    pub(crate) described: Vec<String>,
}

/// Opens all stores of the configuration.
///
/// # Errors
/// The first that cannot be opened, or what the manifest says of it that does not fit.
pub(crate) async fn open(
    project: &Project,
    configuration: &Configuration,
    state: &State,
    signer: &Arc<Signer>,
) -> anyhow::Result<Stores> {
    let mut opening = Opening {
        folder: state.folder(),
        described: Vec::new(),
    };
    let config = &configuration.capabilities;
    let mut capabilities = Capabilities::default();
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
        migrate(project, label, &*database).await?;
        capabilities.sql.insert(label.clone(), database);
    }
    for (label, documents::Config::Embedded(config)) in &config.documents {
        let collections = collections(&project.app, label)?;
        let path = opening.at("documents", label, &config.path, config.durability);
        let store = documents::embedded::Embedded::open(&path, config.durability, &collections)
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

/// What all components together declare of the collections of one store.
fn collections(app: &App, label: &Label) -> Result<BTreeMap<String, Collection>, Invalid> {
    let mut collections: BTreeMap<String, Collection> = BTreeMap::new();
    let mut declared: BTreeMap<(&str, &str), &ComponentId> = BTreeMap::new();
    for (id, component) in &app.components {
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

fn twice(first: &ComponentId, second: &ComponentId, what: &str) -> Invalid {
    Invalid(format!(
        "components `{first}` and `{second}` do not agree on {what}\n  = hint: declare it in one of them, or alike in both"
    ))
}

/// Brings a database to the schema that its component wants.
async fn migrate(
    project: &Project,
    label: &Label,
    database: &dyn sql::Database,
) -> anyhow::Result<()> {
    let components = project.app.components.iter();
    let mut wanted =
        components.filter_map(|(id, component)| Some((id, component.migrations.get(label)?)));
    let Some((id, migrations)) = wanted.next() else {
        return Ok(());
    };
    if let Some((other, _)) = wanted.next() {
        let message = format!("components `{id}` and `{other}` both have migrations for `{label}`");
        return Err(Invalid(format!(
            "{message}\n  = hint: one component owns the schema of a database"
        ))
        .into());
    }
    let migrations = read(&project.root, id, migrations)?;
    let applied = database.migrate(migrations).await;
    let applied = applied
        .map_err(|error| Invalid(format!("cannot migrate `{label}` for `{id}`: {error}")))?;
    for migration in applied {
        info!(component = %id, %label, migration, "migration applied");
    }
    Ok(())
}

/// The `*.sql` files of the folder.
fn read(
    root: &Path,
    id: &ComponentId,
    migrations: &Migrations,
) -> Result<Vec<sql::Migration>, Invalid> {
    let folder = root.join(&migrations.folder);
    let refused = |path: &Path, error: std::io::Error| {
        let shown = path.display();
        Invalid(format!("component `{id}`: cannot read `{shown}`: {error}"))
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(|error| refused(&folder, error))? {
        let path = entry.map_err(|error| refused(&folder, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.ends_with(".sql") {
            let text = fs::read_to_string(&path).map_err(|error| refused(&path, error))?;
            files.insert(name.to_owned(), text);
        }
    }
    if let Some(missing) = migrations
        .contracting
        .iter()
        .find(|name| !files.contains_key(*name))
    {
        let shown = folder.display();
        let message = format!("component `{id}`: `contracting` names `{missing}`");
        return Err(Invalid(format!("{message}, which is not in `{shown}`")));
    }
    let migration = |(name, text): (String, String)| sql::Migration {
        contracts: migrations.contracting.contains(&name),
        name,
        text,
    };
    Ok(files.into_iter().map(migration).collect())
}
