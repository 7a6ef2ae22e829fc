//! An application as Spin locks it, so that Spin can run what we push. Dependencies are joined beforehand, as Spin does
//! it by default; for Stoa's own interfaces those count that the manifest names for Spin.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use stoa_capabilities::releases::Digest;
use stoa_manifest::component::Source as Code;
use stoa_manifest::http::{Route, Target};
use stoa_manifest::variable::Variable;
use stoa_manifest::{App, Component, ComponentId, Label, Pattern};

use crate::bundle::Files;
use crate::compose::{self, Ours};

/// What Spin calls a component that others are reached through, in hosts.
const CHAINING: &str = ".spin.internal";

/// A locked application.
pub(crate) struct Lock {
    pub(super) text: Bytes,
    /// Code that was joined for it, with a name for people.
    pub(super) composed: Vec<(String, Bytes)>,
}

/// Locks an application that this version supports.
///
/// # Errors
/// Why Spin could not run it, for people.
pub(crate) fn lock(app: &App, files: &Files) -> Result<Lock, Vec<String>> {
    let mut composed = Vec::new();
    let mut problems = Vec::new();
    let mut components = Vec::new();
    for (id, component) in &app.components {
        // Its code is in those that it is a part of.
        if compose::is_part(app, id) {
            continue;
        }
        match code(app, files, id, component) {
            Ok((before, after)) => {
                components.push(locked(id, component, Digest::of(&after)));
                if before != after {
                    composed.push((format!("composed/{id}.wasm"), after));
                }
            }
            Err(told) => problems.extend(told),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = whole(app, components).to_string().into();
    Ok(Lock { text, composed })
}

/// A component's code as it is, and joined.
fn code(
    app: &App,
    files: &Files,
    id: &ComponentId,
    component: &Component,
) -> Result<(Bytes, Bytes), Vec<String>> {
    if !component.allowed_http_hosts.is_empty() {
        let told =
            format!("component `{id}` has `allowed_http_hosts`; write `allowed_outbound_hosts`");
        return Err(vec![told]);
    }
    let file = match &component.source {
        Code::Path(path) => files.get(path),
        Code::Url { .. } | Code::Registry { .. } => None,
    };
    let before = file.ok_or_else(|| vec![format!("component `{id}` has no code")])?;
    let after = compose::compose(app, files, id, Ours::Adapted, before.clone())?;
    Ok((before.clone(), after))
}

fn whole(app: &App, components: Vec<Value>) -> Value {
    let chained = components
        .iter()
        .any(|component| component.get("host_requirements").is_some());
    let variables: Map<String, Value> = app
        .variables
        .iter()
        .map(|(name, it)| (name.clone(), variable(it)))
        .collect();
    let triggers: Vec<Value> = app.routes.iter().map(trigger).collect();
    let mut whole = json!({
        "spin_lock_version": u8::from(chained),
        "metadata": {
            "name": app.name,
            "version": app.version,
            "description": app.description,
            "authors": app.authors,
            "trigger": { "type": "http" },
        },
        "variables": variables,
        "triggers": triggers,
        "components": components,
    });
    if chained {
        whole["must_understand"] = json!(["component_host_requirements"]);
    }
    whole
}

fn variable(variable: &Variable) -> Value {
    let mut locked = json!({ "secret": variable.secret });
    if let Some(description) = &variable.description {
        locked["description"] = json!(description);
    }
    if let Some(default) = &variable.default {
        locked["default"] = json!(default);
    }
    locked
}

fn trigger(route: &Route) -> Value {
    let pattern = match &route.pattern {
        Pattern::Public(path) => json!(path.raw()),
        Pattern::Private => json!({ "private": true }),
    };
    let mut config = json!({ "route": pattern });
    match &route.target {
        Target::Component(id) => config["component"] = json!(id.as_str()),
        Target::StaticResponse(response) => {
            config["static_response"] = json!({
                "status_code": response.status_code,
                "headers": response.headers,
                "body": response.body,
            });
        }
    }
    json!({ "id": route.id, "trigger_type": "http", "trigger_config": config })
}

fn locked(id: &ComponentId, component: &Component, code: Digest) -> Value {
    let stores: Vec<&str> = component
        .grants
        .keyvalue
        .keys()
        .map(Label::as_str)
        .collect();
    let databases: Vec<&str> = component.grants.sql.keys().map(Label::as_str).collect();
    let mut locked = json!({
        "id": id.as_str(),
        "metadata": {
            "description": component.description,
            "allowed_outbound_hosts": component.allowed_outbound_hosts,
            "key_value_stores": stores,
            "databases": databases,
            "ai_models": component.ai_models,
        },
        "source": { "content_type": "application/wasm", "digest": code.to_string() },
        "env": component.environment,
        "config": component.variables,
    });
    let chains = |host: &String| host.contains(CHAINING);
    if component.allowed_outbound_hosts.iter().any(chains) {
        locked["host_requirements"] = json!({ "local_service_chaining": "required" });
    }
    locked
}
