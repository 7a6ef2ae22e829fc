//! `profile.<name>`: what is different about a component when that profile is asked for.

use std::collections::BTreeMap;

use super::{BuildCommand, Component, Source, build, source};
use crate::dependency::{self, Dependency};
use crate::text::{Spanned, Table, Value};

/// What one profile overrides.
#[derive(Debug, Default)]
pub(super) struct Override {
    source: Option<Source>,
    /// Added to the component's own, replacing those of the same name.
    environment: BTreeMap<String, String>,
    /// Added to the component's own, replacing those of the same name.
    dependencies: dependency::Drafts,
    commands: Option<Vec<String>>,
}

impl Override {
    pub(super) fn dependencies(&self) -> impl Iterator<Item = &Spanned<Dependency>> {
        self.dependencies.iter().map(|(_, dependency)| dependency)
    }

    /// The names of its dependencies.
    pub(super) fn names(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.dependencies.iter().map(|(name, _)| name)
    }

    pub(super) fn apply(self, mut component: Component) -> Component {
        component.source = self.source.unwrap_or(component.source);
        component.environment.extend(self.environment);
        component
            .dependencies
            .extend(dependency::settle(self.dependencies));
        if let Some(commands) = self.commands {
            component.build = Some(rebuilt(component.build, commands));
        }
        component
    }
}

pub(super) fn read_all(value: Value<'_>) -> Option<BTreeMap<String, Override>> {
    let profiles = value.entries()?.into_iter();
    let named = |(name, value): (Spanned<String>, Value<'_>)| {
        (name.value, value.table(read).unwrap_or_default())
    };
    Some(profiles.map(named).collect())
}

fn read(table: &mut Table<'_>) -> Option<Override> {
    let source = table.optional("source", source::read);
    let environment = table.or_default("environment", Value::string_map);
    let dependencies = table.or_default("dependencies", dependency::read_all);
    let commands = table.optional("build", |value| {
        value.table(|table| table.required("command", build::read_commands))
    });
    Some(Override {
        source: source.unwrap_or_default(),
        environment: environment.unwrap_or_default(),
        dependencies: dependencies.unwrap_or_default(),
        commands: commands.unwrap_or_default(),
    })
}

fn rebuilt(build: Option<BuildCommand>, commands: Vec<String>) -> BuildCommand {
    match build {
        Some(build) => BuildCommand { commands, ..build },
        None => BuildCommand {
            commands,
            workdir: None,
            watch: Vec::new(),
        },
    }
}
