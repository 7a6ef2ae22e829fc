//! `stoa up` as a user runs it: what it refuses, and how it ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stoa_testkit::{Ended, Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);
/// A start takes at most so long; a bound for broken runs, too.
const START_MAX: Duration = Duration::from_secs(120);

fn manifest(component: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"guest\"\n[component.guest]\n{component}\n"
    )
}

fn serving(name: &str) -> String {
    manifest(&format!("source = \"{}\"", probe(name).display()))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it accepts");
    stream
        .set_read_timeout(Some(CLIENT_MAX))
        .expect("a timeout can be set");
    stream
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = connect(address);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    )
    .expect("it can be sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

/// A program that runs the binary under a limit.
fn script(launch: &Launch, limit: &str) -> String {
    let path = launch.folder().join("limited");
    program(&path, &format!("{limit}\nexec {STOA} \"$@\""));
    path.display().to_string()
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/bash\n{text}\n")).expect("it can be written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("it can be made a program");
}

/// It failed with this code and said all of these.
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

#[test]
fn a_bad_manifest_is_told_with_all_its_mistakes() {
    let ended = Launch::new(
        STOA,
        "spin_manifest_version = 2\n[application]\nnam = \"x\"\n[[trigger.http]]\nroute = 5\n",
    )
    .fail();
    assert_says(
        &ended,
        64,
        &[
            "unknown field `nam`",
            "did you mean `name`?",
            "spin.toml:5:9",
            "mistakes in spin.toml",
        ],
    );
}

#[test]
fn a_missing_manifest_is_told() {
    let launch = Launch::new(STOA, "").arguments(&["--from", "nowhere.toml"]);
    assert_says(&launch.fail(), 64, &["cannot read `nowhere.toml`"]);
}

#[test]
fn a_missing_wasm_file_is_told() {
    let ended = Launch::new(STOA, &manifest("source = \"gone.wasm\"")).fail();
    assert_says(
        &ended,
        64,
        &[
            "component `guest`: cannot read `./gone.wasm`",
            "= hint: it has no build command",
        ],
    );
}

#[test]
fn a_corrupt_wasm_file_is_told() {
    let launch = Launch::new(STOA, &manifest("source = \"bad.wasm\""));
    std::fs::write(launch.folder().join("bad.wasm"), "no wasm").expect("it can be written");
    assert_says(
        &launch.fail(),
        64,
        &[
            "component `guest`",
            "is not a valid component",
            "= hint: build it for `wasm32-wasip2`",
        ],
    );
}

#[test]
fn an_unknown_label_is_told() {
    let component = format!(
        "source = \"{}\"\nkey_value_stores = [\"nobody\"]",
        probe("hello-02").display()
    );
    let ended = Launch::new(STOA, &manifest(&component)).fail();
    assert_says(
        &ended,
        64,
        &[
            "nothing is configured under that label",
            "[keyvalue.nobody.embedded]",
            "`default`",
        ],
    );
}

#[test]
fn a_bad_runtime_configuration_is_told() {
    let launch =
        Launch::new(STOA, &serving("hello-02")).arguments(&["--runtime-config-file", "rc.toml"]);
    std::fs::write(
        launch.folder().join("rc.toml"),
        "[gateway]\nlisten = \"x\"\nport = 1\n",
    )
    .expect("it can be written");
    assert_says(
        &launch.fail(),
        64,
        &["rc.toml:2:10", "unknown field `port`", "2 mistakes"],
    );
}

#[test]
fn what_this_version_cannot_do_is_refused_not_ignored() {
    let component = format!("source = \"{}\"", probe("hello-02").display());
    let manifest = manifest(&component) + "[[trigger.cron]]\ncomponent = \"guest\"\n";
    let ended = Launch::new(STOA, &manifest).fail();
    assert_says(
        &ended,
        64,
        &["a trigger of kind `cron`", "does not support yet"],
    );
}

#[test]
fn a_port_in_use_is_told_before_anything_is_built() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has an address").to_string();
    let component = "source = \"x.wasm\"\nbuild.command = \"touch built\"";
    let launch = Launch::new(STOA, &manifest(component)).arguments(&["--listen", &address]);
    assert_says(
        &launch.fail(),
        64,
        &["is in use", "choose another with `--listen`"],
    );
    assert!(!launch.folder().join("built").exists());
}

#[test]
fn a_failing_build_is_told() {
    let ended = Launch::new(
        STOA,
        &manifest("source = \"x.wasm\"\nbuild.command = \"exit 3\""),
    )
    .fail();
    assert_says(
        &ended,
        1,
        &["the build command of `guest` failed", "`exit 3`"],
    );
}

#[test]
fn a_target_that_cannot_be_added_is_a_warning() {
    let wasm = probe("hello-02").display().to_string();
    let build = format!("echo cargo --target wasm32-wasip2 && cp {wasm} guest.wasm");
    let component = format!("source = \"guest.wasm\"\nbuild.command = \"{build}\"");
    let launch = Launch::new(STOA, &manifest(&component));
    // A rustup that has no target and gets none.
    let rustup = launch.folder().join("rustup");
    program(&rustup, "[ \"$2\" = list ]");
    let path = std::env::var("PATH").expect("there is a path");
    let path = format!("{}:{path}", launch.folder().display());
    let host = launch.environment("PATH", &path).start();
    host.logged("warning: the Rust target `wasm32-wasip2` is missing and could not be added");
    assert!(get(host.address(), "/").contains("Hello"));
}

#[test]
fn warnings_are_told_before_the_build_however_quiet() {
    let component = "source = \"x.wasm\"\nbuild.command = \"exit 3\"\n[component.forgotten]\nsource = \"x.wasm\"";
    let launch =
        Launch::new(STOA, &manifest(component)).arguments(&["--quiet", "--listen", "127.0.0.1:0"]);
    let ended = launch.fail();
    assert_says(&ended, 1, &["warning", "`forgotten` is used by no trigger"]);
    let place = |part| ended.stderr.find(part);
    assert!(place("forgotten") < place("Building"), "{}", ended.stderr);
}

#[test]
fn nobody_has_to_read_its_errors() {
    let launch = Launch::new(STOA, &serving("hello-02"));
    // A pipe whose reader has gone.
    let wrapper = script(&launch, "exec 2> >(:)\nwait $!");
    let host = launch.binary(wrapper).start();
    assert!(get(host.address(), "/").contains("Hello"));
}

#[test]
fn nobody_has_to_read_what_it_prints() {
    let launch = Launch::new(STOA, &serving("hello-02"));
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = free.local_addr().expect("it has an address");
    drop(free);
    let mut child = Command::new(STOA)
        .args(["up", "--listen", &address.to_string()])
        .current_dir(launch.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be run");
    drop(child.stdout.take());
    let start = Instant::now();
    while TcpStream::connect(address).is_err() && start.elapsed() < START_MAX {
        assert!(
            child.try_wait().expect("it can be asked").is_none(),
            "the host has ended"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let answer = get(address, "/");
    drop(child.kill());
    drop(child.wait());
    assert!(answer.contains("Hello"), "{answer}");
}

#[test]
fn a_certificate_that_cannot_be_read_is_told() {
    let launch = Launch::new(STOA, &serving("hello-02")).arguments(&[
        "--tls-cert",
        "c.pem",
        "--tls-key",
        "k.pem",
    ]);
    assert_says(
        &launch.fail(),
        1,
        &["cannot read a certificate from `c.pem`"],
    );
}

#[test]
fn a_second_host_on_one_state_directory_is_told() {
    let first = Launch::new(STOA, &serving("hello-02")).start();
    let state = first.folder().join(".stoa").display().to_string();
    let second = Launch::new(STOA, &serving("hello-02")).arguments(&[
        "--state-dir",
        &state,
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_says(
        &second.fail(),
        64,
        &["another `stoa up`", &first.id().to_string(), "--state-dir"],
    );
    assert!(get(first.address(), "/").starts_with("HTTP/1.1 200"));
}

#[test]
fn components_are_built_before_they_are_served() {
    let wasm = probe("hello-02").display().to_string();
    let component = format!("source = \"guest.wasm\"\nbuild.command = \"cp {wasm} guest.wasm\"");
    let host = Launch::new(STOA, &manifest(&component)).start();
    assert!(get(host.address(), "/").contains("Hello from WASI 0.2!"));
}

#[test]
fn signals_finish_what_is_in_flight_and_exit_0() {
    for signal in ["TERM", "INT"] {
        let host = Launch::new(STOA, &serving("behaviour-03")).start();
        let mut stream = connect(host.address());
        write!(
            stream,
            "GET /stream?count=10&delay-ms=50 HTTP/1.1\r\nhost: test\r\n\r\n"
        )
        .expect("it can be sent");
        let mut first = [0; 1];
        stream.read_exact(&mut first).expect("the answer begins");
        host.signal(signal);
        host.logged("stopping");
        let mut rest = String::new();
        stream
            .read_to_string(&mut rest)
            .expect("the answer goes on");
        assert!(rest.contains("tick 10\n"), "{rest}");
        let ended = host.ended();
        assert_eq!(ended.status.code(), Some(0), "{signal}: {}", ended.stderr);
    }
}

#[test]
fn an_instance_that_idles_when_its_host_stops_is_not_one_that_trapped() {
    let host = Launch::new(STOA, &serving("behaviour-03")).start();
    assert!(get(host.address(), "/panic").starts_with("HTTP/1.1 500"));
    host.logged("instance trapped");
    // Its instance is kept for the next request.
    assert!(get(host.address(), "/ok").starts_with("HTTP/1.1 200"));
    host.signal("TERM");
    let ended = host.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let told = ended.stderr.contains("instance trapped");
    assert!(!told, "{}", ended.stderr);
}

#[test]
fn a_client_that_disconnects_stops_its_guest() {
    // Room for one instance: whoever comes next waits for the guest that nobody waits for, or for its end.
    let configuration = "[runtime]\ninstances_max = 1\ncores = 1\n";
    for name in ["behaviour-02", "behaviour-03"] {
        let limits = "[component.guest.tool.stoa]\nschema = 1\nlimits = { requests_per_instance_max = 1, deadline_ms_max = 600_000 }";
        let launch = Launch::new(STOA, &format!("{}\n{limits}\n", serving(name)))
            .arguments(&["--runtime-config-file", "rc.toml"]);
        std::fs::write(launch.folder().join("rc.toml"), configuration).expect("it can be written");
        let host = launch.start();
        for path in ["/never", "/loop", "/stream?count=1000000&delay-ms=5"] {
            let mut leaving = connect(host.address());
            write!(leaving, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").expect("it can be sent");
            // Whether the request has reached the guest cannot be seen from here; either way it must not stay.
            std::thread::park_timeout(Duration::from_millis(100));
            drop(leaving);
            assert!(
                get(host.address(), "/ok").starts_with("HTTP/1.1 200"),
                "{name} {path}"
            );
        }
    }
}

#[test]
fn want_of_descriptors_ends_neither_the_listener_nor_the_host() {
    let launch = Launch::new(STOA, &serving("hello-02"));
    let wrapper = script(&launch, "ulimit -n 64");
    let host = launch.binary(wrapper).start();
    let held: Vec<TcpStream> = (0..120).map(|_| connect(host.address())).collect();
    host.logged("cannot accept connections, will retry");
    drop(held);
    assert!(get(host.address(), "/").contains("Hello"));
}

#[test]
fn guests_print_into_the_log() {
    let host = Launch::new(STOA, &serving("behaviour-02")).start();
    get(host.address(), "/print");
    let line = host.logged("stdout");
    for field in ["component=guest", "revision=", "instance="] {
        assert!(line.contains(field), "{field} is missing in: {line}");
    }
    host.logged("stderr");
}

#[test]
fn little_address_space_means_slower_instances_not_none() {
    // Enough for the process and a few memories, far from enough for a pool of a thousand.
    let launch = Launch::new(STOA, &serving("hello-02"));
    let wrapper = script(&launch, "ulimit -v 8000000");
    let host = launch.binary(wrapper).start();
    host.logged("no address space for an instance pool");
    for _ in 0..3 {
        assert!(get(host.address(), "/").contains("Hello"));
    }
}

#[test]
fn seeds_are_loaded_once() {
    let host_config = "seed = \"first-start\"\n[keyvalue.default.embedded]\n";
    let component = format!(
        "source = \"{}\"\nkey_value_stores = [\"default\"]",
        probe("keyvalue-02").display()
    );
    let seeds = "[application.tool.stoa]\nschema = 1\n[application.tool.stoa.seeds.one]\nfile = \"seed.txt\"\n\
                 path = \"/?api=stoa&op=increment&label=default&key=seeded&delta=1\"\n";
    let prepare = |launch: &Launch| {
        std::fs::write(launch.folder().join("rc.toml"), host_config).expect("it can be written");
        std::fs::write(launch.folder().join("seed.txt"), "seed").expect("it can be written");
    };
    let launch = Launch::new(STOA, &format!("{}\n{seeds}", manifest(&component)))
        .arguments(&["--runtime-config-file", "rc.toml"]);
    prepare(&launch);
    let mut host: Host = launch.start();
    for _ in 0..2 {
        let read = get(host.address(), "/?api=stoa&op=get&label=default&key=seeded");
        assert!(
            read.ends_with("\r\n\r\n1") || read.contains("\r\n1\r\n"),
            "{read}"
        );
        host.signal("TERM");
        host = host.restarted();
    }
}

#[test]
fn the_shop_serves_its_catalogue() {
    let root = stoa_testkit::repository();
    probe("products");
    let launch = Launch::new(STOA, "").arguments(&[
        "--from",
        &root.join("spin.toml").display().to_string(),
        "--skip-build",
        "--state-dir",
        "state",
    ]);
    let host = launch.start();
    let list = get(host.address(), "/v1/products?limit=200");
    assert!(list.starts_with("HTTP/1.1 200"), "{list}");
    assert_eq!(
        list.matches("\"sku\"").count(),
        60,
        "the seed catalogue is served"
    );
}
