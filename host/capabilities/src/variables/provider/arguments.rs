//! `--variable`: values on the command line, in Spin's forms.

use std::collections::BTreeMap;
use std::path::Path;

use stoa_manifest::text;
use stoa_manifest::variable::Variable;

use super::file;
use super::given::{Given, json_values, toml_values};
use crate::variables::{Problem, Secret};

type Values = BTreeMap<String, Secret>;

/// Reads all arguments; what is wrong goes to `problems`. Paths are as the shell has them, relative to where it is.
pub(super) fn read(
    arguments: &[Secret],
    declared: &BTreeMap<String, Variable>,
    problems: &mut Vec<Problem>,
) -> Given {
    let mut values = Values::new();
    for argument in arguments {
        match one(argument.expose(), declared) {
            Ok(more) => values.extend(more),
            Err(mistaken) => problems.extend(mistaken),
        }
    }
    Given::new("`--variable`", values)
}

fn one(argument: &str, declared: &BTreeMap<String, Variable>) -> Result<Values, Vec<Problem>> {
    if let Some(path) = argument.strip_prefix('@') {
        return many(Path::new(path));
    }
    let (name, value) = argument.split_once('=').ok_or([Problem::Argument])?;
    check(name, declared).map_err(|problem| [problem])?;
    let value = match value.strip_prefix('@') {
        Some(path) => file::read(Path::new(path)).map_err(|problem| [problem])?,
        None => value.to_owned(),
    };
    Ok(Values::from([(name.to_owned(), Secret::new(value))]))
}

/// A file may hold values for several applications; what this one does not have is left out.
fn many(path: &Path) -> Result<Values, Vec<Problem>> {
    let read = |path| file::read(path).map_err(|problem| vec![problem]);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml_values(path, read(path)?),
        Some("json") => json_values(path, &read(path)?),
        _ => Err(vec![Problem::Argument]),
    }
}

/// A name that was typed for this start and means nothing is a mistake.
fn check(name: &str, declared: &BTreeMap<String, Variable>) -> Result<(), Problem> {
    if declared.contains_key(name) {
        return Ok(());
    }
    let meant = text::nearest(name, declared.keys().map(String::as_str));
    Err(Problem::Undeclared {
        name: name.to_owned(),
        meant: meant.map(str::to_owned),
    })
}
