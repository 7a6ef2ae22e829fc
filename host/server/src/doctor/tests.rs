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
fn tools_that_are_not_installed_are_told() {
    let project = Project::new("build.command = \"no-such-tool build\"");
    project.assert_found(&[
        "warning[not-built] 8: `a.wasm` is not built yet",
        "error[program] 9: the build command starts `no-such-tool`, which is not installed",
    ]);
}

#[test]
fn a_folder_to_build_in_that_is_not_there_is_told() {
    let project = Project::new("build = { command = \"no-such-tool\", workdir = \"gone\" }");
    project.assert_found(&[
        "warning[not-built] 8: `a.wasm` is not built yet",
        "error[workdir] 9: `gone`, where the build command is to run, is no folder",
    ]);
}

#[test]
fn packages_of_npm_that_are_not_installed_are_told() {
    let project = Project::new("build.command = \"npm run build\"").with("package.json", b"{}");
    let lines = project.examined().lines();
    let expected = "warning[node-modules] 9: the packages of `./package.json` are not installed";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");
}

#[test]
fn packages_that_a_command_installs_are_not_missed() {
    let install = "build.command = [\"npm install\", \"npm run build\"]";
    let project = Project::new(install).with("package.json", b"{}");
    let lines = project.examined().lines();
    let is_missed = |line: &String| line.contains("[node-modules]");
    assert!(!lines.iter().any(is_missed), "{lines:?}");
}

#[test]
fn code_that_nobody_builds_must_be_there() {
    Project::new("")
        .assert_found(&["error[source] 8: there is no `a.wasm`, and nothing says how to build it"]);
}

#[test]
fn code_that_is_older_than_its_sources_is_told() {
    let project = Project::new("build = { command = \"true\", watch = [\"**/*.rs\"] }")
        .importing(&[ERRORS])
        .with("lib.rs", b"")
        .saved("a.wasm", Duration::from_secs(100));
    project.assert_found(&["warning[stale] 8: `lib.rs` was saved after `a.wasm` was built"]);
    let project = project.saved("lib.rs", Duration::from_secs(200));
    project.assert_found(&[]);
}

#[test]
fn code_of_which_nobody_says_what_it_is_built_from_is_told() {
    let project = Project::new("build.command = \"true\"").importing(&[ERRORS]);
    project
        .assert_found(&["note[unwatched] 9: nothing says which files the component is built from"]);
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
fn what_is_no_component_is_told() {
    for (bytes, expected) in [
        (
            &b"\0asm\x01\0\0\0"[..],
            "error[code] 8: it is a core module",
        ),
        (
            b"no code at all",
            "error[code] 8: it is not a valid component",
        ),
    ] {
        let lines = Project::new("").with("a.wasm", bytes).examined().lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(expected), "{lines:?}");
    }
}

#[test]
fn imports_that_nobody_provides_are_told() {
    let project = Project::new("").importing(&["acme:billing/ledger@1.0.0", ERRORS]);
    project.assert_found(&[
        "error[import] 8: the code imports `acme:billing/ledger@1.0.0`, which this host does not provide",
    ]);
    let text = project.examined().text();
    assert!(
        text.contains("= hint: remove the import, or provide it"),
        "{text}"
    );
}

#[test]
fn the_nearest_that_is_provided_is_told() {
    let project = Project::new("").importing(&["wasi:http/outgoing-handler@0.4.0"]);
    let text = project.examined().text();
    assert!(
        text.contains("this host provides `wasi:http/outgoing-handler@0.2"),
        "{text}"
    );
}

#[test]
fn code_that_no_trigger_can_call_is_told() {
    let wasm = component(&[ERRORS], &["wasi:cli/run@0.2.6"]);
    let lines = Project::new("").with("a.wasm", &wasm).examined().lines();
    let [line] = &*lines else {
        panic!("one thing is told: {lines:?}");
    };
    assert!(
        line.starts_with("error[export] 8: it exports nothing that an HTTP trigger calls"),
        "{line}"
    );
}

#[test]
fn dependencies_that_are_not_there_are_told() {
    let more = "[component.a.dependencies]\n\"acme:thing\" = { path = \"part.wasm\" }";
    let project = Project::new(more).importing(&[ERRORS]);
    project.assert_found(&[
        "error[dependency] 10: component `a`: dependency `acme:thing`: cannot read `part.wasm`: it is not among the files",
    ]);
}

#[test]
fn what_would_have_to_be_fetched_is_not_looked_at() {
    let digest = "0".repeat(64);
    let more = format!(
        "[component.a.dependencies]\n\"acme:thing\" = {{ url = \"http://127.0.0.1:1/x\", digest = \"sha256:{digest}\" }}"
    );
    let project = Project::new(&more).importing(&[ERRORS]);
    project.assert_found(&[
        "note[remote] 10: the dependency `acme:thing` comes from the network, so the whole was not looked at",
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
fn labels_that_stand_for_nothing_are_told() {
    let project = Project::new("key_value_stores = [\"other\"]").importing(&[ERRORS]);
    project.assert_found(&[
        "error[label] 9: nothing is configured under the label `other` of `keyvalue`",
        "note[unused-grant] 9: the component is granted `keyvalue.other`, and its code cannot use it",
    ]);
}

#[test]
fn what_a_dependency_inherits_is_not_called_unused() {
    let adapter = "key_value_stores = [\"default\"]\n[component.a.dependencies]\n\
                   \"stoa:x\" = { path = \"x.wasm\", inherit_configuration = [\"key_value_stores\"] }";
    let told = |project: Project| {
        let found = project.importing(&[ERRORS]).examined().lines();
        found.iter().any(|it| it.contains("unused-grant"))
    };
    assert!(told(Project::new("key_value_stores = [\"default\"]")));
    assert!(!told(Project::new(adapter)));
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
fn models_that_nobody_runs_are_told() {
    let project = Project::new("ai_models = [\"llama2-chat\"]").importing(&[ERRORS]);
    project.assert_found(&[
        "warning[models] 9: nobody runs language models for this host, so that every call of one fails",
    ]);
}

#[test]
fn an_interface_that_nothing_is_granted_for_is_told() {
    let project = Project::new("").importing(&["spin:key-value/key-value@3.0.0"]);
    project.assert_found(&[
        "note[no-grant] 7: the code imports `spin:key-value/key-value@3.0.0`, and is granted nothing that it could use by that",
    ]);
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
fn hosts_in_the_old_field_are_told() {
    let project = Project::new("allowed_http_hosts = [\"example.com\"]");
    project
        .importing(&["wasi:http/outgoing-handler@0.2.6"])
        .assert_found(&["warning[manifest] 9: `allowed_http_hosts` is deprecated"]);
}

#[test]
fn code_that_may_connect_to_no_host_is_told() {
    let project = Project::new("").importing(&["wasi:http/outgoing-handler@0.2.6"]);
    project.assert_found(&[
        "note[no-host] 7: the code imports `wasi:http/outgoing-handler@0.2.6`, and may connect to no host by that",
    ]);
}

#[test]
fn hosts_that_no_code_connects_to_are_told() {
    let hosts = "allowed_outbound_hosts = [\"https://example.com\"]";
    let project = Project::new(hosts).importing(&[ERRORS]);
    project.assert_found(&[
        "note[unused-host] 9: the component may connect to `https://example.com`, and its code imports nothing that connects",
    ]);
}

#[test]
fn calls_of_a_component_that_is_not_there_are_told() {
    let hosts = "allowed_outbound_hosts = [\"http://gone.spin.internal\"]";
    let project = Project::new(hosts).importing(&["wasi:http/outgoing-handler@0.2.6"]);
    project.assert_found(&[
        "warning[no-component] 9: `http://gone.spin.internal` allows calls of the component `gone`, which is not there",
    ]);
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
fn grants_that_spin_does_not_hold_are_told() {
    let more = "key_value_stores = [\"default\"]\n[component.a.tool.stoa]\nschema = 1\n\
                [component.a.tool.stoa.grants.keyvalue.default]\naccess = \"read\"";
    let project = Project::new(more).importing(&["spin:key-value/key-value@3.0.0"]);
    project.assert_found(&[
        "note[spin-grant] 12: under Spin nothing bounds what the component does with `keyvalue.default`",
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
