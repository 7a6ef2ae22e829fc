//! `[component.<id>]`: a WebAssembly component, what it is made from and what it may touch.

mod build;
mod files;
mod profile;
mod source;

use std::collections::BTreeMap;

use crate::dependency::{self, Dependency};
use crate::deployment::{self, Deployment};
use crate::grants::{self, Grants};
use crate::limits::{self, Limits};
use crate::name::{ComponentId, Label};
use crate::text::{Mistake, Span, Spanned, Table, Value};
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
    /// The SQLite databases that it may open through Spin's interface. Default: none.
    pub sqlite_databases: Vec<Label>,
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
    /// What it may touch. Its key-value stores are here and nowhere else. Default: nothing.
    pub grants: Grants,
    /// How much of the host it may use.
    pub limits: Limits,
}

/// A component as it is written, before a profile is chosen.
#[derive(Debug)]
pub(crate) struct Draft {
    component: Component,
    profiles: BTreeMap<String, profile::Override>,
    /// The components that its dependencies name, in any profile.
    pub(crate) references: Vec<Spanned<ComponentId>>,
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
    limits: Limits,
}

/// The fields that give a component something to use.
struct Resources {
    allowed_outbound_hosts: Vec<String>,
    allowed_http_hosts: Vec<String>,
    sqlite_databases: Vec<Label>,
    ai_models: Vec<String>,
    grants: Grants,
    limits: Limits,
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
            ("sqlite_databases", component.sqlite_databases.is_empty()),
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

pub(crate) fn read(table: &mut Table<'_>) -> Option<Draft> {
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
    let (resources, dependencies, profiles) = (resources?, dependencies?, profiles?);
    let overriding = profiles.values().flat_map(profile::Override::dependencies);
    let written = dependencies.iter().map(|(_, dependency)| dependency);
    let references = written
        .chain(overriding)
        .filter_map(dependency::reference)
        .collect();
    let component = Component {
        source: source?,
        description: description?,
        variables: variables?,
        environment: environment?,
        files: files?,
        exclude_files: exclude_files?,
        allowed_outbound_hosts: resources.allowed_outbound_hosts,
        allowed_http_hosts: resources.allowed_http_hosts,
        sqlite_databases: resources.sqlite_databases,
        ai_models: resources.ai_models,
        targets: targets?,
        build: build?,
        dependencies_inherit_configuration: inherit?,
        dependencies: dependency::settle(dependencies),
        grants: resources.grants,
        limits: resources.limits,
    };
    Some(Draft {
        component,
        profiles,
        references,
    })
}

fn read_resources(table: &mut Table<'_>) -> Option<Resources> {
    let report = table.report();
    let allowed_outbound_hosts = table.or_default("allowed_outbound_hosts", hosts::read_all);
    let allowed_http_hosts = table.or_default("allowed_http_hosts", read_http_hosts);
    let stores = table.or_default("key_value_stores", grants::read_labels);
    let sqlite_databases = table.or_default("sqlite_databases", grants::read_labels);
    let ai_models = table.or_default("ai_models", Value::strings);
    let policy = tool::read(table, read_policy);
    let (stores, policy) = (stores?, policy?);
    let grants = grants::resolve(policy.grants, stores, report);
    Some(Resources {
        allowed_outbound_hosts: allowed_outbound_hosts?,
        allowed_http_hosts: allowed_http_hosts?,
        sqlite_databases: sqlite_databases?,
        ai_models: ai_models?,
        grants: grants?,
        limits: policy.limits,
    })
}

fn read_http_hosts(value: Value<'_>) -> Option<Vec<String>> {
    let (span, report) = (value.span(), value.report());
    report.warn(
        Mistake::new(span, "`allowed_http_hosts` is deprecated")
            .hint("write `allowed_outbound_hosts = [\"https://example.com\"]`"),
    );
    value.strings()
}

fn read_policy(table: &mut Table<'_>) -> Option<Policy> {
    let grants = table.or_default("grants", grants::read);
    let limits = table.or_default("limits", limits::read);
    Some(Policy {
        grants: grants?,
        limits: limits?,
    })
}
