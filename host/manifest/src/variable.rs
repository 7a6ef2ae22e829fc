//! `[variables]`: values that are supplied from outside, or have a default.

use std::collections::BTreeMap;

use crate::name;
use crate::text::{Mistake, Report, Spanned, Table, Value};

/// A variable of the application. Components see it only through templates (`{{ name }}`) in their own variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variable {
    /// What it is for. Default: nothing said.
    pub description: Option<String>,
    /// Its value when none is supplied; `None` means that one must be (`required = true`).
    pub default: Option<String>,
    /// Whether its value must not be shown. Default: `false`.
    pub secret: bool,
}

/// A mistaken variable is kept even so: templates that name it are good.
pub(crate) fn read_all(value: Value<'_>) -> Option<BTreeMap<String, Variable>> {
    let report = value.report();
    let variables = value.entries()?.into_iter().map(|(name, value)| {
        check_name(&name, report);
        (name.value, value.table(read).unwrap_or_default())
    });
    Some(variables.collect())
}

/// A component's own variables: values may contain templates.
pub(crate) fn read_values(value: Value<'_>) -> Option<Vec<(String, Spanned<String>)>> {
    let report = value.report();
    let values = value.entries()?.into_iter().filter_map(|(name, value)| {
        check_name(&name, report);
        Some((name.value, value.spanned_string()?))
    });
    Some(values.collect())
}

fn check_name(name: &Spanned<String>, report: &Report) {
    if let Err(error) = name::check_variable(&name.value) {
        report.add(name::unfit(name, "a variable's name", &error));
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
