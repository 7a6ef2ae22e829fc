//! Where the parts meet: stores behind labels, components behind routes. No part knows another; this file knows all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::uri::Scheme;
use http::{Request, Response};
use stoa_capabilities::blobs::presign::Signer;
use stoa_capabilities::variables::{Problem, Variables};
use stoa_capabilities::{Capabilities, Unresolved};
use stoa_gateway::{BodyError, Connected, Failure, Inner, Matched, Presigned, RequestBody};
use stoa_manifest::component::Source as Code;
use stoa_manifest::hosts::Destination;
use stoa_manifest::http::Executor;
use stoa_manifest::text::Source;
use stoa_manifest::{App, Component, ComponentId};
use stoa_runtime::{
    Allocation, Handler, PrepareError, RequestBodyError, ResponseBody, Revision, Runtime,
};

use crate::blobs::{AnswerBody, SignedBlobs, of_blob, of_component};
use crate::commands::{Invalid, Project};
use crate::compose::{self, Ours};
use crate::configuration::Configuration;
use crate::output;
use crate::progress::Progress;
use crate::state::State;
use crate::stores::{self, Stores};

/// How long a client is asked to wait when a component is full or its instance went away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What holds without a runtime configuration: Spin's default store and database, embedded.
pub(crate) fn built_in_configuration() -> Source {
    Source::new(
        "the built-in runtime configuration",
        "[keyvalue.default.embedded]\n[sql.default.embedded]\n",
    )
}

/// The application, ready to serve.
pub(crate) struct Deployment {
    runtime: Runtime,
    revisions: BTreeMap<ComponentId, Arc<Revision>>,
    /// What answers signed URLs.
    blobs: Arc<SignedBlobs>,
    stores: Vec<String>,
    cores: usize,
}

/// Opens the stores and prepares every component.
pub(crate) async fn deploy(
    project: &Project,
    configuration: &Configuration,
    state: &State,
    variables: Variables,
    ours: Ours,
) -> anyhow::Result<Deployment> {
    let key = state.key()?;
    let signer = Arc::new(Signer::new(&key.derive("stoa-blobs-url")));
    let Stores {
        mut capabilities,
        described,
    } = stores::open(project, configuration, state, &signer).await?;
    capabilities.variables = variables;
    let config = stoa_runtime::Config {
        instances_max: configuration.runtime.instances_max,
        cores: configuration.runtime.cores,
        artifacts: state.artifacts(),
        blocked_networks: configuration.outbound_networking.block_networks.clone(),
    };
    let cores = config.cores;
    let runtime = Runtime::new(config, key).map_err(|error| {
        anyhow::anyhow!("the WebAssembly engine cannot start on this machine: {error:#}")
    })?;
    let revisions = prepare_all(project, ours, &capabilities, &runtime)?;
    let blobs = Arc::new(SignedBlobs::new(signer, capabilities.blobs));
    Ok(Deployment {
        runtime,
        revisions,
        blobs,
        stores: described,
        cores,
    })
}

/// Prepares all components, on all cores. Tells every problem of every component at once.
fn prepare_all(
    project: &Project,
    ours: Ours,
    capabilities: &Capabilities,
    runtime: &Runtime,
) -> anyhow::Result<BTreeMap<ComponentId, Arc<Revision>>> {
    let app = &project.app;
    let served = |(id, _): &(&ComponentId, &Component)| !compose::is_part(app, id);
    let components: Vec<_> = app.components.iter().filter(served).collect();
    let progress = Progress::start(components.len());
    let next = AtomicUsize::new(0);
    // Whoever is done takes the next one: some compile for seconds, others are found compiled.
    let work = || {
        std::iter::from_fn(|| components.get(next.fetch_add(1, Ordering::Relaxed)))
            .map(|(id, component)| {
                let prepared = prepare(
                    project,
                    id,
                    component,
                    ours,
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
    project: &Project,
    id: &ComponentId,
    component: &Component,
    ours: Ours,
    capabilities: &Capabilities,
    runtime: &Runtime,
    progress: &Progress,
) -> Result<Arc<Revision>, Vec<String>> {
    let path = match &component.source {
        Code::Path(path) => project.root.join(path),
        Code::Url { .. } | Code::Registry { .. } => {
            return Err(vec![format!("the source of `{id}` is not a file")]);
        }
    };
    let wasm = read(id, component, &path).map_err(|missing| vec![missing])?;
    let wasm = compose::compose(project, id, ours, wasm)?;
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

/// All that is wrong with the application's variables.
pub(crate) fn mistaken_variables(problems: &[Problem]) -> Invalid {
    let told: Vec<String> = problems.iter().map(mistaken_variable).collect();
    Invalid(told.join("\nerror: "))
}

fn mistaken_variable(problem: &Problem) -> String {
    let Problem::Missing { name } = problem else {
        return problem.to_string();
    };
    let variable = name.to_ascii_uppercase();
    format!(
        "{problem}\n  = hint: set `SPIN_VARIABLE_{variable}`, in the environment or in `.env` beside the manifest, or pass `--variable {name}=…`"
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
pub(crate) fn check_supported(app: &App, ours: Ours) -> Result<(), Invalid> {
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
            (!component.ai_models.is_empty(), "uses AI models"),
        ];
        uses.into_iter()
            .filter(|(used, _)| *used)
            .for_each(|(_, what)| say(format!("component `{id}` {what}")));
        compose::remote(app, component, ours).for_each(|name| {
            say(format!(
                "dependency `{name}` of component `{id}` is loaded from the network"
            ))
        });
        unreachable_hosts(component)
            .for_each(|host| say(format!("component `{id}` may connect to `{host}`")));
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Invalid(missing.join("\nerror: "))),
    }
}

/// Entries that name no place on the network: the application itself, or another component. Templates are filled in.
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
    pub(crate) fn on_core(&self) -> impl Inner<Body = AnswerBody> {
        let handlers = Arc::new(self.handlers());
        let blobs = Arc::clone(&self.blobs);
        tower::service_fn(move |request: Request<RequestBody>| {
            let (handlers, blobs) = (Arc::clone(&handlers), Arc::clone(&blobs));
            async move {
                match request.extensions().get::<Presigned>() {
                    Some(_) => Ok(blobs.answer(request).await?.map(of_blob)),
                    None => Ok(answer(&handlers, request).await?.map(of_component)),
                }
            }
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
