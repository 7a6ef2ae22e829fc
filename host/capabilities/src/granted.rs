//! Labels become handles, at deploy and never later.

use std::collections::BTreeMap;
use std::sync::Arc;

use stoa_manifest::{Component, ComponentId, Label};

use crate::network::{self, Network};
use crate::{
    Bounds, blobs, documents, identity, keyvalue, llm, mqtt, mysql, postgres, redis, sql,
    telemetry, variables,
};

/// The open stores of a host, by noun and label.
#[derive(Clone, Default)]
pub struct Capabilities {
    /// Key-value stores.
    pub keyvalue: BTreeMap<Label, Arc<dyn keyvalue::Store>>,
    /// Databases.
    pub sql: BTreeMap<Label, Arc<dyn sql::Database>>,
    /// Document stores.
    pub documents: BTreeMap<Label, Arc<dyn documents::Store>>,
    /// Blob stores.
    pub blobs: BTreeMap<Label, Arc<dyn blobs::Store>>,
    /// Identities.
    pub identity: BTreeMap<Label, Arc<dyn identity::Provider>>,
    /// The variables of the application's components.
    pub variables: variables::Variables,
    /// What speaks to outside services for components.
    pub drivers: Drivers,
    /// What holds for the connections of all components.
    pub network: network::Settings,
    /// What holds for every call on the stores.
    pub bounds: Bounds,
}

/// What speaks the protocols of outside services: one driver per host, which every component is granted within its
/// network.
#[derive(Clone, Default)]
pub struct Drivers {
    /// Redis.
    pub redis: Option<Arc<dyn redis::Driver>>,
    /// MQTT.
    pub mqtt: Option<Arc<dyn mqtt::Driver>>,
    /// PostgreSQL.
    pub postgres: Option<Arc<dyn postgres::Driver>>,
    /// MySQL.
    pub mysql: Option<Arc<dyn mysql::Driver>>,
    /// Language models.
    pub llm: Option<Arc<dyn llm::Driver>>,
    /// Collectors of telemetry.
    pub telemetry: Option<Arc<dyn telemetry::Exporter>>,
}

/// What one component may reach: this struct is the whole list.
#[derive(Default)]
pub struct Granted {
    /// Key-value stores by label.
    pub keyvalue: BTreeMap<Label, keyvalue::Handle>,
    /// Databases by label.
    pub sql: BTreeMap<Label, sql::Handle>,
    /// Document stores by label.
    pub documents: BTreeMap<Label, documents::Handle>,
    /// Blob stores by label.
    pub blobs: BTreeMap<Label, blobs::Handle>,
    /// Identities by label.
    pub identity: BTreeMap<Label, identity::Handle>,
    /// Its own variables.
    pub variables: variables::Handle,
    /// Where it may connect to.
    pub network: Network,
    /// Redis, within its network; none if this host has no driver.
    pub redis: Option<Arc<dyn redis::Client>>,
    /// MQTT, within its network; none if this host has no driver.
    pub mqtt: Option<Arc<dyn mqtt::Client>>,
    /// PostgreSQL, within its network; none if this host has no driver.
    pub postgres: Option<Arc<dyn postgres::Client>>,
    /// MySQL, within its network; none if this host has no driver.
    pub mysql: Option<Arc<dyn mysql::Client>>,
    /// The models that its manifest lists.
    pub llm: llm::Handle,
    /// What it tells of itself.
    pub telemetry: telemetry::Handle,
}

/// Who holds a handle: what a refusal is logged and counted under.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The component it was granted to.
    pub component: ComponentId,
    /// The revision of it.
    pub revision: String,
    /// The label it was granted under.
    pub label: Label,
}

/// A grant whose label stands for nothing on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "component `{component}` is granted `{noun}.{label}`, but nothing is configured under that label"
)]
pub struct Unresolved {
    /// Who was granted it.
    pub component: ComponentId,
    /// The noun, as in the configuration.
    pub noun: &'static str,
    /// The label.
    pub label: Label,
    /// Labels that are configured.
    pub known: Vec<Label>,
}

impl Capabilities {
    /// The handles of one revision of a component.
    ///
    /// # Errors
    /// Every grant that cannot be resolved.
    pub fn grant(
        &self,
        id: &ComponentId,
        revision: &str,
        component: &Component,
    ) -> Result<Granted, Vec<Unresolved>> {
        let grants = &component.grants;
        let network = Network::held_by(id, revision, component, &self.network);
        let drivers = &self.drivers;
        let mut resolver = Resolver {
            component: id,
            revision,
            bounds: self.bounds,
            unresolved: Vec::new(),
        };
        let granted = Granted {
            keyvalue: resolver.resolve(
                "keyvalue",
                &self.keyvalue,
                &grants.keyvalue,
                keyvalue::Handle::new,
            ),
            sql: resolver.resolve("sql", &self.sql, &grants.sql, sql::Handle::new),
            documents: resolver.resolve(
                "documents",
                &self.documents,
                &grants.documents,
                documents::Handle::new,
            ),
            blobs: resolver.resolve("blobs", &self.blobs, &grants.blobs, blobs::Handle::new),
            identity: resolver.resolve(
                "identity",
                &self.identity,
                &grants.identity,
                identity::Handle::new,
            ),
            variables: self.variables.handle(id, revision),
            redis: client(&drivers.redis, |driver| driver.client(network.clone())),
            mqtt: client(&drivers.mqtt, |driver| driver.client(network.clone())),
            postgres: client(&drivers.postgres, |driver| driver.client(network.clone())),
            mysql: client(&drivers.mysql, |driver| driver.client(network.clone())),
            llm: llm::Handle::new(id, revision, &component.ai_models, drivers.llm.clone()),
            telemetry: telemetry::Handle::new(id, revision, drivers.telemetry.clone()),
            network,
        };
        match resolver.unresolved.is_empty() {
            true => Ok(granted),
            false => Err(resolver.unresolved),
        }
    }
}

fn client<D: ?Sized, C: ?Sized>(
    driver: &Option<Arc<D>>,
    client: impl FnOnce(&D) -> Arc<C>,
) -> Option<Arc<C>> {
    driver.as_deref().map(client)
}

/// Finds what stands behind the labels of one component.
struct Resolver<'a> {
    component: &'a ComponentId,
    revision: &'a str,
    bounds: Bounds,
    unresolved: Vec<Unresolved>,
}

impl Resolver<'_> {
    /// The handles of one noun. What stands for nothing is noted.
    fn resolve<S: ?Sized, G: Clone, H>(
        &mut self,
        noun: &'static str,
        stores: &BTreeMap<Label, Arc<S>>,
        grants: &BTreeMap<Label, G>,
        handle: impl Fn(Arc<S>, G, Holder, Bounds) -> H,
    ) -> BTreeMap<Label, H> {
        let mut handles = BTreeMap::new();
        for (label, grant) in grants {
            match stores.get(label) {
                Some(store) => {
                    let holder = Holder {
                        component: self.component.clone(),
                        revision: self.revision.to_owned(),
                        label: label.clone(),
                    };
                    let handle = handle(Arc::clone(store), grant.clone(), holder, self.bounds);
                    handles.insert(label.clone(), handle);
                }
                None => self.unresolved.push(Unresolved {
                    component: self.component.clone(),
                    noun,
                    label: label.clone(),
                    known: stores.keys().cloned().collect(),
                }),
            }
        }
        handles
    }
}
