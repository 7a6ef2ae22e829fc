//! What is told of two releases, one that may do more and one that may do less, both ways.

mod application;
mod component;
mod grants;

use std::collections::BTreeMap;
use std::fs;

use stoa_manifest::text::Source;
use stoa_manifest::{App, ComponentId};

use super::{Difference, Direction, Side, differences};

/// One release with the component `a`: the lines of its table, and those of its `tool.stoa`.
#[derive(Default)]
struct Release {
    /// Lines of `[variables]`.
    variables: &'static str,
    fields: &'static str,
    policy: &'static str,
    /// What follows.
    rest: &'static str,
    imports: Vec<String>,
    revision: &'static str,
}

fn fields(fields: &'static str) -> Release {
    Release {
        fields,
        ..Release::default()
    }
}

fn policy(fields: &'static str, policy: &'static str) -> Release {
    Release {
        fields,
        policy,
        ..Release::default()
    }
}

fn rest(rest: &'static str) -> Release {
    Release {
        rest,
        ..Release::default()
    }
}

fn imports(names: &[&str]) -> Release {
    Release {
        imports: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Release::default()
    }
}

fn parsed(text: &str) -> App {
    stoa_manifest::parse(&Source::new("spin.toml", text), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

impl Release {
    fn app(&self) -> App {
        let Self {
            variables,
            fields,
            policy,
            rest,
            ..
        } = self;
        parsed(&format!(
            "spin_manifest_version = 2\n\
             [application]\nname = \"shop\"\n\
             [variables]\n{variables}\n\
             [[trigger.http]]\nid = \"front\"\nroute = \"/...\"\ncomponent = \"a\"\n\
             [component.a]\nsource = \"a.wasm\"\n{fields}\n\
             [component.a.tool.stoa]\nschema = 1\n{policy}\n{rest}\n"
        ))
    }
}

fn a() -> ComponentId {
    ComponentId::new("a").expect("it is an id")
}

fn compared(old: &Release, new: &Release) -> Vec<Difference> {
    let (old_app, new_app) = (old.app(), new.app());
    let of_a = |release: &Release| {
        (
            BTreeMap::from([(a(), release.imports.clone())]),
            BTreeMap::from([(a(), release.revision.to_owned())]),
        )
    };
    let ((old_imports, old_digests), (new_imports, new_digests)) = (of_a(old), of_a(new));
    let files = BTreeMap::new();
    let old = Side {
        app: &old_app,
        imports: &old_imports,
        digests: &old_digests,
        files: &files,
    };
    let new = Side {
        app: &new_app,
        imports: &new_imports,
        digests: &new_digests,
        files: &files,
    };
    differences(&old, &new)
}

/// What was found, as `wider a: may …`.
fn told(old: &Release, new: &Release) -> Vec<String> {
    let line = |difference: Difference| {
        let direction = match difference.direction {
            Direction::Wider => "wider",
            Direction::Narrower => "narrower",
            Direction::Other => "other",
        };
        let component = difference.component.unwrap_or_else(|| "-".to_owned());
        format!("{direction} {component}: {}", difference.what)
    };
    compared(old, new).into_iter().map(line).collect()
}

/// That the new release differs by just this, and going back by just that.
#[track_caller]
fn both_ways(old: Release, new: Release, there: &[&str], back: &[&str]) {
    assert_eq!(told(&old, &new), there);
    assert_eq!(told(&new, &old), back);
    assert_eq!(told(&old, &old), [""; 0], "a release differs from itself");
    assert_eq!(told(&new, &new), [""; 0], "a release differs from itself");
}

#[test]
fn nothing_differs_between_equal_sides() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spin.toml");
    let app = parsed(&fs::read_to_string(file).expect("the manifest can be read"));
    let of_all = |text: &str| -> BTreeMap<ComponentId, String> {
        let ids = app.components.keys().cloned();
        ids.map(|id| (id, text.to_owned())).collect()
    };
    let digests = of_all("c0ffee");
    let imports = of_all("stoa:documents/write@0.1.0");
    let imports: BTreeMap<ComponentId, Vec<String>> =
        imports.into_iter().map(|(id, it)| (id, vec![it])).collect();
    let files = BTreeMap::new();
    let side = Side {
        app: &app,
        imports: &imports,
        digests: &digests,
        files: &files,
    };
    assert!(!app.components.is_empty());
    assert_eq!(differences(&side, &side), Vec::<Difference>::new());
}

#[test]
fn components_that_come_and_go() {
    both_ways(
        rest(""),
        rest(
            "[component.b]\nsource = \"b.wasm\"\nkey_value_stores = [\"s\"]\n\
             environment = { MODE = \"x\" }\nallowed_outbound_hosts = [\"https://a.com\"]\n\
             exclude_files = [\"x\"]\n",
        ),
        &[
            "wider b: is new and may connect to `https://a.com`",
            "wider b: is new and may read and write key-value store `s`",
            "other b: is new",
        ],
        &["narrower b: is gone, with all that it might do"],
    );
}

#[test]
fn control_characters_are_not_told() {
    let told = told(
        &fields(""),
        &fields("exclude_files = [\"a\\u001b[2J\"]\nai_models = [\"b\\u0007\"]"),
    );
    assert_eq!(
        told,
        [
            "wider a: may use the language model `b\u{fffd}`",
            "narrower a: no longer may read files `a\u{fffd}[2J`",
        ]
    );
}
