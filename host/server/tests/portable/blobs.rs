//! `stoa:blobs` by its adapter and by the host. The calls are those by which `stoa-runtime` shows what the host's own store
//! does (`tests/guests/blobs.rs`). Of its facts, the adapter holds all but two: it has no quotas, and signs no URLs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use stoa_manifest::grants::Access;
use stoa_manifest::text::Source;
use stoa_testkit::{Host, Launch, probe, repository};

use crate::adapted::Adapted;
use crate::application::{Call, STOA, ask_at, done, got, refused};

/// Guests that block and guests that wait.
const GUESTS: [&str; 2] = ["blobs-02", "blobs-03"];
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(60);
/// SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const IMAGES: (&str, &str) = ("container", "images");
const A: (&str, &str) = ("name", "a");
const PUT: Call<'static> = ("put", &[IMAGES, A, ("value", "abc")]);

fn of(guest: &str) -> Adapted<'_> {
    Adapted {
        guest,
        noun: "blobs",
        grant: "containers = [\"images\"]",
        databases: "sqlite_databases = [\"default\"]",
        variables: &[(
            "blobs_grants",
            r#"{ "default": { "containers": ["images"] } }"#,
        )],
        inherited: "[\"sqlite_databases\", \"variables\"]",
    }
}

/// Calls that have no right, and calls that are wrong in themselves.
const WRONG: &[Call<'static>] = &[
    ("head", &[("label", "other"), IMAGES, A]),
    ("put", &[("container", "thumbnails"), A, ("value", "1")]),
    ("get", &[("container", ".."), A]),
    ("head", &[("container", "images/.."), A]),
    ("list", &[("container", "")]),
    ("delete", &[("container", "IMAGES"), A]),
    ("put", &[IMAGES, ("name", ""), ("value", "1")]),
    ("put", &[IMAGES, ("name", "a/../b"), ("value", "1")]),
    ("get", &[IMAGES, ("name", "/a")]),
    ("head", &[IMAGES, ("name", "a//b")]),
    ("delete", &[IMAGES, ("name", "a\\b")]),
    ("get", &[IMAGES, ("name", "a\0b")]),
    ("list", &[IMAGES, ("limit", "0")]),
    ("list", &[IMAGES, ("limit", "1001")]),
    ("put", &[IMAGES, A, ("value", "abc"), ("type", "text")]),
    ("put", &[IMAGES, A, ("value", "abc"), ("size", "4")]),
    ("put", &[IMAGES, A, ("value", "abc"), ("size", "2")]),
    ("put", &[IMAGES, A, ("value", "abc"), ("if", "0000")]),
    ("get", &[IMAGES, A]),
    ("copy", &[IMAGES, A, ("to", "b")]),
    ("list", &[IMAGES]),
];

/// What is written, read, listed, copied and deleted.
const WORKING: &[Call<'static>] = &[
    ("head", &[IMAGES, A]),
    ("abandon", &[IMAGES, A, ("value", "abc")]),
    ("list", &[IMAGES]),
    ("put", &[IMAGES, A, ("value", "abc"), ("if", "absent")]),
    ("put", &[IMAGES, A, ("value", "x"), ("if", "absent")]),
    ("put", &[IMAGES, A, ("value", "abc"), ("if", ABC)]),
    (
        "put",
        &[
            IMAGES,
            ("name", "p/ä"),
            ("value", "abc"),
            ("type", "text/plain"),
        ],
    ),
    ("head", &[IMAGES, ("name", "p/ä")]),
    (
        "get",
        &[IMAGES, ("name", "p/ä"), ("offset", "1"), ("length", "1")],
    ),
    (
        "get",
        &[IMAGES, ("name", "p/ä"), ("offset", "9"), ("length", "1")],
    ),
    ("put", &[IMAGES, ("name", "%2e%2e"), ("value", "")]),
    ("get", &[IMAGES, ("name", "%2e%2e")]),
    ("copy", &[IMAGES, ("name", "p/ä"), ("to", "q")]),
    ("head", &[IMAGES, ("name", "q")]),
    ("list", &[IMAGES, ("limit", "1")]),
    ("list", &[IMAGES, ("prefix", "p/")]),
    ("delete", &[IMAGES, ("name", "q")]),
    ("delete", &[IMAGES, ("name", "q")]),
    ("get", &[IMAGES, ("name", "q")]),
    ("put", &[IMAGES, ("name", "large"), ("fill", "3000001")]),
    ("head", &[IMAGES, ("name", "large")]),
    ("get", &[IMAGES, ("name", "large")]),
    ("open", &[IMAGES, A, ("readers", "300")]),
    // They are gone with the request.
    ("get", &[IMAGES, A]),
];

/// The same by streams, which only guests that wait have.
const STREAMING: &[Call<'static>] = &[
    ("stream-get", &[IMAGES, A]),
    ("stream-put", &[IMAGES, A, ("fill", "3000001")]),
    ("stream-get", &[IMAGES, A]),
    ("get", &[IMAGES, A]),
    (
        "stream-put",
        &[
            IMAGES,
            ("name", "b"),
            ("fill", "3000001"),
            ("size", "3000000"),
        ],
    ),
    ("stream-put", &[IMAGES, ("name", "c"), ("fill", "0")]),
    ("stream-get", &[IMAGES, ("name", "c")]),
    ("list", &[IMAGES]),
];

#[test]
fn what_is_wrong_is_wrong_in_both_runs() {
    for guest in GUESTS {
        of(guest).assert_same(WRONG);
    }
}

#[test]
fn what_may_only_be_read_is_so_in_both_runs() {
    for guest in GUESTS {
        let reading = Adapted {
            grant: "containers = [\"images\"]\naccess = \"read\"",
            variables: &[(
                "blobs_grants",
                r#"{ "default": { "containers": ["images"], "access": "read" } }"#,
            )],
            ..of(guest)
        };
        reading.assert_same(&[
            PUT,
            ("copy", &[IMAGES, A, ("to", "b")]),
            ("delete", &[IMAGES, A]),
            ("head", &[IMAGES, A]),
        ]);
    }
}

#[test]
fn blobs_are_bounded_in_both_runs() {
    for guest in GUESTS {
        let small = Adapted {
            grant: "containers = [\"images\"]\nblob_bytes_max = 10",
            variables: &[(
                "blobs_grants",
                r#"{ "default": { "containers": ["images"], "blob_bytes_max": 10 } }"#,
            )],
            ..of(guest)
        };
        small.assert_same(&[
            ("put", &[IMAGES, A, ("fill", "11")]),
            ("put", &[IMAGES, A, ("fill", "11"), ("size", "11")]),
            ("put", &[IMAGES, A, ("fill", "10")]),
            ("head", &[IMAGES, A]),
        ]);
    }
}

#[test]
fn what_is_written_is_read_in_both_runs() {
    for guest in GUESTS {
        of(guest).assert_same(WORKING);
    }
}

#[test]
fn streams_carry_whole_blobs_in_both_runs() {
    of("blobs-03").assert_same(STREAMING);
}

#[test]
fn urls_are_refused() {
    for guest in GUESTS {
        let host = of(guest).portable();
        for method in ["get", "put"] {
            let url = ("url", &[IMAGES, A, ("method", method)][..]);
            refused(&host, url, "not-portable");
        }
    }
}

#[test]
fn what_the_adapter_lacks_is_named() {
    let list = ("list", &[IMAGES][..]);
    for guest in GUESTS {
        let missing = Adapted {
            variables: &[],
            ..of(guest)
        };
        let text = refused(&missing.portable(), list, "no-grants");
        assert!(text.contains("`blobs_grants`"), "{text}");
        let quota = Adapted {
            variables: &[(
                "blobs_grants",
                r#"{ "default": { "containers": ["images"], "bytes_max": 9 } }"#,
            )],
            ..of(guest)
        };
        let text = refused(&quota.portable(), list, "no-grants");
        assert!(text.contains("bytes_max"), "{text}");
        let no_database = Adapted {
            databases: "",
            ..of(guest)
        };
        let text = refused(&no_database.portable(), list, "no-database");
        assert!(text.contains("`sqlite_databases`"), "{text}");
    }
}

#[test]
fn an_adapter_that_does_not_inherit_ends_the_start() {
    for (inherited, missing) in [
        ("[\"sqlite_databases\"]", "variables"),
        ("[\"variables\"]", "sqlite_databases"),
    ] {
        let application = Adapted {
            inherited,
            ..of("blobs-02")
        };
        application.assert_not_inherited(missing);
    }
}

#[test]
fn blobs_are_there_after_a_restart() {
    let host = of("blobs-03").portable();
    assert_eq!(done(&host, PUT), ABC);
    host.signal("TERM");
    let host = host.restarted();
    assert_eq!(done(&host, ("get", &[IMAGES, A])), "abc");
}

/// An instance of guests that wait serves several requests at once, some of which write while others read.
#[test]
fn readers_and_writers_that_meet_see_whole_blobs() {
    const CLIENTS: usize = 4;
    const EACH: usize = 10;
    let host = of("blobs-03").portable();
    let fill = ("put", &[IMAGES, A, ("fill", "600000")][..]);
    done(&host, fill);
    let address = host.address();
    let client = |number: usize| {
        for _ in 0..EACH {
            match number % 2 {
                0 => assert_eq!(ask_at(address, fill).0, 200),
                _ => {
                    let (status, text) = ask_at(address, ("stream-get", &[IMAGES, A]));
                    assert_eq!((status, text.len()), (200, 600_000));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            scope.spawn(move || client(number));
        }
    });
}

// === the shop ===

/// A picture of two by two pixels.
const PICTURE: [u8; 73] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0xfd, 0xd4, 0x9a,
    0x73, 0x00, 0x00, 0x00, 0x10, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x38, 0xa1, 0xa1, 0x01,
    0x44, 0x0c, 0x10, 0x0a, 0x00, 0x21, 0x2e, 0x04, 0x61, 0xf6, 0xe1, 0xc2, 0x4d, 0x00, 0x00, 0x00,
    0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// The shop says in a variable what its grants say: the host reads the ones, the adapter the other.
#[test]
fn the_shop_says_the_same_twice() {
    let text = std::fs::read_to_string(repository().join("spin.toml")).expect("it can be read");
    let app = stoa_manifest::parse(&Source::new("spin.toml", text), None).expect("it is good");
    let (_, products) = app
        .components
        .iter()
        .find(|(id, _)| id.as_str() == "products")
        .expect("the shop has products");
    let said = products.variables.get("blobs_grants");
    let said: Value = serde_json::from_str(said.expect("it is there")).expect("it is JSON");
    let grants = products.grants.blobs.iter().map(|(label, grant)| {
        assert_eq!(grant.quota, Default::default(), "the adapter has no quotas");
        assert_eq!(grant.presign_seconds_max, None, "the adapter signs no URLs");
        let mut written = json!({ "containers": grant.containers });
        if grant.access == Access::Read {
            written["access"] = json!("read");
        }
        if let Some(bytes) = grant.blob_bytes_max {
            written["blob_bytes_max"] = json!(bytes);
        }
        (label.to_string(), written)
    });
    let expected: Value = grants.collect::<serde_json::Map<_, _>>().into();
    assert_eq!(said, expected);
}

#[test]
fn the_shop_takes_and_shows_pictures_by_the_adapter() {
    probe("products");
    let manifest = repository().join("spin.toml").display().to_string();
    let host = Launch::new(STOA, "")
        .arguments(&[
            "--from",
            &manifest,
            "--skip-build",
            "--portable",
            "--state-dir",
            "state",
        ])
        .start();
    let product = first_product(&host);
    let images = format!("/v1/products/{product}/images");
    let (status, answer) = exchange(host.address(), "POST", &images, &PICTURE);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert_eq!(status, 201, "{answer}");
    let shown: Value = serde_json::from_str(&answer).expect("it is JSON");
    let href = shown["href"].as_str().expect("it is somewhere");
    assert_eq!(
        exchange(host.address(), "GET", href, b""),
        (200, PICTURE.to_vec())
    );
    let thumbnails = shown["thumbnails"].as_object().expect("it has some");
    assert!(!thumbnails.is_empty());
    for thumbnail in thumbnails.values() {
        let href = thumbnail.as_str().expect("it is somewhere");
        let (status, bytes) = exchange(host.address(), "GET", href, b"");
        assert_eq!(status, 200, "{href}");
        assert!(!bytes.is_empty(), "{href}");
    }
    let (status, _) = exchange(host.address(), "DELETE", href, b"");
    assert_eq!(status, 204);
    assert_eq!(exchange(host.address(), "GET", href, b"").0, 404);
}

fn first_product(host: &Host) -> String {
    let (status, list) = got(host.address(), "/v1/products?limit=1");
    assert_eq!(status, 200, "{list}");
    let list: Value = serde_json::from_str(&list).expect("it is JSON");
    let id = list["items"][0]["id"].as_str();
    id.expect("the seed catalogue has products").to_owned()
}

/// The status and the bytes of an answer. What is told to a client of HTTP/1.0 comes in one piece.
fn exchange(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream
        .set_read_timeout(Some(CLIENT_MAX))
        .expect("a timeout can be set");
    let head = format!(
        "{method} {path} HTTP/1.0\r\nhost: test\r\ncontent-type: image/png\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    stream.write_all(body).expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer comes");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.expect("it has a head");
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("it has a status"), answer.split_off(end + 4))
}
