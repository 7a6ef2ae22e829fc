//! What a new release may do that the stable one may not, and the other way round, in words for whoever answers for it.
//!
//! Compared is what was asked for: manifests as they are written, and imports as the code has them. Whatever gives a
//! component power over something beyond computing is [`Direction::Wider`] when it is gained, and
//! [`Direction::Narrower`] when it is lost; limits, routes and code are [`Direction::Other`]. In doubt it is wider:
//! somebody reads it then. Values of variables and of the environment are never part of the words.
//!
//! Every struct of the manifest is taken apart by all its fields, so that a new one does not compile before somebody has
//! thought about it here.

mod application;
mod code;
mod dependencies;
mod files;
mod found;
mod grants;
mod hosts;
mod imports;
mod limits;
mod migrations;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;

use stoa_capabilities::releases::Digest;
use stoa_manifest::component::Source;
use stoa_manifest::grants::Grants;
use stoa_manifest::{App, Component, ComponentId, Limits};

use crate::admin::messages::{Difference, Direction};
use crate::mounts::{self, Contents};
use found::{Scope, pairs, quoted};

/// One release, as far as its powers go.
pub(super) struct Side<'a> {
    /// The manifest as it is written: templates are not filled in, so that no secret is in what is told.
    pub(super) app: &'a App,
    /// What the code of each component imports, joined with its dependencies: `wasi:http/types@0.2.6`.
    pub(super) imports: &'a BTreeMap<ComponentId, Vec<String>>,
    /// The ids of the revisions.
    pub(super) digests: &'a BTreeMap<ComponentId, String>,
    /// Its files, by path.
    pub(super) files: &'a BTreeMap<String, Digest>,
}

/// One component of one side.
#[derive(Clone, Copy)]
struct Member<'a> {
    app: &'a App,
    component: &'a Component,
    imports: &'a [String],
    revision: Option<&'a str>,
    files: &'a BTreeMap<String, Digest>,
}

/// What differs, sorted and each said once: wider first, then by component.
pub(super) fn differences(old: &Side<'_>, new: &Side<'_>) -> Vec<Difference> {
    let mut list = Vec::new();
    application::compare(&mut list, old.app, new.app);
    for (id, before, after) in pairs(&old.app.components, &new.app.components) {
        match (before, after) {
            (Some(before), Some(after)) => {
                let (before, after) = (old.member(id, before), new.member(id, after));
                compare(&mut Scope::of(&mut list, Some(id)), before, after);
            }
            (None, Some(after)) => gained(&mut list, id, old.app, new.member(id, after)),
            (Some(_), None) => {
                Scope::of(&mut list, Some(id)).narrower("is gone, with all that it might do");
            }
            (None, None) => {}
        }
    }
    list.sort();
    list.dedup();
    list
}

impl<'a> Side<'a> {
    fn member(&self, id: &ComponentId, component: &'a Component) -> Member<'a> {
        Member {
            app: self.app,
            component,
            imports: self.imports.get(id).map(Vec::as_slice).unwrap_or_default(),
            revision: self.digests.get(id).map(String::as_str),
            files: self.files,
        }
    }
}

/// A new component is told with each of its powers, as if there had been one without any.
fn gained(list: &mut Vec<Difference>, id: &ComponentId, old: &App, new: Member<'_>) {
    Scope::of(list, Some(id)).other(match new.revision {
        Some(revision) => format!("is new: revision {revision}"),
        None => "is new".to_owned(),
    });
    let (nothing, no_files) = (nothing(), BTreeMap::new());
    let old = Member {
        app: old,
        component: &nothing,
        imports: &[],
        revision: None,
        files: &no_files,
    };
    compare(&mut Scope::of_new(list, id), old, new);
}

/// What a component mounts.
fn contents(member: Member<'_>) -> Contents {
    mounts::contents(member.component, member.files).unwrap_or_default()
}

fn compare(scope: &mut Scope<'_>, old: Member<'_>, new: Member<'_>) {
    let Component {
        // Code is told by its revision, wherever it comes from.
        source: _,
        description: _,
        variables: _,
        environment,
        files,
        exclude_files,
        allowed_outbound_hosts: _,
        allowed_http_hosts: _,
        ai_models,
        // Promises about other hosts.
        targets: _,
        // Whoever deploys has built.
        build: _,
        dependencies_inherit_configuration: _,
        dependencies: _,
        grants,
        migrations,
        limits,
        openapi,
        health,
    } = new.component;
    let before = old.component;
    code::compare(scope, old.revision, new.revision);
    imports::compare(scope, old.imports, new.imports);
    grants::compare(scope, &before.grants, grants);
    hosts::compare(scope, old, new);
    variables::compare(scope, old, new);
    variables::compare_environment(scope, &before.environment, environment);
    files::compare(scope, &before.files, files);
    files::compare_excluded(scope, &before.exclude_files, exclude_files);
    files::compare_contents(scope, &contents(old), &contents(new));
    scope.sets(&before.ai_models, ai_models, |model| {
        format!("use the language model {}", quoted(model))
    });
    dependencies::compare(scope, before, new.component);
    migrations::compare(scope, &before.migrations, migrations, &before.grants);
    limits::compare(scope, &before.limits, limits);
    code::compare_openapi(scope, before.openapi.as_deref(), openapi.as_deref());
    code::compare_health(scope, before.health.as_deref(), health.as_deref());
}

/// A component without any power.
fn nothing() -> Component {
    Component {
        source: Source::Path(String::new()),
        description: String::new(),
        variables: BTreeMap::new(),
        environment: BTreeMap::new(),
        files: Vec::new(),
        exclude_files: Vec::new(),
        allowed_outbound_hosts: Vec::new(),
        allowed_http_hosts: Vec::new(),
        ai_models: Vec::new(),
        targets: None,
        build: None,
        dependencies_inherit_configuration: None,
        dependencies: BTreeMap::new(),
        grants: Grants::default(),
        migrations: BTreeMap::new(),
        limits: Limits::default(),
        openapi: None,
        health: None,
    }
}
