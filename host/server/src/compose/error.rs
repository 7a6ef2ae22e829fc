//! Why a component cannot be joined with its dependencies.

use stoa_manifest::ComponentId;

use super::inheritance::Refused;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("it is not a valid component: {0}")]
    Main(String),
    #[error("dependency `{dependency}`: cannot read `{path}`: it is not among the files")]
    Missing { dependency: String, path: String },
    #[error("dependency `{dependency}` (`{path}`) is not a valid component: {reason}")]
    NotAComponent {
        dependency: String,
        path: String,
        reason: String,
    },
    #[error("dependency `{dependency}` satisfies none of its imports")]
    Unmatched {
        dependency: String,
        imports: Vec<String>,
    },
    #[error(
        "dependency `{dependency}` does not export `{export}`, which its import `{import}` needs"
    )]
    MissingExport {
        dependency: String,
        export: String,
        import: String,
    },
    #[error(
        "export `{export}` of dependency `{dependency}` does not fit its import `{import}`: {reason}"
    )]
    Mismatch {
        dependency: String,
        export: String,
        import: String,
        reason: String,
    },
    #[error("dependency `{dependency}` imports `{import}`, {}", why(*field))]
    NotInherited {
        dependency: String,
        import: String,
        field: Refused,
    },
    #[error(
        "only a component that exports `wasi:http/handler` of WASI 0.3 can have middleware, and this one exports {}",
        quoted(exports)
    )]
    NoHandler { exports: Vec<String> },
    #[error(
        "{dependency} does not import and export `wasi:http/handler` of WASI 0.3, as what stands in front of another must"
    )]
    NotMiddleware { dependency: String },
    #[error("{dependency} imports `{import}`, and `{export}` behind it does not fit: {reason}")]
    Misplaced {
        dependency: String,
        import: String,
        export: String,
        reason: String,
    },
    #[error("it cannot be joined with its dependencies: {0}")]
    Unjoinable(String),
}

impl Error {
    /// Imports that no dependency would satisfy are left out: they are many, and the same for every component.
    pub(super) fn unmatched(dependency: &str, imports: &[String]) -> Self {
        let imports = imports.iter().filter(|import| !import.starts_with("wasi:"));
        Self::Unmatched {
            dependency: dependency.to_owned(),
            imports: imports.cloned().collect(),
        }
    }

    /// The error and what to do about it, for people.
    pub(super) fn worded(&self, id: &ComponentId) -> String {
        format!("component `{id}`: {self}\n  = hint: {}", self.hint())
    }

    fn hint(&self) -> String {
        match self {
            Self::Main(_) | Self::NotAComponent { .. } => {
                "build it for `wasm32-wasip2`, or with your language's component tools".to_owned()
            }
            Self::Missing { .. } => {
                "build the dependency first, for instance in the same `build.command`".to_owned()
            }
            Self::Unmatched { imports, .. } => imported(imports),
            Self::MissingExport { .. } => {
                "`export` of the dependency says which of its exports is meant".to_owned()
            }
            Self::Mismatch { .. } | Self::Unjoinable(_) => {
                "build both against the same version of the interface".to_owned()
            }
            Self::NotInherited { field, .. } => remedy(*field),
            Self::NoHandler { .. } => {
                "build it for WASI 0.3, or leave the middleware away".to_owned()
            }
            Self::NotMiddleware { .. } => {
                "build it for the world `wasi:http/middleware`, or give it a route of its own"
                    .to_owned()
            }
            Self::Misplaced { .. } => {
                "build both against the same version of the interface".to_owned()
            }
        }
    }
}

fn why(refused: Refused) -> String {
    match refused {
        Refused::Field(field) => format!("but does not inherit `{field}`"),
        Refused::Unknown => {
            "of which is not known what it reaches, and does not inherit everything".to_owned()
        }
    }
}

fn remedy(refused: Refused) -> String {
    match refused {
        Refused::Field(field) => format!(
            "add `inherit_configuration = [\"{field}\"]` to the dependency if it may use what the component was given"
        ),
        Refused::Unknown => {
            "add `inherit_configuration = true` to the dependency if it may use all that the component was given"
                .to_owned()
        }
    }
}

fn imported(imports: &[String]) -> String {
    match imports.is_empty() {
        true => "the component imports nothing but WASI".to_owned(),
        false => format!("the component imports {}", quoted(imports)),
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    }
}
