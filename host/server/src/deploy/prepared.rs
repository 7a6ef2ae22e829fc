//! A release that is ready to serve: parsed, compiled, linked, granted.

use std::collections::BTreeMap;
use std::sync::Arc;

use stoa_capabilities::releases::Digest;
use stoa_capabilities::variables::Variables;
use stoa_manifest::{App, Component, ComponentId};
use stoa_runtime::{Core, Handler, Revision};

use super::differences::Side;
use super::shadow::Power;
use crate::admin::messages::{self, Bundle};

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
    pub(crate) services: BTreeMap<ComponentId, Arc<Service>>,
    /// What each component imports.
    pub(super) imports: BTreeMap<ComponentId, Vec<String>>,
    /// The code of each component.
    pub(super) revisions: BTreeMap<ComponentId, String>,
}

/// A revision of a component, with its handlers on every core.
pub(crate) struct Service {
    pub(super) made_of: MadeOf,
    revision: Arc<Revision>,
    handlers: Vec<Handler>,
    pub(super) imports: Vec<String>,
}

/// All that makes a revision what it is. Releases that agree in it share the revision, with its instances and limits.
pub(super) struct MadeOf {
    /// Its code and that of its dependencies, by path.
    pub(super) files: BTreeMap<String, Digest>,
    /// With values filled in.
    pub(super) component: Component,
    pub(super) variables: Variables,
    pub(super) power: Power,
}

impl MadeOf {
    fn same(&self, other: &Self, id: &ComponentId) -> bool {
        self.files == other.files
            && self.component == other.component
            && self.power == other.power
            && self.variables.same(&other.variables, id)
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

    pub(super) fn handler(&self, core: usize) -> &Handler {
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
            services: BTreeMap::new(),
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

    /// Its service of a component, if it is made of the same.
    pub(super) fn reusable(&self, id: &ComponentId, made_of: &MadeOf) -> Option<&Arc<Service>> {
        let service = self.services.get(id)?;
        service.made_of.same(made_of, id).then_some(service)
    }

    /// Its powers, to compare with another's.
    pub(super) fn side(&self) -> Side<'_> {
        Side {
            app: &self.written,
            imports: &self.imports,
            digests: &self.revisions,
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
