//! `targets`: the environments that an application or component promises to run in.

use crate::text::{self, Shape, Table, Value};

/// An environment that Spin's build checks components against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployment {
    /// `"spin-up:3.3"`: a name in Spin's catalogue.
    Catalogue(String),
    /// `{ url = "…" }`: a definition on the web.
    Url(String),
    /// `{ path = "…" }`: a definition in a file.
    Path(String),
}

pub(crate) fn read_all(value: Value<'_>) -> Option<Vec<Deployment>> {
    text::all(value.items()?.into_iter().map(read))
}

fn read(value: Value<'_>) -> Option<Deployment> {
    match value.shape() {
        Shape::String => value.string().map(Deployment::Catalogue),
        Shape::Table => value.table(read_table),
        _ => value.refuse("a string or a table"),
    }
}

fn read_table(table: &mut Table<'_>) -> Option<Deployment> {
    match table.has("path") {
        true => table.required("path", Value::string).map(Deployment::Path),
        false => table.required("url", Value::string).map(Deployment::Url),
    }
}
