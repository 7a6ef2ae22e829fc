//! `spin.toml` at the root says only what Spin 4.1 knows, and every interface of ours that a component imports has an
//! adapter among its dependencies. What Spin itself says of it is not seen: Spin is not here.

mod fields;

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use toml::de::{DeTable, DeValue};

use crate::accept::Shown;
use crate::stage::Stage;

/// Where imports of ours begin in the code of a component.
const OURS: &[u8] = b"stoa:";

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let text = fs::read_to_string(stage.manifest()).context("cannot read the manifest")?;
    let parsed = DeTable::parse(&text).map_err(|error| anyhow!("{error}"))?;
    let manifest = parsed.get_ref();
    let mut wrong = fields::unknown(manifest);
    let mut adapted = 0;
    let components = table(manifest, "component").context("there are no components")?;
    for (id, component) in components.iter() {
        let component = component.get_ref().as_table();
        let component = component.context("a component is no table")?;
        let (missing, found) = adapters(stage.root(), component)?;
        adapted += found;
        let id = id.get_ref();
        wrong.extend(
            missing
                .iter()
                .map(|package| format!("{id} has no adapter for {package}")),
        );
    }
    let good = wrong.is_empty() && adapted > 0;
    wrong.push(format!(
        "spin.toml has no field that Spin 4.1 does not know; {adapted} packages of ours that components import have an \
         adapter; real Spin was not here: `spin up` itself was not tried"
    ));
    Ok(Shown {
        passed: good,
        figure: wrong.join(", "),
    })
}

/// The packages of ours that a component imports and no dependency names, and how many have an adapter that is built.
fn adapters(root: &Path, component: &DeTable<'_>) -> anyhow::Result<(Vec<String>, usize)> {
    let source = component
        .get("source")
        .and_then(|source| source.get_ref().as_str());
    let source = root.join(source.context("a component has no file as its source")?);
    let code = fs::read(&source).with_context(|| format!("cannot read `{}`", source.display()))?;
    let (mut missing, mut found) = (Vec::new(), 0);
    for package in packages(&code) {
        match adapter(component, &package) {
            Some(path) if root.join(&path).is_file() => found += 1,
            Some(path) => missing.push(format!("{package}: `{path}` is not built")),
            None => missing.push(package),
        }
    }
    Ok((missing, found))
}

/// The packages of ours that stand in the code: `stoa:sql` of `stoa:sql/read@0.1.0`.
fn packages(code: &[u8]) -> Vec<String> {
    let starts = code.windows(OURS.len()).enumerate();
    let mut found: Vec<String> = starts
        .filter(|(_, bytes)| *bytes == OURS)
        .filter_map(|(at, _)| package(&code[at..]))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn package(code: &[u8]) -> Option<String> {
    let end = code.iter().position(|byte| *byte == b'/')?;
    let name = std::str::from_utf8(&code[..end]).ok()?;
    let noun = name.strip_prefix("stoa:")?;
    let plain = |c: char| c.is_ascii_lowercase() || c == '-';
    // Anything else is a text that happens to begin like that.
    let version = code[end..].iter().take(64).any(|byte| *byte == b'@');
    (!noun.is_empty() && noun.chars().all(plain) && version).then(|| name.to_owned())
}

/// The file of the dependency that answers a package.
fn adapter(component: &DeTable<'_>, package: &str) -> Option<String> {
    let dependencies = table(component, "dependencies")?;
    let (_, dependency) = dependencies.iter().find(|(name, _)| {
        let name: &str = name.get_ref();
        name.split(['@', '/']).next() == Some(package)
    })?;
    let path = dependency.get_ref().as_table()?.get("path")?;
    path.get_ref().as_str().map(str::to_owned)
}

fn table<'t, 'i>(parent: &'t DeTable<'i>, name: &str) -> Option<&'t DeTable<'i>> {
    parent.get(name)?.get_ref().as_table()
}

/// A value as a table, or each table of a list.
fn tables<'t, 'i>(value: &'t DeValue<'i>) -> Vec<&'t DeTable<'i>> {
    match value {
        DeValue::Table(table) => vec![table],
        DeValue::Array(items) => {
            let items = items.iter();
            items.filter_map(|item| item.get_ref().as_table()).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn packages_are_found_in_code() {
    let code = b"\0stoa:sql/read@0.1.0\x01stoa:sql/write@0.1.0 stoa: /x stoa:blobs/read@0.1.0";
    assert_eq!(packages(code), ["stoa:blobs", "stoa:sql"]);
}

#[test]
fn a_dependency_answers_its_package() {
    let text = "[dependencies]\n\"stoa:sql@0.1.0\" = { path = \"sql.wasm\" }\n\"stoa:blobs/read@0.1.0\" = \"1\"\n";
    let parsed = DeTable::parse(text).expect("it is good");
    let component = parsed.get_ref();
    assert_eq!(adapter(component, "stoa:sql").as_deref(), Some("sql.wasm"));
    assert_eq!(adapter(component, "stoa:blobs"), None);
    assert_eq!(adapter(component, "stoa:identity"), None);
}
