//! What the code of every component imports and exports: by itself, joined with its dependencies as this host joins them,
//! and as Spin does. Nothing of it is compiled, and nothing runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use stoa_capabilities::releases::FILE_BYTES_MAX;
use stoa_manifest::{App, ComponentId};
use stoa_runtime::Triggers;
use wac_graph::CompositionGraph;
use wac_graph::types::{ItemKind, Package, Type};

use crate::bundle::Files;
use crate::compose::{self, OURS, Ours};
use crate::fetched::{self, Place};
use crate::{componentize, wiring};

/// The interfaces of a component, by their whole names.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

/// What is known of the code of a component that something is asked of.
#[derive(Debug)]
pub(super) struct Examined {
    /// What the manifest calls it.
    pub(super) named: ComponentId,
    /// What it has to export for its triggers.
    pub(super) triggers: Triggers,
    /// Its own file, if that is there and a component.
    pub(super) own: Option<Code>,
    /// Why it is none.
    pub(super) unfit: Option<String>,
    /// Joined as this host joins it.
    pub(super) whole: Option<Code>,
    /// Why it cannot be, for people.
    pub(super) unjoined: Vec<String>,
    /// Joined as Spin joins it: what serves Stoa's own interfaces is a dependency, too.
    pub(super) adapted: Option<Code>,
    /// Why it cannot be, for people.
    pub(super) unadapted: Vec<String>,
}

/// Looks at every component that something is asked of, those behind middleware under names of their own.
pub(super) fn examine(app: &App, root: &Path) -> BTreeMap<ComponentId, Examined> {
    let mut app = app.clone();
    compose::middleware::derive(&mut app);
    let files = read(&app, root);
    let served = app
        .components
        .keys()
        .filter(|id| !compose::is_part(&app, id));
    served
        .map(|id| (id.clone(), of_component(&app, &files, id)))
        .collect()
}

fn of_component(app: &App, files: &Files, id: &ComponentId) -> Examined {
    let place = fetched::of_source(&app.components[id].source);
    let mut examined = Examined {
        named: compose::middleware::named(app, id).clone(),
        triggers: wiring::triggers(app, id),
        own: None,
        unfit: None,
        whole: None,
        unjoined: Vec::new(),
        adapted: None,
        unadapted: Vec::new(),
    };
    let Some(file) = files.get(&place.key()) else {
        return examined;
    };
    let wasm = match componentize::component(file.clone()) {
        Ok(wasm) => wasm,
        Err(error) => {
            examined.unfit = Some(error.to_string());
            return examined;
        }
    };
    match interfaces(&wasm) {
        Ok(code) => examined.own = Some(code),
        Err(reason) => {
            examined.unfit = Some(format!("it is not a valid component: {reason}"));
            return examined;
        }
    }
    (examined.whole, examined.unjoined) = joined(app, files, id, Ours::Native, &wasm);
    (examined.adapted, examined.unadapted) = joined(app, files, id, Ours::Adapted, &wasm);
    examined
}

fn joined(
    app: &App,
    files: &Files,
    id: &ComponentId,
    ours: Ours,
    wasm: &Bytes,
) -> (Option<Code>, Vec<String>) {
    if is_fetched(app, id, ours) {
        return (None, Vec::new());
    }
    let whole = compose::compose(app, files, id, ours, wasm.clone());
    match whole.map(|whole| interfaces(&whole)) {
        Ok(Ok(code)) => (Some(code), Vec::new()),
        Ok(Err(reason)) => (
            None,
            vec![format!(
                "component `{id}`: joined it is not valid: {reason}"
            )],
        ),
        Err(told) => (None, told),
    }
}

/// Whether a part of the whole comes from the network, and so is not here.
fn is_fetched(app: &App, id: &ComponentId, ours: Ours) -> bool {
    let dependencies = app.components[id].dependencies.iter();
    let joined = dependencies.filter(|(name, _)| ours == Ours::Adapted || !name.starts_with(OURS));
    joined
        .filter_map(|(name, dependency)| fetched::of_dependency(app, name, dependency))
        .chain(compose::middleware::places(app, id))
        .any(|place| matches!(place, Place::Remote(_)))
}

/// Reads all code that lies in files. What is not there is for other checks to tell.
fn read(app: &App, root: &Path) -> Files {
    let mut files = Files::default();
    for (id, component) in &app.components {
        let dependencies = component.dependencies.iter();
        let dependencies = dependencies
            .filter_map(|(name, dependency)| fetched::of_dependency(app, name, dependency));
        let places = std::iter::once(fetched::of_source(&component.source))
            .chain(dependencies)
            .chain(compose::middleware::places(app, id));
        for place in places {
            let Place::Path(path) = place else {
                continue;
            };
            if files.get(path).is_none()
                && let Ok(bytes) = file(&root.join(path))
            {
                files.insert(path, bytes);
            }
        }
    }
    files
}

fn file(path: &Path) -> io::Result<Bytes> {
    // Before it is opened: a pipe would be waited for.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    let most = FILE_BYTES_MAX as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    match bytes.len() > FILE_BYTES_MAX {
        true => Err(io::Error::other("it is too large")),
        false => Ok(bytes.into()),
    }
}

fn interfaces(wasm: &[u8]) -> Result<Code, String> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("component", None, wasm.to_vec(), graph.types_mut())
        .map_err(|error| format!("{error:#}"))?;
    let types = graph.types();
    let world = &types[package.ty()];
    // An interface of nothing but types asks for nothing.
    let asks = |kind: &ItemKind| match kind {
        ItemKind::Instance(id) => types[*id].exports.values().any(is_called),
        _ => true,
    };
    let imports = world.imports.iter().filter(|(_, kind)| asks(kind));
    Ok(Code {
        imports: imports.map(|(name, _)| name.clone()).collect(),
        exports: world.exports.keys().cloned().collect(),
    })
}

fn is_called(item: &ItemKind) -> bool {
    matches!(item, ItemKind::Func(_) | ItemKind::Type(Type::Resource(_)))
}
