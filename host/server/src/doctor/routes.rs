//! Whether every route and every component can be reached. That of two routes for the same paths the later one answers, the
//! manifest's own reader says.

use stoa_gateway::PRESIGNED_PREFIX;
use stoa_manifest::http::{Route, Target};
use stoa_manifest::{App, ComponentId, Pattern, hosts};

use super::{Finding as Any, Found, Patient};

#[derive(Debug)]
pub(super) enum Finding {
    /// The host answers these paths itself.
    Reserved { route: String },
    /// A component with nothing but a private route, which nobody may call.
    Uncalled { component: ComponentId },
    /// Nothing has a route, so that no client gets an answer.
    Nowhere,
}

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let app = &patient.app;
    let mut found: Vec<Found> = app
        .routes
        .iter()
        .filter_map(|route| {
            let finding = of_route(app, route)?;
            let at = patient.places.route(route);
            let mut found = Found::at(Any::Routes(finding), at);
            if let Target::Component(id) = &route.target {
                found.component = Some(id.clone());
            }
            Some(found)
        })
        .collect();
    let triggers = app.routes.len() + app.redis_triggers.len() + app.other_triggers.len();
    if triggers == 0 {
        let at = patient.places.find(&["application"]);
        found.push(Found::at(Any::Routes(Finding::Nowhere), at));
    }
    found
}

fn of_route(app: &App, route: &Route) -> Option<Finding> {
    match (&route.pattern, &route.target) {
        (Pattern::Public(path), _) => {
            let path = path.to_string();
            let route = path.clone();
            path.starts_with(PRESIGNED_PREFIX)
                .then_some(Finding::Reserved { route })
        }
        (Pattern::Private, Target::Component(id)) => {
            let component = id.clone();
            is_uncalled(app, id).then_some(Finding::Uncalled { component })
        }
        (Pattern::Private, Target::StaticResponse(_)) => None,
    }
}

fn is_uncalled(app: &App, id: &ComponentId) -> bool {
    let is_public = |route: &Route| {
        matches!(route.pattern, Pattern::Public(_)) && route.target == Target::Component(id.clone())
    };
    let has_messages = app.redis_triggers.iter().any(|it| it.component == *id);
    if has_messages || app.routes.iter().any(is_public) {
        return false;
    }
    let mut callers = app.components.values();
    !callers.any(|component| {
        // What a template stands for is not known here.
        let mut templates = component.allowed_outbound_hosts.iter();
        templates.any(|entry| entry.contains("{{"))
            || hosts::destinations(component).any(|it| it.allows_component(id.as_str()))
    })
}
