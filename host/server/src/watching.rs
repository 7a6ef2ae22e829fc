//! `stoa up --watch`: what is saved is built and deployed. A build that fails changes nothing, and its compiler's words are
//! on the terminal.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use stoa_manifest::ComponentId;
use tokio_util::sync::CancellationToken;

use crate::admin::messages::{Deploy, Deployed, Strategy};
use crate::cli::Up;
use crate::commands::{Folder, Project, bundled};
use crate::deploy::{Host, Refused};
use crate::telemetry::worded;
use crate::watch::{Changed, Watcher};
use crate::{build, output};

/// Who deploys what was saved.
const BY: &str = "stoa up --watch";

/// Clears a terminal, with what can be scrolled back to, and goes to its first line.
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";

/// The folder that is watched.
pub(crate) struct Watching {
    folder: Folder,
    watcher: Watcher,
    screen: Screen,
}

/// How it is watched.
pub(crate) struct Manner {
    /// Files are at rest when nothing was saved for so long.
    settled: Duration,
    screen: Screen,
}

/// What becomes of the terminal before a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Kept,
    Cleared,
}

impl Manner {
    pub(crate) fn of(arguments: &Up) -> Self {
        // What a file would get is not for files.
        let clear = arguments.clear && std::io::stderr().is_terminal();
        Self {
            settled: Duration::from_millis(arguments.debounce),
            screen: match clear {
                true => Screen::Cleared,
                false => Screen::Kept,
            },
        }
    }
}

impl Watching {
    pub(crate) fn start(
        folder: &Folder,
        project: &Project,
        state_dir: &Path,
        manner: Manner,
    ) -> anyhow::Result<Self> {
        let watcher = Watcher::start(&project.file, &project.root, state_dir, &project.app)?;
        Ok(Self {
            folder: folder.clone(),
            watcher: watcher.settled(manner.settled),
            screen: manner.screen,
        })
    }

    /// Until `stop`.
    pub(crate) async fn run(mut self, host: Host, stop: CancellationToken) {
        let watched = stop.clone();
        watched
            // A deploy's future is large: it is not moved about.
            .run_until_cancelled(Box::pin(async {
                while let Some(changed) = self.watcher.changed().await {
                    if let Err(error) = self.take(&host, changed).await {
                        output::note(worded(&error));
                        output::note(format_args!("still serving: {}", host.words()));
                    }
                }
            }))
            .await;
    }

    async fn take(&mut self, host: &Host, changed: Changed) -> anyhow::Result<()> {
        if self.screen == Screen::Cleared {
            output::part(CLEAR);
        }
        let project = self.folder.read()?;
        if changed.manifest {
            self.watcher.retarget(&project.app)?;
        }
        // A manifest may name components that were never built.
        let only: BTreeSet<ComponentId> = match changed.manifest {
            true => BTreeSet::new(),
            false => changed.components,
        };
        let only: Vec<ComponentId> = only.into_iter().collect();
        let concerned = crate::bundle::with_parts(&project.app, &only);
        let (bundle, files) = tokio::task::block_in_place(|| {
            build::run(&project.app, &project.root, &concerned)?;
            anyhow::Ok(bundled(&project)?)
        })?;
        if host.serves(&bundle) {
            output::note("nothing that is served has changed");
            return Ok(());
        }
        let deploy = Deploy {
            bundle,
            components: Vec::new(),
            strategy: Strategy::AllAtOnce,
            note: String::new(),
            expected: None,
            // Whoever writes the manifest on this machine grants what it grants.
            allow_new_grants: true,
            allow_contracting: true,
            dry_run: false,
        };
        match host.deploy_folder(deploy, &files, BY).await {
            Ok(deployed) => told(&deployed),
            Err(refused) => return Err(anyhow::anyhow!("{}", lines(&refused))),
        }
        Ok(())
    }
}

fn told(deployed: &Deployed) {
    let release = deployed.release.unwrap_or_default();
    let timings = deployed.timings;
    let total = timings.prepare_ms + timings.record_ms + timings.swap_ms;
    output::note(format_args!("release {release} serves ({total:.0} ms)"));
}

fn lines(refused: &Refused) -> String {
    match refused {
        Refused::Invalid(problems) => problems.join("\nerror: "),
        refused => refused.to_string(),
    }
}
