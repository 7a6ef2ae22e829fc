//! Variables as a user gives them: arguments, files, the environment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stoa_testkit::{Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
const SECRET: &str = "hunter2";

/// A guest that answers with its variable `header`.
fn launch(more: &str) -> Launch {
    let source = probe("variables-02");
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[variables]\n\
         token = {{ required = true, secret = true }}\nregion = {{ required = true }}\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\n{more}\n\
         [component.guest.variables]\nheader = \"{{{{ token }}}} in {{{{ region }}}}\"\n",
        source.display()
    );
    Launch::new(STOA, &text)
}

/// The guest's variable is this.
#[track_caller]
fn assert_header(launch: Launch, value: &str) {
    let host = launch.start();
    let mut stream = TcpStream::connect(host.address()).expect("it accepts");
    let bound = Some(Duration::from_secs(30));
    stream.set_read_timeout(bound).expect("it can be set");
    let request =
        "GET /?api=fermyon&op=get&name=header HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    assert!(answer.contains(value), "{answer}");
}

fn with_file(launch: Launch, name: &str, text: &str) -> Launch {
    std::fs::write(launch.folder().join(name), text).expect("it can be written");
    launch
}

#[test]
fn every_required_variable_without_a_value_is_told_at_once() {
    let ended = launch("").fail();
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    for part in [
        "the variable `region` is required",
        "the variable `token` is required",
        "= hint: set `SPIN_VARIABLE_TOKEN`",
    ] {
        assert!(ended.stderr.contains(part), "{part}:\n{}", ended.stderr);
    }
}

#[test]
fn no_message_has_a_secret_in_it() {
    let launch = launch("allowed_outbound_hosts = [\"https://{{ token }}:{{ token }}\"]")
        .arguments(&["--variable", "regoin=eu"])
        .environment("SPIN_VARIABLE_TOKEN", SECRET)
        .environment("SPIN_VARIABLE_REGION", "eu")
        .environment("RUST_LOG", "trace");
    let told = launch.fail().stderr;
    assert!(told.contains("did you mean `region`?"), "{told}");
    assert!(!told.contains(SECRET), "{told}");
}

#[test]
fn a_host_that_a_secret_makes_no_host_is_told_without_it() {
    let launch = launch("allowed_outbound_hosts = [\"https://{{ token }}:{{ token }}\"]")
        .environment("SPIN_VARIABLE_TOKEN", SECRET)
        .environment("SPIN_VARIABLE_REGION", "eu")
        .environment("RUST_LOG", "trace");
    let ended = launch.fail();
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    let entry = "allowed outbound host `https://{{ token }}:{{ token }}`";
    assert!(ended.stderr.contains(entry), "{}", ended.stderr);
    assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
}

#[test]
fn arguments_go_before_the_environment_and_that_before_the_file() {
    let lines = "SPIN_VARIABLE_TOKEN=file\nSPIN_VARIABLE_REGION=file\n";
    let files = || with_file(launch(""), ".env", lines);
    assert_header(files(), "file in file");
    let environment = || files().environment("SPIN_VARIABLE_REGION", "environment");
    assert_header(environment(), "file in environment");
    let argument = environment().arguments(&["--variable", "region=argument"]);
    assert_header(argument, "file in argument");
}

#[test]
fn a_configured_provider_goes_before_the_environment() {
    let configuration = "[[variables_provider]]\ntype = \"file\"\npath = \"v.toml\"\n";
    let launch = with_file(launch(""), "runtime.toml", configuration);
    let launch = with_file(launch, "v.toml", "token = \"configured\"\n")
        .arguments(&["--runtime-config-file", "runtime.toml"])
        .environment("SPIN_VARIABLE_TOKEN", "environment")
        .environment("SPIN_VARIABLE_REGION", "environment");
    assert_header(launch, "configured in environment");
}
