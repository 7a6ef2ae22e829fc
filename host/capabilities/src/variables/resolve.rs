//! Providers are asked, templates are filled in: at deploy, once.

use std::collections::BTreeMap;
use std::sync::Arc;

use stoa_manifest::variable::Variable;
use stoa_manifest::{App, Component, ComponentId};

use super::{
    COMPONENT_BYTES_MAX, Handle, Problem, Provider, Secret, Subscription, VALUE_BYTES_MAX, Value,
    hosts, template, triggers,
};

type Values = BTreeMap<String, Value>;

/// The values of one component's variables, to compare with those that it has in another release. Cheap to clone.
#[derive(Clone, Default, PartialEq)]
pub struct Own(Arc<Values>);

/// The variables of every component of an application, with their values, and what they make of its Redis triggers.
#[derive(Clone, Default)]
pub struct Variables {
    components: BTreeMap<ComponentId, Arc<Values>>,
    subscriptions: Arc<[Subscription]>,
}

impl Variables {
    /// Those of a component, without anybody else's.
    pub fn own(&self, component: &ComponentId) -> Own {
        Own(self.components.get(component).cloned().unwrap_or_default())
    }

    /// What the Redis triggers listen to, in the order of the manifest.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// The variables of one revision of a component, and of no other component.
    pub fn handle(&self, component: &ComponentId, revision: &str) -> Handle {
        let Own(values) = self.own(component);
        Handle::new(component, revision, values)
    }
}

/// Asks the providers, first one first, for every variable of the application, and fills in the templates: those of
/// `allowed_outbound_hosts` in the application itself, those of components' variables and of Redis triggers in
/// what it answers.
///
/// # Errors
/// Everything that is wrong, all at once. Templates are not looked at while a variable has no value.
pub async fn resolve(
    app: &mut App,
    providers: &[Box<dyn Provider>],
) -> Result<Variables, Vec<Problem>> {
    let values = values(&app.variables, providers).await?;
    let mut problems = Vec::new();
    let mut components = BTreeMap::new();
    for (id, component) in &mut app.components {
        let own = own(id, component, &values, &mut problems);
        components.insert(id.clone(), Arc::new(own));
        hosts::expand(id, component, &values, &mut problems);
    }
    let subscriptions = triggers::subscriptions(app, &values, &mut problems).into();
    match problems.is_empty() {
        true => Ok(Variables {
            components,
            subscriptions,
        }),
        false => Err(problems),
    }
}

async fn values(
    declared: &BTreeMap<String, Variable>,
    providers: &[Box<dyn Provider>],
) -> Result<Values, Vec<Problem>> {
    let (mut values, mut problems) = (Values::new(), Vec::new());
    for (name, variable) in declared {
        match value(name, variable, providers).await {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(problem) => problems.push(problem),
        }
    }
    match problems.is_empty() {
        true => Ok(values),
        false => Err(problems),
    }
}

async fn value(
    name: &str,
    variable: &Variable,
    providers: &[Box<dyn Provider>],
) -> Result<Value, Problem> {
    let default = || variable.default.as_deref().map(Secret::new);
    let missing = || Problem::Missing { name: name.into() };
    let text = given(name, providers).await?;
    let text = text.or_else(default).ok_or_else(missing)?;
    if text.expose().len() > VALUE_BYTES_MAX {
        return Err(Problem::TooLarge { name: name.into() });
    }
    Ok(match variable.secret {
        true => Value::Secret(text),
        false => Value::Plain(text.expose().to_owned()),
    })
}

/// What the first provider that has a value says.
async fn given(name: &str, providers: &[Box<dyn Provider>]) -> Result<Option<Secret>, Problem> {
    for provider in providers {
        let answer = provider.get(name).await;
        let answer = answer.map_err(|why| Problem::Unanswered {
            provider: provider.name().to_owned(),
            name: name.to_owned(),
            why,
        })?;
        if answer.is_some() {
            return Ok(answer);
        }
    }
    Ok(None)
}

/// A component's own variables.
fn own(
    id: &ComponentId,
    component: &Component,
    values: &Values,
    problems: &mut Vec<Problem>,
) -> Values {
    let (mut own, mut bytes) = (Values::new(), 0);
    for (name, text) in &component.variables {
        match template::expand(text, values) {
            Ok(value) => {
                bytes += name.len() + value.expose().len();
                own.insert(name.clone(), value);
            }
            Err(flaw) => problems.push(Problem::Template {
                component: id.clone(),
                name: name.clone(),
                flaw,
            }),
        }
        // Asked here, so that what is too large is not first put together.
        if bytes > COMPONENT_BYTES_MAX {
            let component = id.clone();
            problems.push(Problem::Together { component });
            break;
        }
    }
    own
}

#[cfg(test)]
mod tests;
