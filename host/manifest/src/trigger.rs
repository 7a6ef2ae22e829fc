//! `[[trigger.<kind>]]`: what starts a component. What all kinds have in common is read here.

use std::collections::BTreeMap;

use crate::component;
use crate::dependency::{self, Dependency};
use crate::name::ComponentId;
use crate::text::{Shape, Span, Spanned, Table, Value};
use crate::{http, redis};

/// A trigger of a kind that only a plugin of Spin knows. Its own fields are not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherTrigger {
    /// The kind: `cron` for `[[trigger.cron]]`.
    pub kind: String,
    /// Unique among the triggers of the application. Default: see [`Route::id`](http::Route::id).
    pub id: String,
    /// What it starts.
    pub component: Option<ComponentId>,
    /// What else it names.
    pub companions: Companions,
}

/// The components that a trigger names besides the one that it starts. What they are for depends on its kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Companions {
    /// `components`: by role, components of this application. Default: none.
    pub components: BTreeMap<String, Vec<ComponentId>>,
    /// `dependencies`: by role, components from anywhere. Default: none.
    pub dependencies: BTreeMap<String, Vec<Dependency>>,
}

/// `dependencies` of a trigger, as written.
pub(crate) type DependenciesByRole = Vec<(Spanned<String>, Vec<Spanned<Dependency>>)>;

/// A trigger as it is written. What could not be read is `None`, so that its id is known even so.
pub(crate) struct Draft {
    pub(crate) kind: String,
    pub(crate) span: Span,
    pub(crate) id: Option<Spanned<String>>,
    pub(crate) component: Option<Reference>,
    pub(crate) components: Vec<(String, Vec<Reference>)>,
    pub(crate) dependencies: DependenciesByRole,
    pub(crate) own: Own,
}

/// The fields that only one kind has.
pub(crate) enum Own {
    Http(Option<Box<http::Draft>>),
    Redis(redis::Draft),
    Other,
}

/// How a trigger names a component.
pub(crate) enum Reference {
    /// `component = "id"`
    Named(Spanned<ComponentId>),
    /// `component = { … }`
    Inline(Span, Option<Box<component::Draft>>),
    /// Something else, already reported.
    Unreadable,
}

// === impl Reference ===

impl Reference {
    fn read(value: Value<'_>) -> Self {
        match value.shape() {
            Shape::String => ComponentId::read(value).map_or(Self::Unreadable, Self::Named),
            Shape::Table => Self::Inline(value.span(), value.table(component::read).map(Box::new)),
            _ => value
                .refuse("a component's id or a table")
                .unwrap_or(Self::Unreadable),
        }
    }
}

// === functions ===

pub(crate) fn read_all(value: Value<'_>) -> Option<Vec<Draft>> {
    let kinds = value.entries()?.into_iter();
    let triggers = kinds.flat_map(|(kind, value)| {
        let drafts = value.tables(|table| Some(read(&kind.value, table)));
        drafts.unwrap_or_default()
    });
    // Kinds come sorted by name; people count triggers in the order of the file.
    let mut triggers: Vec<Draft> = triggers.collect();
    triggers.sort_by_key(|trigger| trigger.span.start);
    Some(triggers)
}

fn read(kind: &str, table: &mut Table<'_>) -> Draft {
    let id = table.take("id").and_then(Value::spanned_string);
    let component = table.take("component").map(Reference::read);
    let components = table.or_default("components", read_components);
    let dependencies = table.or_default("dependencies", read_dependencies);
    let mut draft = Draft {
        kind: kind.to_owned(),
        span: table.span(),
        // Spin takes an empty id for none.
        id: id.filter(|id| !id.value.is_empty()),
        component,
        components: components.unwrap_or_default(),
        dependencies: dependencies.unwrap_or_default(),
        own: Own::Other,
    };
    draft.own = read_own(&draft, table);
    draft
}

fn read_own(draft: &Draft, table: &mut Table<'_>) -> Own {
    match draft.kind.as_str() {
        "http" => Own::Http(http::read(draft, table).map(Box::new)),
        "redis" => Own::Redis(redis::read(draft, table)),
        _ => {
            table.ignore_rest();
            Own::Other
        }
    }
}

fn read_components(value: Value<'_>) -> Option<Vec<(String, Vec<Reference>)>> {
    let mut roles = value.entries()?;
    // They come sorted by name, and inline components are numbered in the order of the file.
    roles.sort_by_key(|(role, _)| role.span.start);
    let roles = roles.into_iter();
    Some(
        roles
            .map(|(role, value)| (role.value, read_references(value)))
            .collect(),
    )
}

/// One component or a list of them.
fn read_references(value: Value<'_>) -> Vec<Reference> {
    let values = match value.shape() {
        Shape::Array => value.items().unwrap_or_default(),
        _ => vec![value],
    };
    values.into_iter().map(Reference::read).collect()
}

/// By role, the dependencies that can be read.
fn read_dependencies(value: Value<'_>) -> Option<DependenciesByRole> {
    let roles = value.entries()?.into_iter();
    let read = |(role, value): (Spanned<String>, Value<'_>)| {
        let items = value.items().unwrap_or_default().into_iter();
        (
            role,
            items.filter_map(dependency::read_middleware).collect(),
        )
    };
    Some(roles.map(read).collect())
}
