//! How every finding is worded: how bad it is, what is wrong, and what to change.

use stoa_manifest::Label;

use super::upgrade::Step;
use super::{
    Finding, Severity, dependencies, files, hosts, interfaces, labels, manifest, paths, portable,
    routes, sources, told, toolchain, variables,
};

/// A finding for people, and for programs by its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) severity: Severity,
    /// A short stable word.
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Words {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            hint: None,
        }
    }

    fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// What another part of this host has worded, hint included.
    fn told(severity: Severity, code: &'static str, text: &str) -> Self {
        let (message, hint) = told(text);
        Self {
            hint,
            ..Self::new(severity, code, message)
        }
    }
}

impl Finding {
    pub(super) fn words(&self) -> Words {
        match self {
            Self::Manifest(finding) => manifest(finding),
            Self::Upgrade(step) => upgrade(step),
            Self::Toolchain(finding) => toolchain(finding),
            Self::Sources(finding) => sources(finding),
            Self::Paths(finding) => paths(finding),
            Self::Interfaces(finding) => interfaces(finding),
            Self::Dependencies(finding) => dependencies(finding),
            Self::Routes(finding) => routes(finding),
            Self::Labels(finding) => labels(finding),
            Self::Variables(finding) => variables(finding),
            Self::Hosts(finding) => hosts(finding),
            Self::Files(finding) => files(finding),
            Self::Portable(finding) => portable(finding),
        }
    }
}

fn manifest(finding: &manifest::Finding) -> Words {
    match finding {
        manifest::Finding::Mistaken(mistake) => Words {
            hint: mistake.hint.clone(),
            ..Words::error("manifest", mistake.message.clone())
        },
        manifest::Finding::Warned(mistake) => Words {
            hint: mistake.hint.clone(),
            ..Words::warning("manifest", mistake.message.clone())
        },
        manifest::Finding::Unsupported(text) => Words::told(Severity::Error, "unsupported", text),
    }
}

fn upgrade(step: &Step) -> Words {
    let (message, hint) = match step {
        Step::Version { field } => (
            format!("`{field}` says that this is a manifest of version 1"),
            "write `spin_manifest_version = 2`; each note here is a further change".to_owned(),
        ),
        Step::Application { field } => (
            format!("`{field}` describes the application"),
            "put it below `[application]`".to_owned(),
        ),
        Step::Trigger { kind } => (
            "in version 2 every trigger is a table of its own".to_owned(),
            format!("remove `trigger`; each component gets a `[[trigger.{kind}]]`"),
        ),
        Step::Base { base } => (
            format!("all routes begin with `{base}`"),
            "remove `base`, and write it in front of every `route`".to_owned(),
        ),
        Step::Component { component } => (
            format!("the component `{component}` is an item of a list"),
            format!("write `[component.{component}]` in place of `[[component]]` and `id`"),
        ),
        Step::Route { component, kind } => (
            format!("the trigger of `{component}` stands inside of it"),
            format!("move it to a `[[trigger.{kind}]]` with `component = \"{component}\"`"),
        ),
        Step::Variables { component } => (
            format!("`config` of `{component}` is called `variables`"),
            format!("write `[component.{component}.variables]`"),
        ),
        Step::Hosts { component } => (
            format!("`allowed_http_hosts` of `{component}` is deprecated"),
            "write `allowed_outbound_hosts`, with a scheme in front of every host: `https://…`"
                .to_owned(),
        ),
    };
    Words::note("version-1", message).hint(hint)
}

fn toolchain(finding: &toolchain::Finding) -> Words {
    match finding {
        toolchain::Finding::Program { program } => Words::error(
            "program",
            format!("the build command starts `{program}`, which is not installed"),
        )
        .hint("install it, or add its folder to `PATH`"),
        // It cannot be added any more.
        toolchain::Finding::Target { target } if target == "wasm32-wasi" => Words::error(
            "rust-target",
            "Rust cannot build for `wasm32-wasi`, which it calls `wasm32-wasip1` since 1.84",
        )
        .hint("write `wasm32-wasip1` in `build.command` and in `source`"),
        toolchain::Finding::Target { target } => Words::warning(
            "rust-target",
            format!("Rust cannot build for `{target}` yet"),
        )
        .hint(format!(
            "run `rustup target add {target}`; `stoa build` tries that by itself"
        )),
        toolchain::Finding::Workdir { folder } => Words::error(
            "workdir",
            format!("`{folder}`, where the build command is to run, is no folder"),
        )
        .hint("`workdir` is relative to the manifest"),
        toolchain::Finding::Modules { folder } => Words::warning(
            "node-modules",
            format!("the packages of `{folder}/package.json` are not installed"),
        )
        .hint(format!("run `npm install` in `{folder}`")),
    }
}

fn sources(finding: &sources::Finding) -> Words {
    match finding {
        sources::Finding::Missing { path, built, near } => {
            let words = match built {
                true => Words::warning("not-built", format!("`{path}` is not built yet")),
                false => Words::error(
                    "source",
                    format!("there is no `{path}`, and nothing says how to build it"),
                ),
            };
            words.hint(match (near, built) {
                (Some(near), _) => format!("check `source`: there is `{near}`"),
                (None, true) => {
                    "run `stoa build`; what its code needs is known only then".to_owned()
                }
                (None, false) => "check `source`, or add a `build.command`".to_owned(),
            })
        }
        sources::Finding::Stale { path, newer } => Words::warning(
            "stale",
            format!("`{newer}` was saved after `{path}` was built"),
        )
        .hint("run `stoa build`"),
        sources::Finding::Unwatched => Words::note(
            "unwatched",
            "nothing says which files the component is built from",
        )
        .hint("name them in `build.watch`: `stoa up --watch` builds when they change"),
        sources::Finding::Pattern { pattern, why } => Words::error(
            "watch-pattern",
            format!("`{pattern}` in `build.watch` is no pattern: {why}"),
        ),
        sources::Finding::Remote => Words::note(
            "remote",
            "its code comes from the network, and was not looked at",
        ),
    }
}

fn paths(finding: &paths::Finding) -> Words {
    match finding {
        paths::Finding::Openapi { path } => Words::error(
            "openapi",
            format!("there is no `{path}`, which `openapi` names"),
        ),
        paths::Finding::Migrations { folder } => Words::error(
            "migrations",
            format!("there is no folder `{folder}`, where the migrations should be"),
        ),
        paths::Finding::Seed { name, file } => Words::error(
            "seed",
            format!("there is no `{file}`, which the seed `{name}` names"),
        ),
    }
    .hint("paths are relative to the manifest")
}

fn interfaces(finding: &interfaces::Finding) -> Words {
    match finding {
        interfaces::Finding::Unfit { reason } => {
            let words = Words::told(Severity::Error, "code", reason);
            let hint = words.hint.clone().unwrap_or_else(|| {
                "build it for `wasm32-wasip2`, or with your language's component tools".to_owned()
            });
            words.hint(hint)
        }
        interfaces::Finding::Import { import, nearest } => {
            let words = Words::error(
                "import",
                format!("the code imports `{import}`, which this host does not provide"),
            );
            words.hint(match nearest {
                Some(nearest) => format!("this host provides `{nearest}`: build against that"),
                None => "remove the import, or provide it under `dependencies`".to_owned(),
            })
        }
        interfaces::Finding::Entry { reason } => Words::error("export", reason.clone()).hint(
            "is this the right file? a command is served by a route with `executor = { type = \"wagi\" }`",
        ),
    }
}

fn dependencies(finding: &dependencies::Finding) -> Words {
    match finding {
        dependencies::Finding::Unjoined(text) => Words::told(Severity::Error, "dependency", text),
        dependencies::Finding::Remote { name } => Words::note(
            "remote",
            format!(
                "the dependency `{name}` comes from the network, so the whole was not looked at"
            ),
        ),
    }
}

fn routes(finding: &routes::Finding) -> Words {
    match finding {
        routes::Finding::Reserved { route } => Words::warning(
            "route",
            format!("no request reaches the route `{route}`: the host answers its paths itself"),
        )
        .hint("choose another path"),
        routes::Finding::Uncalled { component } => Words::warning(
            "private-route",
            format!("`{component}` has private routes alone, and no component may call it"),
        )
        .hint(format!(
            "add `http://{component}.spin.internal` to the `allowed_outbound_hosts` of whoever calls it"
        )),
        routes::Finding::Nowhere => Words::warning(
            "no-trigger",
            "there is no trigger, so nothing ever starts a component",
        )
        .hint("add a `[[trigger.http]]`"),
    }
}

fn labels(finding: &labels::Finding) -> Words {
    match finding {
        labels::Finding::Mistaken(mistake) => Words {
            hint: mistake.hint.clone(),
            ..Words::error("configuration", mistake.message.clone())
        },
        labels::Finding::Unconfigured { noun, label, known } => Words::error(
            "label",
            format!("nothing is configured under the label `{label}` of `{noun}`"),
        )
        .hint(format!(
            "add `[{noun}.{label}.embedded]` to the runtime configuration (it has: {})",
            listed(known)
        )),
        labels::Finding::Unused { noun, label } => Words::note(
            "unused-grant",
            format!("the component is granted `{noun}.{label}`, and its code cannot use it"),
        )
        .hint("take the grant away"),
        labels::Finding::NoModels => Words::warning(
            "models",
            "nobody runs language models for this host, so that every call of one fails",
        )
        .hint("name who does in `[llm_compute]` of the runtime configuration"),
        labels::Finding::Ungranted { noun, import } => {
            let field = match *noun {
                "keyvalue" => "add `key_value_stores = [\"default\"]`".to_owned(),
                "sql" => "add `sqlite_databases = [\"default\"]`".to_owned(),
                noun => format!("add `grants.{noun}.<label>` below `tool.stoa`"),
            };
            Words::note(
                "no-grant",
                format!(
                    "the code imports `{import}`, and is granted nothing that it could use by that"
                ),
            )
            .hint(format!("if it calls it, {field}"))
        }
    }
}

fn variables(finding: &variables::Finding) -> Words {
    match finding {
        variables::Finding::Missing { name } => Words::warning(
            "variable",
            format!("the variable `{name}` is required, and nothing gives it a value here"),
        )
        .hint(format!(
            "set `SPIN_VARIABLE_{}`, in the environment or in `.env` beside the manifest, or pass `--variable {name}=…`",
            name.to_ascii_uppercase()
        )),
        variables::Finding::Wrong(text) => Words::told(Severity::Error, "variable", text),
        variables::Finding::Unused { name } => Words::note(
            "unused-variable",
            format!("the variable `{name}` is used nowhere"),
        )
        .hint(format!("components see it as `{{{{ {name} }}}}` in their own `variables`")),
    }
}

fn hosts(finding: &hosts::Finding) -> Words {
    match finding {
        hosts::Finding::Unallowed {
            import,
            schemes,
            habitual,
        } => {
            let severity = match habitual {
                true => Severity::Note,
                false => Severity::Warning,
            };
            let message =
                format!("the code imports `{import}`, and may connect to no host by that");
            Words::new(severity, "no-host", message).hint(format!(
                "if it calls it, add `{}://<host>` to `allowed_outbound_hosts`",
                schemes[0]
            ))
        }
        hosts::Finding::Unused { entry } => Words::note(
            "unused-host",
            format!(
                "the component may connect to `{entry}`, and its code imports nothing that connects"
            ),
        )
        .hint("take it out of `allowed_outbound_hosts`"),
        hosts::Finding::Nobody { entry, component } => Words::warning(
            "no-component",
            format!("`{entry}` allows calls of the component `{component}`, which is not there"),
        ),
    }
}

fn files(finding: &files::Finding) -> Words {
    match finding {
        files::Finding::NoMatch { pattern } => {
            Words::warning("no-file", format!("`{pattern}` in `files` matches no file"))
                .hint("patterns are relative to the manifest")
        }
        files::Finding::Unmountable(text) => Words::told(Severity::Error, "files", text),
    }
}

fn portable(finding: &portable::Finding) -> Words {
    let severity = |promised: bool| match promised {
        true => Severity::Warning,
        false => Severity::Note,
    };
    match finding {
        portable::Finding::Import { name, promised } => Words::new(
            severity(*promised),
            "spin-import",
            format!("Spin does not run it: the code imports `{name}`, which Spin does not provide"),
        )
        .hint(match name.starts_with("stoa:") {
            true => "name an adapter for it under `dependencies`: see docs/adapters.md",
            false => "build it against the version that Spin provides",
        }),
        portable::Finding::Unadapted { told, promised } => {
            let words = Words::told(severity(*promised), "spin-adapter", told);
            let message = format!("Spin does not run it: {}", words.message);
            Words { message, ..words }
        }
        portable::Finding::Unbound { noun, label } => Words::note(
            "spin-grant",
            format!("under Spin nothing bounds what the component does with `{noun}.{label}`"),
        ),
        portable::Finding::Migrations { label } => Words::note(
            "spin-migrations",
            format!("Spin does not apply the migrations of `{label}`"),
        )
        .hint("apply them with `spin up --sqlite @<file>`"),
    }
}

fn listed(labels: &[Label]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
    match labels.is_empty() {
        true => "none".to_owned(),
        false => labels.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_rust_has_no_more_is_not_to_be_added() {
        let words = |target: &str| {
            let target = target.to_owned();
            toolchain(&toolchain::Finding::Target { target })
        };
        let gone = words("wasm32-wasi");
        assert_eq!(gone.severity, Severity::Error);
        let hint = gone.hint.unwrap_or_default();
        assert!(
            hint.contains("wasm32-wasip1") && !hint.contains("rustup"),
            "{hint}"
        );
        let missing = words("wasm32-wasip2");
        assert_eq!(missing.severity, Severity::Warning);
        let hint = missing.hint.unwrap_or_default();
        assert!(hint.contains("rustup target add wasm32-wasip2"), "{hint}");
    }
}
