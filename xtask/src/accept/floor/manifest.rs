//! Manifests that points write for probes.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A probe at a route.
pub(super) struct Mounted<'a> {
    pub(super) id: &'a str,
    pub(super) route: &'a str,
    pub(super) wasm: &'a Path,
    /// The lines of its `limits`.
    pub(super) limits: &'a str,
}

/// Writes a manifest into the folder, with copies of the probes beside it.
pub(super) fn write(folder: &Path, components: &[Mounted<'_>]) -> anyhow::Result<PathBuf> {
    for component in components {
        let copy = folder.join(format!("{}.wasm", component.id));
        fs::copy(component.wasm, copy)
            .with_context(|| format!("cannot copy `{}`", component.wasm.display()))?;
    }
    let manifest = folder.join("spin.toml");
    fs::write(&manifest, text(components)?)
        .with_context(|| format!("cannot write `{}`", manifest.display()))?;
    Ok(manifest)
}

fn text(components: &[Mounted<'_>]) -> anyhow::Result<String> {
    let mut text = "spin_manifest_version = 2\n\n[application]\nname = \"probes\"\n".to_owned();
    for Mounted {
        id, route, limits, ..
    } in components
    {
        write!(
            text,
            r#"
[[trigger.http]]
id = "{id}-route"
route = "{route}"
component = "{id}"

[component.{id}]
source = "{id}.wasm"

[component.{id}.tool.stoa]
schema = 1

[component.{id}.tool.stoa.limits]
{limits}
"#
        )?;
    }
    Ok(text)
}
