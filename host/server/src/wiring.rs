//! Where the gateway meets the runtime: requests go to handlers, and what goes wrong there is put into the gateway's words.

mod siblings;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response};
use stoa_capabilities::variables::Problem;
use stoa_gateway::{BodyError, Connected, Failure, Inner, Matched, Presigned, RequestBody};
use stoa_manifest::http::{Executor, Target};
use stoa_manifest::text::Source;
use stoa_manifest::trigger::Companions;
use stoa_manifest::{App, ComponentId};
use stoa_runtime::{Handler, RequestBodyError, ResponseBody, Siblings, Triggers, Wagi};

use crate::blobs::{AnswerBody, SignedBlobs, of_blob, of_component};
use crate::compose;

pub(crate) use siblings::Family;

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

/// Refuses what this version would silently leave out. As the manifest is written: templates need no values.
pub(crate) fn check_supported(app: &App) -> Result<(), Vec<String>> {
    let mut refused = Vec::new();
    for trigger in &app.other_triggers {
        let kind = &trigger.kind;
        refused.push(format!(
            "there is a trigger of kind `{kind}`, which this version of Stoa does not support yet"
        ));
    }
    let companions = app.redis_triggers.iter();
    for trigger in companions.filter(|it| it.companions != Companions::default()) {
        refused.push(format!(
            "trigger `{}` names components beside the one that it starts, which no message of Redis passes through\n  = hint: leave `components` and `dependencies` away",
            trigger.id
        ));
    }
    for route in &app.routes {
        if let Executor::Wagi { entrypoint, .. } = &route.executor
            && entrypoint != "_start"
        {
            refused.push(format!(
                "route `{}` names the entrypoint `{entrypoint}`, and a command is started by `_start` only\n  = hint: leave `entrypoint` away",
                route.id
            ));
        }
        let behind = match (&route.target, &route.executor) {
            (Target::StaticResponse(_), _) => "a static response",
            (_, Executor::Wagi { .. }) => "the WAGI executor",
            (_, Executor::Http) => continue,
        };
        if !route.middleware.is_empty() {
            refused.push(format!(
                "route `{}` has middleware in front of {behind}, which it cannot pass requests on to\n  = hint: leave the middleware away",
                route.id
            ));
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(refused),
    }
}

/// The components that are called as commands, by any of their routes and by other components. As in Spin, the last route
/// of a component says.
pub(crate) fn commands(app: &App) -> Commands {
    let mut commands = Commands::new();
    for route in &app.routes {
        let Target::Component(id) = &route.target else {
            continue;
        };
        match &route.executor {
            Executor::Http => drop(commands.remove(id)),
            Executor::Wagi { argv, .. } => {
                let argv = argv.as_str().into();
                drop(commands.insert(id.clone(), Wagi { argv }));
            }
        }
    }
    commands
}

/// What a component has to export for its triggers. One without any is there to be called: by HTTP.
pub(crate) fn triggers(app: &App, id: &ComponentId) -> Triggers {
    let wagi = commands(app).contains_key(id);
    let routed = app.routes.iter().any(|route| compose::answers(route, id));
    let redis = app.redis_triggers.iter().any(|it| it.component == *id);
    Triggers {
        http: !wagi && (routed || !redis),
        wagi,
        redis,
    }
}

/// What the components that are commands are called with.
pub(crate) type Commands = HashMap<ComponentId, Wagi>;

/// What answers for one component, on one core and in one release.
pub(crate) struct Answers {
    handler: Handler,
    /// Whom it may call.
    siblings: Option<Arc<dyn Siblings>>,
    command: Option<Wagi>,
}

/// The inner service of one core and one release: what answers for its components.
pub(crate) fn inner(
    answering: HashMap<ComponentId, Answers>,
    blobs: Arc<SignedBlobs>,
) -> impl Inner<Body = AnswerBody> {
    // Held together by the core: what all cores hold, no request is to be counted in.
    let answering = Arc::new((answering, blobs));
    tower::service_fn(move |request: Request<RequestBody>| {
        let answering = Arc::clone(&answering);
        // Boxed, because every layer moves it, and it is large: all that a request is until its guest answers.
        Box::pin(async move {
            let (answering, blobs) = &*answering;
            let extensions = request.extensions();
            if extensions.get::<Presigned>().is_some() {
                return Ok(blobs.answer(request).await?.map(of_blob));
            }
            let matched = extensions.get::<Matched>().ok_or(Failure::Broken)?;
            let answers = answering.get(matched.component());
            let answers = answers.ok_or(Failure::Broken)?;
            Ok(answers.answer(request).await?.map(of_component))
        })
    })
}

impl Answers {
    /// `siblings` are for those that bring none along, which is what is not called by others.
    pub(crate) fn new(
        handler: Handler,
        siblings: Option<Arc<dyn Siblings>>,
        command: Option<&Wagi>,
    ) -> Self {
        Self {
            // Most components call nobody.
            siblings: siblings.filter(|_| handler.reaches_inside()),
            command: command.cloned(),
            handler,
        }
    }

    async fn answer(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, Failure> {
        let mut request = request.map(|body| http_body_util::BodyExt::map_err(body, body_error));
        let extensions = request.extensions_mut();
        let connected = extensions.get::<Connected>();
        // In types that both sides know: the runtime does not know the gateway's.
        if let Some(scheme) = connected.map(|connected| connected.scheme.clone()) {
            extensions.insert::<Scheme>(scheme);
        }
        if let Some(siblings) = &self.siblings {
            extensions.insert(Arc::clone(siblings));
        }
        if let Some(command) = &self.command {
            extensions.insert(command.clone());
        }
        let answer = self.handler.handle(request).await;
        answer.map_err(|error| failure(&error))
    }
}

fn body_error(error: BodyError) -> RequestBodyError {
    match error {
        BodyError::TooLarge { .. } => RequestBodyError::TooLarge,
        BodyError::Idle { .. } => RequestBodyError::Idle,
        BodyError::Disconnected(_) | BodyError::Unfinished => RequestBodyError::Disconnected,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is refused of an application with one component, `a`, and these triggers.
    fn refused(triggers: &str, component: &str) -> String {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n{triggers}\n[component.a]\n{component}\n"
        );
        let app = stoa_manifest::parse(&Source::new("spin.toml", text), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let refused = check_supported(&app);
        refused.map_or_else(|told| told.join("\n"), |()| String::new())
    }

    const ROUTE: &str = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n";
    const FILE: &str = "source = \"a.wasm\"\n";

    #[test]
    fn middleware_that_nothing_could_answer_behind_is_refused() {
        let middleware = "dependencies.middleware = [{ path = \"m.wasm\" }]\n";
        let fixed = "[[trigger.http]]\nroute = \"/x\"\nstatic_response = { body = \"x\" }\n";
        let said = refused(&format!("{ROUTE}{fixed}{middleware}"), FILE);
        assert!(said.contains("in front of a static response"), "{said}");
        let wagi = "executor = { type = \"wagi\" }\n";
        let said = refused(&format!("{ROUTE}{wagi}{middleware}"), FILE);
        assert!(said.contains("in front of the WAGI executor"), "{said}");
    }

    #[test]
    fn middleware_that_no_message_passes_through_is_refused() {
        let redis = "[[trigger.redis]]\nid = \"news\"\naddress = \"redis://cache\"\nchannel = \"c\"\ncomponent = \"a\"\n";
        assert_eq!(refused(redis, FILE), "");
        for more in [
            "dependencies.middleware = [{ path = \"m.wasm\" }]\n",
            "components.other = \"a\"\n",
        ] {
            let said = refused(&format!("{redis}{more}"), FILE);
            assert!(said.contains("trigger `news` names components"), "{said}");
        }
    }

    #[test]
    fn a_command_is_started_by_no_other_name() {
        let wagi = "executor = { type = \"wagi\", entrypoint = \"other\" }\n";
        let said = refused(&format!("{ROUTE}{wagi}"), FILE);
        assert!(said.contains("names the entrypoint `other`"), "{said}");
    }

    #[test]
    fn triggers_that_nobody_knows_are_refused() {
        let said = refused(
            &format!("{ROUTE}[[trigger.cron]]\ncomponent = \"a\"\n"),
            FILE,
        );
        assert!(said.contains("a trigger of kind `cron`"), "{said}");
    }

    #[test]
    fn whatever_this_version_serves_is_not_refused() {
        let hosts =
            "allowed_outbound_hosts = [\"http://self\", \"http://*.spin.internal\", \"*://*:*\"]\n";
        let middleware = "dependencies.middleware = [{ path = \"m.wasm\" }]\n";
        let private = "[[trigger.http]]\nroute = { private = true }\ncomponent = \"a\"\n";
        let said = refused(
            &format!("{ROUTE}{middleware}{private}"),
            &format!("{FILE}{hosts}"),
        );
        assert_eq!(said, "");
    }
}
