//! Labels become handles, at deploy and never later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::grants::Grants;
use stoa_manifest::{ComponentId, Label};

use crate::keyvalue;

/// A key-value call takes at most so long, waiting in queues included.
const KEYVALUE_DEADLINE: Duration = Duration::from_secs(10);

/// The open stores of a host, by noun and label.
#[derive(Default)]
pub struct Capabilities {
    /// Key-value stores.
    pub keyvalue: BTreeMap<Label, Arc<dyn keyvalue::Store>>,
}

/// What one component may reach: this struct is the whole list.
#[derive(Default)]
pub struct Granted {
    /// Key-value stores by label.
    pub keyvalue: BTreeMap<Label, keyvalue::Handle>,
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
    "component `{component}` is granted the {noun} store `{label}`, but nothing is configured under that label"
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
        let mut granted = Granted::default();
        let mut unresolved = Vec::new();
        for (label, grant) in &grants.keyvalue {
            match self.keyvalue.get(label) {
                Some(store) => {
                    let (store, grant) = (Arc::clone(store), grant.clone());
                    let holder = Holder {
                        component: component.clone(),
                        revision: revision.to_owned(),
                        label: label.clone(),
                    };
                    let handle = keyvalue::Handle::new(store, grant, holder, KEYVALUE_DEADLINE);
                    granted.keyvalue.insert(label.clone(), handle);
                }
                None => unresolved.push(Unresolved {
                    component: component.clone(),
                    noun: "keyvalue",
                    label: label.clone(),
                    known: self.keyvalue.keys().cloned().collect(),
                }),
            }
        }
        match unresolved.is_empty() {
            true => Ok(granted),
            false => Err(unresolved),
        }
    }
}
