//! Manifests that tasks write for guests.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A guest at a route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mounted<'a> {
    pub(crate) id: &'a str,
    pub(crate) route: &'a str,
    pub(crate) wasm: &'a Path,
    /// The lines of its `tool.stoa`, beside its schema.
    pub(crate) policy: &'a str,
    /// The lines of its `limits`.
    pub(crate) limits: &'a str,
    /// Key-value stores that it may use.
    pub(crate) stores: &'a [&'a str],
    /// SQLite databases that it may use.
    pub(crate) databases: &'a [&'a str],
    /// Where it may connect to.
    pub(crate) hosts: &'a [&'a str],
    /// Tables of its other grants.
    pub(crate) grants: &'a str,
}

impl<'a> Mounted<'a> {
    /// With the default limits, and without stores.
    pub(crate) fn new(id: &'a str, route: &'a str, wasm: &'a Path) -> Self {
        Self {
            id,
            route,
            wasm,
            policy: "",
            limits: "",
            stores: &[],
            databases: &[],
            hosts: &[],
            grants: "",
        }
    }
}

/// Writes a manifest into the folder, with copies of the guests beside it.
pub(crate) fn write(folder: &Path, components: &[Mounted<'_>]) -> anyhow::Result<PathBuf> {
    for component in components {
        let copy = folder.join(format!("{}.wasm", component.id));
        fs::copy(component.wasm, copy)
            .with_context(|| format!("cannot copy `{}`", component.wasm.display()))?;
    }
    describe(folder, components)
}

/// Writes a manifest for guests that lie in the folder already, each named after its component.
pub(crate) fn describe(folder: &Path, components: &[Mounted<'_>]) -> anyhow::Result<PathBuf> {
    let manifest = folder.join("spin.toml");
    fs::write(&manifest, text(components)?)
        .with_context(|| format!("cannot write `{}`", manifest.display()))?;
    Ok(manifest)
}

/// The text of a manifest for guests, each in a file named after its component.
pub(crate) fn text(components: &[Mounted<'_>]) -> anyhow::Result<String> {
    let mut text = "spin_manifest_version = 2\n\n[application]\nname = \"probes\"\n".to_owned();
    for Mounted {
        id,
        route,
        policy,
        limits,
        stores,
        databases,
        hosts,
        grants,
        ..
    } in components
    {
        // A list of texts looks the same in Rust and in TOML.
        write!(
            text,
            r#"
[[trigger.http]]
id = "{id}-route"
route = "{route}"
component = "{id}"

[component.{id}]
source = "{id}.wasm"
key_value_stores = {stores:?}
sqlite_databases = {databases:?}
allowed_outbound_hosts = {hosts:?}

[component.{id}.tool.stoa]
schema = 1
{policy}

[component.{id}.tool.stoa.limits]
{limits}
{grants}
"#
        )?;
    }
    Ok(text)
}
