//! Where the parts meet: stores behind labels, components behind routes. No part knows another; this file knows all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::uri::Scheme;
use http::{Request, Response};
use stoa_capabilities::{Capabilities, Unresolved, keyvalue};
use stoa_gateway::{BodyError, Connected, Failure, Inner, Matched, RequestBody};
use stoa_manifest::component::Source as Code;
use stoa_manifest::hosts::Destination;
use stoa_manifest::http::Executor;
use stoa_manifest::text::Source;
use stoa_manifest::{App, Component, ComponentId};
use stoa_runtime::{
    Allocation, Handler, PrepareError, RequestBodyError, ResponseBody, Revision, Runtime,
};

use crate::commands::{Invalid, Project};
use crate::configuration::Configuration;
use crate::output;
use crate::progress::Progress;
use crate::state::State;

/// How long a client is asked to wait when a component is full or its instance went away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What holds without a runtime configuration: Spin's default store, embedded.
pub(crate) fn built_in_configuration() -> Source {
    Source::new(
        "the built-in runtime configuration",
        "[keyvalue.default.embedded]\n",
    )
}

/// The application, ready to serve.
pub(crate) struct Deployment {
    runtime: Runtime,
    revisions: BTreeMap<ComponentId, Arc<Revision>>,
    stores: Vec<String>,
    cores: usize,
}

/// Opens the stores and prepares every component.
pub(crate) fn deploy(
    project: &Project,
    configuration: &Configuration,
    state: &State,
) -> anyhow::Result<Deployment> {
    let (capabilities, stores) = open(configuration, state)?;
    let config = stoa_runtime::Config {
        instances_max: configuration.runtime.instances_max,
        cores: configuration.runtime.cores,
        artifacts: state.artifacts(),
        blocked_networks: configuration.outbound_networking.block_networks.clone(),
    };
    let cores = config.cores;
    let runtime = Runtime::new(config, state.key()?).map_err(|error| {
        anyhow::anyhow!("the WebAssembly engine cannot start on this machine: {error:#}")
    })?;
    let revisions = prepare_all(project, &capabilities, &runtime)?;
    Ok(Deployment {
        runtime,
        revisions,
        stores,
        cores,
    })
}

fn open(
    configuration: &Configuration,
    state: &State,
) -> anyhow::Result<(Capabilities, Vec<String>)> {
    let mut capabilities = Capabilities::default();
    let mut described = Vec::new();
    for (label, config) in &configuration.capabilities.keyvalue {
        let store = match config {
            keyvalue::Config::Embedded(config) => {
                let path = state.folder().join(&config.path);
                described.push(
                    format!(
                        "keyvalue {label}: {} ({:?} durability)",
                        path.display(),
                        config.durability
                    )
                    .to_lowercase(),
                );
                keyvalue::embedded::Embedded::open(&path, config.durability)
                    .with_context(|| format!("cannot open the key-value store `{label}`"))?
            }
        };
        capabilities.keyvalue.insert(label.clone(), store);
    }
    Ok((capabilities, described))
}

/// Prepares all components, on all cores. Tells every problem of every component at once.
fn prepare_all(
    project: &Project,
    capabilities: &Capabilities,
    runtime: &Runtime,
) -> anyhow::Result<BTreeMap<ComponentId, Arc<Revision>>> {
    let components: Vec<_> = project.app.components.iter().collect();
    let progress = Progress::start(components.len());
    let next = AtomicUsize::new(0);
    // Whoever is done takes the next one: some compile for seconds, others are found compiled.
    let work = || {
        std::iter::from_fn(|| components.get(next.fetch_add(1, Ordering::Relaxed)))
            .map(|(id, component)| {
                let prepared = prepare(
                    id,
                    component,
                    &project.root,
                    capabilities,
                    runtime,
                    &progress,
                );
                prepared.map(|revision| ((*id).clone(), revision))
            })
            .collect::<Vec<_>>()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|outcomes| outcomes.expect("preparing does not panic"))
            .collect()
    });
    progress.done();
    let (prepared, problems): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let mut problems: Vec<String> = problems
        .into_iter()
        .filter_map(Result::err)
        .flatten()
        .collect();
    // In the order of the components, not of the threads.
    problems.sort();
    match problems.is_empty() {
        true => Ok(prepared.into_iter().filter_map(Result::ok).collect()),
        false => Err(Invalid(problems.join("\nerror: ")).into()),
    }
}

fn prepare(
    id: &ComponentId,
    component: &Component,
    root: &Path,
    capabilities: &Capabilities,
    runtime: &Runtime,
    progress: &Progress,
) -> Result<Arc<Revision>, Vec<String>> {
    let path = match &component.source {
        Code::Path(path) => root.join(path),
        Code::Url { .. } | Code::Registry { .. } => {
            return Err(vec![format!("the source of `{id}` is not a file")]);
        }
    };
    let wasm = read(id, component, &path).map_err(|missing| vec![missing])?;
    let refused = |error: PrepareError| vec![worded(id, &path, &error)];
    let start = Instant::now();
    let artifact = runtime.load(&wasm).map_err(refused)?;
    let outcome = match artifact.compiled() {
        true => "compiled",
        false => "found compiled",
    };
    progress.note(&format!(
        "Preparing {id}: {outcome} ({:.1} s)",
        start.elapsed().as_secs_f64()
    ));
    let granted = capabilities
        .grant(id, artifact.revision(), &component.grants)
        .map_err(|unresolved| unresolved.iter().map(unknown_label).collect::<Vec<_>>())?;
    runtime
        .link(id, component, &artifact, granted)
        .map_err(refused)
}

fn read(id: &ComponentId, component: &Component, path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| {
        let hint = match &component.build {
            Some(_) => "its build command did not write it there; check `source` and `build` in the manifest",
            None => "it has no build command; check `source` in the manifest",
        };
        format!("component `{id}`: cannot read `{}`: {error}\n  = hint: {hint}", path.display())
    })
}

fn unknown_label(missing: &Unresolved) -> String {
    let known: Vec<String> = missing
        .known
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let Unresolved { noun, label, .. } = missing;
    format!(
        "{missing}\n  = hint: add `[{noun}.{label}.embedded]` to the runtime configuration (it has: {known})"
    )
}

fn worded(id: &ComponentId, path: &Path, error: &PrepareError) -> String {
    let shown = path.display();
    let hint = match error {
        PrepareError::Artifact(_) => {
            "build it for `wasm32-wasip2`, or with your language's component tools".to_owned()
        }
        PrepareError::Import {
            nearest: Some(nearest),
            ..
        } => format!("this host provides `{nearest}`: build against that"),
        PrepareError::Import { nearest: None, .. } => {
            "remove the import, or provide it under `dependencies`".to_owned()
        }
        PrepareError::Mismatch(_) => "rebuild it against the interfaces in `wit/`".to_owned(),
        PrepareError::Memory { .. } => {
            "raise `limits.memory_bytes_max` of the component".to_owned()
        }
        PrepareError::NoHandler { .. } => {
            "only HTTP components can be served; is this the right file?".to_owned()
        }
    };
    format!("component `{id}` (`{shown}`): {error}\n  = hint: {hint}")
}

/// Refuses what this version would silently leave out.
pub(crate) fn check_supported(app: &App) -> Result<(), Invalid> {
    let mut missing = Vec::new();
    let mut say = |what: String| {
        missing.push(format!(
            "{what}, which this version of Stoa does not support yet"
        ))
    };
    if let Some(trigger) = app.redis_triggers.first() {
        say(format!("`{}` is a Redis trigger", trigger.id));
    }
    for trigger in &app.other_triggers {
        say(format!("there is a trigger of kind `{}`", trigger.kind));
    }
    for route in &app.routes {
        if route.executor != Executor::Http {
            say(format!("route `{}` uses the WAGI executor", route.id));
        }
        if !route.middleware.is_empty() {
            say(format!("route `{}` has middleware", route.id));
        }
    }
    for (id, component) in &app.components {
        let uses = [
            (
                !matches!(component.source, Code::Path(_)),
                "is loaded from the network",
            ),
            (!component.files.is_empty(), "mounts files"),
            (!component.dependencies.is_empty(), "has dependencies"),
            (
                !component.sqlite_databases.is_empty(),
                "opens SQLite databases",
            ),
            (!component.ai_models.is_empty(), "uses AI models"),
        ];
        uses.into_iter()
            .filter(|(used, _)| *used)
            .for_each(|(_, what)| say(format!("component `{id}` {what}")));
        unreachable_hosts(component)
            .for_each(|host| say(format!("component `{id}` may connect to `{host}`")));
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Invalid(missing.join("\nerror: "))),
    }
}

/// Entries that name no place on the network: those with templates, and the application itself or another component.
fn unreachable_hosts(component: &Component) -> impl Iterator<Item = &String> {
    let http = component.allowed_http_hosts.iter().filter(|entry| {
        Destination::parse_http(entry).map_or(true, |to| to.iter().any(Destination::is_internal))
    });
    let outbound = component.allowed_outbound_hosts.iter();
    outbound
        .filter(|entry| Destination::parse(entry).map_or(true, |to| to.is_internal()))
        .chain(http)
}

impl Deployment {
    pub(crate) fn cores(&self) -> usize {
        self.cores
    }

    /// The inner service of one core: its own handlers of every revision.
    pub(crate) fn on_core(&self) -> impl Inner<Body = ResponseBody> {
        let handlers = Arc::new(self.handlers());
        tower::service_fn(move |request: Request<RequestBody>| {
            let handlers = Arc::clone(&handlers);
            async move { answer(&handlers, request).await }
        })
    }

    /// Handlers that are not shared with any other core.
    pub(crate) fn handlers(&self) -> HashMap<ComponentId, Handler> {
        let core = self.runtime.core();
        let handler = |(id, prepared): (&ComponentId, &Arc<Revision>)| {
            (id.clone(), Handler::new(prepared, &core))
        };
        self.revisions.iter().map(handler).collect()
    }

    /// Prints what runs where.
    pub(crate) fn describe(&self, app: &App) {
        output::line(format_args!("{} {}", app.name, app.version));
        for route in &app.routes {
            let (pattern, target) = (shown(&route.pattern), self.target(&route.target));
            output::line(format_args!("  {pattern:<24} {target}"));
        }
        for store in &self.stores {
            output::line(format_args!("  {store}"));
        }
        let allocation = match self.runtime.allocation() {
            Allocation::Pooling => "pooled instances",
            Allocation::OnDemand => "instances mapped on demand",
        };
        output::line(format_args!("  {} cores, {allocation}", self.cores));
    }

    fn target(&self, target: &stoa_manifest::http::Target) -> String {
        use stoa_manifest::http::Target;
        match target {
            Target::Component(id) => {
                let revision: Option<&Arc<Revision>> = self.revisions.get(id);
                revision.map_or_else(
                    || id.to_string(),
                    |revision| format!("{id} {} ({})", revision.id(), revision.abi()),
                )
            }
            Target::StaticResponse(response) => format!("static response {}", response.status_code),
        }
    }
}

fn shown(pattern: &stoa_manifest::Pattern) -> String {
    match pattern {
        stoa_manifest::Pattern::Public(path) => path.to_string(),
        stoa_manifest::Pattern::Private => "(private)".into(),
    }
}

async fn answer(
    handlers: &HashMap<ComponentId, Handler>,
    request: Request<RequestBody>,
) -> Result<Response<ResponseBody>, Failure> {
    let extensions = request.extensions();
    let connected = extensions.get::<Connected>();
    let scheme: Option<Scheme> = connected.map(|connected| connected.scheme.clone());
    let matched = extensions.get::<Matched>().ok_or(Failure::Broken)?;
    let handler = handlers.get(matched.component()).ok_or(Failure::Broken)?;
    let mut request = request.map(|body| http_body_util::BodyExt::map_err(body, body_error));
    // In a type that both sides know: the runtime does not know the gateway's.
    if let Some(scheme) = scheme {
        request.extensions_mut().insert(scheme);
    }
    handler
        .handle(request)
        .await
        .map_err(|error| failure(&error))
}

fn body_error(error: BodyError) -> RequestBodyError {
    match error {
        BodyError::TooLarge { .. } => RequestBodyError::TooLarge,
        BodyError::Idle { .. } => RequestBodyError::Idle,
        BodyError::Disconnected(_) => RequestBodyError::Disconnected,
    }
}

fn failure(error: &stoa_runtime::Error) -> Failure {
    match error {
        stoa_runtime::Error::Deadline { .. } => Failure::Deadline,
        stoa_runtime::Error::Trapped
        | stoa_runtime::Error::NoAnswer
        | stoa_runtime::Error::Overran
        | stoa_runtime::Error::AnswerTooLarge => Failure::Broken,
        stoa_runtime::Error::Retired | stoa_runtime::Error::Overloaded => Failure::Unavailable {
            retry_after: RETRY_AFTER,
        },
        stoa_runtime::Error::BodyTooLarge { limit } => Failure::BodyTooLarge { limit: *limit },
        stoa_runtime::Error::Malformed(why) => Failure::Malformed(why),
    }
}
