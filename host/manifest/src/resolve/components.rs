//! The components of a manifest while its names are looked up.

use std::collections::{BTreeMap, BTreeSet};

use crate::component::{self, Component};
use crate::name::ComponentId;
use crate::template::Variables;
use crate::text::{self, Mistake, Report, Span, Spanned, nearest};
use crate::trigger::{Companions, DependenciesByRole, Reference};
use crate::{dependency, template};

/// What is known under an id: its place, and what could be read of it.
struct Known {
    span: Span,
    draft: Option<component::Draft>,
}

/// All components, and which of them anything needs.
pub(super) struct Components<'r> {
    known: BTreeMap<ComponentId, Known>,
    used: BTreeSet<ComponentId>,
    report: &'r Report,
}

impl<'r> Components<'r> {
    pub(super) fn new(entries: Vec<component::Entry>, report: &'r Report) -> Self {
        let known = entries.into_iter().map(|entry| {
            (
                entry.id,
                Known {
                    span: entry.span,
                    draft: entry.draft,
                },
            )
        });
        Self {
            known: known.collect(),
            used: BTreeSet::new(),
            report,
        }
    }

    /// The component that a trigger names; one that is written inside the trigger is added to the others, under its
    /// natural id if it has one and that is free.
    pub(super) fn place(
        &mut self,
        reference: Reference,
        natural: Option<&ComponentId>,
    ) -> Option<ComponentId> {
        match reference {
            Reference::Named(id) => self.find(&id),
            Reference::Inline(span, draft) => {
                let id = self.free_id(natural)?;
                self.known.insert(
                    id.clone(),
                    Known {
                        span,
                        draft: draft.map(|draft| *draft),
                    },
                );
                self.used.insert(id.clone());
                Some(id)
            }
            Reference::Unreadable => None,
        }
    }

    /// The other components that a trigger names; those that are not there are reported and left out.
    pub(super) fn companions(
        &mut self,
        components: Vec<(String, Vec<Reference>)>,
        dependencies: DependenciesByRole,
        natural: Option<&ComponentId>,
    ) -> Companions {
        let mut companions = Companions::default();
        for (role, references) in components {
            let ids = references
                .into_iter()
                .filter_map(|reference| self.place(reference, natural))
                .collect();
            companions.components.insert(role, ids);
        }
        for (role, dependencies) in dependencies {
            for id in dependencies.iter().filter_map(dependency::reference) {
                self.find(&id);
            }
            let dependencies = dependencies
                .into_iter()
                .map(|dependency| dependency.value)
                .collect();
            companions.dependencies.insert(role.value, dependencies);
        }
        companions
    }

    /// Looks up the components that others depend on.
    pub(super) fn check_dependencies(&mut self) {
        let references: Vec<(ComponentId, Spanned<ComponentId>)> = self
            .drafts()
            .flat_map(|(id, draft)| {
                draft
                    .references
                    .iter()
                    .map(move |reference| (id.clone(), reference.clone()))
            })
            .collect();
        for (depending, reference) in references {
            if self.find(&reference).is_some() {
                self.check_resources(&depending, &reference);
            }
        }
    }

    /// Holds the templates of all components against the variables of the application.
    pub(super) fn check_templates(&self, variables: Variables<'_>) {
        for text in self.drafts().flat_map(|(_, draft)| &draft.templates) {
            template::check(text, variables, self.report);
        }
    }

    /// Checks that some component knows the chosen profile. It is no part of the text, so its place is the beginning.
    pub(super) fn check_profile(&self, profile: Option<&str>) {
        let Some(profile) = profile else {
            return;
        };
        let profiles: BTreeSet<&str> = self
            .drafts()
            .flat_map(|(_, draft)| draft.profiles())
            .collect();
        if profiles.contains(profile) {
            return;
        }
        let message = format!("no component has the profile `{profile}`");
        let mistake = Mistake::new(Span::default(), message);
        self.report
            .add(mistake.did_you_mean(nearest(profile, profiles)));
    }

    /// Warns of components that nothing can reach.
    pub(super) fn warn_unused(&self) {
        for (id, known) in self.known.iter().filter(|(id, _)| !self.used.contains(*id)) {
            let message =
                format!("component `{id}` is used by no trigger and by no other component");
            self.report.warn(Mistake::new(known.span, message));
        }
    }

    pub(super) fn settle(self, profile: Option<&str>) -> Option<BTreeMap<ComponentId, Component>> {
        let components = self
            .known
            .into_iter()
            .map(|(id, known)| Some((id, known.draft?.settle(profile))));
        text::all(components).map(BTreeMap::from_iter)
    }

    fn drafts(&self) -> impl Iterator<Item = (&ComponentId, &component::Draft)> {
        let known = self.known.iter();
        known.filter_map(|(id, known)| Some((id, known.draft.as_ref()?)))
    }

    fn find(&mut self, id: &Spanned<ComponentId>) -> Option<ComponentId> {
        if self.known.contains_key(&id.value) {
            self.used.insert(id.value.clone());
            return Some(id.value.clone());
        }
        let mistake = Mistake::new(id.span, format!("there is no component `{}`", id.value));
        let meant = nearest(
            id.value.as_str(),
            self.known.keys().map(ComponentId::as_str),
        );
        self.report.refuse(mistake.did_you_mean(meant))
    }

    /// Composing takes only the code of a dependency. That is likely to surprise whoever gave it more.
    fn check_resources(&self, depending: &ComponentId, dependency: &Spanned<ComponentId>) {
        let known = self.known.get(&dependency.value);
        let resources = known
            .and_then(|known| known.draft.as_ref())
            .map(component::Draft::resources)
            .unwrap_or_default();
        if !resources.is_empty() {
            let fields = resources.join("`, `");
            let message = format!(
                "`{}` cannot be a dependency of `{depending}`: it has `{fields}`",
                dependency.value
            );
            let hint = "only the code of a dependency is used; give these fields to the component that depends on it";
            self.report
                .add(Mistake::new(dependency.span, message).hint(hint));
        }
    }

    /// Spin's names for components written inside a trigger. One of them is always free.
    fn free_id(&self, natural: Option<&ComponentId>) -> Option<ComponentId> {
        let numbered = (1..=self.known.len() + 1)
            .filter_map(|number| ComponentId::new(format!("inline-component{number}")).ok());
        let mut ids = natural.cloned().into_iter().chain(numbered);
        ids.find(|id| !self.known.contains_key(id))
    }
}
