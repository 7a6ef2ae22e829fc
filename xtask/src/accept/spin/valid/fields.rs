//! The fields of a manifest for Spin 4.1, as its contract lists them. A path has a `*` for a name of the author's own, and
//! ends with `**` where anything goes.

use toml::de::{DeTable, DeValue};

use super::tables;

const KNOWN: [&str; 82] = [
    "spin_manifest_version",
    "application.name",
    "application.version",
    "application.description",
    "application.authors",
    "application.targets",
    "application.trigger.*.**",
    "application.tool.**",
    "variables.*.description",
    "variables.*.required",
    "variables.*.default",
    "variables.*.secret",
    "trigger.*.id",
    "trigger.*.component",
    "trigger.*.components.**",
    "trigger.*.dependencies.middleware.component",
    "trigger.*.dependencies.middleware.path",
    "trigger.*.dependencies.middleware.url",
    "trigger.*.dependencies.middleware.digest",
    "trigger.*.dependencies.middleware.package",
    "trigger.*.dependencies.middleware.registry",
    "trigger.*.dependencies.middleware.version",
    "trigger.*.dependencies.middleware.inherit_configuration",
    "trigger.http.route",
    "trigger.http.route.private",
    "trigger.http.static_response.status_code",
    "trigger.http.static_response.headers.*",
    "trigger.http.static_response.body",
    "trigger.http.executor.type",
    "trigger.http.executor.argv",
    "trigger.http.executor.entrypoint",
    "trigger.redis.channel",
    "trigger.redis.address",
    "component.*.source",
    "component.*.source.url",
    "component.*.source.digest",
    "component.*.source.registry",
    "component.*.source.package",
    "component.*.source.version",
    "component.*.description",
    "component.*.variables.*",
    "component.*.environment.*",
    "component.*.files",
    "component.*.files.source",
    "component.*.files.destination",
    "component.*.exclude_files",
    "component.*.allowed_outbound_hosts",
    "component.*.allowed_http_hosts",
    "component.*.key_value_stores",
    "component.*.sqlite_databases",
    "component.*.ai_models",
    "component.*.targets",
    "component.*.build.command",
    "component.*.build.workdir",
    "component.*.build.watch",
    "component.*.tool.**",
    "component.*.dependencies_inherit_configuration",
    "component.*.dependencies.*",
    "component.*.dependencies.*.version",
    "component.*.dependencies.*.registry",
    "component.*.dependencies.*.package",
    "component.*.dependencies.*.path",
    "component.*.dependencies.*.url",
    "component.*.dependencies.*.digest",
    "component.*.dependencies.*.component",
    "component.*.dependencies.*.export",
    "component.*.dependencies.*.inherit_configuration",
    "component.*.profile.*.source",
    "component.*.profile.*.source.url",
    "component.*.profile.*.source.digest",
    "component.*.profile.*.source.registry",
    "component.*.profile.*.source.package",
    "component.*.profile.*.source.version",
    "component.*.profile.*.environment.*",
    "component.*.profile.*.build.command",
    "component.*.profile.*.dependencies.*",
    "component.*.profile.*.dependencies.*.version",
    "component.*.profile.*.dependencies.*.package",
    "component.*.profile.*.dependencies.*.path",
    "component.*.profile.*.dependencies.*.component",
    "component.*.profile.*.dependencies.*.export",
    "component.*.profile.*.dependencies.*.inherit_configuration",
];

/// The fields that Spin does not know, each with its whole path.
pub(super) fn unknown(manifest: &DeTable<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    leaves(manifest, &mut Vec::new(), &mut paths);
    let known: Vec<Vec<&str>> = KNOWN.iter().map(|path| path.split('.').collect()).collect();
    paths
        .into_iter()
        .filter(|path| !known.iter().any(|known| fits(path, known)))
        .map(|path| format!("Spin does not know `{}`", path.join(".")))
        .collect()
}

/// The path of each value that is no table. Tables of a list have the path of the list.
fn leaves(table: &DeTable<'_>, above: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    for (name, value) in table.iter() {
        let name: &str = name.get_ref();
        above.push(name.to_owned());
        match (value.get_ref(), tables(value.get_ref())) {
            (DeValue::Table(_) | DeValue::Array(_), inner) if !inner.is_empty() => {
                for table in inner {
                    leaves(table, above, paths);
                }
            }
            _ => paths.push(above.clone()),
        }
        above.pop();
    }
}

fn fits(path: &[String], known: &[&str]) -> bool {
    match (path, known) {
        (_, ["**"]) | ([], []) => true,
        ([name, path @ ..], [word, known @ ..]) => {
            (*word == "*" || name == word) && fits(path, known)
        }
        _ => false,
    }
}

#[test]
fn what_spin_does_not_know_is_told_with_its_path() {
    let text = "spin_manifest_version = 2\n[application]\nname = \"a\"\ncolour = \"red\"\n\
                [application.tool.stoa.routes.x]\nany = { thing = 1 }\n\
                [[trigger.http]]\nroute = { private = true }\ncomponent = \"a\"\nlimit = 1\n\
                [component.a]\nsource = \"a.wasm\"\nfiles = [\"b\", { source = \"c\", destination = \"/\" }]\n\
                [component.a.limits]\nmemory = 1\n";
    let parsed = DeTable::parse(text).expect("it is good");
    let told = unknown(parsed.get_ref());
    assert_eq!(
        told,
        [
            "Spin does not know `application.colour`",
            "Spin does not know `component.a.limits.memory`",
            "Spin does not know `trigger.http.limit`",
        ]
    );
}
