//! `[variables]`: values that are supplied from outside, or have a default.

use std::collections::BTreeMap;

use crate::name;
use crate::text::{self, Mistake, Report, Spanned, Table, Value};

/// A variable of the application. Components see it only through templates (`{{ name }}`) in their own variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// What it is for. Default: nothing said.
    pub description: Option<String>,
    /// Its value when none is supplied; `None` means that one must be (`required = true`).
    pub default: Option<String>,
    /// Whether its value must not be shown. Default: `false`.
    pub secret: bool,
}

pub(crate) fn read_all(value: Value<'_>) -> Option<BTreeMap<String, Variable>> {
    let report = value.report();
    let variables = text::all(value.entries()?.into_iter().map(|(name, value)| {
        let named = check_name(&name, report);
        let variable = value.table(read);
        named.and(variable).map(|variable| (name.value, variable))
    }));
    variables.map(BTreeMap::from_iter)
}

/// A component's own variables: values may contain templates.
pub(crate) fn read_values(value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let report = value.report();
    let values = text::all(value.entries()?.into_iter().map(|(name, value)| {
        let named = check_name(&name, report);
        let value = value.string();
        named.and(value).map(|value| (name.value, value))
    }));
    values.map(BTreeMap::from_iter)
}

fn check_name(name: &Spanned<String>, report: &Report) -> Option<()> {
    match name::check_variable(&name.value) {
        Ok(()) => Some(()),
        Err(error) => report.refuse(name::unfit(name, "a variable's name", &error)),
    }
}

fn read(table: &mut Table<'_>) -> Option<Variable> {
    let (span, report) = (table.span(), table.report());
    let description = table.optional("description", Value::string);
    let required = table.or_default("required", Value::boolean);
    let default = table.optional("default", Value::string);
    let secret = table.or_default("secret", Value::boolean);
    let (required, default) = (required?, default?);
    match (required, &default) {
        (true, Some(_)) => report.refuse(Mistake::new(
            span,
            "a required variable cannot have a default",
        )),
        (false, None) => report.refuse(
            Mistake::new(span, "this variable never has a value")
                .hint("add `required = true` or a `default`"),
        ),
        _ => Some(Variable {
            description: description?,
            default,
            secret: secret?,
        }),
    }
}
