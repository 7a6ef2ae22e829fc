//! An application as Spin locks it, so that Spin can run what we push. Dependencies are joined beforehand, as Spin does
//! it by default; for Stoa's own interfaces those count that the manifest names for Spin.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use stoa_capabilities::releases::Digest;
use stoa_manifest::http::{Route, Target};
use stoa_manifest::variable::Variable;
use stoa_manifest::{App, Component, ComponentId, Label, Pattern};

use super::image;
use crate::bundle::Files;
use crate::compose::{self, Ours};
use crate::{componentize, fetched, mounts};

/// Files of so many bytes are in the locked application itself: registries lose small ones.
const INLINE_BYTES_MAX: usize = 128;
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
    // Joined with it, a component would have it on all its ways; beside it, Spin would want it in a form of its own.
    let mut problems: Vec<String> = app
        .routes
        .iter()
        .filter(|route| !route.middleware.is_empty())
        .map(|route| {
            let id = &route.id;
            format!("route `{id}` has middleware, which cannot be pushed for Spin yet")
        })
        .collect();
    let mut components = Vec::new();
    for (id, component) in &app.components {
        // Its code is in those that it is a part of.
        if compose::is_part(app, id) {
            continue;
        }
        let mounted = mounted(id, component, files).unwrap_or_else(|told| {
            problems.extend(told);
            Vec::new()
        });
        match code(app, files, id, component) {
            Ok((before, after)) => {
                components.push(locked(id, component, Digest::of(&after), mounted));
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
    let file = files.get(&fetched::of_source(&component.source).key());
    let before = file.ok_or_else(|| vec![format!("component `{id}` has no code")])?;
    // A core module alone is Spin's to make a component of, but only a component can be joined.
    let whole = match component.dependencies.is_empty() {
        true => before.clone(),
        false => componentize::component(before.clone())
            .map_err(|error| vec![format!("component `{id}`: {error}")])?,
    };
    let after = compose::compose(app, files, id, Ours::Adapted, whole)?;
    Ok((before.clone(), after))
}

/// What a component mounts, each file by its path and its digest.
fn mounted(
    id: &ComponentId,
    component: &Component,
    files: &Files,
) -> Result<Vec<Value>, Vec<String>> {
    let of_component = |told: String| format!("component `{id}`: {told}");
    let placed = mounts::placed(component, files.iter().map(|(path, _)| path));
    let placed =
        placed.map_err(|told| told.into_iter().map(of_component).collect::<Vec<String>>())?;
    let mounted = placed.iter().map(|(path, key)| {
        let bytes = files.get(key).expect("it is one of these files");
        // Spin keeps code and other files in two places, and looks for these in one of them.
        if image::is_wasm(bytes) && bytes.len() > INLINE_BYTES_MAX {
            return Err(of_component(format!("it mounts code: `/{path}`")));
        }
        let mut file = json!({ "path": path, "digest": Digest::of(bytes) });
        if bytes.len() <= INLINE_BYTES_MAX {
            file["inline"] = json!(STANDARD.encode(bytes));
        }
        Ok(file)
    });
    let (mounted, problems): (Vec<_>, Vec<_>) = mounted.partition(Result::is_ok);
    match problems.is_empty() {
        true => Ok(mounted.into_iter().filter_map(Result::ok).collect()),
        false => Err(problems.into_iter().filter_map(Result::err).collect()),
    }
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

fn locked(id: &ComponentId, component: &Component, code: Digest, mounted: Vec<Value>) -> Value {
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
        "files": mounted,
        "config": component.variables,
    });
    let chains = |host: &String| host.contains(CHAINING);
    if component.allowed_outbound_hosts.iter().any(chains) {
        locked["host_requirements"] = json!({ "local_service_chaining": "required" });
    }
    locked
}
