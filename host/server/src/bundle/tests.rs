use tempfile::TempDir;

use stoa_manifest::text::Source;

use super::*;

/// SHA-256 of nothing.
const NOTHING: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[[trigger.http]]
route = "/a/..."
component = "a"
[[trigger.http]]
route = "/b/..."
component = "b"

[component.a]
source = "a.wasm"
sqlite_databases = ["orders", "stock"]
[component.a.build]
command = "make"
[component.a.tool.stoa]
schema = 1
[component.a.tool.stoa.migrations.orders]
folder = "orders/"
[component.a.tool.stoa.migrations.stock]
folder = "stock"

[component.b]
source = "b.wasm"
[component.b.dependencies]
"acme:part/thing" = { path = "part.wasm" }
"acme:other/thing" = { component = "c" }
"stoa:keyvalue" = { path = "adapter.wasm" }
"stoa:documents" = { component = "d" }

[component.c]
source = "c.wasm"
[component.d]
source = "d.wasm"
"#;

fn app() -> App {
    stoa_manifest::parse(&Source::new("spin.toml", MANIFEST), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A folder with these files, each of which holds its own path.
fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("it can be made");
        fs::write(path, file).expect("it can be written");
    }
    folder
}

fn id(text: &str) -> ComponentId {
    ComponentId::new(text).expect("it is an id")
}

fn paths(files: &Files) -> Vec<&str> {
    files.iter().map(|(path, _)| path).collect()
}

fn problems(root: &Path, only: &[ComponentId]) -> Vec<String> {
    match read(&app(), root, only) {
        Ok(files) => panic!("it is refused, not read: {:?}", paths(&files)),
        Err(problems) => problems,
    }
}

const ALL: [&str; 8] = [
    "a.wasm",
    "b.wasm",
    "part.wasm",
    "c.wasm",
    "orders/2.sql",
    "orders/1.sql",
    "stock/1.sql",
    "stock/readme.md",
];

#[test]
fn every_missing_file_is_told_at_once() {
    let root = folder(&["stock/1.sql"]);
    let at = |name: &str| root.path().join(name).display().to_string();
    let gone = "No such file or directory (os error 2)";
    assert_eq!(
        problems(root.path(), &[]),
        [
            format!(
                "component `a`: cannot read `{}`: {gone}\n  = hint: its build command did not write it there; check \
                 `source` and `build` in the manifest",
                at("a.wasm")
            ),
            format!("component `a`: cannot read `{}`: {gone}", at("orders/")),
            format!(
                "component `b`: cannot read `{}`: {gone}\n  = hint: it has no build command; check `source` in the \
                 manifest",
                at("b.wasm")
            ),
            format!(
                "component `b`: dependency `acme:other/thing`: cannot read `{}`: {gone}\n  = hint: build the \
                 dependency first, for instance in the same `build.command`",
                at("c.wasm")
            ),
            format!(
                "component `b`: dependency `acme:part/thing`: cannot read `{}`: {gone}\n  = hint: build the dependency \
                 first, for instance in the same `build.command`",
                at("part.wasm")
            ),
        ]
    );
}

#[test]
fn a_missing_openapi_document_is_told() {
    let root = folder(&ALL);
    let mut app = app();
    for (id, component) in &mut app.components {
        component.openapi = (id.as_str() == "a").then(|| "openapi.json".to_owned());
    }
    let told = read(&app, root.path(), &[]).map(|files| files.digests());
    let told = told.expect_err("it is not there");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].ends_with("= hint: check `openapi` in the manifest"),
        "{told:?}"
    );
    fs::write(root.path().join("openapi.json"), "{}").expect("it can be written");
    let files = read(&app, root.path(), &[]).unwrap_or_else(|told| panic!("{told:?}"));
    assert_eq!(
        files.get("openapi.json").map(|it| &it[..]),
        Some(&b"{}"[..])
    );
}

#[test]
fn what_is_no_file_or_too_large_is_refused() {
    let root = folder(&ALL);
    let replace = |name: &str| {
        fs::remove_file(root.path().join(name)).expect("it was there");
        root.path().join(name)
    };
    fs::create_dir(replace("a.wasm")).expect("it can be made");
    let large = File::create(replace("b.wasm")).expect("it can be made");
    large
        .set_len(FILE_BYTES_MAX as u64 + 1)
        .expect("a file can have holes");
    let told = problems(root.path(), &[]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("a.wasm`: it is not a file"), "{told:?}");
    assert!(
        told[1].contains("b.wasm`: it is larger than 256 MiB"),
        "{told:?}"
    );
}

#[test]
fn everything_that_is_named_is_read_by_the_path_that_is_written() {
    let root = folder(&ALL);
    let files = read(&app(), root.path(), &[]).unwrap_or_else(|told| panic!("{told:?}"));
    assert_eq!(
        paths(&files),
        [
            "a.wasm",
            "b.wasm",
            "c.wasm",
            "orders/1.sql",
            "orders/2.sql",
            "part.wasm",
            "stock/1.sql"
        ]
    );
    let content = files.get("orders/2.sql").expect("it was read");
    assert_eq!(&content[..], b"orders/2.sql");
}

#[test]
fn what_serves_our_own_interfaces_is_read_where_it_is_there() {
    let root = folder(&ALL);
    for name in ["adapter.wasm", "d.wasm"] {
        fs::write(root.path().join(name), name).expect("it can be written");
    }
    let files = read(&app(), root.path(), &[]).unwrap_or_else(|told| panic!("{told:?}"));
    assert!(files.get("adapter.wasm").is_some() && files.get("d.wasm").is_some());
}

#[test]
fn only_the_files_of_the_components_that_are_asked_for_are_read() {
    let root = folder(&["b.wasm", "c.wasm"]);
    let files = read(&app(), root.path(), &[id("c")]).unwrap_or_else(|told| panic!("{told:?}"));
    assert_eq!(paths(&files), ["c.wasm"]);
    // Who names a part means it.
    assert_eq!(problems(root.path(), &[id("c"), id("d")]).len(), 1);
    assert_eq!(with_parts(&app(), &[id("b")]), [id("b"), id("c"), id("d")]);
    assert!(with_parts(&app(), &[]).is_empty());
}

#[test]
fn migrations_are_those_of_one_folder() {
    let mut files = Files::default();
    for path in [
        "db/1.sql",
        "db/10.sql",
        "db/old/1.sql",
        "db/a.wasm",
        "dbs/1.sql",
        "1.sql",
    ] {
        files.insert(path, Bytes::new());
    }
    for folder in ["db", "db/"] {
        let names: Vec<&str> = files.below(folder).map(|(name, _)| name).collect();
        assert_eq!(names, ["1.sql", "10.sql"], "{folder}");
    }
}

#[test]
fn a_component_is_made_of_its_files_and_of_its_parts() {
    let root = folder(&ALL);
    let app = app();
    let files = read(&app, root.path(), &[]).unwrap_or_else(|told| panic!("{told:?}"));
    let digests = files.digests();
    let of = |name: &str| {
        let found = of_component(&app, &id(name), &app.components[name], &digests);
        found.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(
        of("a"),
        ["a.wasm", "orders/1.sql", "orders/2.sql", "stock/1.sql"]
    );
    assert_eq!(of("b"), ["b.wasm", "c.wasm", "part.wasm"]);
    assert_eq!(of("d"), [""; 0]);
}

/// The application, whose component `b` mounts files.
fn mounting(files: &str) -> App {
    let manifest = MANIFEST.replace(
        "source = \"b.wasm\"",
        &format!("source = \"b.wasm\"\nfiles = [{files}]"),
    );
    stoa_manifest::parse(&Source::new("spin.toml", manifest), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn files_that_cannot_be_mounted_are_told_with_everything_else() {
    let root = folder(&ALL[1..]);
    let told = read(&mounting("\"../x\", \"gone\""), root.path(), &[]);
    let told = told
        .map(|files| files.digests())
        .expect_err("it is refused");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("component `a`: cannot read"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("component `b`: `../x` in `files`"),
        "{told:?}"
    );
    assert!(
        told[2].starts_with("component `b`: there is no `gone`"),
        "{told:?}"
    );
}

#[test]
fn what_is_mounted_is_read_and_belongs_to_who_mounts_it() {
    let root = folder(&ALL);
    for file in ["assets/x", "assets/.y", "assets/z/z", "other"] {
        fs::create_dir_all(root.path().join("assets/z")).expect("it can be made");
        fs::write(root.path().join(file), file).expect("it can be written");
    }
    let app =
        mounting("\"assets/*\", \"spin.toml\", { source = \"part.wasm\", destination = \"/p\" }");
    fs::write(root.path().join("spin.toml"), "manifest").expect("it can be written");
    let files = read(&app, root.path(), &[]).unwrap_or_else(|told| panic!("{told:?}"));
    assert_eq!(
        files.get("assets/.y").map(|it| &it[..]),
        Some(&b"assets/.y"[..])
    );
    assert!(files.get("assets/z/z").is_none() && files.get("other").is_none());
    let digests = files.digests();
    let of = |name: &str| {
        let found = of_component(&app, &id(name), &app.components[name], &digests);
        found.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(
        of("b"),
        [
            "assets/.y",
            "assets/x",
            "b.wasm",
            "c.wasm",
            "part.wasm",
            "spin.toml"
        ]
    );
    assert!(!of("a").contains(&"assets/x"));
}

#[test]
fn the_text_that_is_signed_stays_the_same() {
    let mut files = Files::default();
    files.insert("b.wasm", Bytes::new());
    files.insert("a.wasm", Bytes::new());
    let bundle = Bundle::new("", Some("größer"), &files);
    assert_eq!(
        String::from_utf8_lossy(&bundle.signed()),
        format!(
            "stoa-bundle-v1\nmanifest {NOTHING}\nprofile 8:größer\nfile {NOTHING} 6:a.wasm\nfile {NOTHING} 6:b.wasm\n"
        )
    );
    assert_eq!(bundle.digest(), Digest::of(&bundle.signed()));
}

#[test]
fn different_bundles_have_different_texts() {
    let file = format!("file {NOTHING} 1:b\n");
    let bundle = |manifest: &str, profile: Option<&str>, paths: &[&str]| {
        let mut files = Files::default();
        for path in paths {
            files.insert(*path, Bytes::new());
        }
        Bundle::new(manifest, profile, &files)
    };
    let bundles = [
        bundle("", None, &[]),
        bundle("x", None, &[]),
        bundle("", Some(""), &[]),
        bundle("", Some("none"), &[]),
        bundle("", None, &["a", "b"]),
        // Paths and profiles that look like the lines after them.
        bundle("", None, &[&format!("a\n{file}")]),
        bundle("", Some(&format!("none\n{file}")), &[]),
        bundle("", None, &["b"]),
    ];
    let texts: BTreeSet<Vec<u8>> = bundles.iter().map(Bundle::signed).collect();
    assert_eq!(texts.len(), bundles.len());
}

#[test]
fn a_signature_does_not_change_what_is_signed() {
    let bundle = Bundle::new("x", None, &Files::default());
    let mut signed = bundle.clone();
    signed.signature = Some(crate::admin::messages::Signature {
        key: "k".into(),
        value: "v".into(),
    });
    assert_eq!(signed.digest(), bundle.digest());
}
