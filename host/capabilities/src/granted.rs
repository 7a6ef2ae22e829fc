//! Labels become handles, at deploy and never later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::grants::Grants;
use stoa_manifest::{ComponentId, Label};

use crate::{blobs, documents, identity, keyvalue, sql, variables};

/// A call takes at most so long, waiting in queues included.
const DEADLINE: Duration = Duration::from_secs(10);

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
        component: &ComponentId,
        revision: &str,
        grants: &Grants,
    ) -> Result<Granted, Vec<Unresolved>> {
        let mut resolver = Resolver {
            component,
            revision,
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
            variables: self.variables.handle(component, revision),
        };
        match resolver.unresolved.is_empty() {
            true => Ok(granted),
            false => Err(resolver.unresolved),
        }
    }
}

/// Finds what stands behind the labels of one component.
struct Resolver<'a> {
    component: &'a ComponentId,
    revision: &'a str,
    unresolved: Vec<Unresolved>,
}

impl Resolver<'_> {
    /// The handles of one noun. What stands for nothing is noted.
    fn resolve<S: ?Sized, G: Clone, H>(
        &mut self,
        noun: &'static str,
        stores: &BTreeMap<Label, Arc<S>>,
        grants: &BTreeMap<Label, G>,
        handle: impl Fn(Arc<S>, G, Holder, Duration) -> H,
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
                    let handle = handle(Arc::clone(store), grant.clone(), holder, DEADLINE);
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
