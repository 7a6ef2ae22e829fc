//! Components in other languages: JavaScript by componentize-js, Python by componentize-py and Spin's SDK for Python. The
//! one in Python imports all that Spin 4.1 provides, used or not.

use std::path::Path;

use stoa_testkit::{Host, Launch, javascript_spin, python_spin};

use crate::STOA;
use crate::client::{Ask, encoded};
use crate::services::http_echo;

/// A guest and the names that its language has for what is refused: a store, and a host.
struct Guest<'a> {
    code: &'a Path,
    no_store: &'a str,
    no_host: &'a str,
}

/// The guest twice: granted nothing at `/denied`, and what it needs at `/granted`. Its code is compiled once, which takes
/// a while: an engine of its language is in it.
fn serving(guest: &Guest<'_>) -> Host {
    let code = guest.code.display();
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"languages\"\n\
         [[trigger.http]]\nroute = \"/denied/...\"\ncomponent = \"denied\"\n\
         [[trigger.http]]\nroute = \"/granted/...\"\ncomponent = \"granted\"\n\
         [component.denied]\nsource = \"{code}\"\n\
         [component.granted]\nsource = \"{code}\"\nkey_value_stores = [\"default\"]\n\
         allowed_outbound_hosts = [\"http://{}\"]\n",
        http_echo()
    );
    Launch::new(STOA, &manifest).start()
}

fn get(host: &Host, path: &str) -> (u16, String) {
    let answer = Ask::get(path).of(host.address());
    (answer.status, answer.body)
}

fn does_all_it_offers(guest: &Guest<'_>) {
    let url = format!("http://{}/a", http_echo());
    let send = format!("send?url={}", encoded(&url));
    let kept = "key-value?label=default&key=a&value=there+and+back";
    let host = serving(guest);
    for (path, word) in [(kept, guest.no_store), (send.as_str(), guest.no_host)] {
        let (status, text) = get(&host, &format!("/denied/{path}"));
        assert_eq!(status, 500, "{path}: {text}");
        assert!(text.contains(word), "{path}: {text}");
    }
    let done = |text: &str| (200, text.to_owned());
    // Again and again: instances are used more than once, or made anew.
    for _ in 0..3 {
        let granted = |path: &str| get(&host, &format!("/granted/{path}"));
        assert_eq!(granted(kept), done("ok there and back"));
        assert_eq!(granted(&send), done("ok 200 GET /a"));
        assert_eq!(granted("hello").0, 200);
        assert_eq!(granted("send").0, 400);
    }
}

#[test]
fn javascript_uses_stores_and_other_servers() {
    does_all_it_offers(&Guest {
        code: &javascript_spin(),
        no_store: "access-denied",
        no_host: "NetworkError",
    });
}

#[test]
fn python_uses_stores_and_other_servers() {
    does_all_it_offers(&Guest {
        code: &python_spin(),
        no_store: "AccessDenied",
        no_host: "HttpRequestDenied",
    });
}

/// One instance is dozens of linked modules, and the host has room for few instances.
#[test]
fn a_burst_on_python_waits_for_room() {
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"burst\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\n",
        python_spin().display()
    );
    let launch = Launch::new(STOA, &manifest).arguments(&["--runtime-config-file", "few.toml"]);
    let few = launch.folder().join("few.toml");
    std::fs::write(few, "[runtime]\ninstances_max = 8\n").expect("it can be written");
    let host = launch.start();
    let address = host.address();
    std::thread::scope(|scope| {
        let ask = || Ask::get("/hello").of(address).status;
        let asked: Vec<_> = (0..32).map(|_| scope.spawn(ask)).collect();
        for answer in asked {
            assert_eq!(answer.join().expect("it was asked"), 200);
        }
    });
}
