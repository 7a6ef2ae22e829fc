//! `files`: what a component can read of the manifest's folder.

use crate::text::{self, Shape, Table, Value};

/// Files that a component can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// `"assets/*"`: files that fit a pattern, found at the same path.
    Pattern(String),
    /// `{ source = "…", destination = "…" }`: a file or folder, found at another path.
    Placement {
        /// Where it is, relative to the manifest's folder.
        source: String,
        /// Where the component finds it: an absolute path.
        destination: String,
    },
}

pub(crate) fn read_all(value: Value<'_>) -> Option<Vec<Files>> {
    text::all(value.items()?.into_iter().map(read))
}

fn read(value: Value<'_>) -> Option<Files> {
    match value.shape() {
        Shape::String => value.string().map(Files::Pattern),
        Shape::Table => value.table(read_table),
        _ => value.refuse("a pattern or a table"),
    }
}

fn read_table(table: &mut Table<'_>) -> Option<Files> {
    let source = table.required("source", Value::string);
    let destination = table.required("destination", Value::string);
    Some(Files::Placement {
        source: source?,
        destination: destination?,
    })
}
