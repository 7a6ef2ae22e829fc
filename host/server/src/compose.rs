//! Dependencies: components that satisfy imports of another one, joined with it into one before it is compiled.
//!
//! As in Spin, the key of a dependency says which imports it satisfies, and the dependency's own imports become imports
//! of the whole. What is joined shares one store and so the grants of the depending component; what a dependency may
//! not inherit of them is refused here, by its imports. Nothing is fetched: whatever is not a file is refused.

mod environment;
mod error;
mod inheritance;
mod names;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use stoa_manifest::component::Source as Code;
use stoa_manifest::dependency::{Dependency, Inherit, Origin};
use stoa_manifest::http::Target;
use stoa_manifest::{App, Component, ComponentId};
use wac_graph::types::{Package, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use crate::bundle::Files;
use error::Error;

/// The namespace of the interfaces that are Stoa's own.
pub(crate) const OURS: &str = "stoa:";

/// What serves the interfaces of Stoa itself where the manifest names a dependency for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ours {
    /// The host; the dependency is there for Spin.
    Native,
    /// The dependency, as under Spin.
    Adapted,
}

/// Whether a component is there only to be joined with others: nothing sends it requests.
pub(crate) fn is_part(app: &App, id: &ComponentId) -> bool {
    let routed = |target: &Target| matches!(target, Target::Component(target) if target == id);
    let joined = |dependency: &Dependency| matches!(&dependency.origin, Origin::Component(part) if part == id);
    let mut dependencies = app
        .components
        .values()
        .flat_map(|component| component.dependencies.values());
    dependencies.any(joined) && !app.routes.iter().any(|route| routed(&route.target))
}

/// The dependencies of a component that this host would have to fetch, by name.
pub(crate) fn remote<'a>(
    app: &'a App,
    component: &'a Component,
    ours: Ours,
) -> impl Iterator<Item = &'a str> {
    wanted(component, ours)
        .filter(move |(_, dependency)| file(app, dependency).is_none())
        .map(|(name, _)| name)
}

/// The component's code joined with that of its dependencies; the same bytes for the same files, so that they are found
/// compiled. A component without dependencies stays as it is. Errors are for people, all of them at once.
pub(crate) fn compose(
    app: &App,
    files: &Files,
    id: &ComponentId,
    ours: Ours,
    wasm: Bytes,
) -> Result<Bytes, Vec<String>> {
    let Some(component) = app.components.get(id) else {
        return Ok(wasm);
    };
    if wanted(component, ours).next().is_none() {
        return Ok(wasm);
    }
    joined(app, files, component, ours, wasm)
        .map(Bytes::from)
        .map_err(|errors| errors.iter().map(|error| error.worded(id)).collect())
}

fn joined(
    app: &App,
    files: &Files,
    component: &Component,
    ours: Ours,
    wasm: Bytes,
) -> Result<Vec<u8>, Vec<Error>> {
    let mut whole = Composition::of(wasm.into()).map_err(|error| vec![error])?;
    whole.attach_all(app, files, component, ours)?;
    whole.encode().map_err(|error| vec![error])
}

/// The dependencies that are joined.
fn wanted(component: &Component, ours: Ours) -> impl Iterator<Item = (&str, &Dependency)> {
    component
        .dependencies
        .iter()
        .map(|(name, dependency)| (name.as_str(), dependency))
        .filter(move |(name, _)| ours == Ours::Adapted || !name.starts_with(OURS))
}

/// The file that holds a dependency, relative to the manifest's folder.
pub(crate) fn file<'a>(app: &'a App, dependency: &'a Dependency) -> Option<&'a str> {
    match &dependency.origin {
        Origin::Path(path) => Some(path),
        Origin::Component(id) => match &app.components.get(id)?.source {
            Code::Path(path) => Some(path),
            Code::Url { .. } | Code::Registry { .. } => None,
        },
        Origin::Url { .. } | Origin::Registry { .. } => None,
    }
}

fn read(app: &App, files: &Files, name: &str, dependency: &Dependency) -> Result<Part, Error> {
    let path = file(app, dependency).ok_or_else(|| Error::Remote {
        dependency: name.to_owned(),
    })?;
    match files.get(path) {
        Some(wasm) => Ok(Part {
            path: path.to_owned(),
            wasm: wasm.to_vec(),
        }),
        None => Err(Error::Missing {
            dependency: name.to_owned(),
            path: path.to_owned(),
        }),
    }
}

/// A dependency's code and where it was found.
struct Part {
    path: String,
    wasm: Vec<u8>,
}

/// A component on its way to be joined with its dependencies.
struct Composition {
    graph: CompositionGraph,
    main: Member,
}

/// One component of a composition: its only instance, and the names it imports and exports.
#[derive(Clone, Copy)]
struct Member {
    instance: NodeId,
    world: WorldId,
}

impl Composition {
    fn of(wasm: Vec<u8>) -> Result<Self, Error> {
        let mut graph = CompositionGraph::new();
        let main = add(&mut graph, "component", wasm).map_err(Error::Main)?;
        Ok(Self { graph, main })
    }

    fn attach_all(
        &mut self,
        app: &App,
        files: &Files,
        component: &Component,
        ours: Ours,
    ) -> Result<(), Vec<Error>> {
        let mut errors = Vec::new();
        for (name, dependency) in wanted(component, ours) {
            let attached = read(app, files, name, dependency)
                .map_err(|error| vec![error])
                .and_then(|part| self.attach(component, name, dependency, part));
            errors.extend(attached.err().into_iter().flatten());
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors),
        }
    }

    fn attach(
        &mut self,
        component: &Component,
        name: &str,
        dependency: &Dependency,
        part: Part,
    ) -> Result<(), Vec<Error>> {
        let imports = self.imports(self.main);
        let satisfied: Vec<&String> = imports
            .iter()
            .filter(|import| names::satisfies(name, import))
            .collect();
        if satisfied.is_empty() {
            return Err(vec![Error::unmatched(name, &imports)]);
        }
        let member = self.member(name, part).map_err(|error| vec![error])?;
        self.restrict(component, name, dependency, member)?;
        let errors: Vec<Error> = satisfied
            .into_iter()
            .filter_map(|import| {
                let export = dependency.export.as_ref().unwrap_or(import);
                self.satisfy(name, member, export, import).err()
            })
            .collect();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors),
        }
    }

    fn member(&mut self, name: &str, part: Part) -> Result<Member, Error> {
        let Part { path, wasm } = part;
        let key = format!("dependency {name}");
        add(&mut self.graph, &key, wasm).map_err(|reason| Error::NotAComponent {
            dependency: name.to_owned(),
            path,
            reason,
        })
    }

    /// Refuses imports by which a dependency would reach what it does not inherit, and takes the environment away:
    /// almost every component imports that, and few look at it.
    fn restrict(
        &mut self,
        component: &Component,
        name: &str,
        dependency: &Dependency,
        member: Member,
    ) -> Result<(), Vec<Error>> {
        let inherit = inherited(component, dependency);
        let imports = self.imports(member);
        let errors: Vec<Error> = imports
            .iter()
            .filter_map(|import| {
                let field = inheritance::refusal(component, &inherit, import)?;
                Some(Error::NotInherited {
                    dependency: name.to_owned(),
                    import: import.clone(),
                    field,
                })
            })
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        if inheritance::sees_environment(&inherit) {
            return Ok(());
        }
        self.hide_environment(name, member, &imports)
            .map_err(|error| vec![error])
    }

    fn hide_environment(
        &mut self,
        name: &str,
        member: Member,
        imports: &[String],
    ) -> Result<(), Error> {
        let mut environments = imports
            .iter()
            .filter(|import| names::satisfies(environment::INTERFACE, import))
            .peekable();
        if environments.peek().is_none() {
            return Ok(());
        }
        let key = format!("environment of {name}");
        let empty = add(&mut self.graph, &key, environment::empty()).map_err(Error::Unjoinable)?;
        for import in environments {
            self.join(member, import, empty, environment::EXPORT)
                .map_err(Error::Unjoinable)?;
        }
        Ok(())
    }

    fn satisfy(
        &mut self,
        name: &str,
        member: Member,
        export: &str,
        import: &str,
    ) -> Result<(), Error> {
        if !self.graph.types()[member.world]
            .exports
            .contains_key(export)
        {
            return Err(Error::MissingExport {
                dependency: name.to_owned(),
                export: export.to_owned(),
                import: import.to_owned(),
            });
        }
        self.join(self.main, import, member, export)
            .map_err(|reason| Error::Mismatch {
                dependency: name.to_owned(),
                export: export.to_owned(),
                import: import.to_owned(),
                reason,
            })
    }

    /// Gives the import of one member the export of another.
    fn join(
        &mut self,
        importer: Member,
        import: &str,
        exporter: Member,
        export: &str,
    ) -> Result<(), String> {
        let export = self
            .graph
            .alias_instance_export(exporter.instance, export)
            .map_err(reason)?;
        self.graph
            .set_instantiation_argument(importer.instance, import, export)
            .map_err(reason)
    }

    fn imports(&self, member: Member) -> Vec<String> {
        let world = &self.graph.types()[member.world];
        world.imports.keys().cloned().collect()
    }

    /// The whole exports what the main component exports.
    fn encode(mut self) -> Result<Vec<u8>, Error> {
        let world = &self.graph.types()[self.main.world];
        let exports: Vec<String> = world.exports.keys().cloned().collect();
        for name in exports {
            let export = self
                .graph
                .alias_instance_export(self.main.instance, &name)
                .map_err(|error| Error::Unjoinable(reason(error)))?;
            self.graph
                .export(export, name)
                .map_err(|error| Error::Unjoinable(reason(error)))?;
        }
        self.graph
            .encode(EncodeOptions::default())
            .map_err(|error| Error::Unjoinable(reason(error)))
    }
}

/// Registers a component under a key of its own, and instantiates it once.
fn add(graph: &mut CompositionGraph, key: &str, wasm: Vec<u8>) -> Result<Member, String> {
    let package = Package::from_bytes(key, None, wasm, graph.types_mut())
        .map_err(|error| format!("{error:#}"))?;
    let world = package.ty();
    let package = graph.register_package(package).map_err(reason)?;
    let instance = graph.instantiate(package);
    Ok(Member { instance, world })
}

/// What went wrong, with what it came from, in one line.
fn reason(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

fn inherited(component: &Component, dependency: &Dependency) -> Inherit {
    match (
        &dependency.inherit,
        component.dependencies_inherit_configuration,
    ) {
        (Some(inherit), _) => inherit.clone(),
        (None, Some(true)) => Inherit::All,
        (None, Some(false) | None) => Inherit::Nothing,
    }
}
