//! What WASI itself offers and other tests do not touch: each function of `wasi:cli`, `wasi:clocks` and `wasi:random` in
//! both versions, several keys at once in both drafts of `wasi:keyvalue`, and names and datagrams of 2023.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use stoa_testkit::{Host, Launch, probe};

use crate::STOA;
use crate::client::Ask;

const GUESTS: [&str; 2] = ["wasi-02", "wasi-03"];

fn serving(guest: &str, fields: &str) -> Host {
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"wasi\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\n{fields}\n",
        probe(guest).display()
    );
    Launch::new(STOA, &manifest).start()
}

fn ask(host: &Host, query: &str) -> (u16, String) {
    let answer = Ask::get(&format!("/?{query}")).of(host.address());
    (answer.status, answer.body)
}

#[track_caller]
fn assert_facts(host: &Host, op: &str, facts: &[&str]) {
    let (status, text) = ask(host, &format!("op={op}"));
    assert_eq!(status, 200, "{text}");
    assert_eq!(text.lines().collect::<Vec<_>>(), facts);
}

#[test]
fn a_program_has_its_environment_its_outputs_and_no_terminal() {
    for guest in GUESTS {
        let host = serving(guest, "environment = { GREETING = \"hello\" }");
        assert_facts(
            &host,
            "cli",
            &[
                "environment Some(\"hello\")",
                "arguments []",
                "initial-cwd None",
                "stdin true",
                "stdout true",
                "stderr true",
                "terminal false",
                "terminal false",
                "terminal false",
            ],
        );
    }
}

#[test]
fn a_program_that_ends_itself_fails_alone() {
    for guest in GUESTS {
        let host = serving(guest, "");
        let (status, text) = ask(&host, "op=exit");
        assert_eq!(status, 500, "{text}");
        assert_eq!(ask(&host, "op=clocks").0, 200);
    }
}

#[test]
fn clocks_go_forward_and_wake_whoever_waits() {
    for guest in GUESTS {
        let facts = [
            "duration true",
            "instant true",
            "monotonic resolution true",
            "wall resolution true",
            "wall true",
        ];
        assert_facts(&serving(guest, ""), "clocks", &facts);
    }
}

#[test]
fn random_numbers_differ() {
    for guest in GUESTS {
        let facts = [
            "random true",
            "insecure true",
            "random number true",
            "insecure number true",
            "seed true",
        ];
        assert_facts(&serving(guest, ""), "random", &facts);
    }
}

#[test]
fn several_keys_are_set_and_deleted_at_once() {
    let host = serving("wasi-02", "key_value_stores = [\"default\"]");
    for api in ["draft", "draft2"] {
        let many = |label: &str| ask(&host, &format!("op=many&api={api}&label={label}"));
        let (status, text) = many("other");
        assert_eq!(status, 403, "{text}");
        assert_eq!(many("default"), (200, "a false b true".to_owned()));
    }
}

/// Sends datagrams back for as long as this program runs.
fn echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
    let address = socket.local_addr().expect("it has an address");
    thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            if socket.send_to(&bytes[..length], from).is_err() {
                // Who asked has left.
            }
        }
    });
    address
}

#[test]
fn names_and_datagrams_of_2023_are_refused_and_found() {
    let echo = echo();
    let (name, datagram) = (
        "op=look-up&name=localhost",
        format!("op=datagram&to={echo}"),
    );
    let nothing = serving("sockets-2023", "");
    for query in [name, &datagram] {
        let answer = ask(&nothing, query);
        assert_eq!(answer, (403, "access-denied: ".to_owned()), "{query}");
    }
    let fields = format!("allowed_outbound_hosts = [\"*://localhost:*\", \"*://{echo}\"]");
    let host = serving("sockets-2023", &fields);
    let (status, text) = ask(&host, name);
    assert_eq!(status, 200, "{text}");
    assert!(text.lines().any(|line| line == "127.0.0.1"), "{text}");
    assert_eq!(ask(&host, &datagram), (200, "ping".to_owned()));
    assert_eq!(ask(&host, "op=look-up&name=example.com").0, 403);
}
