//! `stoa up`: build, open, verify, then listen. Whatever can fail has failed before the port is bound.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stoa_capabilities::variables::{self, Environment, Sources, Variables};
use stoa_gateway::config::Tls;
use stoa_gateway::{Listener, Shared};
use stoa_manifest::App;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Invalid, Project, source};
use crate::cli::Up;
use crate::configuration::{Configuration, Seed};
use crate::state::State;
use crate::wiring::{self, Deployment};
use crate::{build, output, seed};

/// Threads for drivers, the listener and signals: they wait more than they work.
const DRIVER_THREADS: usize = 2;

pub(crate) fn up(arguments: &Up, environment: Environment) -> anyhow::Result<()> {
    let mut project = Project::read(&arguments.application)?;
    let configuration = configuration(arguments, &project.root)?;
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(DRIVER_THREADS)
        .thread_name("driver")
        .enable_all()
        .build()
        .context("cannot start the drivers' threads")?;
    let variables = variables(arguments, &configuration, environment, &mut project);
    let variables = executor.block_on(variables)?;
    wiring::check_supported(&project.app, arguments.ours())?;
    // Before the build, whose output they would follow, and however quiet: they may be why something fails.
    for warning in &project.app.warnings {
        output::note(warning);
    }
    for component in project.app.components.values_mut() {
        component
            .environment
            .extend(arguments.environment.iter().cloned());
    }
    let gateway = gateway(arguments, &configuration);
    let state = State::open(&state_dir(arguments, &configuration, &project.root))?;
    // A port that is in use now would still be in use after a minute of building.
    drop(std::net::TcpListener::bind(gateway.listen).map_err(|error| port(error, &gateway))?);
    if !arguments.skip_build {
        build::run(&project.app, &project.root)?;
    }
    let deployment = executor.block_on(wiring::deploy(
        &project,
        &configuration,
        &state,
        variables,
        arguments.ours(),
    ))?;
    executor.block_on(async {
        if configuration.seed == Seed::FirstStart {
            seed::load(&project, &deployment, &state).await?;
        }
        serve(arguments, &project.app, gateway, deployment).await
    })
}

/// The values of the application's variables, settled before anything is opened or built. The environment is given away:
/// nothing of it is kept but what was asked for.
async fn variables(
    arguments: &Up,
    configuration: &Configuration,
    environment: Environment,
    project: &mut Project,
) -> Result<Variables, Invalid> {
    let sources = Sources {
        arguments: &arguments.variables,
        configured: &configuration.capabilities.variables,
        environment,
        folder: &project.root,
    };
    let resolved = match sources.open(&project.app.variables) {
        Ok(providers) => variables::resolve(&mut project.app, &providers).await,
        Err(problems) => Err(problems),
    };
    resolved.map_err(|problems| wiring::mistaken_variables(&problems))
}

/// The file the user named, else the one beside the manifest, else what is built in.
fn configuration(arguments: &Up, root: &Path) -> anyhow::Result<Configuration> {
    let beside = root.join("runtime-config/embedded.toml");
    let source = match &arguments.runtime_config_file {
        Some(file) => source(file)?,
        None if beside.exists() => source(&beside)?,
        None => wiring::built_in_configuration(),
    };
    Ok(Configuration::parse(&source).map_err(|mistakes| Invalid(mistakes.to_string()))?)
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

async fn serve(
    arguments: &Up,
    app: &App,
    gateway: stoa_gateway::Config,
    deployment: Deployment,
) -> anyhow::Result<()> {
    let limits = gateway.limits.clone();
    let scheme = if gateway.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let listener = Listener::bind(gateway).map_err(|error| match error {
        stoa_gateway::BindError::InUse(_) => anyhow::Error::new(Invalid(error.to_string())),
        error => error.into(),
    })?;
    if !arguments.quiet {
        deployment.describe(app);
    }
    let stop = CancellationToken::new();
    let signals = tokio::spawn(stop_on_signal(stop.clone())?);
    let address = listener.address().context("cannot tell where it listens")?;
    // The one line that programs wait for.
    output::line(format_args!("listening on {scheme}://{address}"));
    let shared = Shared::new(&limits, app);
    let cores = deployment.cores();
    let deployment = Arc::new(deployment);
    let public = move |_| stoa_gateway::stack(&shared, deployment.on_core());
    listener
        .serve(cores, public, stop)
        .await
        .context("cannot serve")?;
    signals.abort();
    info!("stopped");
    Ok(())
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
