//! What every release of this host is made ready with: the engine, the open stores, and where values come from.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use stoa_capabilities::Capabilities;
use stoa_capabilities::variables::{self, Environment, Secret, Sources, Variables};
use stoa_gateway::traffic::{Lane, Observed};
use stoa_gateway::{Routed, Shared};
use stoa_manifest::App;
use stoa_runtime::{Core, Runtime};

use super::prepared::Prepared;
use crate::blobs::{AnswerBody, SignedBlobs};
use crate::compose::Ours;
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
    /// `--env`: for every component of every release.
    pub(crate) environment: Vec<(String, String)>,
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
        let routed = Routed::new(&release.app);
        let stack = |core| {
            let handlers: HashMap<_, _> = release
                .services
                .iter()
                .map(|(id, service)| (id.clone(), service.handler(core).clone()))
                .collect();
            let inner = wiring::inner(handlers, Arc::clone(&self.blobs));
            stoa_gateway::stack(&self.shared, &routed, inner)
        };
        Lane {
            cores: (0..self.cores.len()).map(stack).collect(),
            observed: Arc::clone(observed),
        }
    }
}
