//! Where the gateway meets the runtime: requests go to handlers, and what goes wrong there is put into the gateway's words.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response};
use stoa_capabilities::variables::Problem;
use stoa_gateway::{BodyError, Connected, Failure, Inner, Matched, Presigned, RequestBody};
use stoa_manifest::component::Source as Code;
use stoa_manifest::hosts::Destination;
use stoa_manifest::http::Executor;
use stoa_manifest::text::Source;
use stoa_manifest::{App, Component, ComponentId};
use stoa_runtime::{Handler, RequestBodyError, ResponseBody};

use crate::blobs::{AnswerBody, SignedBlobs, of_blob, of_component};
use crate::compose::{self, Ours};

/// How long a client is asked to wait when a component is full or its instance went away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What holds without a runtime configuration: Spin's default store and database, embedded.
pub(crate) fn built_in_configuration() -> Source {
    Source::new(
        "the built-in runtime configuration",
        "[keyvalue.default.embedded]\n[sql.default.embedded]\n",
    )
}

/// All that is wrong with the application's variables.
pub(crate) fn mistaken_variables(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(mistaken_variable).collect()
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

/// Refuses what this version would silently leave out.
pub(crate) fn check_supported(app: &App, ours: Ours) -> Result<(), Vec<String>> {
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
        false => Err(missing),
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

/// The inner service of one core and one release: that core's handlers of its components.
pub(crate) fn inner(
    handlers: HashMap<ComponentId, Handler>,
    blobs: Arc<SignedBlobs>,
) -> impl Inner<Body = AnswerBody> {
    let handlers = Arc::new(handlers);
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
