//! Makes one application of the parts of a manifest: gives ids, finds what names stand for, applies a profile.

mod components;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use self::components::Components;
use crate::app::{App, Draft};
use crate::http::{Policy, Route, Target};
use crate::name::ComponentId;
use crate::text::{Mistake, Report, Spanned, nearest};
use crate::trigger::{self, OtherTrigger, Own, Reference};
use crate::{http, pattern, redis, template};

/// The triggers by kind, each with its component found.
#[derive(Default)]
struct Triggers {
    routes: Vec<Spanned<Route>>,
    redis: Vec<redis::Trigger>,
    other: Vec<OtherTrigger>,
}

/// Everything that the manifest says about the application as a whole, or `None` if there is a mistake in it.
pub(crate) fn resolve(draft: Draft, profile: Option<&str>, report: &Report) -> Option<App> {
    let ids = trigger_ids(draft.triggers.as_deref().unwrap_or_default(), report);
    check_application(&draft, &ids, report);
    check_templates(&draft, report);
    // Without this table, every name that it would have defined would be reported too.
    let mut components = Components::new(draft.components?, report);
    let mut triggers = Triggers::default();
    let address = draft
        .application
        .as_ref()
        .and_then(|application| application.redis_address.clone());
    for (trigger, id) in draft.triggers.unwrap_or_default().into_iter().zip(ids) {
        triggers.place(trigger, id, address.as_ref(), &mut components);
    }
    components.check_dependencies();
    components.check_templates(draft.variables.as_ref());
    components.check_profile(profile);
    components.warn_unused();
    let application = draft.application?;
    Some(App {
        name: application.name,
        version: application.version,
        description: application.description,
        authors: application.authors,
        targets: application.targets,
        variables: draft.variables?,
        routes: with_policies(deduplicate(triggers.routes, report), application.policies),
        redis_triggers: triggers.redis,
        other_triggers: triggers.other,
        components: components.settle(profile)?,
        seeds: application.seeds,
        warnings: Vec::new(),
    })
}

// === impl Triggers ===

impl Triggers {
    /// Adds a trigger, unless there is a mistake in it; `None` means that, and needs no answer.
    fn place(
        &mut self,
        trigger: trigger::Draft,
        id: String,
        address: Option<&Spanned<String>>,
        components: &mut Components<'_>,
    ) -> Option<()> {
        let natural = natural_id(&trigger, &id);
        let component = trigger
            .component
            .map(|reference| components.place(reference, natural.as_ref()));
        let companions =
            components.companions(trigger.components, trigger.dependencies, natural.as_ref());
        match trigger.own {
            Own::Http(draft) => {
                let mut draft = *draft?;
                let target = match draft.static_response.take() {
                    Some(response) => Target::StaticResponse(response),
                    None => Target::Component(component??),
                };
                self.routes.push(route(id, draft, target, companions));
            }
            Own::Redis(draft) => {
                let address = draft.address.or_else(|| address.cloned())?;
                let component = component??;
                self.redis.push(redis::Trigger {
                    id,
                    address: address.value,
                    channel: draft.channel.value,
                    component,
                    companions,
                });
            }
            Own::Other => {
                let component = component.flatten();
                self.other.push(OtherTrigger {
                    kind: trigger.kind,
                    id,
                    component,
                    companions,
                });
            }
        }
        Some(())
    }
}

fn route(
    id: String,
    draft: http::Draft,
    target: Target,
    mut companions: trigger::Companions,
) -> Spanned<Route> {
    let route = Route {
        id,
        pattern: draft.route.value,
        target,
        executor: draft.executor,
        middleware: companions
            .dependencies
            .remove("middleware")
            .unwrap_or_default(),
        components: companions.components,
        policy: Policy::default(),
    };
    Spanned::new(draft.route.span, route)
}

// === ids ===

/// The ids of the triggers in their order; those that have none are given one.
fn trigger_ids(triggers: &[trigger::Draft], report: &Report) -> Vec<String> {
    let mut taken = BTreeSet::new();
    for id in triggers.iter().filter_map(|trigger| trigger.id.as_ref()) {
        if !taken.insert(id.value.clone()) {
            report.add(Mistake::new(
                id.span,
                format!("two triggers have the id `{}`", id.value),
            ));
        }
    }
    let id = |trigger: &trigger::Draft| match &trigger.id {
        Some(id) => id.value.clone(),
        None => free_id(trigger, &mut taken),
    };
    triggers.iter().map(id).collect()
}

/// Spin's names for triggers without an id.
fn free_id(trigger: &trigger::Draft, taken: &mut BTreeSet<String>) -> String {
    let kind = &trigger.kind;
    let natural = match &trigger.component {
        Some(Reference::Named(id)) => Some(format!("{}-{kind}-trigger", id.value)),
        _ => None,
    };
    let numbered = (1_u64..).map(|number| format!("{kind}-trigger{number}"));
    let mut ids = natural.into_iter().chain(numbered);
    ids.find(|id| taken.insert(id.clone()))
        .expect("there is always another number")
}

/// Spin's name for a component that is written inside a trigger, if it is the only one that the trigger names.
fn natural_id(trigger: &trigger::Draft, id: &str) -> Option<ComponentId> {
    let companions = trigger.components.iter().flat_map(|(_, named)| named);
    match trigger.component.iter().chain(companions).count() {
        1 => ComponentId::new(format!("{id}-component")).ok(),
        _ => None,
    }
}

fn http_ids<'i>(triggers: &[trigger::Draft], ids: &'i [String]) -> Vec<&'i str> {
    let pairs = triggers.iter().zip(ids);
    pairs
        .filter(|(trigger, _)| matches!(trigger.own, Own::Http(_)))
        .map(|(_, id)| id.as_str())
        .collect()
}

// === checks ===

/// Checks what `[application]` says about triggers. Without one of both tables, there is nothing to hold it against.
fn check_application(draft: &Draft, ids: &[String], report: &Report) {
    if let (Some(application), Some(triggers)) = (&draft.application, &draft.triggers) {
        check_policies(&application.policies, &http_ids(triggers, ids), report);
        check_addresses(triggers, application.redis_address.as_ref(), report);
    }
}

fn check_policies(policies: &[(Spanned<String>, Policy)], ids: &[&str], report: &Report) {
    for (id, _) in policies
        .iter()
        .filter(|(id, _)| !ids.contains(&id.value.as_str()))
    {
        let message = format!("`{}` is not the id of an HTTP trigger", id.value);
        report.add(
            Mistake::new(id.span, message).did_you_mean(nearest(&id.value, ids.iter().copied())),
        );
    }
}

fn check_addresses(
    triggers: &[trigger::Draft],
    address: Option<&Spanned<String>>,
    report: &Report,
) {
    let lacks = |trigger: &&trigger::Draft| match &trigger.own {
        Own::Redis(redis) => redis.address.is_none() && address.is_none(),
        _ => false,
    };
    for trigger in triggers.iter().filter(lacks) {
        let mistake = Mistake::new(
            trigger.span,
            "this trigger does not say which server it listens to",
        );
        report.add(mistake.hint("add `address` here or in `[application.trigger.redis]`"));
    }
}

/// Checks the templates outside of components: the addresses and channels of Redis triggers.
fn check_templates(draft: &Draft, report: &Report) {
    let common = draft
        .application
        .iter()
        .filter_map(|application| application.redis_address.as_ref());
    let triggers = draft.triggers.iter().flatten();
    let own = triggers.flat_map(|trigger| match &trigger.own {
        Own::Redis(redis) => [redis.address.as_ref(), Some(&redis.channel)],
        _ => [None, None],
    });
    for text in common.chain(own.flatten()) {
        template::check(text, draft.variables.as_ref(), report);
    }
}

// === routes ===

/// Of several routes for the same paths, the last one stays: Spin's rule.
fn deduplicate(routes: Vec<Spanned<Route>>, report: &Report) -> Vec<Route> {
    let mut winners: BTreeMap<pattern::Shape, String> = BTreeMap::new();
    let mut kept = Vec::new();
    for route in routes.into_iter().rev() {
        let Some(shape) = route.value.pattern.shape() else {
            kept.push(route.value);
            continue;
        };
        match winners.entry(shape) {
            Entry::Occupied(winner) => report.warn(shadowed(&route, winner.get())),
            Entry::Vacant(free) => {
                free.insert(route.value.id.clone());
                kept.push(route.value);
            }
        }
    }
    kept.reverse();
    kept
}

fn shadowed(route: &Spanned<Route>, winner: &str) -> Mistake {
    let message = format!(
        "the route of trigger `{}` is replaced by that of `{winner}`",
        route.value.id
    );
    Mistake::new(route.span, message)
        .hint("of two triggers for the same paths, the later one answers")
}

fn with_policies(mut routes: Vec<Route>, policies: Vec<(Spanned<String>, Policy)>) -> Vec<Route> {
    for (id, policy) in policies {
        if let Some(route) = routes.iter_mut().find(|route| route.id == id.value) {
            route.policy = policy;
        }
    }
    routes
}
