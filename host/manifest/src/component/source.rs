//! `source`: where a component's code comes from.

use crate::dependency::read_digest;
use crate::package;
use crate::text::{Shape, Table, Value};

/// Where a component's code comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `"app.wasm"`: a file, relative to the manifest's folder.
    Path(String),
    /// `{ url = "…", digest = "…" }`: a download.
    Url {
        /// Where to get it.
        url: String,
        /// `sha256:` and 64 hexadecimal digits.
        digest: String,
    },
    /// `{ package = "…", version = "…" }`: a package in a registry.
    Registry {
        /// The registry. Default: the machine's own.
        registry: Option<String>,
        /// The package: `namespace:name`.
        package: String,
        /// Its version.
        version: String,
    },
}

pub(crate) fn read(value: Value<'_>) -> Option<Source> {
    match value.shape() {
        Shape::String => value.string().map(Source::Path),
        Shape::Table => value.table(read_table),
        _ => value.refuse("a path or a table"),
    }
}

fn read_table(table: &mut Table<'_>) -> Option<Source> {
    if table.has("url") {
        let url = table.required("url", Value::string);
        let digest = table.required("digest", read_digest);
        return Some(Source::Url {
            url: url?,
            digest: digest?,
        });
    }
    let registry = table.optional("registry", Value::string);
    let package = table.required("package", package::read_name);
    let version = table.required("version", package::read_version);
    Some(Source::Registry {
        registry: registry?,
        package: package?,
        version: version?,
    })
}
