//! What is told of small projects: of manifests and configurations here, of larger subjects in modules.

mod building;
mod code;
mod grants;

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;

/// Lines 1 to 8 of every manifest here.
const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\n\
                    route = \"/...\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n";
const HANDLER: &str = "wasi:http/incoming-handler@0.2.6";
/// An import that gives nothing.
const ERRORS: &str = "wasi:io/error@0.2.6";

fn name(name: &str) -> Vec<u8> {
    let mut encoded = vec![0, u8::try_from(name.len()).expect("it is short")];
    encoded.extend(name.as_bytes());
    encoded
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut section = vec![id, u8::try_from(content.len()).expect("it is short")];
    section.extend(content);
    section
}

/// A component that imports these interfaces, each with a function `f`, and exports the first of them by other names.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let count = |list: &[&str]| u8::try_from(list.len()).expect("there are few");
    let interface = [
        1, 0x42, 2, 0x01, 0x40, 0, 0x01, 0x00, 0x04, 0x00, 1, b'f', 0x01, 0x00,
    ];
    let mut imported = vec![count(imports)];
    for import in imports {
        imported.extend(name(import));
        imported.extend([5, 0]);
    }
    let mut exported = vec![count(exports)];
    for export in exports {
        exported.extend(name(export));
        exported.extend([5, 0, 0]);
    }
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    wasm.extend(section(7, &interface));
    wasm.extend(section(10, &imported));
    wasm.extend(section(11, &exported));
    wasm
}

/// A folder with an application, and what is around it.
struct Project {
    folder: TempDir,
    manifest: String,
    configuration: String,
    path: &'static str,
}

impl Project {
    /// Its manifest is [`HEAD`] and these lines.
    fn new(more: &str) -> Self {
        Self::of(format!("{HEAD}{more}\n"))
    }

    fn of(manifest: String) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
            manifest,
            configuration: "[keyvalue.default.embedded]\n[sql.default.embedded]\n".into(),
            path: "/nowhere",
        }
    }

    fn with(self, file: &str, bytes: &[u8]) -> Self {
        let path = self.folder.path().join(file);
        fs::write(path, bytes).expect("it can be written");
        self
    }

    /// With code that imports these interfaces and serves HTTP.
    fn importing(self, imports: &[&str]) -> Self {
        self.with("a.wasm", &component(imports, &[HANDLER]))
    }

    fn saved(self, file: &str, ago: Duration) -> Self {
        let opened = File::options()
            .write(true)
            .open(self.folder.path().join(file));
        let saved = SystemTime::now() - ago;
        let set = opened.and_then(|file| file.set_modified(saved));
        set.expect("its time can be set");
        self
    }

    fn examined(&self) -> Report {
        let visit = Visit {
            manifest: Source::new("spin.toml", &*self.manifest),
            root: self.folder.path(),
            profile: None,
            configuration: Source::new("runtime.toml", &*self.configuration),
            variables: &[],
            environment: Environment::new(Vec::<(OsString, OsString)>::new()),
            path: Some(self.path.into()),
        };
        let executor = tokio::runtime::Builder::new_current_thread().build();
        executor.expect("it starts").block_on(examine(visit))
    }

    #[track_caller]
    fn assert_found(&self, expected: &[&str]) {
        assert_eq!(self.examined().lines(), expected);
    }
}

#[test]
fn mistakes_in_the_manifest_are_all_told() {
    let manifest = HEAD.replace("name = ", "nam = ");
    Project::of(manifest).assert_found(&[
        "error[manifest] 2: missing field `name` in `[application]`",
        "error[manifest] 3: unknown field `nam` in `[application]`",
    ]);
}

#[test]
fn warnings_of_the_manifest_have_their_lines() {
    let more = "[component.forgotten]\nsource = \"a.wasm\"";
    let project = Project::new(more).importing(&[ERRORS]);
    let lines = project.examined().lines();
    let expected = "warning[manifest] 9: component `forgotten` is used by no trigger and by no other component";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");
}

#[test]
fn a_manifest_of_version_1_is_told_step_by_step() {
    let manifest = "spin_manifest_version = \"1\"\nname = \"old\"\ntrigger = { type = \"http\", base = \"/api\" }\n\
                    [[component]]\nid = \"a\"\nsource = \"a.wasm\"\nallowed_http_hosts = [\"example.com\"]\n\
                    [component.trigger]\nroute = \"/...\"\n[component.config]\nkey = \"value\"\n";
    Project::of(manifest.into()).assert_found(&[
        "note[version-1] 1: `spin_manifest_version` says that this is a manifest of version 1",
        "error[manifest] 1: manifest version `1` is not supported",
        "note[version-1] 2: `name` describes the application",
        "note[version-1] 3: in version 2 every trigger is a table of its own",
        "note[version-1] 3: all routes begin with `/api`",
        "note[version-1] 4: the component `a` is an item of a list",
        "note[version-1] 7: `allowed_http_hosts` of `a` is deprecated",
        "note[version-1] 8: the trigger of `a` stands inside of it",
        "note[version-1] 10: `config` of `a` is called `variables`",
    ]);
}

#[test]
fn a_version_1_that_is_a_number_is_one_as_well() {
    let manifest = "spin_manifest_version = 1\nname = \"old\"\n";
    Project::of(manifest.into()).assert_found(&[
        "note[version-1] 1: `spin_manifest_version` says that this is a manifest of version 1",
        "error[manifest] 1: manifest version `1` is not supported",
        "note[version-1] 2: `name` describes the application",
    ]);
}

#[test]
fn what_this_version_cannot_serve_is_told() {
    let more = "[[trigger.cron]]\ncomponent = \"a\"";
    let project = Project::new(more).importing(&[ERRORS]);
    project.assert_found(&[
        "error[unsupported] -: there is a trigger of kind `cron`, which this version of Stoa does not support yet",
    ]);
}

#[test]
fn files_that_the_manifest_names_must_be_there() {
    let more = "sqlite_databases = [\"default\"]\n[component.a.tool.stoa]\nschema = 1\nopenapi = \"gone.json\"\n\
                [component.a.tool.stoa.migrations.default]\nfolder = \"gone\"\n\
                [application.tool.stoa]\nschema = 1\n[application.tool.stoa.seeds.first]\nfile = \"gone.csv\"\npath = \"/\"";
    let project = Project::new(more).importing(&["spin:sqlite/sqlite@3.0.0"]);
    project.assert_found(&[
        "error[openapi] 12: there is no `gone.json`, which `openapi` names",
        "note[spin-migrations] 13: Spin does not apply the migrations of `default`",
        "error[migrations] 14: there is no folder `gone`, where the migrations should be",
        "error[seed] 18: there is no `gone.csv`, which the seed `first` names",
    ]);
}

#[test]
fn paths_that_the_host_answers_itself_are_told() {
    let manifest = HEAD.replace("\"/...\"", "\"/.well-known/stoa/blobs/...\"");
    Project::of(manifest).importing(&[ERRORS]).assert_found(&[
        "warning[route] 5: no request reaches the route `/.well-known/stoa/blobs/...`: the host answers its paths itself",
    ]);
}

#[test]
fn a_component_that_nobody_may_call_is_told() {
    let manifest = HEAD.replace("\"/...\"", "{ private = true }");
    let project = Project::of(manifest.clone()).importing(&[ERRORS]);
    project.assert_found(&[
        "warning[private-route] 5: `a` has private routes alone, and no component may call it",
    ]);
    let hosts = "allowed_outbound_hosts = [\"http://a.spin.internal\"]\n";
    let project = Project::of(format!("{manifest}{hosts}"));
    project
        .importing(&["wasi:http/outgoing-handler@0.2.6"])
        .assert_found(&[]);
}

#[test]
fn mistakes_in_the_runtime_configuration_are_told() {
    let mut project = Project::new("").importing(&[ERRORS]);
    project.configuration = "[gateway]\nport = 1\n".into();
    project.assert_found(&["error[configuration] 2: unknown field `port` in `[gateway]`"]);
    let text = project.examined().text();
    assert!(text.contains("--> runtime.toml:2:1"), "{text}");
}

#[test]
fn variables_without_a_value_or_a_use_are_told() {
    let more = "[variables]\ntoken = { required = true }\nunused = { default = \"x\" }\n\
                [component.a.variables]\nt = \"{{ token }}\"";
    let project = Project::new(more).importing(&[ERRORS]);
    project.assert_found(&[
        "warning[variable] 10: the variable `token` is required, and nothing gives it a value here",
        "note[unused-variable] 11: the variable `unused` is used nowhere",
    ]);
    let project = project.with(".env", b"SPIN_VARIABLE_TOKEN=hunter2\n");
    project.assert_found(&["note[unused-variable] 11: the variable `unused` is used nowhere"]);
    assert!(!project.examined().text().contains("hunter2"));
}

#[test]
fn files_that_are_not_there_are_told() {
    let project = Project::new("files = [\"gone/*.txt\", \"gone.txt\"]").importing(&[ERRORS]);
    project.assert_found(&[
        "warning[no-file] 9: `gone/*.txt` in `files` matches no file",
        "error[files] 9: there is no `gone.txt`, which `files` names",
    ]);
}

#[test]
fn what_spin_does_not_provide_is_told() {
    let import = "stoa:documents/read@0.1.0";
    let project = Project::new("").importing(&[import]);
    let granted = "note[no-grant] 7: the code imports `stoa:documents/read@0.1.0`, and is granted nothing that it could use by that";
    project.assert_found(&[
        granted,
        "note[spin-import] 7: Spin does not run it: the code imports `stoa:documents`, which Spin does not provide",
    ]);
    let project = Project::new("targets = [\"spin-up:4.1\"]").importing(&[import]);
    project.assert_found(&[
        "warning[spin-import] 7: Spin does not run it: the code imports `stoa:documents`, which Spin does not provide",
        granted,
    ]);
}

#[test]
fn of_a_good_application_nothing_is_told() {
    let project = Project::new("").importing(&[ERRORS]);
    project.assert_found(&[]);
    assert_eq!(project.examined().text(), "nothing to change in spin.toml");
}

#[test]
fn findings_are_shown_with_their_lines() {
    let project = Project::new("key_value_stores = [\"other\"]");
    let project = project.importing(&["spin:key-value/key-value@3.0.0"]);
    let expected = "error[label]: nothing is configured under the label `other` of `keyvalue`\n \
                    --> spin.toml:9:21\n  |\n\
                    9 | key_value_stores = [\"other\"]\n  |                     ^^^^^^^\n  \
                    = hint: add `[keyvalue.other.embedded]` to the runtime configuration (it has: `default`)\n\n\
                    1 error in spin.toml";
    assert_eq!(project.examined().text(), expected);
}

#[test]
fn programs_get_every_finding_with_its_place() {
    let project = Project::new("key_value_stores = [\"other\"]").importing(&[ERRORS]);
    let json = project.examined().json().expect("it can be told");
    let document: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(document["manifest"], "spin.toml");
    assert_eq!(document["errors"], 1);
    assert_eq!(document["notes"], 1);
    let first = &document["findings"][0];
    assert_eq!(first["severity"], "error");
    assert_eq!(first["code"], "label");
    assert_eq!(first["component"], "a");
    assert_eq!(first["file"], "spin.toml");
    assert_eq!(first["line"], 9);
    assert_eq!(first["column"], 21);
    assert!(
        first["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("[keyvalue.other.embedded]"))
    );
}
