//! Where a component may connect to: `allowed_outbound_hosts` and `allowed_http_hosts` together.

use std::collections::BTreeMap;

use stoa_manifest::App;
use stoa_manifest::hosts::Destination;

use super::Member;
use super::found::{Scope, quoted};
use super::variables::named;

/// An entry of one of both fields.
struct Entry<'a> {
    text: &'a str,
    /// It is of `allowed_http_hosts`.
    http: bool,
    /// The defaults of the variables in it, by name: with others it leads elsewhere.
    defaults: BTreeMap<&'a str, Option<&'a str>>,
    /// What it allows; `None` if only the values of its variables tell.
    destinations: Option<Vec<Destination>>,
}

pub(super) fn compare(scope: &mut Scope<'_>, old: Member<'_>, new: Member<'_>) {
    let (old, new) = (entries(old), entries(new));
    for entry in new.iter().filter(|entry| !entry.is_among(&old)) {
        let text = quoted(entry.text);
        if entry.is_covered(&old) {
            scope.other(format_args!(
                "may connect to {text}, which another entry allowed before"
            ));
        } else if entry.is_written(&old) {
            scope.gained(format_args!(
                "connect to {text}, where a variable has another default"
            ));
        } else {
            scope.gained(format_args!("connect to {text}"));
        }
    }
    let kept = |entry: &&Entry<'_>| entry.is_written(&new) || entry.is_covered(&new);
    for entry in old.iter().filter(|entry| !kept(entry)) {
        scope.lost(format_args!("connect to {}", quoted(entry.text)));
    }
}

fn entries<'a>(member: Member<'a>) -> Vec<Entry<'a>> {
    let outbound = member.component.allowed_outbound_hosts.iter();
    let http = member.component.allowed_http_hosts.iter();
    outbound
        .map(|text| Entry::outbound(text, member.app))
        .chain(http.map(|text| Entry::http(text)))
        .collect()
}

impl<'a> Entry<'a> {
    fn outbound(text: &'a str, app: &'a App) -> Self {
        let default = |name: &'a str| {
            let variable = app.variables.get(name);
            (name, variable.and_then(|it| it.default.as_deref()))
        };
        let defaults: BTreeMap<_, _> = named(text).into_iter().map(default).collect();
        let destination = match defaults.is_empty() {
            true => Destination::parse(text).ok(),
            false => None,
        };
        Self {
            text,
            http: false,
            defaults,
            destinations: destination.map(|to| vec![to]),
        }
    }

    fn http(text: &'a str) -> Self {
        Self {
            text,
            http: true,
            defaults: BTreeMap::new(),
            destinations: Destination::parse_http(text).ok(),
        }
    }

    /// Whether one of these is written as it is.
    fn is_written(&self, others: &[Entry<'_>]) -> bool {
        others
            .iter()
            .any(|other| other.text == self.text && other.http == self.http)
    }

    /// Whether one of these is the same, variables included.
    fn is_among(&self, others: &[Entry<'_>]) -> bool {
        others.iter().any(|other| {
            other.text == self.text && other.http == self.http && other.defaults == self.defaults
        })
    }

    /// Whether these allow all that it allows, as far as can be known.
    fn is_covered(&self, others: &[Entry<'_>]) -> bool {
        let known = || {
            others
                .iter()
                .flat_map(|other| other.destinations.iter().flatten())
        };
        self.destinations.as_ref().is_some_and(|destinations| {
            destinations
                .iter()
                .all(|destination| known().any(|other| other.covers(destination)))
        })
    }
}
