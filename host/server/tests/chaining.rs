//! Components that call one another and their application, as clients see them: denied first, then answered, under load,
//! and while releases change.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stoa_testkit::{Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(60);
const GUESTS: [&str; 2] = ["chain-02", "chain-03"];
const INSIDE: &str = "\"http://*.spin.internal\"";

/// An application: `front`, a guest that may call these hosts and has these lines in its `tool.stoa`; `back`, which no
/// route leads to; and a fixed answer.
fn manifest(guest: &str, hosts: &str, policy: &str, word: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/front/:id/...\"\ncomponent = \"front\"\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"back\"\n\
         [[trigger.http]]\nroute = \"/fixed\"\nstatic_response = {{ status_code = 202, body = \"fixed\" }}\n\
         [component.front]\nsource = \"{guest}.wasm\"\nallowed_outbound_hosts = [{hosts}]\n\
         environment = {{ WORD = \"front\" }}\n\
         [component.front.tool.stoa]\nschema = 1\n{policy}\n\
         [component.back]\nsource = \"chain-03.wasm\"\nenvironment = {{ WORD = \"{word}\" }}\n\
         [component.back.tool.stoa]\nschema = 1\nlimits = {{ requests_in_flight_max = 64 }}\n"
    )
}

/// Puts it into a folder, with its code.
fn write(folder: &Path, manifest: &str) {
    for guest in GUESTS {
        let code = fs::read(probe(guest)).expect("it was built");
        fs::write(folder.join(format!("{guest}.wasm")), code).expect("it can be written");
    }
    fs::write(folder.join("spin.toml"), manifest).expect("it can be written");
}

fn serving(manifest: &str) -> Host {
    let launch = Launch::new(STOA, "");
    write(launch.folder(), manifest);
    launch.start()
}

fn calling(guest: &str, hosts: &str) -> Host {
    serving(&manifest(guest, hosts, "", "back"))
}

/// The status and the body of an answer; `head` is the rest of the request's head.
fn ask(address: SocketAddr, method: &str, path: &str, head: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    let bound = Some(CLIENT_MAX);
    stream.set_read_timeout(bound).expect("it can be set");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\n{head}connection: close\r\ncontent-length: {length}\r\n\r\n"
    )
    .expect("it is sent");
    let mut sending = stream.try_clone().expect("it can be shared");
    let body = body.to_vec();
    // Beside reading: an echo answers before it has all.
    let sent = std::thread::spawn(move || drop(sending.write_all(&body)));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer comes");
    sent.join().expect("sending does not panic");
    let answer = String::from_utf8(answer).expect("it is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = match chunked {
        true => joined(body),
        false => body.to_owned(),
    };
    (status.expect("it has a status"), body)
}

/// The text of a body that comes in pieces.
fn joined(mut pieces: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = pieces.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a piece has a size");
        text.push_str(&rest[..size]);
        pieces = rest[size..].trim_start_matches("\r\n");
    }
    text
}

fn get(host: &Host, path: &str) -> (u16, String) {
    ask(host.address(), "GET", path, "host: shop.example\r\n", b"")
}

/// What `front` answers once it has called a URL.
fn call(host: &Host, url: &str) -> (u16, String) {
    get(host, &format!("/front/7/call?url={url}"))
}

#[track_caller]
fn assert_answers(answer: &(u16, String), status: u16, text: &str) {
    assert_eq!(answer, &(status, text.to_owned()));
}

#[test]
fn who_is_not_allowed_is_denied() {
    for guest in GUESTS {
        for hosts in [
            "",
            "\"http://shop.example\"",
            "\"https://back.spin.internal\"",
        ] {
            let host = calling(guest, hosts);
            let answer = call(&host, "http://back.spin.internal/word");
            assert_answers(&answer, 502, "HttpRequestDenied");
            let answer = call(&host, "http://self.alt/fixed");
            assert_answers(&answer, 502, "HttpRequestDenied");
        }
    }
}

#[test]
fn a_name_inside_that_is_no_component_never_goes_to_the_network() {
    for guest in GUESTS {
        let host = calling(guest, "\"*://*:*\"");
        for name in ["missing", "a.b", "back.spin", "BACK"] {
            let answer = call(&host, &format!("http://{name}.spin.internal/word"));
            assert_answers(&answer, 502, "ConnectionRefused");
        }
    }
}

#[test]
fn a_private_component_is_reached_from_inside_alone() {
    for guest in GUESTS {
        for (hosts, url) in [
            (INSIDE, "http://back.spin.internal/x/word"),
            (
                "\"http://back.spin.internal\"",
                "http://back.spin.internal/word",
            ),
            (
                "\"https://back.spin.internal\"",
                "https://back.spin.internal/word",
            ),
            ("\"*://*:*\"", "https://back.spin.internal:8443/word"),
        ] {
            let host = calling(guest, hosts);
            for path in ["/word", "/back/word", "/"] {
                assert_eq!(get(&host, path).0, 404, "{path}");
            }
            assert_answers(&call(&host, url), 200, "back");
        }
    }
}

#[test]
fn a_client_cannot_pretend_to_be_a_component() {
    let host = calling("chain-03", INSIDE);
    for name in ["back.spin.internal", "front.Spin.Internal:80"] {
        let head = format!("host: {name}\r\n");
        let (status, text) = ask(host.address(), "GET", "/front/7/seen", &head, b"");
        assert_eq!(status, 400, "{name}: {text}");
    }
}

#[test]
fn who_is_called_is_told_what_spin_tells() {
    let host = calling("chain-03", INSIDE);
    let (status, seen) = call(&host, "http://back.spin.internal/a/b/seen");
    assert_eq!(status, 200, "{seen}");
    for line in [
        "spin-full-url: http://back.spin.internal/a/b/seen",
        "spin-path-info: /a/b/seen",
        "spin-matched-route: /...",
        "spin-component-route: ",
        "spin-raw-component-route: /...",
        "spin-base-path: /",
        "spin-client-addr: 0.0.0.0:0",
        "spin-path-match-id: ",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line}:\n{seen}");
    }
    let host = calling("chain-02", "\"*://*:*\"");
    let (_, seen) = call(&host, "https://front.spin.internal/seen");
    assert!(
        seen.starts_with("Some(Scheme::Http) Some(\"front.spin.internal\")"),
        "{seen}"
    );
    assert!(!seen.contains("\nhost:"), "{seen}");
}

#[test]
fn the_application_answers_itself_by_its_routes() {
    for guest in GUESTS {
        for hosts in ["\"http://self\"", "\"https://self.alt\"", "\"*://*:*\""] {
            let host = calling(guest, hosts);
            for base in [
                "http://self",
                "https://self.alt",
                "https://:443",
                "http://:80",
            ] {
                let answer = call(&host, &format!("{base}/fixed"));
                assert_answers(&answer, 202, "fixed");
                let answer = call(&host, &format!("{base}/front/8/word"));
                assert_answers(&answer, 200, "front");
                let (status, text) = call(&host, &format!("{base}/back/word"));
                assert_eq!(status, 404, "{text}");
                assert!(text.contains("no route answers this path"), "{text}");
            }
        }
        let host = calling(guest, "\"http://self\"");
        let (_, seen) = call(&host, "http://self/front/8/x/seen");
        for line in [
            "spin-full-url: http://shop.example/front/8/x/seen",
            "spin-path-info: /x/seen",
            "spin-raw-component-route: /front/:id/...",
            "spin-path-match-id: 8",
        ] {
            assert!(seen.lines().any(|seen| seen == line), "{line}:\n{seen}");
        }
    }
}

#[test]
fn a_circle_comes_to_an_end() {
    for guest in GUESTS {
        let host = calling(guest, INSIDE);
        let answer = get(&host, "/front/7/circle?host=front.spin.internal");
        assert_answers(&answer, 502, "LoopDetected");
        let answer = call(&host, "http://back.spin.internal/word");
        assert_answers(&answer, 200, "back");
    }
}

#[test]
fn a_component_that_is_full_of_itself_is_told_so() {
    for guest in GUESTS {
        let policy = "limits = { requests_in_flight_max = 1, queue_ms_max = 100 }";
        let host = serving(&manifest(guest, INSIDE, policy, "back"));
        let (status, text) = call(&host, "http://front.spin.internal/word");
        assert_eq!(status, 503, "{text}");
        assert_answers(&get(&host, "/front/7/word"), 200, "front");
    }
}

#[test]
fn calls_count_among_the_requests_of_who_calls() {
    let policy = "limits = { outbound_requests_max = 1 }";
    let host = serving(&manifest("chain-03", INSIDE, policy, "back"));
    let answer = call(&host, "http://back.spin.internal/word");
    assert_answers(&answer, 200, "back");
    // The second call of the circle finds the only place taken by the first.
    let answer = get(&host, "/front/7/circle?host=front.spin.internal");
    assert_answers(&answer, 502, "ConnectionLimitReached");
}

#[test]
fn what_breaks_in_who_is_called_is_an_answer_for_who_calls() {
    let host = calling("chain-03", INSIDE);
    let (status, text) = call(&host, "http://back.spin.internal/trap");
    assert_eq!(status, 500, "{text}");
    assert!(text.contains("the service failed"), "{text}");
    assert_answers(&get(&host, "/front/7/word"), 200, "front");
}

#[test]
fn a_call_ends_with_the_request_that_made_it() {
    let policy = "limits = { deadline_ms_max = 1000 }";
    let text = manifest("chain-03", INSIDE, policy, "back");
    let one = "requests_in_flight_max = 1, queue_ms_max = 500";
    let host = serving(&text.replace("requests_in_flight_max = 64", one));
    for _ in 0..4 {
        let (status, text) = call(&host, "http://back.spin.internal/late?ms=30000");
        assert_eq!(status, 504, "{text}");
    }
    for _ in 0..16 {
        let answer = call(&host, "http://back.spin.internal/word");
        assert_answers(&answer, 200, "back");
    }
}

#[test]
fn bodies_stream_both_ways() {
    let host = calling("chain-03", INSIDE);
    let sent = "a line of many\n".repeat(100_000);
    let path = "/front/7/call?url=http://back.spin.internal/echo";
    let head = "host: shop.example\r\n";
    let (status, text) = ask(host.address(), "POST", path, head, sent.as_bytes());
    assert_eq!((status, text.len()), (200, sent.len()));
    assert!(text == sent);
}

/// Deploys another release of the application.
fn deploy(host: &Host, manifest: &str) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    write(folder.path(), manifest);
    let output = Command::new(STOA)
        .args(["deploy", "--skip-build", "-f"])
        .arg(folder.path())
        .arg("--state-dir")
        .arg(host.folder().join(".stoa"))
        .env_remove("STOA_HOST")
        .env_remove("STOA_TOKEN")
        .stdin(Stdio::null())
        .output()
        .expect("the binary can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

#[test]
fn no_request_sees_two_releases_when_only_who_is_called_changes() {
    for guest in GUESTS {
        let release = |word: &str| manifest(guest, INSIDE, "", word);
        let host = serving(&release("one"));
        let address = host.address();
        let done = AtomicBool::new(false);
        let words = ["one", "two", "three", "four"];
        std::thread::scope(|scope| {
            let visit = || {
                let mut seen = 0_usize;
                while !done.load(Ordering::Relaxed) {
                    let path = "/front/7/twice?url=http://back.spin.internal/word";
                    let (status, text) = ask(address, "GET", path, "host: test\r\n", b"");
                    assert_eq!(status, 200, "{text}");
                    let lines: Vec<&str> = text.lines().collect();
                    assert_eq!(lines[1], lines[3], "two releases in one request");
                    assert!(words.contains(&lines[1]), "{text}");
                    seen += 1;
                }
                seen
            };
            let visitors: Vec<_> = (0..8).map(|_| scope.spawn(visit)).collect();
            for word in &words[1..] {
                deploy(&host, &release(word));
                let answer = call(&host, "http://back.spin.internal/word");
                assert_answers(&answer, 200, word);
            }
            done.store(true, Ordering::Relaxed);
            for visitor in visitors {
                assert!(visitor.join().expect("it saw nothing wrong") > 0);
            }
        });
    }
}
