//! `stoa up`: build, open, verify, then listen. Whatever can fail has failed before the port is bound.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stoa_capabilities::blobs::presign::Signer;
use stoa_capabilities::releases;
use stoa_capabilities::variables::Environment;
use stoa_gateway::config::Tls;
use stoa_gateway::{Listener, Shared};
use stoa_manifest::Pattern;
use stoa_manifest::http::Target;
use stoa_runtime::{Allocation, Core, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Invalid, Project, source};
use crate::admin::{self, messages::Bundle};
use crate::blobs::SignedBlobs;
use crate::cli::Up;
use crate::configuration::{Configuration, Seed};
use crate::deploy::{First, Host, Machine, Prepared, Values, history, start};
use crate::logs::Logs;
use crate::state::State;
use crate::stores::{self, Stores};
use crate::watching::Watching;
use crate::{build, bundle, output, seed, wiring};

/// Threads for drivers, the listener, the admin API and signals: they wait more than they work.
const DRIVER_THREADS: usize = 2;

pub(crate) fn up(arguments: &Up, environment: Environment, logs: Logs) -> anyhow::Result<()> {
    let project = match arguments.deployed {
        true => None,
        false => Some(Project::read(&arguments.application)?),
    };
    let root = project
        .as_ref()
        .map_or(Path::new("."), |project| &project.root);
    let root = root.to_owned();
    let configuration = configuration(arguments, &root)?;
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
    if let Some(project) = &project {
        executor.block_on(check(project, &values, arguments))?;
    }
    let gateway = gateway(arguments, &configuration);
    let state = State::open(&state_dir(arguments, &configuration, &root))?;
    // A port that is in use now would still be in use after a minute of building.
    drop(std::net::TcpListener::bind(gateway.listen).map_err(|error| port(error, &gateway))?);
    if let Some(project) = &project
        && !arguments.skip_build
    {
        build::run(&project.app, &project.root, &[])?;
    }
    let starting = Starting {
        arguments,
        project,
        configuration,
        gateway,
        state,
    };
    executor.block_on(starting.run(values, logs))
}

/// What can be told of an application before it is built.
async fn check(project: &Project, values: &Values, arguments: &Up) -> Result<(), Invalid> {
    let told = |problems: Vec<String>| Invalid::all(&problems);
    let mut app = project.app.clone();
    values.resolve(&mut app).await.map_err(told)?;
    wiring::check_supported(&app, arguments.ours()).map_err(told)?;
    // Before the build, whose output they would follow, and however quiet: they may be why something fails.
    for warning in &app.warnings {
        output::note(warning);
    }
    Ok(())
}

/// A host on its way up.
struct Starting<'a> {
    arguments: &'a Up,
    /// None: it serves what was deployed.
    project: Option<Project>,
    configuration: Configuration,
    gateway: stoa_gateway::Config,
    state: State,
}

impl Starting<'_> {
    async fn run(self, values: Values, logs: Logs) -> anyhow::Result<()> {
        let store = history::open(
            &self.configuration.releases,
            &values.folder,
            self.state.folder(),
        )
        .await?;
        let (machine, described) = self.machine(values)?;
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
        self.serve(host, &lines, logs).await
    }

    fn machine(&self, values: Values) -> anyhow::Result<(Machine, Vec<String>)> {
        let key = self.state.key()?;
        let signer = Arc::new(Signer::new(&key.derive("stoa-blobs-url")));
        let Stores {
            capabilities,
            described,
        } = stores::open(&self.configuration, &self.state, &signer)?;
        let config = stoa_runtime::Config {
            instances_max: self.configuration.runtime.instances_max,
            cores: self.configuration.runtime.cores,
            artifacts: self.state.artifacts(),
            blocked_networks: self
                .configuration
                .outbound_networking
                .block_networks
                .clone(),
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
            environment: self.arguments.environment.clone(),
            shared: Shared::new(&self.gateway.limits),
        };
        Ok((machine, described))
    }

    /// The application as it lies in its folder.
    fn folder(&self) -> Result<Option<(Bundle, bundle::Files)>, Invalid> {
        let read = self.project.as_ref().map(super::bundled);
        read.transpose()
    }

    async fn seed(&self, host: &Host, core: &Core) -> anyhow::Result<()> {
        let wanted = self.configuration.seed == Seed::FirstStart;
        let Some(project) = self.project.as_ref().filter(|_| wanted) else {
            return Ok(());
        };
        let release = host.stable();
        // What serves may be another release than the folder's, with other routes.
        match release.has_seeds_of(&project.app) {
            true => seed::load(project, &release, core, &self.state).await,
            false => Ok(()),
        }
    }

    async fn serve(self, host: Host, lines: &[String], logs: Logs) -> anyhow::Result<()> {
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
        let watching = match (&self.project, self.arguments.watch) {
            (Some(project), true) => Some(Watching::start(&self.arguments.application, project)?),
            _ => None,
        };
        let listener = Listener::bind(self.gateway.clone()).map_err(|error| match error {
            stoa_gateway::BindError::InUse(_) => anyhow::Error::new(Invalid(error.to_string())),
            error => error.into(),
        })?;
        if !self.arguments.quiet {
            describe(&host.stable(), lines);
            if let Some(admin) = &admin {
                output::line(format_args!("  admin API: {}", admin.url()));
            }
        }
        let stop = CancellationToken::new();
        let signals = tokio::spawn(stop_on_signal(stop.clone())?);
        let mut tasks = JoinSet::new();
        tasks.spawn(host.clone().follow(stop.clone()));
        tasks.spawn(host.clone().guard(stop.clone()));
        if let Some(watching) = watching {
            tasks.spawn(watching.run(host.clone(), stop.clone()));
        }
        if let Some(admin) = admin {
            let serve = admin.serve(host.clone(), logs, stop.clone());
            tasks.spawn(async move {
                if let Err(error) = serve.await {
                    tracing::error!(error = %format_args!("{error:#}"), "the admin API ended");
                }
            });
        }
        let address = listener.address().context("cannot tell where it listens")?;
        // The one line that programs wait for.
        output::line(format_args!("listening on {scheme}://{address}"));
        listener
            .serve(host.front(), stop)
            .await
            .context("cannot serve")?;
        while tasks.join_next().await.is_some() {}
        // Until here a second signal ends what takes its time.
        signals.abort();
        info!("stopped");
        Ok(())
    }
}

/// The file the user named, else the one beside the manifest, else what is built in.
fn configuration(arguments: &Up, root: &Path) -> anyhow::Result<Configuration> {
    let beside = root.join("runtime-config/embedded.toml");
    let source = match &arguments.runtime_config_file {
        Some(file) => source(file)?,
        None if beside.exists() => source(&beside)?,
        None => wiring::built_in_configuration(),
    };
    let configuration =
        Configuration::parse(&source).map_err(|mistakes| Invalid(mistakes.to_string()))?;
    Ok(Configuration {
        admin: configuration.admin.relative_to(root),
        deploy: configuration.deploy.relative_to(root),
        ..configuration
    })
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

fn state_dir(arguments: &Up, configuration: &Configuration, root: &Path) -> PathBuf {
    match (&arguments.state_dir, &configuration.state_dir) {
        (Some(folder), _) => folder.clone(),
        (None, Some(folder)) => root.join(folder),
        (None, None) => root.join(".stoa"),
    }
}

fn port(error: std::io::Error, gateway: &stoa_gateway::Config) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Invalid(stoa_gateway::BindError::InUse(gateway.listen).to_string()).into()
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {}", gateway.listen)),
    }
}

/// Prints what runs where.
fn describe(release: &Prepared, lines: &[String]) {
    let app = &release.app;
    output::line(format!("{} {}", app.name, app.version).trim_end());
    for route in &app.routes {
        let pattern = match &route.pattern {
            Pattern::Public(path) => path.to_string(),
            Pattern::Private => "(private)".into(),
        };
        let target = target(release, &route.target);
        output::line(format_args!("  {pattern:<24} {target}"));
    }
    for line in lines {
        output::line(format_args!("  {line}"));
    }
}

fn target(release: &Prepared, target: &Target) -> String {
    match target {
        Target::Component(id) => match release.services.get(id) {
            Some(service) => {
                let revision = service.revision();
                format!("{id} {} ({})", revision.id(), revision.abi())
            }
            None => id.to_string(),
        },
        Target::StaticResponse(response) => format!("static response {}", response.status_code),
    }
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
