//! `profile.<name>`: what is different about a component when that profile is asked for.

use std::collections::BTreeMap;

use super::{BuildCommand, Component, Source, build, source};
use crate::dependency::{self, Dependency};
use crate::text::{self, Spanned, Table, Value};

/// What one profile overrides.
#[derive(Debug)]
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
    let profiles = text::all(
        value
            .entries()?
            .into_iter()
            .map(|(name, value)| Some((name.value, value.table(read)?))),
    );
    profiles.map(BTreeMap::from_iter)
}

fn read(table: &mut Table<'_>) -> Option<Override> {
    let source = table.optional("source", source::read);
    let environment = table.or_default("environment", Value::string_map);
    let dependencies = table.or_default("dependencies", dependency::read_all);
    let commands = table.optional("build", |value| {
        value.table(|table| table.required("command", build::read_commands))
    });
    Some(Override {
        source: source?,
        environment: environment?,
        dependencies: dependencies?,
        commands: commands?,
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
