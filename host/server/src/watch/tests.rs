use std::os::unix::fs::symlink;

use notify::event::{CreateKind, DataChange, Flag};
use stoa_manifest::text::Source;
use tempfile::TempDir;

use super::*;

/// `built` is made from what it watches, `plain` from files of all kinds.
const APP: &str = r#"
spin_manifest_version = 2
[application]
name = "test"
[[trigger.http]]
route = "/built"
component = "built"
[[trigger.http]]
route = "/plain"
component = "plain"
[component.built]
source = "guest/out/built.wasm"
[component.built.build]
command = "true"
workdir = "guest"
watch = ["src/**/*.rs", "./Cargo.toml", "../shared", "out/*"]
[component.plain]
source = "target/plain.wasm"
sqlite_databases = ["default"]
[component.plain.dependencies]
"a:b/c" = { path = "parts/dependency.wasm" }
[component.plain.tool.stoa]
schema = 1
openapi = "openapi.json"
[component.plain.tool.stoa.grants.sql.default]
access = "read-write"
[component.plain.tool.stoa.migrations.default]
folder = "migrations"
"#;

fn app(text: &str) -> App {
    let parsed = stoa_manifest::parse(&Source::new("spin.toml", text), None);
    parsed.unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A folder with an application, and who watches it.
struct Place {
    folder: TempDir,
    watcher: Watcher,
    /// What was seen so far.
    seen: Changed,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for file in [
            "spin.toml",
            "guest/src/lib.rs",
            "shared/lib.rs",
            "shared/state/host.key",
            "migrations/1.sql",
        ] {
            write(&folder.path().join(file), "first");
        }
        fs::create_dir_all(folder.path().join("target")).expect("it can be made");
        let manifest = folder.path().join("spin.toml");
        // The host knows its state by another name.
        let state_dir = folder.path().join("elsewhere");
        symlink("shared/state", &state_dir).expect("it can be made");
        let watcher = Watcher::start(&manifest, folder.path(), &state_dir, &app(APP));
        let watcher = watcher.expect("it starts");
        let seen = Changed::default();
        Self {
            folder,
            watcher,
            seen,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str) {
        write(&self.path(path), "more");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("it can be renamed");
    }

    /// The next change; the bound is for what never comes.
    async fn changed(&mut self) -> Changed {
        let changed = timeout(Duration::from_secs(60), self.watcher.changed()).await;
        changed.expect("it is seen").expect("it is watched")
    }

    async fn sees(&mut self, component: &str) {
        self.sees_all(of(&[component])).await;
    }

    /// Waits until this has changed, and no more. On a machine that is busy, what was seen before may be told again: the
    /// end of a save may come late.
    async fn sees_all(&mut self, expected: Changed) {
        let known = &self.seen.components | &expected.components;
        let may_be_manifest = self.seen.manifest || expected.manifest;
        loop {
            let changed = self.changed().await;
            let is_known = changed.components.is_subset(&known);
            assert!(is_known, "{changed:?} instead of {expected:?}");
            assert!(may_be_manifest || !changed.manifest, "the manifest, too");
            let is_seen = changed.components.is_superset(&expected.components)
                && (changed.manifest || !expected.manifest);
            self.seen.components.extend(changed.components);
            self.seen.manifest |= changed.manifest;
            if is_seen {
                return;
            }
        }
    }
}

fn write(path: &Path, text: &str) {
    let folder = path.parent().expect("it is in a folder");
    fs::create_dir_all(folder).expect("it can be made");
    fs::write(path, text).expect("it can be written");
}

fn id(id: &str) -> ComponentId {
    ComponentId::new(id).expect("it is an id")
}

fn of(components: &[&str]) -> Changed {
    Changed {
        manifest: false,
        components: components.iter().copied().map(id).collect(),
    }
}

#[test]
fn a_pattern_that_is_none_is_told() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let text = APP.replace("out/*", "out/[a");
    let manifest = folder.path().join("spin.toml");
    let refused = Watcher::start(&manifest, folder.path(), folder.path(), &app(&text)).err();
    let refused = refused.expect("it is refused").to_string();
    for part in ["component `built`", "`out/[a`", "`build.watch`"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn what_a_pattern_of_files_stands_for_is_seen() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let source = "source = \"target/plain.wasm\"";
    let files = format!("{source}\nfiles = [\"assets/{{a/*\", \"odd[1]\", \"www/*.css\"]");
    let app = app(&APP.replace(source, &files));
    write(&folder.path().join("odd[1]"), "first");
    let manifest = folder.path().join("spin.toml");
    let state_dir = folder.path().join("state");
    let targets = Targets::of(&manifest, folder.path(), &state_dir, &app);
    let targets = targets.unwrap_or_else(|error| panic!("{error:#}"));
    for (path, is_seen) in [
        ("odd1", false),
        ("www/b.js", false),
        ("odd[1]", true),
        ("www/b.css", true),
        ("assets/{a/b", true),
    ] {
        let path = folder.path().join(path);
        let mut concerned = targets.concerned(&path, false);
        assert_eq!(concerned.any(|it| *it == id("plain")), is_seen, "{path:?}");
    }
}

#[test]
fn the_hosts_state_is_not_watched_whatever_leads_to_it() {
    let (folder, elsewhere) = (tempfile::tempdir(), tempfile::tempdir());
    let (folder, elsewhere) = (folder.expect("it is made"), elsewhere.expect("it is made"));
    let real = |folder: &TempDir| folder.path().canonicalize().expect("it is there");
    let (root, elsewhere) = (real(&folder), real(&elsewhere));
    let state_dir = elsewhere.join("held");
    write(&state_dir.join("deep/db"), "first");
    write(&elsewhere.join("deep/lib.rs"), "first");
    symlink(&elsewhere, root.join("shared")).expect("it can be made");
    let text = APP.replace("out/*", "../shared/held/deep/*");
    let targets = Targets::of(&root.join("spin.toml"), &root, &state_dir, &app(&text));
    let targets = targets.unwrap_or_else(|error| panic!("{error:#}"));
    for (path, is_seen) in [
        ("shared/held", false),
        ("shared/held/lock", false),
        ("shared/held/deep/db", false),
        ("shared/deep/lib.rs", true),
        ("shared/held.rs", true),
    ] {
        let path = root.join(path);
        let mut concerned = targets.concerned(&path, false);
        assert_eq!(concerned.any(|it| *it == id("built")), is_seen, "{path:?}");
    }
    assert!(!targets.may_hold(&root.join("shared/held/deep")));
    let folders = targets.folders().expect("there are few");
    assert!(folders.contains(&root.join("shared/deep")));
    let is_state = |folder: &PathBuf| folder.starts_with(root.join("shared/held"));
    assert!(!folders.iter().any(is_state), "{folders:?}");
}

#[test]
fn an_application_within_the_hosts_state_is_watched() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let root = folder.path().join("app");
    let targets = Targets::of(&root.join("spin.toml"), &root, folder.path(), &app(APP));
    let targets = targets.unwrap_or_else(|error| panic!("{error:#}"));
    let path = root.join("openapi.json");
    let mut concerned = targets.concerned(&path, false);
    assert!(concerned.any(|it| *it == id("plain")));
}

/// They are written first, so that they would be seen with what comes after.
#[tokio::test]
async fn what_builds_and_editors_write_is_no_change() {
    let mut place = Place::new();
    for path in [
        "guest/out/built.wasm",
        "guest/src/target/lib.rs",
        "guest/src/.lib.rs.swp",
        "guest/src/notes.txt",
        "guest/other.toml",
        "shared/.stoa/lib.rs",
        "shared/.git/index",
        "target/other.wasm",
        "migrations/notes.txt",
        ".stoa/host.key",
        "shared/state/host.key",
        "shared/state/sql/new.db",
    ] {
        place.write(path);
    }
    place.write("openapi.json");
    place.sees("plain").await;
    // Nothing of that is left for the next time.
    place.write("guest/Cargo.toml");
    place.sees("built").await;
}

#[tokio::test]
async fn reading_is_no_change() {
    let mut place = Place::new();
    fs::read(place.path("guest/src/lib.rs")).expect("it can be read");
    fs::read_dir(place.path("shared"))
        .expect("it can be read")
        .for_each(drop);
    place.write("openapi.json");
    place.sees("plain").await;
}

#[tokio::test]
async fn every_file_that_a_component_is_made_from_is_seen() {
    let mut place = Place::new();
    for path in [
        "guest/src/lib.rs",
        "guest/Cargo.toml",
        "shared/lib.rs",
        "guest/out/b.txt",
    ] {
        place.write(path);
        place.sees("built").await;
    }
    for path in [
        "target/plain.wasm",
        "parts/dependency.wasm",
        "openapi.json",
        "migrations/2.sql",
    ] {
        place.write(path);
        place.sees("plain").await;
    }
    fs::remove_file(place.path("shared/lib.rs")).expect("it can be removed");
    place.sees("built").await;
}

#[tokio::test]
async fn what_an_editor_renames_over_a_file_is_seen() {
    let mut place = Place::new();
    place.write("guest/src/lib.rs~");
    place.rename("guest/src/lib.rs~", "guest/src/lib.rs");
    place.sees("built").await;
    place.write(".spin.toml.new");
    place.rename(".spin.toml.new", "spin.toml");
    let manifest = Changed {
        manifest: true,
        ..Changed::default()
    };
    place.sees_all(manifest.clone()).await;
    // A second time: it is another file by now.
    place.write("spin.toml");
    place.sees_all(manifest).await;
}

#[tokio::test]
async fn folders_that_come_are_looked_at_and_watched() {
    let mut place = Place::new();
    place.write("aside/deep/er/new.rs");
    place.rename("aside", "guest/src/aside");
    place.sees("built").await;
    place.write("guest/src/aside/deep/er/new.rs");
    place.sees("built").await;
}

/// As a checkout of another branch and back.
#[tokio::test]
async fn folders_that_are_replaced_are_watched_again() {
    let mut place = Place::new();
    place.rename("guest/src", "guest/old");
    place.sees("built").await;
    place.write("guest/src/lib.rs");
    place.sees("built").await;
    place.write("guest/src/lib.rs");
    place.sees("built").await;
    fs::remove_dir_all(place.path("guest")).expect("it can be removed");
    place.sees("built").await;
    place.write("guest/src/lib.rs");
    place.sees("built").await;
    place.write("guest/src/lib.rs");
    place.sees("built").await;
}

#[tokio::test]
async fn what_changes_during_a_build_is_seen_after_it() {
    let mut place = Place::new();
    place.write("guest/src/lib.rs");
    place.sees("built").await;
    // Somebody builds, and waits for nothing.
    place.write("openapi.json");
    place.sees("plain").await;
    // And who gave up waiting has lost nothing.
    place.write("guest/src/lib.rs");
    let heard = async {
        while lock(&place.watcher.state).is_quiet() {
            tokio::task::yield_now().await;
        }
    };
    let heard = timeout(Duration::from_secs(60), heard).await;
    heard.expect("it is seen");
    drop(timeout(Duration::ZERO, place.watcher.changed()).await);
    place.sees("built").await;
}

#[tokio::test]
async fn a_burst_is_one_change() {
    let mut place = Place::new();
    let (ring, bell) = mpsc::channel(1);
    place.watcher.bell = bell;
    let root = place.watcher.root.clone();
    for number in 0..10_000 {
        let kind = match number % 2 {
            0 => EventKind::Create(CreateKind::File),
            _ => EventKind::Modify(ModifyKind::Data(DataChange::Any)),
        };
        let file = ["guest/src/lib.rs", "openapi.json"][number % 2];
        let event = Event::new(kind).add_path(root.join(file));
        take(&place.watcher.state, &ring, Ok(event));
    }
    assert_eq!(place.changed().await, of(&["built", "plain"]));
    assert!(lock(&place.watcher.state).is_quiet());
    // Who lost count asks for everything.
    let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    take(&place.watcher.state, &ring, Ok(lost));
    let all = Changed {
        manifest: true,
        ..of(&["built", "plain"])
    };
    assert_eq!(place.changed().await, all);
    drop(ring);
    assert_eq!(place.watcher.changed().await, None);
}

#[tokio::test]
async fn another_manifest_means_other_files() {
    let mut place = Place::new();
    let text = APP.replace("openapi.json", "described.json");
    let text = text.replace("../shared", "../common/**/*.rs");
    place.watcher.retarget(&app(&text)).expect("it is good");
    place.write("openapi.json");
    place.write("shared/lib.rs");
    place.write("described.json");
    place.sees("plain").await;
    place.write("common/deep/lib.rs");
    place.sees("built").await;
}
