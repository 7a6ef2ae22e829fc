//! An application of one guest, run by the host's own store or by the adapter, and what a client asks of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use stoa_testkit::{Host, Launch, probe};

pub(crate) const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);
/// What the host is told of the collection, and what the adapter is told.
pub(crate) const GRANT: &str = "collections.things.indexes.sku = { paths = [\"sku\"], unique = true }\n\
                     collections.things.search = { name = 10, about = 1 }";
pub(crate) const SCHEMA: &str = r#"{ "default": { "collections": { "things": {
    "indexes": { "sku": { "paths": ["sku"], "unique": true } }, "search": { "name": 10, "about": 1 } } } } }"#;
const INHERITED: &str = "[\"sqlite_databases\", \"variables\"]";
const DATABASES: &str = "sqlite_databases = [\"default\"]";

/// An operation of the probes, with its parameters.
pub(crate) type Call<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// An application of one guest.
pub(crate) struct Application<'a> {
    pub(crate) guest: &'a str,
    /// A line of the component.
    pub(crate) databases: &'a str,
    pub(crate) schema: Option<&'a str>,
    pub(crate) inherited: &'a str,
    pub(crate) grant: &'a str,
}

impl<'a> Application<'a> {
    pub(crate) fn of(guest: &'a str) -> Self {
        Self {
            guest,
            databases: DATABASES,
            schema: Some(SCHEMA),
            inherited: INHERITED,
            grant: GRANT,
        }
    }

    pub(crate) fn launch(&self) -> Launch {
        let variables = self.schema.map_or_else(String::new, |schema| {
            format!("[component.guest.variables]\ndocuments_schema = '''{schema}'''\n")
        });
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
             [component.guest]\nsource = \"{source}\"\n{databases}\n{variables}\
             [component.guest.dependencies]\n\
             \"stoa:documents@0.1.0\" = {{ path = \"{adapter}\", inherit_configuration = {inherited} }}\n\
             [component.guest.tool.stoa]\nschema = 1\n\
             [component.guest.tool.stoa.grants.documents.default]\n{grant}\n",
            source = probe(self.guest).display(),
            adapter = probe("documents-adapter").display(),
            databases = self.databases,
            inherited = self.inherited,
            grant = self.grant,
        );
        configured(&manifest, "documents")
    }

    pub(crate) fn native(&self) -> Host {
        self.launch().start()
    }

    pub(crate) fn portable(&self) -> Host {
        self.launch().arguments(&["--portable"]).start()
    }
}

/// An application on a host that has a store for a noun. It is not used by an adapter.
pub(crate) fn configured(manifest: &str, noun: &str) -> Launch {
    let launch = Launch::new(STOA, manifest).arguments(&["--runtime-config-file", "runtime.toml"]);
    let path = launch.folder().join("runtime.toml");
    std::fs::write(path, format!("[{noun}.default.embedded]\n")).expect("it can be written");
    launch
}

/// The status and the text of an answer.
pub(crate) fn ask(host: &Host, call: Call<'_>) -> (u16, String) {
    ask_at(host.address(), call)
}

pub(crate) fn ask_at(address: SocketAddr, (op, parameters): Call<'_>) -> (u16, String) {
    let given = |name: &str| parameters.iter().any(|(given, _)| *given == name);
    let usual = [("label", "default"), ("collection", "things")];
    let usual = usual.into_iter().filter(|(name, _)| !given(name));
    let mut path = format!("/?op={op}");
    for (name, value) in parameters.iter().copied().chain(usual) {
        path.extend(["&", name, "=", encoded(value).as_str()]);
    }
    got(address, &path)
}

/// The status and the text of what is at a path.
pub(crate) fn got(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream
        .set_read_timeout(Some(CLIENT_MAX))
        .expect("a timeout can be set");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    )
    .expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer comes");
    let (head, body) = parted(&answer, b"\r\n\r\n").expect("it has a head");
    let head = String::from_utf8_lossy(head).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = match head.contains("transfer-encoding: chunked") {
        true => joined(body),
        false => body.to_vec(),
    };
    let body = String::from_utf8(body).expect("it is a text");
    (status.expect("it has a status"), body)
}

/// What is before and after the first occurrence of some bytes.
fn parted<'b>(bytes: &'b [u8], by: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(by.len()).position(|window| window == by)?;
    Some((&bytes[..at], &bytes[at + by.len()..]))
}

fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

/// A body that comes in pieces, which may part a letter.
fn joined(mut pieces: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some((size, rest)) = parted(pieces, b"\r\n") {
        let size = String::from_utf8_lossy(size);
        let size = usize::from_str_radix(&size, 16).expect("a piece has a size");
        let (piece, rest) = rest.split_at(size);
        body.extend_from_slice(piece);
        pieces = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    }
    body
}

#[track_caller]
pub(crate) fn done(host: &Host, call: Call<'_>) -> String {
    let (status, text) = ask(host, call);
    assert!((200..300).contains(&status), "{call:?}: {status} {text}");
    text
}

/// Refused with a word that only the adapter has.
#[track_caller]
pub(crate) fn refused(host: &Host, call: Call<'_>, code: &str) -> String {
    let (status, text) = ask(host, call);
    assert_eq!(status, 500, "{call:?}: {text}");
    assert!(
        text.starts_with(&format!("other: {code}: ")),
        "{call:?}: {text}"
    );
    text
}
