//! What the interfaces in `wit/` define. The files are ours: one statement begins per line, which is all that is relied on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use stoa_testkit::repository;

use super::Functions;

/// The functions of every interface in the repository.
pub(super) fn read() -> Functions {
    let mut functions = Functions::new();
    folder(&repository().join("wit"), &mut functions);
    assert!(!functions.is_empty(), "there are no definitions");
    functions
}

/// A folder is a package, which one of its files names.
fn folder(path: &Path, functions: &mut Functions) {
    let (mut texts, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path).expect("the folder can be read") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            folders.push(path);
        } else if path.extension().is_some_and(|end| end == "wit") {
            texts.push(fs::read_to_string(&path).expect("it can be read"));
        }
    }
    let named = texts.iter().flat_map(|text| text.lines()).find_map(|line| {
        let name = line.trim().strip_prefix("package ")?;
        Some(name.trim_end_matches([';', '{', ' ']).to_owned())
    });
    if let Some(package) = named {
        for text in &texts {
            package_of(text, &package, functions);
        }
    }
    for path in folders {
        folder(&path, functions);
    }
}

/// Adds what a file defines. A line that opens a block says what it is a block of.
fn package_of(text: &str, package: &str, functions: &mut Functions) {
    let mut package = package.to_owned();
    let mut blocks: Vec<Option<(Block, String)>> = Vec::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix("package ") {
            package = name.trim_end_matches([';', '{', ' ']).to_owned();
        }
        let of = |kind| {
            let mut open = blocks.iter().rev().flatten();
            let found = open.find(|(block, _)| *block == kind);
            found.map(|(_, name)| name.clone())
        };
        if let (Some(interface), Some(function)) = (of(Block::Interface), function(line)) {
            let whole = match (of(Block::Resource), function) {
                (Some(resource), "constructor") => resource,
                (Some(resource), function) => format!("{resource}.{function}"),
                (None, function) => function.to_owned(),
            };
            let known: &mut BTreeSet<String> = functions.entry(interface).or_default();
            known.insert(whole);
        }
        for _ in 0..line.matches('{').count() {
            blocks.push(Block::of(line, &package));
        }
        for _ in 0..line.matches('}').count() {
            blocks.pop();
        }
    }
}

/// A block whose name matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Interface,
    Resource,
}

impl Block {
    /// The block that a line opens, and its name: of an interface the whole one.
    fn of(line: &str, package: &str) -> Option<(Self, String)> {
        let name = |rest: &str| rest.split([' ', '{']).next().unwrap_or_default().to_owned();
        if let Some(rest) = line.strip_prefix("interface ") {
            let (package, version) = match package.split_once('@') {
                Some((package, version)) => (package, format!("@{version}")),
                None => (package, String::new()),
            };
            let whole = format!("{package}/{}{version}", name(rest));
            return Some((Self::Interface, whole));
        }
        let rest = line.strip_prefix("resource ")?;
        Some((Self::Resource, name(rest)))
    }
}

/// The function that a line defines.
fn function(line: &str) -> Option<&str> {
    if line.starts_with("constructor(") {
        return Some("constructor");
    }
    let (name, rest) = line.split_once(':')?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("static ").unwrap_or(rest);
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let is_function = rest.starts_with("func(") || rest.starts_with("func (");
    is_function.then(|| name.trim_start_matches('%'))
}

#[test]
fn functions_are_found_in_their_interfaces_and_resources() {
    let text = "package a:b@1.0.0;\n/// Says { nothing.\ninterface one {\n  get: func(a: string) -> string;\n\
                resource thing {\n constructor(a: u8);\n open: static async func() -> thing;\n read: func();\n }\n\
                record pair {\n a: u8,\n }\n}\ninterface two { }\n";
    let mut functions = Functions::new();
    package_of(text, "a:b@1.0.0", &mut functions);
    let one = functions.get("a:b/one@1.0.0").expect("it is there");
    let found: Vec<&str> = one.iter().map(String::as_str).collect();
    assert_eq!(found, ["get", "thing", "thing.open", "thing.read"]);
    assert!(!functions.contains_key("a:b/two@1.0.0"));
}
