//! `stoa up`: build, open, verify, then listen. Whatever can fail has failed before the port is bound.

mod offered;
mod ports;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stoa_backends::otlp;
use stoa_capabilities::blobs::presign::Signer;
use stoa_capabilities::telemetry::Config as Collectors;
use stoa_capabilities::variables::Environment;
use stoa_capabilities::{Capabilities, network, releases};
use stoa_gateway::config::Tls;
use stoa_gateway::{BindError, Listener, Shared};
use stoa_manifest::text::{Mistakes, nearest};
use stoa_manifest::{App, ComponentId};
use stoa_runtime::{Allocation, Core, CoreDumps, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Invalid, configured};
use crate::admin::{self, messages::Bundle};
use crate::blobs::SignedBlobs;
use crate::cli::Up;
use crate::cli::up::Format;
use crate::configuration::{Configuration, Seed};
use crate::deploy::{First, Host, Machine, Values, history, start};
use crate::initial::Initial;
use crate::mounts::Mounts;
use crate::overrides::Overrides;
use crate::state::State;
use crate::stores::{self, Stores};
use crate::telemetry::Telemetry;
use crate::watching::{Manner, Watching};
use crate::{build, bundle, output, seed, triggers, wiring};
use offered::Offered;
use ports::{bound, port};

/// Threads for drivers, the listener, the admin API and signals: they wait more than they work.
const DRIVER_THREADS: usize = 2;

pub(crate) fn up(
    arguments: &Up,
    environment: Environment,
    collectors: &Collectors,
    telemetry: Telemetry,
) -> anyhow::Result<()> {
    refuse(arguments)?;
    let offered = Offered::read(arguments)?;
    let root = offered.root().to_owned();
    let (configuration, network) = configuration(arguments, &root)?;
    let (exporter, courier) = otlp::open(collectors)
        .map_err(|error| Invalid(error.to_string()))?
        .unzip();
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(DRIVER_THREADS)
        .thread_name("driver")
        .enable_all()
        .build()
        .context("cannot start the drivers' threads")?;
    let values = Values {
        arguments: arguments.variables.clone(),
        configured: configuration.capabilities.variables.clone(),
        environment,
        folder: root.clone(),
    };
    if let Some(app) = offered.app()? {
        let overrides = overrides(arguments, &configuration);
        executor.block_on(check(&app, &values, &overrides, arguments))?;
    }
    let initial = Initial::read(
        &arguments.key_values,
        &arguments.statements,
        &configuration.capabilities,
    )?;
    let gateway = gateway(arguments, &configuration);
    let state = State::open(&state_dir(arguments, &configuration, &root)?)?;
    // A port that is in use now would still be in use after a minute of building.
    drop(bound(arguments, &gateway, |gateway| {
        std::net::TcpListener::bind(gateway.listen).map_err(|error| port(error, gateway))
    })?);
    if let Some(folder) = log_dir(arguments, &configuration, &root) {
        telemetry.printouts.open(&folder, arguments.truncate_logs)?;
    }
    if let Offered::Folder(project, _) = &offered
        && !arguments.skip_build
    {
        build::run(&project.app, &project.root, &[])?;
    }
    let starting = Starting {
        arguments,
        offered,
        configuration,
        network,
        exporter,
        courier,
        gateway,
        state,
    };
    let printouts = telemetry.printouts.clone();
    let outcome = executor.block_on(starting.run(values, initial, telemetry));
    printouts.flush();
    outcome
}

/// Refuses what can be refused before anything is read: options that mean nothing here.
fn refuse(arguments: &Up) -> Result<(), Invalid> {
    let mut problems = arguments.unmeant.0.clone();
    let state_dir = arguments.state_dir.as_ref();
    if state_dir.is_some_and(|folder| folder.as_os_str().is_empty()) {
        problems.push(NO_STATE.to_owned());
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Invalid::all(&problems)),
    }
}

/// Spin keeps everything in memory then.
const NO_STATE: &str = "a host keeps what it serves in its state directory, so there must be one\n  = hint: name a \
                        temporary folder in `--state-dir` to have nothing kept";

fn overrides(arguments: &Up, configuration: &Configuration) -> Overrides {
    Overrides {
        components: arguments.components.clone(),
        environment: arguments.environment.clone(),
        memory_bytes_max: arguments
            .max_instance_memory
            .or(configuration.max_instance_memory),
    }
}

/// What can be told of an application before it is built.
async fn check(
    app: &App,
    values: &Values,
    overrides: &Overrides,
    arguments: &Up,
) -> Result<(), Invalid> {
    let told = |problems: Vec<String>| Invalid::all(&problems);
    let mut app = app.clone();
    overrides.apply(&mut app).map_err(told)?;
    followed(&app, &arguments.follow).map_err(told)?;
    values.resolve(&mut app).await.map_err(told)?;
    wiring::check_supported(&app).map_err(told)?;
    // Before the build, whose output they would follow, and however quiet: they may be why something fails.
    for warning in &app.warnings {
        output::note(warning);
    }
    Ok(())
}

/// Who follows a component that is not there would wait for ever.
fn followed(app: &App, follow: &[String]) -> Result<(), Vec<String>> {
    let unknown = follow
        .iter()
        .filter(|name| !app.components.contains_key(name.as_str()));
    let told: Vec<String> = unknown
        .map(|name| {
            let ids = app.components.keys().map(ComponentId::as_str);
            let hint = nearest(name, ids).map_or_else(String::new, |meant| {
                format!("\n  = hint: did you mean `{meant}`?")
            });
            format!("`--follow {name}`: there is no component `{name}`{hint}")
        })
        .collect();
    match told.is_empty() {
        true => Ok(()),
        false => Err(told),
    }
}

/// A host on its way up.
struct Starting<'a> {
    arguments: &'a Up,
    offered: Offered,
    configuration: Configuration,
    network: network::Settings,
    /// Where telemetry of components goes, and what brings it there.
    exporter: Option<Arc<otlp::Exporter>>,
    courier: Option<otlp::Courier>,
    gateway: stoa_gateway::Config,
    state: State,
}

impl Starting<'_> {
    async fn run(
        mut self,
        values: Values,
        initial: Initial,
        telemetry: Telemetry,
    ) -> anyhow::Result<()> {
        let store = history::open(
            &self.configuration.releases,
            &values.folder,
            self.state.folder(),
        )
        .await?;
        let (machine, described) = self.machine(values)?;
        // Before anything of the application runs.
        initial.apply(&machine.capabilities).await?;
        // For seeds: work that no serving core does.
        let core = machine.runtime.core();
        let first = First {
            folder: self.folder()?,
            marker: self.state.folder().join("published"),
            shared: matches!(self.configuration.releases, releases::Config::Postgres(_)),
        };
        let allocation = machine.runtime.allocation();
        let cores = machine.cores.len();
        let deploy = self.configuration.deploy.clone();
        let host = start(machine, store, deploy, first).await?;
        self.seed(&host, &core).await?;
        let mut lines = described;
        lines.push(match allocation {
            Allocation::Pooling => format!("{cores} cores, pooled instances"),
            Allocation::OnDemand => format!("{cores} cores, instances mapped on demand"),
        });
        self.serve(host, &lines, telemetry).await
    }

    fn machine(&self, values: Values) -> anyhow::Result<(Machine, Vec<String>)> {
        let key = self.state.key()?;
        let signer = Arc::new(Signer::new(&key.derive("stoa-blobs-url")));
        let Stores {
            mut capabilities,
            described,
        } = stores::open(&self.configuration, &self.state, &signer)?;
        if let Some(exporter) = &self.exporter {
            capabilities.drivers.telemetry = Some(exporter.clone());
        }
        let capabilities = Capabilities {
            network: self.network.clone(),
            ..capabilities
        };
        let config = stoa_runtime::Config {
            instances_max: self.configuration.runtime.instances_max,
            cores: self.configuration.runtime.cores,
            artifacts: self.state.artifacts(),
            core_dumps: self.core_dumps(),
            pooling: !self.arguments.disable_pooling,
        };
        let cores = config.cores;
        let runtime = Runtime::new(config, key).map_err(|error| {
            anyhow::anyhow!("the WebAssembly engine cannot start on this machine: {error:#}")
        })?;
        let machine = Machine {
            cores: (0..cores).map(|_| runtime.core()).collect(),
            blobs: Arc::new(SignedBlobs::new(signer, capabilities.blobs.clone())),
            runtime,
            capabilities,
            values,
            ours: self.arguments.ours(),
            overrides: overrides(self.arguments, &self.configuration),
            mounts: Mounts::open(self.state.folder().join("files"), self.arguments.writes())?,
            shared: Shared::new(&self.gateway.limits),
        };
        Ok((machine, described))
    }

    fn core_dumps(&self) -> Option<CoreDumps> {
        let components = &self.configuration.runtime.core_dumps;
        (!components.is_empty()).then(|| CoreDumps {
            folder: self.state.folder().join("dumps"),
            components: components.clone(),
        })
    }

    /// The application that it is started with. An image has no files afterwards: a host does not keep what it was started
    /// with in memory.
    fn folder(&mut self) -> Result<Option<(Bundle, bundle::Files)>, Invalid> {
        match &mut self.offered {
            Offered::Nothing => Ok(None),
            Offered::Folder(project, _) => super::bundled(project).map(Some),
            Offered::Image(image) => {
                let files = std::mem::take(&mut image.files);
                Ok(Some((image.bundle.clone(), files)))
            }
        }
    }

    async fn seed(&self, host: &Host, core: &Core) -> anyhow::Result<()> {
        let wanted = self.configuration.seed == Seed::FirstStart;
        let (true, Offered::Folder(project, _)) = (wanted, &self.offered) else {
            return Ok(());
        };
        let release = host.stable();
        // What serves may be another release than the folder's, with other routes.
        match release.has_seeds_of(&project.app) {
            true => seed::load(project, &release, core, &self.state).await,
            false => Ok(()),
        }
    }

    async fn serve(self, host: Host, lines: &[String], telemetry: Telemetry) -> anyhow::Result<()> {
        let scheme = if self.gateway.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let admin = match self.configuration.admin.enabled {
            true => Some(admin::Server::bind(
                &self.configuration.admin,
                self.state.folder(),
            )?),
            false => None,
        };
        let watching = match (&self.offered, self.arguments.watch) {
            (Offered::Folder(project, folder), true) => Some(Watching::start(
                folder,
                project,
                self.state.folder(),
                Manner::of(self.arguments),
            )?),
            _ => None,
        };
        let mut listener = bound(self.arguments, &self.gateway, |gateway| {
            Listener::bind(gateway.clone()).map_err(|error| match error {
                BindError::InUse(_) => anyhow::Error::new(Invalid(error.to_string())),
                error => error.into(),
            })
        })?;
        let address = listener.address().context("cannot tell where it listens")?;
        let plain = self.arguments.format == Format::Plain;
        if !self.arguments.quiet && plain {
            told::describe(&host.stable(), lines);
            if let Some(admin) = &admin {
                output::line(format_args!("  admin API: {}", admin.url()));
            }
        }
        let stop = CancellationToken::new();
        let signals = tokio::spawn(stop_on_signal(stop.clone())?);
        // It goes on when everything else has stopped: until then there may be something to bring away.
        let flush = CancellationToken::new();
        let courier = self.courier.map(|it| tokio::spawn(it.run(flush.clone())));
        let mut tasks = JoinSet::new();
        tasks.spawn(host.clone().follow(stop.clone()));
        tasks.spawn(host.clone().guard(stop.clone()));
        let errands = listener.errands(host.cores());
        tasks.spawn(triggers::redis::follow(host.clone(), errands, stop.clone()));
        if let Some(watching) = watching {
            tasks.spawn(watching.run(host.clone(), stop.clone()));
        }
        if let Some(admin) = admin {
            let serve = admin.serve(host.clone(), telemetry.logs, stop.clone());
            tasks.spawn(async move {
                if let Err(error) = serve.await {
                    tracing::error!(error = %format_args!("{error:#}"), "the admin API ended");
                }
            });
        }
        let url = format!("{scheme}://{address}");
        match plain {
            // The one line that programs wait for.
            true => output::line(format_args!("listening on {url}")),
            false => output::line(told::document(&host.stable(), url)?),
        }
        listener
            .serve(host.front(), stop)
            .await
            .context("cannot serve")?;
        while tasks.join_next().await.is_some() {}
        flush.cancel();
        if let Some(courier) = courier {
            courier
                .await
                .context("what brings telemetry away panicked")?;
        }
        // Until here a second signal ends what takes its time.
        signals.abort();
        info!("stopped");
        Ok(())
    }
}

/// The runtime configuration, and what of it needs files, which are looked for beside it, as in Spin.
fn configuration(
    arguments: &Up,
    root: &Path,
) -> anyhow::Result<(Configuration, network::Settings)> {
    let (source, folder) = configured(arguments.runtime_config_file.as_deref(), root)?;
    let configuration =
        Configuration::parse(&source).map_err(|mistakes| Invalid(mistakes.to_string()))?;
    let network = network::Settings::open(&configuration.network, &folder)
        .map_err(|mistakes| Invalid(Mistakes::new(&source, mistakes).to_string()))?;
    let configuration = Configuration {
        admin: configuration.admin.relative_to(root),
        deploy: configuration.deploy.relative_to(root),
        ..configuration
    };
    Ok((configuration, network))
}

fn gateway(arguments: &Up, configuration: &Configuration) -> stoa_gateway::Config {
    let default = stoa_gateway::Config::default();
    let written = &configuration.gateway;
    let files = arguments.tls_cert.clone().zip(arguments.tls_key.clone());
    stoa_gateway::Config {
        listen: arguments
            .listen
            .or(written.listen)
            .unwrap_or(default.listen),
        tls: files
            .map(|(certificate, key)| Tls { certificate, key })
            .or_else(|| written.tls.clone()),
        limits: written.limits.clone(),
    }
}

fn state_dir(
    arguments: &Up,
    configuration: &Configuration,
    root: &Path,
) -> Result<PathBuf, Invalid> {
    match (&arguments.state_dir, &configuration.state_dir) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, Some(folder)) if folder.as_os_str().is_empty() => Err(Invalid(NO_STATE.to_owned())),
        (None, Some(folder)) => Ok(root.join(folder)),
        (None, None) => Ok(root.join(".stoa")),
    }
}

/// Where files with what components print are wanted; an empty path wants none.
fn log_dir(arguments: &Up, configuration: &Configuration, root: &Path) -> Option<PathBuf> {
    let configured = configuration
        .log_dir
        .as_ref()
        .map(|folder| match folder.as_os_str() {
            none if none.is_empty() => PathBuf::new(),
            _ => root.join(folder),
        });
    let folder = arguments.log_dir.clone().or(configured);
    folder.filter(|folder| !folder.as_os_str().is_empty())
}

/// The first signal drains, a second one ends it at once.
fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    Ok(async move {
        let mut stopping = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stopping {
                // 128 and the number of SIGINT, as shells report it.
                std::process::exit(130);
            }
            stopping = true;
            info!("stopping: no new connections, finishing what is in flight");
            stop.cancel();
        }
    })
}
