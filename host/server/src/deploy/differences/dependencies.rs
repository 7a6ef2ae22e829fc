//! What the code of others may use of what a component was granted: its dependencies, and the middleware of its routes.

use std::collections::BTreeSet;

use stoa_manifest::Component;
use stoa_manifest::dependency::{Dependency, Inherit};

use super::found::{Scope, pairs, quoted};

/// What a dependency inherits; fields by name.
pub(super) enum Inherited<'a> {
    All,
    Fields(BTreeSet<&'a str>),
}

pub(super) fn compare(scope: &mut Scope<'_>, old: &Component, new: &Component) {
    for (name, before, after) in pairs(&old.dependencies, &new.dependencies) {
        let dependency = format!("dependency {}", quoted(name));
        match (before, after) {
            (None, _) => scope.other(format_args!("has another {dependency}")),
            (_, None) => scope.other(format_args!("no longer has the {dependency}")),
            (Some(before), Some(after)) => changed(scope, &dependency, before, after),
        }
        let inherits =
            |component, dependency: Option<_>| dependency.map(|it| Inherited::of(component, it));
        compare_inherited(
            scope,
            &format!("its {dependency}"),
            &inherits(old, before).unwrap_or_default(),
            &inherits(new, after).unwrap_or_default(),
        );
    }
}

fn changed(scope: &mut Scope<'_>, dependency: &str, old: &Dependency, new: &Dependency) {
    let Dependency {
        origin,
        export,
        inherit: _,
    } = new;
    if *origin != old.origin || *export != old.export {
        scope.other(format_args!("takes its {dependency} from elsewhere"));
    }
}

/// `whose` is who inherits: "its dependency `a:b`".
pub(super) fn compare_inherited(
    scope: &mut Scope<'_>,
    whose: &str,
    old: &Inherited<'_>,
    new: &Inherited<'_>,
) {
    match (old, new) {
        (Inherited::All, Inherited::All) => {}
        (Inherited::Fields(_), Inherited::All) => {
            scope.wider(format_args!("lets {whose} use all that it may use"));
        }
        (Inherited::All, Inherited::Fields(_)) => {
            scope.narrower(format_args!(
                "no longer lets {whose} use all that it may use"
            ));
        }
        (Inherited::Fields(old), Inherited::Fields(new)) => {
            for field in new.difference(old) {
                scope.wider(format_args!("lets {whose} use its {}", quoted(field)));
            }
            for field in old.difference(new) {
                let field = quoted(field);
                scope.narrower(format_args!("no longer lets {whose} use its {field}"));
            }
        }
    }
}

// === impl Inherited ===

impl<'a> Inherited<'a> {
    /// What a dependency says goes before what the component says of all of them.
    pub(super) fn of(component: &Component, dependency: &'a Dependency) -> Self {
        match (
            &dependency.inherit,
            component.dependencies_inherit_configuration,
        ) {
            (Some(Inherit::All), _) | (None, Some(true)) => Self::All,
            (Some(Inherit::Nothing), _) | (None, Some(false) | None) => Self::default(),
            (Some(Inherit::Fields(fields)), _) => {
                Self::Fields(fields.iter().map(String::as_str).collect())
            }
        }
    }

    /// What two inherit together.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Fields(one), Self::Fields(other)) => Self::Fields(&one | &other),
        }
    }
}

impl Default for Inherited<'_> {
    fn default() -> Self {
        Self::Fields(BTreeSet::new())
    }
}
