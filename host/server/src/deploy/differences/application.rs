//! What is said of the application as a whole: which requests reach which component, and its variables.

use std::collections::BTreeSet;

use stoa_manifest::http::{Policy, Route, Target};
use stoa_manifest::pattern::Pattern;
use stoa_manifest::redis::Trigger;
use stoa_manifest::seed::Seed;
use stoa_manifest::trigger::OtherTrigger;
use stoa_manifest::variable::Variable;
use stoa_manifest::{App, Component, ComponentId};

use super::Difference;
use super::dependencies::{Inherited, compare_inherited};
use super::found::{Scope, pairs, quoted};

pub(super) fn compare(list: &mut Vec<Difference>, old: &App, new: &App) {
    let App {
        name,
        version,
        description: _,
        authors: _,
        // Promises about other hosts.
        targets: _,
        variables: _,
        routes: _,
        redis_triggers: _,
        other_triggers: _,
        // Each has a scope of its own.
        components: _,
        seeds: _,
        // They are about the text.
        warnings: _,
    } = new;
    let mut scope = Scope::of(list, None);
    if *name != old.name {
        let (old, new) = (quoted(&old.name), quoted(name));
        scope.other(format_args!("is called {new}, not {old}"));
    }
    if *version != old.version {
        let (old, new) = (quoted(&old.version), quoted(version));
        scope.other(format_args!("is version {new}, not {old}"));
    }
    compare_variables(&mut scope, old, new);
    compare_seeds(&mut scope, old, new);
    compare_exposed(list, old, new);
    compare_routes(list, old, new);
    compare_redis(list, old, new);
    compare_triggers(list, old, new);
}

fn compare_variables(scope: &mut Scope<'_>, old: &App, new: &App) {
    for (name, before, after) in pairs(&old.variables, &new.variables) {
        let name = format!("variable {}", quoted(name));
        match (before, after) {
            (None, _) => scope.other(format_args!("has another {name}")),
            (_, None) => scope.other(format_args!("no longer has the {name}")),
            (Some(before), Some(after)) => compare_variable(scope, &name, before, after),
        }
    }
}

/// Defaults are not told: they may be what a secret was in the other release.
fn compare_variable(scope: &mut Scope<'_>, name: &str, old: &Variable, new: &Variable) {
    let Variable {
        description: _,
        default,
        secret,
    } = new;
    match (old.secret, *secret) {
        (true, false) => scope.wider(format_args!("no longer keeps the {name} secret")),
        (false, true) => scope.narrower(format_args!("keeps the {name} secret")),
        (true, true) | (false, false) => {}
    }
    if *default != old.default {
        scope.other(format_args!("has another default for the {name}"));
    }
}

fn compare_seeds(scope: &mut Scope<'_>, old: &App, new: &App) {
    let named = |seeds: &[Seed], name: &str| seeds.iter().find(|seed| seed.name == name).cloned();
    for seed in &new.seeds {
        let Seed {
            name,
            file: _,
            path: _,
            content_type: _,
        } = seed;
        match named(&old.seeds, name) {
            None => scope.other(format_args!("starts with the seed {}", quoted(name))),
            Some(before) if before != *seed => {
                scope.other(format_args!("starts with another seed {}", quoted(name)));
            }
            Some(_) => {}
        }
    }
    for seed in old
        .seeds
        .iter()
        .filter(|seed| named(&new.seeds, &seed.name).is_none())
    {
        let name = quoted(&seed.name);
        scope.other(format_args!("no longer starts with the seed {name}"));
    }
}

/// Which paths lead to whom, whatever the triggers are called.
fn compare_exposed(list: &mut Vec<Difference>, old: &App, new: &App) {
    let (before, after) = (exposed(old), exposed(new));
    for (component, answers) in after.difference(&before) {
        Scope::of(list, component.as_ref()).other(answers);
    }
    for (component, answers) in before.difference(&after) {
        Scope::of(list, component.as_ref()).other(format_args!("no longer {answers}"));
    }
}

fn exposed(app: &App) -> BTreeSet<(Option<ComponentId>, String)> {
    let answers = |route: &Route| {
        let paths = match &route.pattern {
            Pattern::Public(path) => quoted(&path.to_string()),
            Pattern::Private => "other components".to_owned(),
        };
        match &route.target {
            Target::Component(id) => (Some(id.clone()), format!("answers {paths}")),
            Target::StaticResponse(_) => (
                None,
                format!("answers {paths} with always the same response"),
            ),
        }
    };
    app.routes.iter().map(answers).collect()
}

fn compare_routes(list: &mut Vec<Difference>, old: &App, new: &App) {
    for after in &new.routes {
        let before = old.routes.iter().find(|route| route.id == after.id);
        if let Some(before) = before {
            compare_route(&mut Scope::of(list, target(after)), before, after);
        }
        let before = before.map(|route| (old, route));
        compare_middleware(list, before, (new, after));
    }
}

/// What goes on beside where it leads.
fn compare_route(scope: &mut Scope<'_>, old: &Route, new: &Route) {
    let Route {
        id,
        // See `compare_exposed`.
        pattern: _,
        target,
        executor,
        // See `compare_middleware`.
        middleware: _,
        components,
        policy,
    } = new;
    let route = format!("route {}", quoted(id));
    let Policy {
        request_body_bytes_max,
    } = policy;
    if *request_body_bytes_max != old.policy.request_body_bytes_max {
        let bytes = request_body_bytes_max.map_or_else(
            || "the gateway's limit".to_owned(),
            |bytes| format!("{bytes} bytes"),
        );
        scope.other(format_args!("takes bodies up to {bytes} by the {route}"));
    }
    if *executor != old.executor {
        scope.other(format_args!("is called in another way by the {route}"));
    }
    if *components != old.components {
        scope.other(format_args!(
            "is named with other components by the {route}"
        ));
    }
    if let (Target::StaticResponse(old), Target::StaticResponse(new)) = (&old.target, target)
        && old != new
    {
        scope.other(format_args!("has another response for the {route}"));
    }
}

/// What stands in front of a component sees its requests, and may inherit what the component may use.
fn compare_middleware(
    list: &mut Vec<Difference>,
    old: Option<(&App, &Route)>,
    new: (&App, &Route),
) {
    let mut scope = Scope::of(list, target(new.1));
    let route = quoted(&new.1.id);
    let before = old.map_or(&[][..], |(_, route)| &route.middleware[..]);
    if before != new.1.middleware {
        scope.other(format_args!(
            "gets the requests of the route {route} through other middleware"
        ));
    }
    let whose = format!("the middleware of the route {route}");
    let inherited = |(app, route)| inherited_by_middleware(app, route);
    compare_inherited(
        &mut scope,
        &whose,
        &old.map(inherited).unwrap_or_default(),
        &inherited(new),
    );
}

/// What all of a route's middleware together inherits.
fn inherited_by_middleware<'a>(app: &'a App, route: &'a Route) -> Inherited<'a> {
    let component: Option<&Component> = target(route).and_then(|id| app.components.get(id));
    let inherited = component.into_iter().flat_map(|component| {
        let middleware = route.middleware.iter();
        middleware.map(|dependency| Inherited::of(component, dependency))
    });
    inherited.fold(Inherited::default(), Inherited::and)
}

fn target(route: &Route) -> Option<&ComponentId> {
    match &route.target {
        Target::Component(id) => Some(id),
        Target::StaticResponse(_) => None,
    }
}

/// A channel is somebody else's words: hearing them is a power. The address may hold a password and is not told.
fn compare_redis(list: &mut Vec<Difference>, old: &App, new: &App) {
    for trigger in &new.redis_triggers {
        let Trigger {
            id: _,
            address,
            channel,
            component,
            companions: _,
        } = trigger;
        let mut scope = Scope::of(list, Some(component));
        let power = format!(
            "receive the messages of the Redis channel {}",
            quoted(channel)
        );
        let before: Vec<&Trigger> = same_messages(old, trigger).collect();
        if before.is_empty() {
            scope.gained(power);
        } else if !before.iter().any(|it| it.address == *address) {
            scope.gained(format_args!("{power} from another server"));
        } else if !before.iter().any(|it| it.companions == trigger.companions) {
            scope.other(format_args!(
                "is named with other components for the Redis channel {}",
                quoted(channel)
            ));
        }
    }
    for trigger in &old.redis_triggers {
        if same_messages(new, trigger).next().is_none() {
            let channel = quoted(&trigger.channel);
            Scope::of(list, Some(&trigger.component)).lost(format_args!(
                "receive the messages of the Redis channel {channel}"
            ));
        }
    }
}

fn same_messages<'a>(app: &'a App, trigger: &'a Trigger) -> impl Iterator<Item = &'a Trigger> {
    app.redis_triggers
        .iter()
        .filter(|it| it.component == trigger.component && it.channel == trigger.channel)
}

/// Of kinds that this host does not know, it can only be said that they differ.
fn compare_triggers(list: &mut Vec<Difference>, old: &App, new: &App) {
    let worded = |trigger: &OtherTrigger| {
        let OtherTrigger {
            kind,
            id,
            component: _,
            companions: _,
        } = trigger;
        format!("trigger {} of kind {}", quoted(id), quoted(kind))
    };
    for trigger in new
        .other_triggers
        .iter()
        .filter(|it| !old.other_triggers.contains(it))
    {
        Scope::of(list, trigger.component.as_ref())
            .other(format_args!("is started by the {}", worded(trigger)));
    }
    for trigger in old
        .other_triggers
        .iter()
        .filter(|it| !new.other_triggers.contains(it))
    {
        Scope::of(list, trigger.component.as_ref()).other(format_args!(
            "is no longer started by the {}",
            worded(trigger)
        ));
    }
}
