//! What is left of Spin 1 and 2 (key-value, SQLite, variables, outbound HTTP) from 0.2 Rust: refusals first.

use std::fmt::Write;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Answer, Fixture, Service};

const PROBE: &str = "platform-02";
const KEYVALUE: [&str; 2] = ["keyvalue2", "keyvalue1"];
const STORE: &str = "key_value_stores = [\"default\"]\n";
const DATABASE: &str = "sqlite_databases = [\"default\"]\n";

/// What no component may do with a database, whatever its grant.
const FORBIDDEN: [&str; 6] = [
    "ATTACH 'other.db' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "VACUUM INTO 'copy.db'",
    "PRAGMA journal_mode = DELETE",
    "SELECT load_extension('evil')",
];

struct Caller(Service);

type Parameters<'a> = &'a [(&'a str, &'a str)];

impl Caller {
    fn new(fixture: &Fixture, manifest: &str) -> Self {
        Self(fixture.serve(PROBE, manifest))
    }

    async fn call(&self, api: &str, op: &str, parameters: Parameters<'_>) -> Answer {
        let mut path = format!("/?api={api}&op={op}");
        for (name, value) in parameters {
            write!(path, "&{name}={}", encoded(value)).expect("a string takes all");
        }
        let answer = self.0.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{api} {op} {parameters:?}: {error}"))
    }

    async fn expect(&self, api: &str, op: &str, parameters: Parameters<'_>, body: &str) {
        let answer = self.call(api, op, parameters).await;
        let found = (answer.status.as_u16(), answer.text());
        assert_eq!(found, (200, body.to_owned()), "{api} {op} {parameters:?}");
    }

    async fn done(&self, api: &str, op: &str, parameters: Parameters<'_>) {
        let answer = self.call(api, op, parameters).await;
        let text = answer.text();
        assert_eq!(
            answer.status.as_u16(),
            204,
            "{api} {op} {parameters:?}: {text}"
        );
    }

    /// That there is no right to this, in the word of the interface.
    async fn refused(&self, api: &str, op: &str, parameters: Parameters<'_>, word: &str) {
        self.fails(api, op, parameters, 403, word).await;
    }

    async fn failed(&self, api: &str, op: &str, parameters: Parameters<'_>, word: &str) {
        self.fails(api, op, parameters, 500, word).await;
    }

    async fn fails(
        &self,
        api: &str,
        op: &str,
        parameters: Parameters<'_>,
        status: u16,
        word: &str,
    ) {
        let answer = self.call(api, op, parameters).await;
        let text = answer.text();
        let place = format!("{api} {op} {parameters:?}: {text}");
        assert_eq!(answer.status.as_u16(), status, "{place}");
        assert!(text.starts_with(word), "{place}");
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() {
            true => encoded.push(byte.into()),
            false => write!(encoded, "%{byte:02X}").expect("a string takes all"),
        }
    }
    encoded
}

const DEFAULT: (&str, &str) = ("label", "default");

// === key-value ===

#[tokio::test]
async fn a_store_that_is_not_listed_is_denied() {
    let fixture = Fixture::new();
    for manifest in ["", "key_value_stores = [\"other\"]\n"] {
        let caller = Caller::new(&fixture, manifest);
        for api in KEYVALUE {
            let key = [DEFAULT, ("key", "a")];
            caller.refused(api, "get", &key, "access-denied").await;
        }
    }
}

#[tokio::test]
async fn writes_through_a_read_grant_are_denied() {
    let fixture = Fixture::new();
    let grant = "[component.guest.tool.stoa]\nschema = 1\n\
        grants.keyvalue.default = { access = \"read\" }\n";
    let caller = Caller::new(&fixture, &format!("{STORE}{grant}"));
    for api in KEYVALUE {
        let pair = [DEFAULT, ("key", "a"), ("value", "1")];
        caller.refused(api, "set", &pair, "access-denied").await;
        caller.refused(api, "delete", &pair, "access-denied").await;
        let answer = caller.call(api, "get", &pair).await;
        assert_eq!(answer.status.as_u16(), 404, "{api}");
    }
}

#[tokio::test]
async fn a_store_that_was_closed_or_never_opened_is_invalid() {
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, &format!("{STORE}{DATABASE}"));
    let forged = ["0", "1", "2", "7", "4294967295"];
    for (api, word) in [
        ("keyvalue1", "invalid-store"),
        ("sqlite1", "invalid-connection"),
    ] {
        caller.failed(api, "closed", &[DEFAULT], word).await;
        for number in forged {
            // Whatever else has that number is not closed either: the probe still answers.
            caller
                .failed(api, "forged", &[("number", number)], word)
                .await;
        }
    }
}

#[tokio::test]
async fn stores_are_not_opened_without_end() {
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, STORE);
    for api in KEYVALUE {
        let many = [DEFAULT, ("count", "100000")];
        let answer = caller.call(api, "many", &many).await.text();
        assert!(answer.ends_with(" store-table-full"), "{api}: {answer}");
    }
}

#[tokio::test]
async fn values_are_kept_and_listed_by_both_versions() {
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, STORE);
    for (writes, reads) in [("keyvalue2", "keyvalue1"), ("keyvalue1", "keyvalue2")] {
        let key = [DEFAULT, ("key", "a")];
        caller.expect(reads, "exists", &key, "false").await;
        let absent = caller.call(reads, "get", &key).await;
        assert_eq!(absent.status.as_u16(), 404);
        let pair = [DEFAULT, ("key", "a"), ("value", "größer")];
        caller.done(writes, "set", &pair).await;
        caller.expect(reads, "get", &key, "größer").await;
        caller.expect(reads, "exists", &key, "true").await;
        let other = [DEFAULT, ("key", "b"), ("value", "")];
        caller.done(writes, "set", &other).await;
        caller.expect(reads, "list", &[DEFAULT], "a\nb\n").await;
        for key in ["a", "b", "never"] {
            caller.done(reads, "delete", &[DEFAULT, ("key", key)]).await;
        }
        caller.expect(writes, "list", &[DEFAULT], "").await;
    }
}

// === SQLite ===

#[tokio::test]
async fn a_database_that_is_not_listed_is_denied() {
    let fixture = Fixture::new();
    for manifest in ["", "sqlite_databases = [\"other\"]\n"] {
        let caller = Caller::new(&fixture, manifest);
        let select = [DEFAULT, ("sql", "SELECT 1")];
        caller
            .refused("sqlite1", "execute", &select, "access-denied")
            .await;
    }
}

#[tokio::test]
async fn files_are_not_attached_and_nothing_leaves_the_database() {
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, DATABASE);
    for forbidden in FORBIDDEN {
        let statement = [DEFAULT, ("sql", forbidden)];
        let answer = caller.call("sqlite1", "execute", &statement).await;
        let (status, text) = (answer.status.as_u16(), answer.text());
        assert!(
            status == 403 || status == 500,
            "{forbidden}: {status} {text}"
        );
    }
    for attach in [FORBIDDEN[0], FORBIDDEN[1]] {
        let attach = [DEFAULT, ("sql", attach)];
        caller
            .refused("sqlite1", "execute", &attach, "access-denied")
            .await;
    }
}

#[tokio::test]
async fn results_that_are_too_large_are_refused() {
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, DATABASE);
    // Some 3 MB in each of 50 rows.
    let large = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) \
        SELECT hex(zeroblob(1500000)) FROM n";
    let large = [DEFAULT, ("sql", large)];
    caller
        .failed(
            "sqlite1",
            "rows",
            &large,
            "io: larger than the limit of 134217728",
        )
        .await;
    // More rows than a whole result has by our own contract.
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
        SELECT i FROM n";
    caller
        .expect("sqlite1", "rows", &[DEFAULT, ("sql", many)], "20000")
        .await;
}

#[tokio::test]
async fn rows_are_written_and_read() {
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, DATABASE);
    let execute = async |sql: &str, more: &[(&str, &str)], body: &str| {
        let mut parameters = vec![DEFAULT, ("sql", sql)];
        parameters.extend(more);
        caller.expect("sqlite1", "execute", &parameters, body).await;
    };
    execute("CREATE TABLE things (i, r, t, x, n)", &[], "\n").await;
    let values = [
        ("p", "i:-7"),
        ("p", "r:1.5"),
        ("p", "t:größer"),
        ("p", "x:bytes"),
        ("p", "null"),
    ];
    execute("INSERT INTO things VALUES (?, ?, ?, ?, ?)", &values, "\n").await;
    let row = "i|r|t|x|n\ni:-7|r:1.5|t:größer|x:bytes|null\n";
    execute("SELECT * FROM things", &[], row).await;
}

// === variables ===

#[tokio::test]
async fn variables_are_undefined_unless_they_are_its_own() {
    let own = "[component.guest.variables]\nregion = \"eu\"\n";
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, own);
    caller
        .refused("config1", "get", &[("name", "other")], "provider")
        .await;
    caller
        .failed("config1", "get", &[("name", "No-Name")], "invalid-key")
        .await;
    caller
        .expect("config1", "get", &[("name", "region")], "eu")
        .await;
}

// === outbound HTTP ===

#[tokio::test]
async fn a_host_that_is_not_allowed_is_refused() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for manifest in ["", "allowed_outbound_hosts = [\"http://127.0.0.1:1\"]\n"] {
        let caller = Caller::new(&fixture, manifest);
        let echo = upstream.url("/echo");
        for url in [&*echo, "http://self/", "/echo"] {
            let url = [("url", url)];
            caller
                .refused("http1", "send", &url, "destination-not-allowed")
                .await;
        }
    }
    let blocking = Fixture::blocking(&["127.0.0.0/8"]);
    let caller = Caller::new(&blocking, &upstream.allowed());
    let url = upstream.url("/echo");
    caller
        .refused("http1", "send", &[("url", &url)], "destination-not-allowed")
        .await;
}

#[tokio::test]
async fn what_is_no_request_is_told() {
    let upstream = Upstream::start().await;
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, "allowed_outbound_hosts = [\"*://*:*\"]\n");
    for url in [
        "",
        "no url",
        "http://",
        &upstream.url("/").replace("http://", "http://me@"),
    ] {
        caller
            .failed("http1", "send", &[("url", url)], "invalid-url")
            .await;
    }
    let url = upstream.url("/echo");
    let header = [("url", &*url), ("header", "a b:c")];
    caller
        .failed("http1", "send", &header, "request-error")
        .await;
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("there is a port");
    let nobody = format!("http://{}/", free.local_addr().expect("it has an address"));
    drop(free);
    caller
        .failed("http1", "send", &[("url", &nobody)], "runtime-error")
        .await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused() {
    let upstream = Upstream::start().await;
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, &upstream.allowed());
    let large = upstream.url("/large");
    caller
        .failed("http1", "length", &[("url", &large)], "runtime-error")
        .await;
    // The host goes on.
    let echo = upstream.url("/echo");
    let answer = caller.call("http1", "send", &[("url", &echo)]).await;
    assert_eq!(answer.status.as_u16(), 200);
}

#[tokio::test]
async fn a_request_is_sent_and_answered_as_a_whole() {
    let upstream = Upstream::start().await;
    let fixture = Fixture::new();
    let caller = Caller::new(&fixture, &upstream.allowed());
    let url = upstream.url("/echo?a=b");
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let parameters = [
            ("method", method),
            ("url", &url),
            ("header", "x-asked:yes"),
            ("header", "host:elsewhere"),
            ("body", "größer"),
        ];
        let host = upstream.address;
        let body = format!("200\n{method} /echo?a=b\n{host} yes größer\n");
        caller.expect("http1", "send", &parameters, &body).await;
    }
}

#[tokio::test]
async fn redirects_lead_nowhere_that_is_not_allowed_and_come_to_an_end() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    let caller = Caller::new(&fixture, &upstream.allowed());
    let elsewhere = upstream.url("/elsewhere");
    caller
        .refused(
            "http1",
            "send",
            &[("url", &elsewhere)],
            "destination-not-allowed",
        )
        .await;
    let endless = upstream.url("/again");
    caller
        .failed("http1", "send", &[("url", &endless)], "runtime-error")
        .await;
    let redirect = upstream.url("/redirect");
    let answer = caller.call("http1", "send", &[("url", &redirect)]).await;
    let text = answer.text();
    assert!(text.starts_with("200\nGET /echo\n"), "{text}");
}

/// Says in `x-told` what it was asked for, and in the body by whom and with what.
struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self { address }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn allowed(&self) -> String {
        format!("allowed_outbound_hosts = [\"http://{}\"]\n", self.address)
    }
}

async fn serve(mut stream: TcpStream) -> Option<()> {
    let (head, body) = request(&mut stream).await?;
    let mut words = head.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    };
    let told = format!("{} {} {body}", header("host"), header("x-asked"));
    let head = |status: &str, length: usize| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\nx-told: {method} {path}\r\n\r\n"
        )
    };
    match path {
        "/large" => {
            const LENGTH: usize = 128 * 1024 * 1024 + 1;
            stream
                .write_all(head("200 OK", LENGTH).as_bytes())
                .await
                .ok()?;
            let piece = vec![b'x'; 64 * 1024];
            // Until the other side has enough.
            for _ in 0..=LENGTH / piece.len() {
                stream.write_all(&piece).await.ok()?;
            }
        }
        "/redirect" | "/again" | "/elsewhere" => {
            let location = match path {
                "/redirect" => "/echo",
                "/again" => "again",
                _ => "http://127.0.0.1:1/",
            };
            let head = format!(
                "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.ok()?;
        }
        _ => {
            let answer = head("200 OK", told.len()) + &told;
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
    stream.shutdown().await.ok()
}

async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.parse().ok())?
    });
    let length: usize = length.unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[end..].to_vec()).ok()?;
    Some((head, body))
}
