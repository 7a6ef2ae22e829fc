//! The options of `spin up`, `spin build` and `spin watch` by the same names: what is refused, and what it then does.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use stoa_testkit::{Ended, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);

fn manifest(component: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"guest\"\n[component.guest]\n{component}\n"
    )
}

fn serving(name: &str) -> String {
    manifest(&format!("source = \"{}\"", probe(name).display()))
}

/// Two components, each built by a command that leaves a file behind.
fn two() -> String {
    let (source, route) = (
        probe("hello-02"),
        "[[trigger.http]]\nroute = \"/other\"\ncomponent = \"other\"",
    );
    let source = source.display();
    format!(
        "{}\n{route}\n[component.other]\nsource = \"{source}\"\nbuild.command = \"touch other-built\"\n",
        manifest(&format!(
            "source = \"{source}\"\nbuild.command = \"touch guest-built\""
        ))
    )
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    let set = stream.set_read_timeout(Some(CLIENT_MAX));
    set.expect("a timeout can be set");
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("it can be sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

/// It failed with this code and said all of these.
#[track_caller]
fn assert_says(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{}", ended.stderr);
    for part in parts {
        assert!(
            ended.stderr.contains(part),
            "`{part}` is missing in:\n{}",
            ended.stderr
        );
    }
}

/// Waits until this holds.
#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < CLIENT_MAX, "{what} does not come");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Any command, run to its end.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let command = Command::new(STOA)
        .args(arguments)
        .current_dir(folder)
        .output();
    command.expect("the binary can be run")
}

/// A command that serves; killed when dropped.
struct Serving {
    child: Child,
    /// What it printed up to the line that says where it listens, or to the end of a document.
    printed: Vec<String>,
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(STOA)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary can be run");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut printed = Vec::new();
        // It ends by itself if it cannot serve: then there are no more lines.
        for line in output.lines().map_while(Result::ok) {
            let is_last = line.starts_with("listening on ") || line == "}";
            printed.push(line);
            if is_last {
                break;
            }
        }
        Self { child, printed }
    }

    fn address(&self) -> SocketAddr {
        let last = self.printed.last().expect("it printed something");
        let url = last
            .strip_prefix("listening on http://")
            .expect("it listens");
        url.parse().expect("it is an address")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn what_cannot_mean_here_what_it_means_in_spin_is_refused() {
    for arguments in [
        vec!["--direct-mounts"],
        vec!["--cache", "wasmtime.toml"],
        vec!["--disable-cache", "--quiet"],
        vec!["--request-timeout", "5s"],
        vec!["--debug-info"],
        vec!["--temp", "/tmp"],
    ] {
        let ended = Launch::new(STOA, "").arguments(&arguments).fail();
        assert_says(&ended, 64, &[arguments[0], "does not work here", "= hint:"]);
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for arguments in [
        vec!["--quiet", "--follow", "guest"],
        vec!["--build", "--skip-build"],
        vec!["--format", "yaml"],
        vec!["--key-value", "no-value"],
        vec!["--listen", "nowhere"],
    ] {
        let ended = Launch::new(STOA, "").arguments(&arguments).fail();
        assert_eq!(
            ended.status.code(),
            Some(64),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_component_that_is_not_there_is_neither_served_nor_followed() {
    let served = Launch::new(STOA, &serving("hello-02")).arguments(&["-c", "gest"]);
    let parts = ["no component `gest`", "did you mean `guest`?"];
    assert_says(&served.fail(), 64, &parts);
    let followed = Launch::new(STOA, &serving("hello-02")).arguments(&["--follow", "gest"]);
    assert_says(
        &followed.fail(),
        64,
        &["`--follow gest`", "did you mean `guest`?"],
    );
}

#[test]
fn a_host_without_a_place_for_its_state_is_refused() {
    let launch = Launch::new(STOA, &serving("hello-02")).arguments(&["--state-dir", ""]);
    assert_says(&launch.fail(), 64, &["state directory", "= hint:"]);
}

#[test]
fn what_is_put_into_stores_needs_stores() {
    let launch = Launch::new(STOA, &serving("hello-02")).arguments(&[
        "--runtime-config-file",
        "rc.toml",
        "--key-value",
        "a=1",
        "--sqlite",
        "@gone.sql",
    ]);
    let ours = "[keyvalue.other.embedded]\n[sql.default.embedded]\n";
    fs::write(launch.folder().join("rc.toml"), ours).expect("it can be written");
    let parts = ["`--key-value` needs `default`", "cannot read `gone.sql`"];
    assert_says(&launch.fail(), 64, &parts);
}

#[test]
fn stores_of_spin_that_this_host_has_not_are_refused_without_their_secrets() {
    let launch =
        Launch::new(STOA, &serving("hello-02")).arguments(&["--runtime-config-file", "rc.toml"]);
    let spins = "[key_value_store.cart]\ntype = \"redis\"\nurl = \"redis://:hunter2@host\"\n\
                 [sqlite_database.orders]\ntype = \"libsql\"\ntoken = \"hunter2\"\n";
    fs::write(launch.folder().join("rc.toml"), spins).expect("it can be written");
    let ended = launch.fail();
    let parts = [
        "the store `cart`: `redis` is",
        "the database `orders`: `libsql` is",
        "2 mistakes",
    ];
    assert_says(&ended, 64, &parts);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn a_statement_that_fails_keeps_it_from_serving() {
    let launch = Launch::new(STOA, &serving("hello-02"));
    let launch = launch.arguments(&["--sqlite", "INSERT INTO nothing VALUES (1)"]);
    assert_says(
        &launch.fail(),
        1,
        &["cannot run", "in the database `default`"],
    );
}

#[test]
fn memory_is_held_to_what_the_arguments_say() {
    let launch = Launch::new(STOA, &serving("hello-02"));
    let launch = launch.arguments(&["--max-instance-memory", "65536"]);
    assert_says(
        &launch.fail(),
        64,
        &["component `guest`", "its `memory_bytes_max` is 65536"],
    );
}

#[test]
fn mistakes_in_what_up_is_told_come_before_the_build() {
    let launch = Launch::new(STOA, &two());
    let ended = run(launch.folder(), &["build", "--up", "--no-such-option"]);
    assert_eq!(ended.status.code(), Some(64));
    assert!(!launch.folder().join("guest-built").exists());
}

#[test]
fn only_the_components_that_are_named_are_built() {
    let launch = Launch::new(STOA, &two());
    let arguments = ["build", "-c", "other", "--skip-target-checks"];
    let ended = run(launch.folder(), &arguments);
    assert_eq!(ended.status.code(), Some(0));
    assert!(launch.folder().join("other-built").exists());
    assert!(!launch.folder().join("guest-built").exists());
    let ended = run(launch.folder(), &["build", "-c", "nobody"]);
    assert_eq!(ended.status.code(), Some(64));
}

#[test]
fn only_the_components_that_are_named_are_built_and_served() {
    let host = Launch::new(STOA, &two())
        .arguments(&["-c", "other"])
        .start();
    assert!(get(host.address(), "/other").starts_with("HTTP/1.1 200"));
    assert!(get(host.address(), "/").starts_with("HTTP/1.1 404"));
    assert!(!host.folder().join("guest-built").exists());
}

#[test]
fn keys_are_set_at_the_start_whatever_they_had() {
    let component = format!(
        "source = \"{}\"\nkey_value_stores = [\"default\"]",
        probe("keyvalue-02").display()
    );
    let launch = Launch::new(STOA, &manifest(&component));
    let host = launch
        .arguments(&["--key-value", "greeting=a=b", "--key-value", "other=1"])
        .start();
    let read = |address| get(address, "/?api=draft2&op=get&label=default&key=greeting");
    assert!(read(host.address()).contains("a=b"));
    let set = "/?api=draft2&op=set&label=default&key=greeting&value=changed";
    get(host.address(), set);
    assert!(read(host.address()).contains("changed"));
    host.signal("TERM");
    let host = host.restarted();
    assert!(read(host.address()).contains("a=b"));
}

#[test]
fn statements_are_run_at_the_start_in_their_order() {
    let component = format!(
        "source = \"{}\"\nsqlite_databases = [\"default\"]",
        probe("sql-02").display()
    );
    let launch = Launch::new(STOA, &manifest(&component)).arguments(&[
        "--sqlite",
        "CREATE TABLE t (a TEXT)",
        "--sqlite",
        "@seed.sql",
    ]);
    let script =
        "INSERT INTO t VALUES ('one; two');\n-- the end;\nINSERT INTO t VALUES ('three');\n";
    fs::write(launch.folder().join("seed.sql"), script).expect("it can be written");
    let host = launch.start();
    let path = "/?api=spin&op=execute&label=default&sql=SELECT%20a%20FROM%20t";
    let rows = get(host.address(), path);
    assert!(
        rows.contains("one; two") && rows.contains("three"),
        "{rows}"
    );
}

#[test]
fn what_components_print_goes_into_files() {
    let launch = Launch::new(STOA, &serving("behaviour-02")).arguments(&["--log-dir", "printed"]);
    let host = launch.start();
    get(host.address(), "/print");
    for (file, line) in [
        (
            "printed/guest_stdout.txt",
            "the probe prints to standard output\n",
        ),
        (
            "printed/guest_stderr.txt",
            "the probe prints to standard error\n",
        ),
    ] {
        let file = host.folder().join(file);
        let written = || fs::read_to_string(&file).unwrap_or_default() == line;
        eventually(line, written);
    }
}

#[test]
fn whoever_wants_it_quiet_hears_nothing_of_components() {
    let launch = Launch::new(STOA, &serving("behaviour-02")).arguments(&["--shush"]);
    let host = launch.start();
    assert!(get(host.address(), "/print").contains("printed"));
    host.signal("TERM");
    let stderr = host.ended().stderr;
    assert!(!stderr.contains("the probe prints"), "{stderr}");
}

#[test]
fn whoever_follows_a_component_hears_it() {
    let launch = Launch::new(STOA, &serving("behaviour-02")).arguments(&["--follow", "guest"]);
    let host = launch.start();
    get(host.address(), "/print");
    host.logged("the probe prints to standard output");
}

#[test]
fn the_next_free_port_is_taken_where_that_is_asked_for() {
    let launch = Launch::new(STOA, &serving("hello-02"));
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let first = taken.local_addr().expect("it has an address");
    let arguments = ["up", "--listen", &first.to_string(), "--find-free-port"];
    let host = Serving::start(launch.folder(), &arguments);
    let port = host.address().port();
    assert!(port > first.port() && port - first.port() < 10, "{port}");
    assert!(get(host.address(), "/").contains("Hello"));
}

#[test]
fn programs_are_told_in_spins_document_what_is_served() {
    let component = format!(
        "source = \"{}\"\ndescription = \"says hello\"",
        probe("hello-02").display()
    );
    let launch = Launch::new(STOA, &manifest(&component));
    let arguments = ["up", "--listen", "localhost:0", "--format", "json"];
    let host = Serving::start(launch.folder(), &arguments);
    let document: Value = serde_json::from_str(&host.printed.join("\n")).expect("it is JSON");
    let url = document["base_url"].as_str().expect("it is there");
    let address = url.strip_prefix("http://").expect("it is plain HTTP");
    assert!(get(address.parse().expect("it is one"), "/").contains("Hello"));
    let expected = serde_json::json!([
        { "id": "guest", "route": "/", "wildcard": true, "description": "says hello" }
    ]);
    assert_eq!(document["routes"], expected);
}

#[test]
fn instances_are_mapped_one_by_one_where_that_is_asked_for() {
    let launch = Launch::new(STOA, &serving("hello-02"));
    let arguments = [
        "up",
        "--listen",
        "127.0.0.1:0",
        "--disable-pooling",
        "--build",
    ];
    let host = Serving::start(launch.folder(), &arguments);
    let told = host
        .printed
        .iter()
        .any(|line| line.contains("mapped on demand"));
    assert!(told, "{:?}", host.printed);
    assert!(get(host.address(), "/").contains("Hello"));
}

#[test]
fn what_was_built_is_served_and_not_built_again() {
    let source = probe("hello-02").display().to_string();
    let build = format!("cp {source} guest.wasm && echo built >> builds");
    let component = format!("source = \"guest.wasm\"\nbuild.command = \"{build}\"");
    let launch = Launch::new(STOA, &manifest(&component));
    let arguments = ["build", "--up", "--listen", "127.0.0.1:0"];
    let host = Serving::start(launch.folder(), &arguments);
    assert!(get(host.address(), "/").contains("Hello"));
    let builds = fs::read_to_string(launch.folder().join("builds"));
    assert_eq!(builds.expect("it was built"), "built\n");
}

#[test]
fn what_others_build_is_published_while_it_is_watched() {
    let component = "source = \"guest.wasm\"\nbuild.command = \"touch built\"";
    let launch = Launch::new(STOA, &manifest(component));
    let guest = launch.folder().join("guest.wasm");
    fs::copy(probe("hello-02"), &guest).expect("it can be copied");
    let arguments = [
        "watch",
        "--skip-build",
        "--debounce",
        "50",
        "--listen",
        "127.0.0.1:0",
    ];
    let host = Serving::start(launch.folder(), &arguments);
    let address = host.address();
    assert!(get(address, "/").contains("WASI 0.2"));
    let made = launch.folder().join("made.wasm");
    fs::copy(probe("hello-03"), &made).expect("it can be copied");
    fs::rename(&made, &guest).expect("it can be renamed");
    eventually("what was built", || get(address, "/").contains("WASI 0.3"));
    assert!(!launch.folder().join("built").exists());
}
