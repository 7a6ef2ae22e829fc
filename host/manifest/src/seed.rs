//! `[application.tool.stoa.seeds.<name>]`: data that an application starts with.

use crate::text::{Mistake, Table, Value};

/// A file that is sent to a route once, at the first start on a machine that asks for seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// What it is called; that it was loaded is remembered under this name.
    pub name: String,
    /// The file, relative to the manifest's folder.
    pub file: String,
    /// The path that it is posted to.
    pub path: String,
    /// Its media type. Default: `application/octet-stream`.
    pub content_type: String,
}

pub(crate) fn read_all(value: Value<'_>) -> Option<Vec<Seed>> {
    crate::text::all(value.entries()?.into_iter().map(|(name, value)| {
        let seed = value.table(read)?;
        Some(Seed {
            name: name.value,
            ..seed
        })
    }))
}

fn read(table: &mut Table<'_>) -> Option<Seed> {
    let file = table.required("file", Value::string);
    let path = table.required("path", read_path);
    let default = || "application/octet-stream".to_owned();
    let content_type = table.or("content_type", default(), Value::string);
    Some(Seed {
        name: String::new(),
        file: file?,
        path: path?,
        content_type: content_type?,
    })
}

fn read_path(value: Value<'_>) -> Option<String> {
    let report = value.report();
    let written = value.spanned_string()?;
    match written.value.starts_with('/') {
        true => Some(written.value),
        false => report.refuse(Mistake::new(written.span, "a path starts with `/`")),
    }
}
