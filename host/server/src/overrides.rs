//! What the arguments of a host say over the manifest of every release that it serves.

use std::collections::BTreeSet;

use stoa_manifest::dependency::{Dependency, Origin};
use stoa_manifest::hosts;
use stoa_manifest::http::Target;
use stoa_manifest::text::nearest;
use stoa_manifest::{App, ComponentId};

/// Nothing by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// `--component-id`: the only ones that are served; all if there is none.
    pub(crate) components: Vec<String>,
    /// `--env`: for every component.
    pub(crate) environment: Vec<(String, String)>,
    /// `--max-instance-memory`, or `max_instance_memory` of the runtime configuration: in place of what each component
    /// says of its memory.
    pub(crate) memory_bytes_max: Option<u64>,
}

impl Overrides {
    /// Changes an application as it is written.
    ///
    /// # Errors
    /// What does not fit, for people.
    pub(crate) fn apply(&self, app: &mut App) -> Result<(), Vec<String>> {
        retain(app, &self.components)?;
        for component in app.components.values_mut() {
            let environment = self.environment.iter().cloned();
            component.environment.extend(environment);
            if let Some(bytes) = self.memory_bytes_max {
                component.limits.memory_bytes_max = bytes;
            }
        }
        Ok(())
    }
}

/// Leaves of an application what these components are: their triggers, and what is joined with them. All of it if none is
/// named.
///
/// # Errors
/// Names of no component, components that nothing starts, and calls of those that are left out; for people.
pub(crate) fn retain(app: &mut App, only: &[String]) -> Result<(), Vec<String>> {
    if only.is_empty() {
        return Ok(());
    }
    let unknown: Vec<String> = only.iter().filter_map(|name| unknown(app, name)).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let wanted = |id: &ComponentId| only.iter().any(|name| name == id.as_str());
    app.routes.retain(|route| match &route.target {
        Target::Component(id) => wanted(id),
        Target::StaticResponse(_) => false,
    });
    app.redis_triggers.retain(|it| wanted(&it.component));
    app.other_triggers
        .retain(|it| it.component.as_ref().is_some_and(wanted));
    if app.routes.is_empty() && app.redis_triggers.is_empty() && app.other_triggers.is_empty() {
        return Err(vec![format!(
            "nothing starts `{}`: without a trigger there is nothing to serve",
            only.join("`, `")
        )]);
    }
    let parts = parts(app, only);
    app.components
        .retain(|id, _| wanted(id) || parts.contains(id.as_str()));
    let calls = calls(app, only);
    match calls.is_empty() {
        true => Ok(()),
        false => Err(calls),
    }
}

fn unknown(app: &App, name: &str) -> Option<String> {
    if app.components.contains_key(name) {
        return None;
    }
    let ids = app.components.keys().map(ComponentId::as_str);
    let hint = nearest(name, ids).map_or_else(String::new, |meant| {
        format!("\n  = hint: did you mean `{meant}`?")
    });
    Some(format!("the manifest has no component `{name}`{hint}"))
}

/// The components whose code is joined with theirs.
fn parts(app: &App, only: &[String]) -> BTreeSet<String> {
    let components = only
        .iter()
        .filter_map(|name| app.components.get(name.as_str()));
    let dependencies = components.flat_map(|component| component.dependencies.values());
    let middleware = app.routes.iter().flat_map(|route| &route.middleware);
    let part = |dependency: &Dependency| match &dependency.origin {
        Origin::Component(id) => Some(id.to_string()),
        Origin::Path(_) | Origin::Url { .. } | Origin::Registry { .. } => None,
    };
    dependencies.chain(middleware).filter_map(part).collect()
}

/// Calls by name of what is left out, which would fail one by one. As in Spin they are refused at once.
fn calls(app: &App, only: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    for name in only {
        let Some(component) = app.components.get(name.as_str()) else {
            continue;
        };
        for entry in &component.allowed_outbound_hosts {
            let host = entry
                .split_once("://")
                .and_then(|(_, rest)| rest.split([':', '/']).next());
            let Some(called) = host.and_then(hosts::component) else {
                continue;
            };
            let is_named = called != "*" && !called.contains('{');
            if is_named && !app.components.contains_key(called) {
                told.push(format!(
                    "component `{name}` calls `{called}`, which is not served\n  = hint: add `--component-id {called}`"
                ));
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::Source;

    use super::*;

    const MANIFEST: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "test"
        [[trigger.http]]
        route = "/a"
        component = "a"
        [[trigger.http]]
        route = "/b"
        component = "b"
        [[trigger.http]]
        route = "/fixed"
        static_response = { body = "x" }
        [component.a]
        source = "a.wasm"
        allowed_outbound_hosts = ["http://b.spin.internal"]
        [component.b]
        source = "b.wasm"
        allowed_outbound_hosts = ["https://*.spin.internal", "https://example.com"]
        [component.b.dependencies]
        "acme:thing/call" = { component = "part" }
        [component.part]
        source = "part.wasm"
    "#;

    fn app() -> App {
        stoa_manifest::parse(&Source::new("spin.toml", MANIFEST), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn refused(only: &[&str]) -> String {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        let refused = retain(&mut app(), &only);
        refused.expect_err("it does not fit").join("\n")
    }

    #[test]
    fn a_name_of_no_component_is_told_with_what_was_meant() {
        let told = refused(&["part2"]);
        assert!(told.contains("no component `part2`"), "{told}");
        assert!(told.contains("did you mean `part`?"), "{told}");
    }

    #[test]
    fn what_nothing_starts_cannot_be_served_alone() {
        assert!(refused(&["part"]).contains("nothing starts `part`"));
    }

    #[test]
    fn a_call_of_what_is_left_out_is_refused() {
        let told = refused(&["a"]);
        assert!(
            told.contains("`a` calls `b`, which is not served"),
            "{told}"
        );
    }

    #[test]
    fn triggers_and_parts_come_along_and_nothing_else() {
        let mut app = app();
        retain(&mut app, &["b".to_owned()]).expect("it fits");
        let ids: Vec<&str> = app.components.keys().map(ComponentId::as_str).collect();
        assert_eq!(ids, ["b", "part"]);
        assert_eq!(app.routes.len(), 1);
    }

    #[test]
    fn every_component_gets_what_the_arguments_say() {
        let overrides = Overrides {
            environment: vec![("A".into(), "1".into())],
            memory_bytes_max: Some(1 << 20),
            ..Overrides::default()
        };
        let mut app = app();
        overrides.apply(&mut app).expect("it fits");
        for component in app.components.values() {
            assert_eq!(component.environment["A"], "1");
            assert_eq!(component.limits.memory_bytes_max, 1 << 20);
        }
    }
}
