use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;
use stoa_manifest::text::Source;
use tempfile::TempDir;

use super::*;

const CODE: &[u8] = b"\0asm\x0d\0\x01\0 a component";

/// Answers requests by their path, whatever their host. It ends with the test's process.
struct Server {
    address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (answers, seen) = (Arc::<Mutex<HashMap<_, _>>>::default(), Arc::default());
        let server = Self {
            address,
            answers: Arc::clone(&answers),
            seen: Arc::clone(&seen),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.expect("it accepts"), &answers, &seen);
            }
        });
        server
    }

    fn put(&self, path: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        let head = format!("200 OK\r\ncontent-length: {}", body.len());
        self.say(path, head, body);
    }

    fn redirect(&self, path: &str, to: &str) {
        let head = format!("302 Found\r\nlocation: {to}\r\ncontent-length: 0");
        self.say(path, head, Vec::new());
    }

    fn say(&self, path: &str, head: String, body: Vec<u8>) {
        let mut answers = self.answers.lock().expect("nobody panicked");
        answers.insert(path.to_owned(), Answer { head, body });
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nobody panicked").clone()
    }
}

fn answer(
    mut stream: TcpStream,
    answers: &Mutex<HashMap<String, Answer>>,
    seen: &Mutex<Vec<String>>,
) {
    let lines = BufReader::new(stream.try_clone().expect("it can be read")).lines();
    let head: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else {
        return;
    };
    seen.lock().expect("nobody panicked").push(path.to_owned());
    let known = answers.lock().expect("nobody panicked").get(path).cloned();
    let answer = known.unwrap_or_else(|| Answer {
        head: "404 Not Found\r\ncontent-length: 0".to_owned(),
        body: Vec::new(),
    });
    let head = format!("HTTP/1.1 {}\r\nconnection: close\r\n\r\n", answer.head);
    // A client that has seen enough goes away.
    drop(stream.write_all(head.as_bytes()));
    drop(stream.write_all(&answer.body));
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn url(folder: &TempDir, url: &str, digest: Digest) -> Result<Bytes, String> {
    let digest = digest.to_string();
    let remote = Remote::Url {
        url,
        digest: &digest,
    };
    fetch(folder.path(), &remote)
}

#[track_caller]
fn refused(outcome: Result<Bytes, String>, part: &str) -> String {
    let told = outcome.expect_err("it is refused");
    assert!(told.contains(part), "`{part}` is missing in: {told}");
    told
}

#[test]
fn addresses_that_others_can_read_along_are_refused() {
    let digest = Digest::of(CODE);
    for address in [
        "http://example.com/a.wasm",
        "ftp://example.com/a.wasm",
        "file:///etc/passwd",
    ] {
        refused(
            url(&folder(), address, digest),
            "write an `https://` address",
        );
    }
    refused(url(&folder(), "a.wasm", digest), "it is no address");
    let server = Server::start();
    server.redirect("/a", "http://example.com/a");
    refused(url(&folder(), &server.url("/a"), digest), "read along");
}

#[test]
fn nothing_secret_of_an_address_is_told() {
    let server = Server::start();
    let digest = Digest::of(CODE);
    let with_password = format!("http://me:hunter2@{}/a", server.address);
    let with_token = server.url("/a?token=hunter2");
    for address in [with_password, with_token] {
        let told = refused(url(&folder(), &address, digest), "cannot be fetched");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_is_not_what_was_meant_is_refused_and_not_kept() {
    let (server, folder) = (Server::start(), folder());
    server.put("/a", "something else");
    let told = refused(
        url(&folder, &server.url("/a"), Digest::of(CODE)),
        &Digest::of(b"something else").to_string(),
    );
    assert!(told.contains("change `digest` in the manifest"), "{told}");
    assert!(!folder.path().join(FOLDER).exists());
}

#[test]
fn what_is_not_there_or_goes_in_circles_is_told() {
    let server = Server::start();
    let digest = Digest::of(CODE);
    refused(url(&folder(), &server.url("/gone"), digest), "404");
    server.redirect("/round", "/round");
    refused(
        url(&folder(), &server.url("/round"), digest),
        "redirects more than 5 times",
    );
    let short = "200 OK\r\ncontent-length: 100".to_owned();
    server.say("/short", short, b"cut".to_vec());
    refused(
        url(&folder(), &server.url("/short"), digest),
        "cannot be fetched",
    );
}

#[test]
fn what_was_fetched_is_kept_until_it_is_damaged() {
    let (server, folder) = (Server::start(), folder());
    server.put("/code", CODE);
    server.redirect("/a", "/code");
    let get = || url(&folder, &server.url("/a"), Digest::of(CODE));
    assert_eq!(get().as_deref(), Ok(CODE));
    assert_eq!(get().as_deref(), Ok(CODE));
    assert_eq!(server.seen(), ["/a", "/code"]);
    let kept = folder.path().join(FOLDER).join(Digest::of(CODE).hex());
    fs::write(kept, "damaged").expect("it can be written");
    assert_eq!(get().as_deref(), Ok(CODE));
    assert_eq!(server.seen().len(), 4);
}

/// A registry that keeps `acme:thing` in these versions.
fn registry(versions: &[&str]) -> Server {
    let server = Server::start();
    let names =
        json!({ "oci": { "registry": server.address.to_string(), "namespacePrefix": "kept/" } });
    server.put("/.well-known/wasm-pkg/registry.json", names.to_string());
    let (digest, size) = (Digest::of(CODE), CODE.len());
    let layer = json!({ "mediaType": "application/wasm", "digest": digest, "size": size });
    let manifest = json!({ "schemaVersion": 2, "config": layer, "layers": [layer] });
    for version in versions {
        let path = format!("/v2/kept/acme/thing/manifests/{version}");
        server.put(&path, manifest.to_string());
    }
    let tags = json!({ "name": "kept/acme/thing", "tags": versions });
    server.put("/v2/kept/acme/thing/tags/list?n=1000", tags.to_string());
    server.put(&format!("/v2/kept/acme/thing/blobs/{digest}"), CODE);
    server
}

fn thing(folder: &TempDir, server: &Server, version: Wanted<'_>) -> Result<Bytes, String> {
    let registry = server.address.to_string();
    let remote = Remote::Package(Package {
        registry: Some(&registry),
        name: "acme:thing",
        version,
    });
    fetch(folder.path(), &remote)
}

#[test]
fn packages_that_nobody_keeps_are_told() {
    let unknown = Remote::Package(Package {
        registry: None,
        name: "acme:thing",
        version: Wanted::Exactly("1.0.0"),
    });
    let told = refused(
        fetch(folder().path(), &unknown),
        "no registry is known for `acme`",
    );
    assert!(told.contains("`registry = \"…\"`"), "{told}");
    let odd = Remote::Package(Package {
        registry: Some("me:secret@host"),
        name: "acme:thing",
        version: Wanted::Exactly("1.0.0"),
    });
    refused(
        fetch(folder().path(), &odd),
        "is not the host of a registry",
    );
    let server = registry(&["1.0.0", "1.2.0"]);
    refused(
        thing(&folder(), &server, Wanted::Exactly("2.0.0")),
        "there is no `",
    );
    refused(
        thing(&folder(), &server, Wanted::Matching("2")),
        "no version matches `2` (newest: 1.2.0, 1.0.0)",
    );
    let warg = json!({ "warg": { "url": "https://example.com" } });
    server.put("/.well-known/wasm-pkg/registry.json", warg.to_string());
    refused(
        thing(&folder(), &server, Wanted::Exactly("1.0.0")),
        "does not keep packages as images",
    );
    server.put("/.well-known/wasm-pkg/registry.json", "7");
    refused(
        thing(&folder(), &server, Wanted::Exactly("1.0.0")),
        "cannot be read",
    );
}

#[test]
fn the_newest_version_that_matches_is_fetched() {
    for (wanted, version) in [
        ("1", "1.2.0"),
        ("^1.0.0", "1.2.0"),
        ("=1.0.0", "1.0.0"),
        ("*", "2.0.0"),
    ] {
        let server = registry(&["1.2.0", "latest", "1.0.0", "2.0.0", "3.0.0-rc.1"]);
        let fetched = thing(&folder(), &server, Wanted::Matching(wanted));
        assert_eq!(fetched.as_deref(), Ok(CODE), "{wanted}");
        let path = format!("/v2/kept/acme/thing/manifests/{version}");
        assert!(
            server.seen().contains(&path),
            "{wanted}: {:?}",
            server.seen()
        );
    }
}

#[test]
fn a_package_is_asked_for_each_time_and_its_code_once() {
    let (server, folder) = (registry(&["1.0.0"]), folder());
    for _ in 0..2 {
        let fetched = thing(&folder, &server, Wanted::Exactly("1.0.0"));
        assert_eq!(fetched.as_deref(), Ok(CODE));
    }
    let count = |part: &str| {
        server
            .seen()
            .iter()
            .filter(|path| path.contains(part))
            .count()
    };
    assert_eq!((count("/manifests/"), count("/blobs/")), (2, 1));
}

#[test]
fn a_registry_that_says_nothing_keeps_packages_itself() {
    let server = registry(&["1.0.0"]);
    let missing = "404 Not Found\r\ncontent-length: 0".to_owned();
    server.say("/.well-known/wasm-pkg/registry.json", missing, Vec::new());
    refused(
        thing(&folder(), &server, Wanted::Exactly("1.0.0")),
        "/acme/thing:1.0.0` in the registry",
    );
}

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "test"
[[trigger.http]]
route = "/..."
component = "a"
[component.a]
source = { registry = "ghcr.io", package = "acme:web", version = "1.0.0" }
[component.a.dependencies]
"acme:one/thing" = { url = "https://example.com/a.wasm", digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
"acme:two/thing@1.0.0" = ">=1.2"
"acme:three/thing" = { component = "b" }
"acme:four/thing" = { path = "four.wasm" }
[component.b]
source = "b.wasm"
"#;

#[test]
fn keys_say_where_code_came_from_and_are_no_paths() {
    let app = stoa_manifest::parse(&Source::new("spin.toml", MANIFEST), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let component = &app.components["a"];
    let source = of_source(&component.source).key();
    assert_eq!(source, "package:ghcr.io/acme:web@=1.0.0/");
    let keys: Vec<String> = component
        .dependencies
        .iter()
        .filter_map(|(name, it)| Some(of_dependency(&app, name, it)?.key().into_owned()))
        .collect();
    let nothing = Digest::of(b"");
    assert_eq!(
        keys,
        [
            "four.wasm".to_owned(),
            format!("url:{nothing}/"),
            "b.wasm".to_owned(),
            "package:/acme:two@>=1.2/".to_owned(),
        ]
    );
    assert!(is_key(&source) && is_key(&keys[1]) && is_key(&keys[3]));
    assert!(!is_key("four.wasm") && !is_key("url:x") && !is_key("db/"));
}

#[test]
fn a_version_is_not_the_range_that_reads_as_it_does() {
    let key = |version: Wanted<'static>| {
        let (registry, name) = (None, "acme:web");
        Remote::Package(Package {
            registry,
            name,
            version,
        })
        .key()
    };
    let exactly = key(Wanted::Exactly("1.0.0"));
    assert_ne!(exactly, key(Wanted::Matching("1.0.0")));
    assert_eq!(exactly, key(Wanted::Matching("=1.0.0")));
}

#[test]
fn what_a_bundle_says_was_fetched_must_be_that() {
    let key = format!("url:{}/", Digest::of(CODE));
    let files = |digest| BTreeMap::from([(key.clone(), digest), ("a".to_owned(), Digest::of(b""))]);
    assert_eq!(check(&files(Digest::of(CODE))), Ok(()));
    let told = check(&files(Digest::of(b"other"))).expect_err("it is another");
    assert!(
        told[0].contains(&Digest::of(b"other").to_string()),
        "{told:?}"
    );
}
