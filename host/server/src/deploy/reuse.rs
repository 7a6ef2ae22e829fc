//! Whom a component can reach inside its application, and which services of a live release a new one takes over.
//!
//! A component that is the same in both releases is shared, with its instances, only if all that it can reach is shared
//! too. Its instances may serve requests of both releases at once: then whomever it calls is the same for either, and no
//! request ever sees two releases.

use std::collections::{BTreeMap, BTreeSet};

use stoa_manifest::hosts::{self, Destination};
use stoa_manifest::http::Target;
use stoa_manifest::{App, Component, ComponentId};

use crate::compose::middleware;

/// Whom a component can reach, over however many calls; itself only if it calls itself or is called back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) components: BTreeSet<ComponentId>,
    /// The application's routes, with all that answers there.
    pub(crate) routes: bool,
}

/// What each component of an application reaches, for those that reach anything.
pub(crate) fn reach(app: &App) -> BTreeMap<ComponentId, Reach> {
    let (named, answering) = (callable(app), answering(app));
    let direct: BTreeMap<&ComponentId, Reach> = app
        .components
        .iter()
        .map(|(id, component)| (id, calls(component, &named, &answering)))
        .collect();
    let all = direct
        .keys()
        .map(|id| ((*id).clone(), closure(id, &direct)));
    all.filter(|(_, reach)| *reach != Reach::default())
        .collect()
}

/// The components that others can call by their names: those that answer HTTP. What stands for a component with its
/// middleware has no name that anybody knows.
pub(crate) fn callable(app: &App) -> BTreeSet<ComponentId> {
    let routed = app.routes.iter().filter_map(|route| target(&route.target));
    routed
        .map(|id| middleware::named(app, id).clone())
        .collect()
}

/// Whatever answers a path, and what can be called.
fn answering(app: &App) -> BTreeSet<ComponentId> {
    let routed = app.routes.iter().filter_map(|route| target(&route.target));
    routed.cloned().chain(callable(app)).collect()
}

fn target(target: &Target) -> Option<&ComponentId> {
    match target {
        Target::Component(id) => Some(id),
        Target::StaticResponse(_) => None,
    }
}

/// Whom a component may call by itself. Whoever calls the application's routes may reach all that answers there.
fn calls(
    component: &Component,
    named: &BTreeSet<ComponentId>,
    answering: &BTreeSet<ComponentId>,
) -> Reach {
    let allowed: Vec<Destination> = hosts::destinations(component).collect();
    let is_allowed = |id: &&ComponentId| allowed.iter().any(|to| to.allows_component(id.as_str()));
    match allowed.iter().any(Destination::allows_self) {
        true => Reach {
            components: answering.clone(),
            routes: true,
        },
        false => Reach {
            components: named.iter().filter(is_allowed).cloned().collect(),
            routes: false,
        },
    }
}

fn closure(id: &ComponentId, direct: &BTreeMap<&ComponentId, Reach>) -> Reach {
    let mut reached = Reach::default();
    let mut pending = vec![id];
    while let Some(next) = pending.pop() {
        let Some(calls) = direct.get(next) else {
            continue;
        };
        reached.routes |= calls.routes;
        for called in &calls.components {
            if reached.components.insert(called.clone()) {
                pending.push(called);
            }
        }
    }
    reached
}

/// A live release, as far as it matters to what is taken over from it.
pub(super) trait Live {
    /// Stands for one service.
    type Service: Clone + PartialEq;

    /// Its service of a component, if that is made of the same as the new release's.
    fn same(&self, id: &ComponentId) -> Option<Self::Service>;

    /// Whom the component reaches there.
    fn reach(&self, id: &ComponentId) -> Option<&Reach>;

    /// Whether its routes answer as those of the new release do, once the components do.
    fn same_routes(&self) -> bool;
}

/// The services that a new release takes over, given what its components reach. The first live release that fits gives
/// a component its service, together with those of all that it reaches; what another gave already must be the same one.
pub(super) fn taken_over<L: Live>(
    components: &[ComponentId],
    reach: &BTreeMap<ComponentId, Reach>,
    live: &[L],
) -> BTreeMap<ComponentId, L::Service> {
    let mut taken = BTreeMap::new();
    for id in components {
        let mut offers = live.iter().filter_map(|release| offer(id, reach, release));
        let fits = |offer: &BTreeMap<ComponentId, L::Service>| {
            let mut offer = offer.iter();
            offer.all(|(id, service)| taken.get(id).is_none_or(|other| other == service))
        };
        if let Some(offer) = offers.find(fits) {
            taken.extend(offer);
        }
    }
    taken
}

/// A live release's services of a component and of all that it reaches, if they are all the same and it reaches the same.
fn offer<L: Live>(
    id: &ComponentId,
    reach: &BTreeMap<ComponentId, Reach>,
    release: &L,
) -> Option<BTreeMap<ComponentId, L::Service>> {
    let reached = reach.get(id);
    if reached != release.reach(id) || reached.is_some_and(|it| it.routes && !release.same_routes())
    {
        return None;
    }
    let reached = reached.into_iter().flat_map(|reach| &reach.components);
    let all = std::iter::once(id).chain(reached);
    all.map(|id| Some((id.clone(), release.same(id)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::Source;

    use super::*;

    fn id(id: &str) -> ComponentId {
        ComponentId::new(id).expect("it is an id")
    }

    /// Components by what they are allowed.
    fn app(components: &[(&str, &str)]) -> App {
        let tables: String = components
            .iter()
            .map(|(id, allowed)| {
                format!(
                    "[[trigger.http]]\nroute = \"/{id}\"\ncomponent = \"{id}\"\n\
                     [component.{id}]\nsource = \"{id}.wasm\"\nallowed_outbound_hosts = [{allowed}]\n"
                )
            })
            .collect();
        let text = format!("spin_manifest_version = 2\n[application]\nname = \"test\"\n{tables}");
        stoa_manifest::parse(&Source::new("spin.toml", text), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    /// What `a` reaches, a star for the routes.
    fn reached(components: &[(&str, &str)]) -> String {
        let reach = reach(&app(components));
        let Some(reach) = reach.get("a") else {
            return String::new();
        };
        let mut names: Vec<&str> = reach.components.iter().map(ComponentId::as_str).collect();
        names.extend(reach.routes.then_some("*"));
        names.join(" ")
    }

    const B: &str = "\"http://b.spin.internal\"";
    const C: &str = "\"http://c.spin.internal\"";

    #[test]
    fn who_calls_nobody_reaches_nobody() {
        assert_eq!(reached(&[("a", "\"http://example.com\""), ("b", "")]), "");
        assert_eq!(reached(&[("a", "\"http://missing.spin.internal\"")]), "");
        assert_eq!(
            reached(&[("a", ""), ("b", "\"http://a.spin.internal\"")]),
            ""
        );
    }

    #[test]
    fn what_is_called_by_who_is_called_is_reached_too() {
        assert_eq!(reached(&[("a", B), ("b", C), ("c", "")]), "b c");
        let back = "\"http://a.spin.internal\"";
        assert_eq!(reached(&[("a", B), ("b", back), ("c", "")]), "a b");
        let any = "\"http://*.spin.internal\"";
        assert_eq!(reached(&[("a", any), ("b", ""), ("c", "")]), "a b c");
        assert_eq!(reached(&[("a", "\"*://*:*\""), ("b", "")]), "a b *");
    }

    #[test]
    fn who_calls_the_application_reaches_all_of_it() {
        assert_eq!(reached(&[("a", "\"http://self\""), ("b", "")]), "a b *");
        let over = [("a", B), ("b", "\"https://self.alt\""), ("c", "")];
        assert_eq!(reached(&over), "a b c *");
    }

    /// A live release in a test: which services it has that are the same, and what its components reach.
    struct Release {
        same: BTreeMap<ComponentId, u32>,
        reach: BTreeMap<ComponentId, Reach>,
        same_routes: bool,
    }

    impl Live for Release {
        type Service = u32;

        fn same(&self, id: &ComponentId) -> Option<u32> {
            self.same.get(id).copied()
        }

        fn reach(&self, id: &ComponentId) -> Option<&Reach> {
            self.reach.get(id)
        }

        fn same_routes(&self) -> bool {
            self.same_routes
        }
    }

    fn release(app: &App, same: &[(&str, u32)]) -> Release {
        Release {
            same: same
                .iter()
                .map(|(name, number)| (id(name), *number))
                .collect(),
            reach: reach(app),
            same_routes: true,
        }
    }

    fn taken(new: &App, live: &[Release]) -> String {
        let components: Vec<ComponentId> = new.components.keys().cloned().collect();
        let taken = taken_over(&components, &reach(new), live);
        let taken: Vec<String> = taken.iter().map(|(id, it)| format!("{id}{it}")).collect();
        taken.join(" ")
    }

    #[test]
    fn whoever_reaches_what_changed_is_new() {
        let app = app(&[("a", B), ("b", C), ("c", ""), ("d", "")]);
        let old = release(&app, &[("a", 1), ("b", 2), ("d", 4)]);
        assert_eq!(taken(&app, &[old]), "d4");
        let old = release(&app, &[("b", 2), ("c", 3), ("d", 4)]);
        assert_eq!(taken(&app, &[old]), "b2 c3 d4");
    }

    #[test]
    fn in_a_circle_all_are_shared_or_none() {
        let back = "\"http://a.spin.internal\"";
        let app = app(&[("a", B), ("b", back)]);
        assert_eq!(taken(&app, &[release(&app, &[("a", 1)])]), "");
        let same = [("a", 1), ("b", 2)];
        assert_eq!(taken(&app, &[release(&app, &same)]), "a1 b2");
    }

    #[test]
    fn whoever_reaches_more_or_less_than_before_is_new() {
        let any = "\"http://*.spin.internal\"";
        let (small, large) = (
            app(&[("a", any), ("b", "")]),
            app(&[("a", any), ("b", ""), ("c", "")]),
        );
        let same = [("a", 1), ("b", 2), ("c", 3)];
        assert_eq!(taken(&small, &[release(&large, &same)]), "b2");
        assert_eq!(taken(&large, &[release(&small, &same[..2])]), "b2");
    }

    #[test]
    fn other_routes_matter_to_those_who_call_the_application() {
        let app = app(&[("a", "\"http://self\""), ("b", "")]);
        let mut old = release(&app, &[("a", 1), ("b", 2)]);
        old.same_routes = false;
        assert_eq!(taken(&app, &[old]), "b2");
        assert_eq!(
            taken(&app, &[release(&app, &[("a", 1), ("b", 2)])]),
            "a1 b2"
        );
        assert_eq!(taken(&app, &[release(&app, &[("a", 1)])]), "");
    }

    #[test]
    fn services_are_not_mixed_from_releases_that_do_not_agree() {
        let app = app(&[("a", B), ("b", "")]);
        // `b` is found in the first, and with another service beside the only `a`.
        let live = [
            release(&app, &[("b", 1)]),
            release(&app, &[("a", 2), ("b", 2)]),
        ];
        assert_eq!(taken(&app, &live), "a2 b2");
        let back = app_with_b_first();
        let live = [
            release(&back, &[("b", 1)]),
            release(&back, &[("b", 2), ("c", 2)]),
        ];
        assert_eq!(taken(&back, &live), "b1");
    }

    /// `c` calls `b`, which comes first.
    fn app_with_b_first() -> App {
        app(&[("b", ""), ("c", B)])
    }
}
