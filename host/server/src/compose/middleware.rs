//! Middleware: components in front of the one that answers a route, joined with it as dependencies are.
//!
//! As in Spin, each of them imports and exports `wasi:http/handler`, passes on what it likes to the next, and uses of what
//! the route's component was granted only what it inherits. Calls of other components do not go through it: so a component
//! with middleware is two, the one that the manifest names and another that its routes name, under a name of ours.

use bytes::Bytes;
use stoa_capabilities::releases::Digest;
use stoa_manifest::dependency::{Dependency, Inherit};
use stoa_manifest::http::{Route, Target};
use stoa_manifest::{App, Component, ComponentId, Pattern};

use super::error::Error;
use super::{Composition, Member, names, read};
use crate::bundle::Files;
use crate::fetched::{self, Place};

/// What each of a chain exports and, but for the last, imports.
const HANDLER: &str = "wasi:http/handler";
/// What the middleware of a route is called where a dependency would have a name.
pub(crate) const ROLE: &str = "middleware";
/// Hexadecimal digits by which one list of middleware is told from another.
const DIGITS: usize = 16;

/// Gives routes with middleware components of their own: the same, under names of ours, without what only one component
/// can have. A private route stays as it is, because only calls of other components come there.
pub(crate) fn derive(app: &mut App) {
    for route in &mut app.routes {
        let (true, Target::Component(id)) = (stands_in_front(route), &route.target) else {
            continue;
        };
        let Some(component) = app.components.get(id) else {
            continue;
        };
        let derived = format!("{id}{}", suffix(&route.middleware));
        let derived = ComponentId::new(derived).expect("an id with one more word is one");
        let component = Component {
            migrations: Default::default(),
            openapi: None,
            health: None,
            ..component.clone()
        };
        app.components.insert(derived.clone(), component);
        route.target = Target::Component(derived);
    }
}

/// The component that the manifest names, for one that was derived from it; any other for itself.
pub(crate) fn named<'a>(app: &'a App, id: &'a ComponentId) -> &'a ComponentId {
    let base = of(app, id).and_then(|route| base(route));
    let known = base.and_then(|base| app.components.get_key_value(base));
    known.map_or(id, |(named, _)| named)
}

/// The name of the component that a route with middleware stands for, once it has a component of its own.
pub(super) fn base(route: &Route) -> Option<&str> {
    match (&route.target, stands_in_front(route)) {
        (Target::Component(id), true) => id.as_str().strip_suffix(&suffix(&route.middleware)),
        _ => None,
    }
}

/// The middleware in front of a component, by what the manifest says of the routes that name it.
pub(crate) fn in_front_of<'a>(
    app: &'a App,
    id: &'a ComponentId,
) -> impl Iterator<Item = &'a Dependency> {
    let routes = app.routes.iter().filter(move |route| names_it(route, id));
    routes.flat_map(|route| &route.middleware)
}

/// Where the code of the middleware in front of a component is.
pub(crate) fn places<'a>(app: &'a App, id: &'a ComponentId) -> impl Iterator<Item = Place<'a>> {
    let all = in_front_of(app, id);
    all.filter_map(|dependency| fetched::of_dependency(app, ROLE, dependency))
}

/// The route whose middleware is joined with a component.
fn of<'a>(app: &'a App, id: &ComponentId) -> Option<&'a Route> {
    let mut routes = app.routes.iter();
    routes.find(|route| names_it(route, id) && base(route).is_some())
}

fn names_it(route: &Route, id: &ComponentId) -> bool {
    stands_in_front(route) && route.target == Target::Component(id.clone())
}

fn stands_in_front(route: &Route) -> bool {
    !route.middleware.is_empty() && matches!(route.pattern, Pattern::Public(_))
}

/// Alike for routes with the same middleware, so that they share a component.
fn suffix(middleware: &[Dependency]) -> String {
    let digest = Digest::of(format!("{middleware:?}").as_bytes()).hex();
    format!("-mw{}", &digest[..DIGITS])
}

/// A component's code behind that of its middleware, if it has any.
pub(super) fn put_in_front(
    app: &App,
    files: &Files,
    id: &ComponentId,
    wasm: Bytes,
) -> Result<Bytes, Vec<Error>> {
    let (Some(route), Some(component)) = (of(app, id), app.components.get(id)) else {
        return Ok(wasm);
    };
    let mut pipeline = Pipeline::of(wasm).map_err(|error| vec![error])?;
    // The innermost first: each is given what is behind it.
    for (index, dependency) in route.middleware.iter().enumerate().rev() {
        let name = format!("{ROLE} {}", index + 1);
        pipeline.put(app, files, component, &name, dependency)?;
    }
    let whole = pipeline.encode().map_err(|error| vec![error])?;
    Ok(whole.into())
}

/// A component and the middleware in front of it so far.
struct Pipeline {
    whole: Composition,
    outermost: Member,
    /// The name of the handler that it exports.
    handler: String,
}

// === impl Pipeline ===

impl Pipeline {
    fn of(wasm: Bytes) -> Result<Self, Error> {
        let whole = Composition::of(wasm.into())?;
        let exports = whole.exports(whole.main);
        let handler = handler(&exports).ok_or_else(|| Error::NoHandler {
            exports: exports.clone(),
        })?;
        Ok(Self {
            outermost: whole.main,
            handler: handler.to_owned(),
            whole,
        })
    }

    fn put(
        &mut self,
        app: &App,
        files: &Files,
        component: &Component,
        name: &str,
        dependency: &Dependency,
    ) -> Result<(), Vec<Error>> {
        let next = self
            .member(app, files, name, dependency)
            .map_err(|error| vec![error])?;
        let (imports, exports) = (self.whole.imports(next), self.whole.exports(next));
        let (Some(import), Some(export)) = (handler(&imports), handler(&exports)) else {
            let dependency = name.to_owned();
            return Err(vec![Error::NotMiddleware { dependency }]);
        };
        let others: Vec<String> = imports.iter().filter(|it| *it != import).cloned().collect();
        let inherit = dependency.inherit.clone().unwrap_or(Inherit::Nothing);
        self.whole
            .restrict(component, name, &inherit, next, &others)?;
        self.whole
            .join(next, import, self.outermost, &self.handler)
            .map_err(|reason| {
                vec![Error::Misplaced {
                    dependency: name.to_owned(),
                    import: import.to_owned(),
                    export: self.handler.clone(),
                    reason,
                }]
            })?;
        self.handler = export.to_owned();
        self.outermost = next;
        Ok(())
    }

    fn member(
        &mut self,
        app: &App,
        files: &Files,
        name: &str,
        dependency: &Dependency,
    ) -> Result<Member, Error> {
        let part = read(app, files, name, dependency)?;
        self.whole.member(name, part)
    }

    /// The whole exports the outermost handler and nothing else.
    fn encode(self) -> Result<Vec<u8>, Error> {
        let Self {
            whole,
            outermost,
            handler,
        } = self;
        whole.encode(outermost, vec![handler])
    }
}

/// The one handler among these names.
fn handler(names: &[String]) -> Option<&str> {
    let mut handlers = names.iter().filter(|name| names::satisfies(HANDLER, name));
    let handler = handlers.next()?;
    handlers.next().is_none().then_some(handler)
}

#[cfg(test)]
mod tests;
