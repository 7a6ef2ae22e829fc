//! What a dependency may reach of what the depending component was given.
//!
//! Under Spin a component that does not inherit gets stand-ins that fail when they are called. Here the import is
//! refused before anything runs, but only where there is something behind it: a component without key-value stores has
//! none to hide.

use stoa_manifest::Component;
use stoa_manifest::dependency::Inherit;

use super::names;

/// A field of the manifest that gives a component something.
struct Field {
    /// Its name in `inherit_configuration`.
    name: &'static str,
    /// The interfaces, or whole packages, by which it is reached.
    interfaces: &'static [&'static str],
    /// Whether the component has it.
    given: fn(&Component) -> bool,
}

static FIELDS: [Field; 6] = [
    Field {
        name: "ai_models",
        interfaces: &["fermyon:spin/llm"],
        given: |component| !component.ai_models.is_empty(),
    },
    Field {
        name: "allowed_outbound_hosts",
        interfaces: &[
            "fermyon:spin/http",
            "fermyon:spin/mysql",
            "fermyon:spin/postgres",
            "fermyon:spin/redis",
            "spin:mqtt",
            "spin:mysql",
            "spin:postgres",
            "spin:redis",
            "wasi:http/client",
            "wasi:http/outgoing-handler",
            "wasi:sockets",
        ],
        given: |component| {
            !component.allowed_outbound_hosts.is_empty() || !component.allowed_http_hosts.is_empty()
        },
    },
    Field {
        name: "files",
        interfaces: &["wasi:filesystem"],
        given: |component| !component.files.is_empty(),
    },
    Field {
        name: "key_value_stores",
        interfaces: &[
            "fermyon:spin/key-value",
            "spin:key-value",
            "stoa:keyvalue",
            "wasi:keyvalue",
        ],
        given: |component| !component.grants.keyvalue.is_empty(),
    },
    Field {
        name: "sqlite_databases",
        interfaces: &["fermyon:spin/sqlite", "spin:sqlite", "stoa:sql"],
        given: |component| !component.grants.sql.is_empty(),
    },
    Field {
        name: "variables",
        interfaces: &[
            "fermyon:spin/config",
            "fermyon:spin/variables",
            "spin:variables",
            "wasi:config",
        ],
        given: |component| !component.variables.is_empty(),
    },
];

/// What leads to nothing that the manifest gives. The environment is taken away by other means.
const HARMLESS: [&str; 6] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:http/types",
    "wasi:io",
    "wasi:otel",
    "wasi:random",
];

/// The environment's name in `inherit_configuration`.
const ENVIRONMENT: &str = "environment";

/// Why an import of a dependency is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It reaches what this field of the manifest gives.
    Field(&'static str),
    /// Nobody can say what it reaches.
    Unknown,
}

/// Why a dependency that inherits so much may not have an import, if it may not.
pub(super) fn refusal(component: &Component, inherit: &Inherit, import: &str) -> Option<Refused> {
    let inherited: &[String] = match inherit {
        Inherit::All => return None,
        Inherit::Nothing => &[],
        Inherit::Fields(fields) => fields,
    };
    if reached(import, &HARMLESS) {
        return None;
    }
    let Some(field) = FIELDS
        .iter()
        .find(|field| reached(import, field.interfaces))
    else {
        return Some(Refused::Unknown);
    };
    let allowed = inherited.iter().any(|name| name == field.name);
    (!allowed && (field.given)(component)).then_some(Refused::Field(field.name))
}

fn reached(import: &str, interfaces: &[&str]) -> bool {
    interfaces
        .iter()
        .any(|interface| names::satisfies(interface, import))
}

/// Whether a dependency that inherits so much sees the environment of the depending component.
pub(super) fn sees_environment(inherit: &Inherit) -> bool {
    match inherit {
        Inherit::All => true,
        Inherit::Nothing => false,
        Inherit::Fields(names) => names.iter().any(|name| name == ENVIRONMENT),
    }
}
