//! Dependencies: components that satisfy imports of another one, joined with it into one before it is compiled.
//!
//! As in Spin, the key of a dependency says which imports it satisfies, and the dependency's own imports become imports
//! of the whole. What is joined shares one store and so the grants of the depending component; what a dependency may
//! not inherit of them is refused here, by its imports. Nothing is fetched here: what comes from elsewhere is among the
//! files by now.

mod environment;
mod error;
mod inheritance;
pub(crate) mod middleware;
mod names;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use stoa_manifest::dependency::{Dependency, Inherit, Origin};
use stoa_manifest::http::{Route, Target};
use stoa_manifest::{App, Component, ComponentId};
use wac_graph::types::{Package, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use crate::bundle::Files;
use crate::{componentize, fetched};
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

/// Whether a component is there only to be joined with others: nothing sends it requests or messages.
pub(crate) fn is_part(app: &App, id: &ComponentId) -> bool {
    let joined = |dependency: &Dependency| matches!(&dependency.origin, Origin::Component(part) if part == id);
    let components = app.components.values();
    let dependencies = components.flat_map(|component| component.dependencies.values());
    let middleware = app.routes.iter().flat_map(|route| &route.middleware);
    let routed = app.routes.iter().any(|route| answers(route, id));
    let started = app.redis_triggers.iter().any(|it| it.component == *id);
    dependencies.chain(middleware).any(joined) && !routed && !started
}

/// Whether a component answers a route, by itself or behind middleware.
pub(crate) fn answers(route: &Route, id: &ComponentId) -> bool {
    let target = match &route.target {
        Target::Component(target) => target,
        Target::StaticResponse(_) => return false,
    };
    target == id || middleware::base(route) == Some(id.as_str())
}

/// The component's code joined with that of its dependencies and its middleware; the same bytes for the same files, so
/// that they are found compiled. A component without either stays as it is. Errors are for people, all of them at once.
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
    let whole = match wanted(component, ours).next() {
        Some(_) => joined(app, files, component, ours, wasm).map(Bytes::from),
        None => Ok(wasm),
    };
    let whole = whole.and_then(|whole| middleware::put_in_front(app, files, id, whole));
    let named = middleware::named(app, id);
    whole.map_err(|errors| errors.iter().map(|error| error.worded(named)).collect())
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
    let (main, exports) = (whole.main, whole.exports(whole.main));
    whole.encode(main, exports).map_err(|error| vec![error])
}

/// The dependencies that are joined.
fn wanted(component: &Component, ours: Ours) -> impl Iterator<Item = (&str, &Dependency)> {
    component
        .dependencies
        .iter()
        .map(|(name, dependency)| (name.as_str(), dependency))
        .filter(move |(name, _)| ours == Ours::Adapted || !name.starts_with(OURS))
}

fn read(app: &App, files: &Files, name: &str, dependency: &Dependency) -> Result<Part, Error> {
    // A component that is not there, the manifest refuses.
    let place = fetched::of_dependency(app, name, dependency);
    let path = place.map_or_else(String::new, |place| place.key().into_owned());
    let Some(wasm) = files.get(&path) else {
        return Err(Error::Missing {
            dependency: name.to_owned(),
            path,
        });
    };
    match componentize::component(wasm.clone()) {
        Ok(wasm) => Ok(Part {
            wasm: wasm.into(),
            path,
        }),
        Err(reason) => Err(Error::NotAComponent {
            dependency: name.to_owned(),
            path,
            reason: reason.to_string(),
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
        let inherit = inherited(component, dependency);
        let reached = self.imports(member);
        self.restrict(component, name, &inherit, member, &reached)?;
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

    /// Refuses imports by which a member would reach what it does not inherit, and takes the environment away: almost
    /// every component imports that, and few look at it.
    fn restrict(
        &mut self,
        component: &Component,
        name: &str,
        inherit: &Inherit,
        member: Member,
        imports: &[String],
    ) -> Result<(), Vec<Error>> {
        let errors: Vec<Error> = imports
            .iter()
            .filter_map(|import| {
                let field = inheritance::refusal(component, inherit, import)?;
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
        if inheritance::sees_environment(inherit) {
            return Ok(());
        }
        self.hide_environment(name, member, imports)
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

    fn exports(&self, member: Member) -> Vec<String> {
        let world = &self.graph.types()[member.world];
        world.exports.keys().cloned().collect()
    }

    /// The whole exports these of one member.
    fn encode(mut self, member: Member, exports: Vec<String>) -> Result<Vec<u8>, Error> {
        for name in exports {
            let export = self
                .graph
                .alias_instance_export(member.instance, &name)
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
