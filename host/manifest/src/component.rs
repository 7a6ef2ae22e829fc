//! `[component.<id>]`: a WebAssembly component, what it is made from and what it may touch.

mod build;
mod files;
mod health;
mod profile;
mod source;

use std::collections::BTreeMap;

use crate::dependency::{self, Dependency};
use crate::deployment::{self, Deployment};
use crate::grants::{self, Grants};
use crate::limits::{self, Limits};
use crate::migration::{self, Migrations};
use crate::name::{ComponentId, Label};
use crate::text::{Report, Span, Spanned, Table, Value};
use crate::{hosts, name, tool, variable};

pub use build::BuildCommand;
pub use files::Files;
pub use source::Source;

/// A component as the manifest describes it, with the overrides of the chosen profile applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Where its code comes from.
    pub source: Source,
    /// What it is, for people. Default: empty.
    pub description: String,
    /// Its own variables; the values may contain templates (`{{ name }}`). Default: none.
    pub variables: BTreeMap<String, String>,
    /// Its environment variables. Default: none.
    pub environment: BTreeMap<String, String>,
    /// The files that it can read. Default: none.
    pub files: Vec<Files>,
    /// Files or patterns that it cannot read even so. Default: none.
    pub exclude_files: Vec<String>,
    /// Where it may connect to, as `scheme://host[:port]`, perhaps with templates. Default: nowhere.
    pub allowed_outbound_hosts: Vec<String>,
    /// The deprecated form of [`allowed_outbound_hosts`](Self::allowed_outbound_hosts), as written. Default: none.
    pub allowed_http_hosts: Vec<String>,
    /// The language models that it may use. Default: none.
    pub ai_models: Vec<String>,
    /// The environments that it promises to run in. Default: those of the application.
    pub targets: Option<Vec<Deployment>>,
    /// How it is built. Default: it is not.
    pub build: Option<BuildCommand>,
    /// Whether its dependencies may use all that it was granted. Default: they may use nothing.
    pub dependencies_inherit_configuration: Option<bool>,
    /// What satisfies its imports, by the name of the import. Default: the host alone.
    pub dependencies: BTreeMap<String, Dependency>,
    /// What it may touch. Its key-value stores and SQLite databases are here and nowhere else. Default: nothing.
    pub grants: Grants,
    /// How the schemas of its databases are made. Default: by itself, where its grant allows that.
    pub migrations: BTreeMap<Label, Migrations>,
    /// How much of the host it may use.
    pub limits: Limits,
    /// `openapi`: the file, relative to the manifest's folder, that describes what it answers, in OpenAPI. It is checked
    /// before the component serves. Default: nothing says.
    pub openapi: Option<String>,
    /// `health`: the path, perhaps with a query, that a fresh instance is asked for before it serves. Default: it is
    /// not asked.
    pub health: Option<String>,
}

/// A component as it is written, before a profile is chosen.
#[derive(Debug)]
pub(crate) struct Draft {
    component: Component,
    profiles: BTreeMap<String, profile::Override>,
    /// The components that its dependencies name, in any profile.
    pub(crate) references: Vec<Spanned<ComponentId>>,
    /// Its texts that may contain templates.
    pub(crate) templates: Vec<Spanned<String>>,
}

/// An entry of `[component]`: its name, its place, and what could be read of it.
pub(crate) struct Entry {
    pub(crate) id: ComponentId,
    pub(crate) span: Span,
    pub(crate) draft: Option<Draft>,
}

/// What `tool.stoa` holds for a component.
#[derive(Debug, Default)]
struct Policy {
    grants: grants::Draft,
    migrations: migration::Drafts,
    limits: Limits,
    openapi: Option<String>,
    health: Option<String>,
}

/// The fields that give a component something to use, and what else stands in the same tables.
struct Resources {
    allowed_outbound_hosts: Vec<Spanned<String>>,
    allowed_http_hosts: Vec<String>,
    ai_models: Vec<String>,
    grants: Grants,
    migrations: BTreeMap<Label, Migrations>,
    limits: Limits,
    openapi: Option<String>,
    health: Option<String>,
}

// === impl Draft ===

impl Draft {
    /// Applies a profile; one that this component does not know changes nothing, as in Spin.
    pub(crate) fn settle(mut self, profile: Option<&str>) -> Component {
        let chosen = profile.and_then(|name| self.profiles.remove(name));
        match chosen {
            Some(chosen) => chosen.apply(self.component),
            None => self.component,
        }
    }

    /// The names of its profiles.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The fields that would be ignored if another component depended on this one: composing takes only its code.
    pub(crate) fn resources(&self) -> Vec<&'static str> {
        let component = &self.component;
        let fields = [
            ("ai_models", component.ai_models.is_empty()),
            (
                "allowed_http_hosts",
                component.allowed_http_hosts.is_empty(),
            ),
            (
                "allowed_outbound_hosts",
                component.allowed_outbound_hosts.is_empty(),
            ),
            ("dependencies", component.dependencies.is_empty()),
            ("files", component.files.is_empty()),
            ("key_value_stores", component.grants.keyvalue.is_empty()),
            ("sqlite_databases", component.grants.sql.is_empty()),
            ("variables", component.variables.is_empty()),
        ];
        fields
            .into_iter()
            .filter(|(_, empty)| !empty)
            .map(|(name, _)| name)
            .collect()
    }
}

// === functions ===

pub(crate) fn read_all(value: Value<'_>) -> Option<Vec<Entry>> {
    let entries = value.entries()?.into_iter().filter_map(|(name, value)| {
        let (span, report) = (name.span, value.report());
        let draft = value.table(read);
        match ComponentId::new(&*name.value) {
            Ok(id) => Some(Entry { id, span, draft }),
            Err(error) => report.refuse(name::unfit(&name, "a component id", &error)),
        }
    });
    Some(entries.collect())
}

/// Reads a component. What is mistaken in it gets its default, so that the names in the rest are looked up even so.
pub(crate) fn read(table: &mut Table<'_>) -> Option<Draft> {
    let report = table.report();
    let source = table.required("source", source::read);
    let description = table.or_default("description", Value::string);
    let variables = table.or_default("variables", variable::read_values);
    let environment = table.or_default("environment", Value::string_map);
    let files = table.or_default("files", files::read_all);
    let exclude_files = table.or_default("exclude_files", Value::strings);
    let resources = read_resources(table);
    let targets = table.optional("targets", deployment::read_all);
    let build = table.optional("build", build::read);
    let inherit = table.optional("dependencies_inherit_configuration", Value::boolean);
    let dependencies = table.or_default("dependencies", dependency::read_all);
    let profiles = table.or_default("profile", profile::read_all);
    let (variables, dependencies, profiles) = (
        variables.unwrap_or_default(),
        dependencies.unwrap_or_default(),
        profiles.unwrap_or_default(),
    );
    check_disjoint(&dependencies, &profiles, report);
    let references = references(&dependencies, &profiles);
    let values = variables.iter().map(|(_, value)| value);
    let templates = values.chain(&resources.allowed_outbound_hosts).cloned();
    let templates = templates.collect();
    let component = Component {
        source: source.unwrap_or_else(|| Source::Path(String::new())),
        description: description.unwrap_or_default(),
        variables: variables
            .into_iter()
            .map(|(name, value)| (name, value.value))
            .collect(),
        environment: environment.unwrap_or_default(),
        files: files.unwrap_or_default(),
        exclude_files: exclude_files.unwrap_or_default(),
        allowed_outbound_hosts: resources
            .allowed_outbound_hosts
            .into_iter()
            .map(|host| host.value)
            .collect(),
        allowed_http_hosts: resources.allowed_http_hosts,
        ai_models: resources.ai_models,
        targets: targets.unwrap_or_default(),
        build: build.unwrap_or_default(),
        dependencies_inherit_configuration: inherit.unwrap_or_default(),
        dependencies: dependency::settle(dependencies),
        grants: resources.grants,
        migrations: resources.migrations,
        limits: resources.limits,
        openapi: resources.openapi,
        health: resources.health,
    };
    Some(Draft {
        component,
        profiles,
        references,
        templates,
    })
}

/// A profile adds its dependencies to the component's own, or replaces those of the same name.
fn check_disjoint(
    dependencies: &dependency::Drafts,
    profiles: &BTreeMap<String, profile::Override>,
    report: &Report,
) {
    let names = dependencies.iter().map(|(name, _)| name);
    dependency::check_disjoint(names.clone(), report);
    for profile in profiles.values() {
        dependency::check_disjoint(names.clone().chain(profile.names()), report);
    }
}

fn references(
    dependencies: &dependency::Drafts,
    profiles: &BTreeMap<String, profile::Override>,
) -> Vec<Spanned<ComponentId>> {
    let overriding = profiles.values().flat_map(profile::Override::dependencies);
    let written = dependencies.iter().map(|(_, dependency)| dependency);
    written
        .chain(overriding)
        .filter_map(dependency::reference)
        .collect()
}

fn read_resources(table: &mut Table<'_>) -> Resources {
    let report = table.report();
    let allowed_outbound_hosts = table.or_default("allowed_outbound_hosts", hosts::read_all);
    let allowed_http_hosts = table.or_default("allowed_http_hosts", hosts::read_http);
    let stores = table.or_default("key_value_stores", grants::read_labels);
    let sqlite_databases = table.or_default("sqlite_databases", grants::read_labels);
    let ai_models = table.or_default("ai_models", Value::strings);
    let policy = tool::read(table, read_policy);
    // If the stores are not known, grants for any store will do.
    let named = grants::Named {
        key_value_stores: stores,
        sqlite_databases,
    };
    let grants = grants::resolve(policy.grants, named, report);
    let migrations = migration::resolve(policy.migrations, &grants, report);
    Resources {
        allowed_outbound_hosts: allowed_outbound_hosts.unwrap_or_default(),
        allowed_http_hosts: allowed_http_hosts.unwrap_or_default(),
        ai_models: ai_models.unwrap_or_default(),
        grants,
        migrations,
        limits: policy.limits,
        openapi: policy.openapi,
        health: policy.health,
    }
}

fn read_policy(table: &mut Table<'_>) -> Policy {
    let grants = table.or_default("grants", grants::read);
    let migrations = table.or_default("migrations", migration::read_all);
    let limits = table.or_default("limits", limits::read);
    let openapi = table.optional("openapi", Value::string);
    let health = table.optional("health", health::read);
    Policy {
        grants: grants.unwrap_or_default(),
        migrations: migrations.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        openapi: openapi.unwrap_or_default(),
        health: health.unwrap_or_default(),
    }
}
