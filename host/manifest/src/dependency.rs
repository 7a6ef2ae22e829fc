//! Dependencies: the components that satisfy imports of another, or stand in front of one.

use std::collections::BTreeMap;

use crate::name::{self, ComponentId};
use crate::package::{self, Import};
use crate::text::{Mistake, Report, Shape, Spanned, Table, Value};

/// A component that is composed with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Where the component comes from.
    pub origin: Origin,
    /// Which of its exports satisfies the import. Default: the one with the import's name.
    pub export: Option<String>,
    /// What it may use of what the depending component was granted. Default: whatever
    /// `dependencies_inherit_configuration` of that component says.
    pub inherit: Option<Inherit>,
}

/// Where a dependency comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `"1.2"` or `{ version = "1.2", … }`: a package in a registry.
    Registry {
        /// Which versions will do.
        version: String,
        /// The registry. Default: the machine's own.
        registry: Option<String>,
        /// The package. Default: the one that the import names.
        package: Option<String>,
    },
    /// `{ path = "…" }`: a file.
    Path(String),
    /// `{ url = "…", digest = "…" }`: a download.
    Url {
        /// Where to get it.
        url: String,
        /// `sha256:` and 64 hexadecimal digits.
        digest: String,
    },
    /// `{ component = "…" }`: another component of this application.
    Component(ComponentId),
}

/// What a dependency inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherit {
    /// `true`: everything.
    All,
    /// `false`: nothing.
    Nothing,
    /// Some fields of the depending component, by name: `["key_value_stores"]`.
    Fields(Vec<String>),
}

/// The dependencies of a component or trigger, with places: those of names, and of what they stand for.
pub(crate) type Drafts = Vec<(Spanned<String>, Spanned<Dependency>)>;

/// Drops the places.
pub(crate) fn settle(drafts: Drafts) -> BTreeMap<String, Dependency> {
    drafts
        .into_iter()
        .map(|(name, dependency)| (name.value, dependency.value))
        .collect()
}

/// The components of this application that a dependency names.
pub(crate) fn reference(dependency: &Spanned<Dependency>) -> Option<Spanned<ComponentId>> {
    match &dependency.value.origin {
        Origin::Component(id) => Some(Spanned::new(dependency.span, id.clone())),
        _ => None,
    }
}

/// Reads `[component.<id>.dependencies]`: those whose origin is known.
pub(crate) fn read_all(value: Value<'_>) -> Option<Drafts> {
    let report = value.report();
    let drafts = value.entries()?.into_iter().filter_map(|(name, value)| {
        let dependency = read(value);
        let named = check_name(&name, report);
        let dependency = dependency?;
        if named.is_some() {
            check_use(&name, &dependency, report);
        }
        Some((name, dependency))
    });
    Some(drafts.collect())
}

/// Checks that no import is satisfied by two dependencies.
pub(crate) fn check_disjoint<'d>(
    names: impl Iterator<Item = &'d Spanned<String>>,
    report: &Report,
) {
    let mut names: Vec<&Spanned<String>> = names.filter(|name| !is_plain(&name.value)).collect();
    names.sort_by_key(|name| name.span.start);
    let mut seen: Vec<(&str, Import<'_>)> = Vec::new();
    for name in names {
        let Ok(import) = Import::parse(&name.value) else {
            continue;
        };
        // Of one name, the later dependency replaces the other: it belongs to a profile.
        let overlaps =
            |other: &&(&str, Import<'_>)| other.0 != name.value && other.1.overlaps(&import);
        if let Some((other, _)) = seen.iter().find(overlaps) {
            report.add(overlapping(name, other));
        }
        seen.push((name.value.as_str(), import));
    }
}

/// Reads an entry of `dependencies.middleware` of a trigger: it has no import to take a name or an export from.
pub(crate) fn read_middleware(value: Value<'_>) -> Option<Spanned<Dependency>> {
    let span = value.span();
    let dependency = value.table(|table| {
        let origin = if has_origin(table) {
            read_origin(table)
        } else {
            read_named_package(table)
        };
        let inherit = table.optional("inherit_configuration", read_inherit);
        Some(Dependency {
            origin: origin?,
            export: None,
            inherit: inherit.unwrap_or_default(),
        })
    });
    Some(Spanned::new(span, dependency?))
}

/// `sha256:` and the digest in hexadecimal digits.
pub(crate) fn read_digest(value: Value<'_>) -> Option<String> {
    let report = value.report();
    let written = value.spanned_string()?;
    let hex = written.value.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit()) {
        return Some(written.value);
    }
    let message = format!("`{}` is not a digest", written.value);
    report.refuse(
        Mistake::new(written.span, message).hint("it is `sha256:` and 64 hexadecimal digits"),
    )
}

fn read(value: Value<'_>) -> Option<Spanned<Dependency>> {
    let span = value.span();
    let dependency = match value.shape() {
        Shape::String => package::read_requirement(value).map(|version| {
            let origin = Origin::Registry {
                version,
                registry: None,
                package: None,
            };
            Dependency {
                origin,
                export: None,
                inherit: None,
            }
        }),
        Shape::Table => value.table(read_table),
        _ => value.refuse("a version or a table"),
    };
    Some(Spanned::new(span, dependency?))
}

fn read_table(table: &mut Table<'_>) -> Option<Dependency> {
    let origin = if has_origin(table) {
        read_origin(table)
    } else {
        read_package(table)
    };
    let export = table.optional("export", Value::string);
    let inherit = table.optional("inherit_configuration", read_inherit);
    Some(Dependency {
        origin: origin?,
        export: export.unwrap_or_default(),
        inherit: inherit.unwrap_or_default(),
    })
}

fn has_origin(table: &Table<'_>) -> bool {
    ["path", "url", "component"]
        .into_iter()
        .any(|field| table.has(field))
}

/// Only the fields of one origin are asked for, so that those of another are reported as unknown beside it.
fn read_origin(table: &mut Table<'_>) -> Option<Origin> {
    if table.has("path") {
        return table.required("path", Value::string).map(Origin::Path);
    }
    if table.has("component") {
        return table
            .required("component", ComponentId::read)
            .map(|id| Origin::Component(id.value));
    }
    let url = table.required("url", Value::string);
    let digest = table.required("digest", read_digest);
    Some(Origin::Url {
        url: url?,
        digest: digest?,
    })
}

fn read_package(table: &mut Table<'_>) -> Option<Origin> {
    let version = table.required("version", package::read_requirement);
    let registry = table.optional("registry", Value::string);
    let package = table.optional("package", package::read_name);
    Some(Origin::Registry {
        version: version?,
        registry: registry?,
        package: package?,
    })
}

fn read_named_package(table: &mut Table<'_>) -> Option<Origin> {
    let version = table.required("version", package::read_requirement);
    let registry = table.optional("registry", Value::string);
    let package = table.required("package", package::read_name).map(Some);
    Some(Origin::Registry {
        version: version?,
        registry: registry?,
        package: package?,
    })
}

fn read_inherit(value: Value<'_>) -> Option<Inherit> {
    match value.shape() {
        Shape::Boolean => value
            .boolean()
            .map(|all| if all { Inherit::All } else { Inherit::Nothing }),
        Shape::Array => value.strings().map(Inherit::Fields),
        _ => value.refuse("a boolean or an array of strings"),
    }
}

/// A name is an import: `plain-name`, `package:name`, or `package:name/interface`, the latter two perhaps `@version`.
fn check_name(name: &Spanned<String>, report: &Report) -> Option<()> {
    let checked = match is_plain(&name.value) {
        true => name::words(&name.value, '-').map_err(|error| error.to_string()),
        false => Import::parse(&name.value).map(|_| ()),
    };
    match checked {
        Ok(()) => Some(()),
        Err(error) => report.refuse(Mistake::new(
            name.span,
            format!("`{}` is not the name of an import: {error}", name.value),
        )),
    }
}

/// Whether a name has no package in it.
fn is_plain(name: &str) -> bool {
    !name.contains([':', '/'])
}

/// Spin's two rules for what a name can stand for.
fn check_use(name: &Spanned<String>, dependency: &Spanned<Dependency>, report: &Report) {
    let Dependency { origin, export, .. } = &dependency.value;
    if is_plain(&name.value) && matches!(origin, Origin::Registry { package: None, .. }) {
        let message = format!(
            "dependency `{}` does not say which package it is",
            name.value
        );
        report.add(Mistake::new(dependency.span, message).hint("add `package`"));
    }
    let whole_package = !is_plain(&name.value) && !name.value.contains('/');
    // Spin allows it for the other origins.
    let restricted = matches!(origin, Origin::Registry { .. } | Origin::Path(_));
    if whole_package && restricted && export.is_some() {
        let message = format!(
            "an export cannot stand for the whole package `{}`",
            name.value
        );
        report.add(
            Mistake::new(dependency.span, message).hint("name the interface that it satisfies"),
        );
    }
}

fn overlapping(name: &Spanned<String>, other: &str) -> Mistake {
    let message = format!("dependency `{}` conflicts with `{other}`", name.value);
    let hint =
        "two dependencies on one package name different interfaces, or incompatible versions";
    Mistake::new(name.span, message).hint(hint)
}
