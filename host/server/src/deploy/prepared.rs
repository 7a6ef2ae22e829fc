//! A release that is ready to serve: parsed, compiled, linked, granted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stoa_capabilities::releases::Digest;
use stoa_capabilities::variables::{Own, Subscription};
use stoa_manifest::{App, Component, ComponentId};
use stoa_runtime::{Core, Handler, Revision, Siblings, Triggers, Wagi};

use super::differences::Side;
use super::reuse::{Live, Reach};
use super::shadow::Power;
use crate::admin::messages::{self, Bundle};
use crate::compose::middleware;

/// One release on this host.
pub(crate) struct Prepared {
    /// 0 until it is recorded, and for a host without any release.
    pub(super) number: u64,
    pub(super) bundle: Bundle,
    pub(super) power: Power,
    /// As it is written: templates are not filled in, so that no value of a variable is in it.
    pub(super) written: App,
    /// As it serves.
    pub(crate) app: App,
    /// Whom its components reach of one another.
    pub(super) reach: BTreeMap<ComponentId, Reach>,
    pub(crate) services: BTreeMap<ComponentId, Arc<Service>>,
    /// Whom those of them call that reach anybody, by core.
    pub(crate) siblings: BTreeMap<ComponentId, Vec<Arc<dyn Siblings>>>,
    /// The messages that start its components.
    pub(crate) subscriptions: Vec<Subscription>,
    /// What each component imports, with the middleware in front of it.
    pub(super) imports: BTreeMap<ComponentId, Vec<String>>,
    /// The code of each component.
    pub(super) revisions: BTreeMap<ComponentId, String>,
}

/// A live release beside the one that is made ready, and what the components of that one are made of.
pub(super) struct Beside<'a> {
    pub(super) live: &'a Prepared,
    pub(super) app: &'a App,
    pub(super) made_of: &'a BTreeMap<ComponentId, MadeOf>,
}

/// A service, as one and the same.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Service>);

/// A revision of a component, with its handlers on every core.
pub(crate) struct Service {
    pub(super) made_of: MadeOf,
    revision: Arc<Revision>,
    handlers: Vec<Handler>,
    pub(super) imports: Vec<String>,
}

/// All that makes a revision what it is. Releases that agree in it, and in all that it can reach, share the revision, with
/// its instances and limits.
#[derive(Clone)]
pub(super) struct MadeOf {
    /// Its code and that of its dependencies, by path.
    pub(super) files: BTreeMap<String, Digest>,
    /// With values filled in.
    pub(super) component: Component,
    pub(super) variables: Own,
    pub(super) power: Power,
    /// What it was linked for: there is no way into it for anything else.
    pub(super) triggers: Triggers,
    /// What it is called with by others, if it is a command.
    pub(super) command: Option<Wagi>,
}

impl MadeOf {
    fn same(&self, other: &Self) -> bool {
        self.files == other.files
            && self.component == other.component
            && self.power == other.power
            && self.triggers == other.triggers
            && self.command == other.command
            && self.variables == other.variables
    }
}

impl Service {
    pub(super) fn new(
        made_of: MadeOf,
        revision: Arc<Revision>,
        cores: &[Core],
        imports: Vec<String>,
    ) -> Arc<Self> {
        let handlers = cores.iter().map(|core| Handler::new(&revision, core));
        Arc::new(Self {
            handlers: handlers.collect(),
            made_of,
            revision,
            imports,
        })
    }

    pub(crate) fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    pub(crate) fn handler(&self, core: usize) -> &Handler {
        &self.handlers[core]
    }
}

impl Prepared {
    /// What a host serves before its first release: nothing.
    pub(super) fn nothing() -> Self {
        let app = App {
            name: "nothing is deployed yet".into(),
            version: String::new(),
            description: String::new(),
            authors: Vec::new(),
            targets: Vec::new(),
            variables: BTreeMap::new(),
            routes: Vec::new(),
            redis_triggers: Vec::new(),
            other_triggers: Vec::new(),
            components: BTreeMap::new(),
            seeds: Vec::new(),
            warnings: Vec::new(),
        };
        Self {
            number: 0,
            bundle: Bundle {
                manifest: String::new(),
                profile: None,
                files: BTreeMap::new(),
                signature: None,
            },
            power: Power::Full,
            written: app.clone(),
            app,
            reach: BTreeMap::new(),
            services: BTreeMap::new(),
            siblings: BTreeMap::new(),
            subscriptions: Vec::new(),
            imports: BTreeMap::new(),
            revisions: BTreeMap::new(),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is what this bundle would be.
    pub(super) fn is_of(&self, bundle: &Bundle) -> bool {
        self.bundle.digest() == bundle.digest()
    }

    /// Whether its manifest asks for the same seeds, so that its routes are those they are meant for.
    pub(crate) fn has_seeds_of(&self, app: &App) -> bool {
        self.written.seeds == app.seeds
    }

    /// Its powers, to compare with another's.
    pub(super) fn side(&self) -> Side<'_> {
        Side {
            app: &self.written,
            imports: &self.imports,
            digests: &self.revisions,
            files: &self.bundle.files,
        }
    }

    pub(super) fn components(&self) -> Vec<messages::Component> {
        let shown = |(id, service): (&ComponentId, &Arc<Service>)| messages::Component {
            id: id.to_string(),
            revision: service.revision.id().to_owned(),
            abi: service.revision.abi().to_string(),
        };
        self.services.iter().map(shown).collect()
    }

    /// Its services that another set of releases does not name.
    pub(super) fn missing_from<'a>(
        &'a self,
        others: &'a [&Prepared],
    ) -> impl Iterator<Item = Arc<Service>> + 'a {
        let named = |service: &Arc<Service>| {
            let mut all = others.iter().flat_map(|other| other.services.values());
            all.any(|other| Arc::ptr_eq(other, service))
        };
        self.services
            .values()
            .filter(move |service| !named(service))
            .cloned()
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Live for Beside<'_> {
    type Service = Shared;

    fn same(&self, id: &ComponentId) -> Option<Shared> {
        let service = self.live.services.get(id)?;
        let made_of = self.made_of.get(id)?;
        service
            .made_of
            .same(made_of)
            .then(|| Shared(Arc::clone(service)))
    }

    fn reach(&self, id: &ComponentId) -> Option<&Reach> {
        self.live.reach.get(id)
    }

    fn same_routes(&self) -> bool {
        let said = |app: &App| (app.name.clone(), app.version.clone());
        self.live.app.routes == self.app.routes && said(&self.live.app) == said(self.app)
    }
}

/// What each component of an application imports, as it is written there: also what its middleware does.
pub(super) fn imports(
    app: &App,
    services: &BTreeMap<ComponentId, Arc<Service>>,
) -> BTreeMap<ComponentId, Vec<String>> {
    let mut all: BTreeMap<ComponentId, BTreeSet<String>> = BTreeMap::new();
    for (id, service) in services {
        let named = middleware::named(app, id).clone();
        all.entry(named)
            .or_default()
            .extend(service.imports.iter().cloned());
    }
    let listed = |(id, imports): (ComponentId, BTreeSet<String>)| (id, Vec::from_iter(imports));
    all.into_iter().map(listed).collect()
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::Source;

    use super::*;
    use crate::wiring;

    /// What the only component of an application with these triggers is made of.
    fn made_of(triggers: &str) -> MadeOf {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n{triggers}\n\
             [component.a]\nsource = \"a.wasm\"\n"
        );
        let app = stoa_manifest::parse(&Source::new("spin.toml", text), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let id = id();
        MadeOf {
            files: BTreeMap::new(),
            component: app.components[&id].clone(),
            variables: Own::default(),
            power: Power::Full,
            triggers: wiring::triggers(&app, &id),
            command: wiring::commands(&app).get(&id).cloned(),
        }
    }

    fn id() -> ComponentId {
        ComponentId::new("a").expect("it is an id")
    }

    const ROUTE: &str = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n";

    #[test]
    fn a_component_that_is_started_by_something_else_is_another() {
        let redis =
            "[[trigger.redis]]\naddress = \"redis://cache\"\nchannel = \"c\"\ncomponent = \"a\"\n";
        let wagi =
            |argv: &str| format!("{ROUTE}executor = {{ type = \"wagi\", argv = \"{argv}\" }}\n");
        let all = [
            ROUTE.to_owned(),
            format!("{ROUTE}{redis}"),
            redis.to_owned(),
            wagi("one"),
            wagi("two"),
        ];
        for (at, one) in all.iter().enumerate() {
            for (beside, other) in all.iter().enumerate() {
                let same = made_of(one).same(&made_of(other));
                assert_eq!(same, at == beside, "{one}\n{other}");
            }
        }
    }

    #[test]
    fn another_route_to_a_component_does_not_change_it() {
        let more = "[[trigger.http]]\nroute = \"/more\"\ncomponent = \"a\"\n";
        let more = made_of(&format!("{ROUTE}{more}"));
        assert!(made_of(ROUTE).same(&more));
    }
}
