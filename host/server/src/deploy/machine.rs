//! What every release of this host is made ready with: the engines, the open stores, and where values come from.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use stoa_capabilities::Capabilities;
use stoa_capabilities::variables::{self, Environment, Secret, Sources, Variables};
use stoa_gateway::traffic::{Lane, Observed};
use stoa_gateway::{Routed, Shared};
use stoa_manifest::{App, ComponentId};
use stoa_runtime::{Core, Handler, Runtime, Siblings};

use super::prepared::{Prepared, Service};
use super::reuse::{self, Reach};
use crate::blobs::{AnswerBody, SignedBlobs};
use crate::compose::Ours;
use crate::mounts::Mounts;
use crate::overrides::Overrides;
use crate::wiring;

/// One per host.
pub(crate) struct Machine {
    pub(crate) runtime: Runtime,
    /// The cores that serve, in their order. Every handler of a core draws on its share.
    pub(crate) cores: Vec<Core>,
    /// The open stores. The variables in it are nobody's: each release has its own.
    pub(crate) capabilities: Capabilities,
    pub(crate) values: Values,
    pub(crate) ours: Ours,
    /// What the arguments say over every release's manifest.
    pub(crate) overrides: Overrides,
    /// Files of releases on this host's disk.
    pub(crate) mounts: Mounts,
    /// What answers signed URLs.
    pub(crate) blobs: Arc<SignedBlobs>,
    /// What the stacks of all releases have in common.
    pub(crate) shared: Shared,
}

/// Where the values of variables come from. Kept for as long as the host runs, because every release is asked anew which
/// it wants.
pub(crate) struct Values {
    pub(crate) arguments: Vec<Secret>,
    pub(crate) configured: Vec<variables::Config>,
    pub(crate) environment: Environment,
    pub(crate) folder: PathBuf,
}

impl Values {
    /// Gives every variable of the application its value, and fills in templates.
    ///
    /// # Errors
    /// All that is wrong, for people.
    pub(crate) async fn resolve(&self, app: &mut App) -> Result<Variables, Vec<String>> {
        let sources = Sources {
            arguments: &self.arguments,
            configured: &self.configured,
            environment: self.environment.clone(),
            folder: &self.folder,
        };
        let resolved = match sources.open(&app.variables) {
            Ok(providers) => variables::resolve(app, &providers).await,
            Err(problems) => Err(problems),
        };
        resolved.map_err(|problems| wiring::mistaken_variables(&problems))
    }
}

impl Machine {
    /// A release's stack on every core.
    pub(super) fn lane(&self, release: &Prepared, observed: &Arc<Observed>) -> Lane<AnswerBody> {
        let commands = wiring::commands(&release.app);
        let stack = |core: usize| {
            let siblings = |id: &ComponentId| Some(Arc::clone(&release.siblings.get(id)?[core]));
            let answering = release.services.iter().map(|(id, service)| {
                let handler = service.handler(core).clone();
                let answers = wiring::Answers::new(handler, siblings(id), commands.get(id));
                (id.clone(), answers)
            });
            let inner = wiring::inner(answering.collect(), Arc::clone(&self.blobs));
            stoa_gateway::stack(&self.shared, &Routed::new(&release.app), inner)
        };
        Lane {
            cores: (0..self.cores.len()).map(stack).collect(),
            observed: Arc::clone(observed),
        }
    }

    /// Whom the components of a release call, by core, for those that reach anybody.
    pub(super) fn siblings(
        &self,
        app: &App,
        services: &BTreeMap<ComponentId, Arc<Service>>,
        reach: &BTreeMap<ComponentId, Reach>,
    ) -> BTreeMap<ComponentId, Vec<Arc<dyn Siblings>>> {
        let callable = reuse::callable(app);
        let commands = wiring::commands(app);
        let mut siblings: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for core in 0..self.cores.len() {
            let family = wiring::Family {
                shared: &self.shared,
                routed: &Routed::new(app),
                blobs: &self.blobs,
                handlers: &handlers(services, core),
                callable: &callable,
                commands: &commands,
            };
            for (id, on_core) in family.siblings(reach) {
                siblings.entry(id).or_default().push(on_core);
            }
        }
        siblings
    }
}

fn handlers(
    services: &BTreeMap<ComponentId, Arc<Service>>,
    core: usize,
) -> HashMap<ComponentId, Handler> {
    let services = services.iter();
    services
        .map(|(id, service)| (id.clone(), service.handler(core).clone()))
        .collect()
}
