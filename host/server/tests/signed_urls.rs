//! Signed URLs as clients meet them: made by a guest, answered by the binary.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use stoa_testkit::{Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);
/// What a blob may have in these tests.
const BLOB_BYTES_MAX: usize = 1000;

/// A guest with a container, `images`, that signs for a minute.
fn launch(blob_bytes_max: usize) -> Launch {
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\n\
         [component.guest.tool.stoa]\nschema = 1\n\
         [component.guest.tool.stoa.grants.blobs.default]\ncontainers = [\"images\"]\n\
         presign_seconds_max = 60\nblob_bytes_max = {blob_bytes_max}\n",
        probe("blobs-02").display()
    );
    let launch = Launch::new(STOA, &manifest).arguments(&["--runtime-config-file", "runtime.toml"]);
    let path = launch.folder().join("runtime.toml");
    std::fs::write(path, "[blobs.default.embedded]\n").expect("it can be written");
    launch
}

fn host() -> Host {
    launch(BLOB_BYTES_MAX).start()
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.next().map_or("", |(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request, and reads its answer to the end.
fn try_send(
    address: SocketAddr,
    line: &str,
    headers: &[&str],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(CLIENT_MAX))?;
    let more: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
    let head = format!("{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{more}\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parsed(&answer).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

/// None where it was cut off.
fn parsed(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = answer[end + 4..].to_vec();
    let mut answer = Answer { status, head, body };
    if answer.header("transfer-encoding") == "chunked" {
        answer.body = joined(&answer.body)?;
    }
    Some(answer)
}

/// The bytes of a body that comes in pieces.
fn joined(mut pieces: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let end = pieces.windows(2).position(|at| at == b"\r\n")?;
        let size = std::str::from_utf8(&pieces[..end]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(bytes);
        }
        let start = end + 2;
        bytes.extend_from_slice(pieces.get(start..start + size)?);
        pieces = pieces.get(start + size + 2..)?;
    }
}

fn send(host: &Host, line: &str, headers: &[&str], body: &[u8]) -> Answer {
    let answer = try_send(host.address(), line, headers, body);
    answer.unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Asks again and again: nothing tells of it.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + CLIENT_MAX;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// What the guest answers.
#[track_caller]
fn ask(host: &Host, query: &str) -> String {
    let line = format!("GET /?label=default&container=images&{query}");
    let answer = send(host, &line, &[], b"");
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.text()
}

fn url(host: &Host, method: &str, name: &str) -> String {
    ask(
        host,
        &format!("op=url&name={name}&method={method}&seconds=60"),
    )
}

fn get(host: &Host, url: &str, headers: &[&str]) -> Answer {
    send(host, &format!("GET {url}"), headers, b"")
}

fn put(host: &Host, url: &str, headers: &[&str], body: &[u8]) -> Answer {
    let length = format!("content-length: {}", body.len());
    let headers: Vec<&str> = headers.iter().copied().chain([length.as_str()]).collect();
    send(host, &format!("PUT {url}"), &headers, body)
}

#[test]
fn a_url_that_was_tampered_with_is_forbidden() {
    let host = host();
    ask(&host, "op=put&name=a/b&value=secret");
    ask(&host, "op=put&name=c&value=other");
    let good = url(&host, "get", "a/b");
    assert_eq!(get(&host, &good, &[]).text(), "secret");
    let (path, query) = good.split_once('?').expect("it has a query");
    let (expires, rest) = query.split_once('&').expect("it has fields");
    let tampered = [
        path.to_owned(),
        format!("{path}?"),
        format!("{path}?{rest}&{expires}"),
        format!("{path}?{expires}&{query}"),
        format!("{path}?{query}&{rest}"),
        format!("{path}?{query}&"),
        good.replace("expires=", "expires=9"),
        good.replace("max=", "max=9"),
        good.replace("method=get", "method=put"),
        good.replace("signature=", "signature=0"),
        good.replace("/a/b?", "/c?"),
        good.replace("/a/b?", "/a//b?"),
        good.replace("/a/b?", "/x/../a/b?"),
        good.replace("/a/b?", "/x/%2e%2e/a/b?"),
        good.replace("/a/b?", "/x%2f..%2fa/b?"),
        good.replace("/a/b?", "/a%252fb?"),
        good.replace("/a/b?", "/a%5cb?"),
        good.replace("/a/b?", "/a/b%00?"),
        good.replace("/a/b?", "/a/b;x?"),
        good.replace("/images/", "/imag%65s/"),
        good.replace("/images/", "/other/"),
        good.replace("/default/", "/defaul%74/"),
        good.replace("/default/", "/other/"),
    ];
    for url in tampered {
        assert_ne!(url, good);
        let answer = get(&host, &url, &[]);
        assert_eq!((answer.status, answer.text().as_str()), (403, ""), "{url}");
    }
}

#[test]
fn a_url_is_for_one_method() {
    let host = host();
    ask(&host, "op=put&name=a&value=first");
    let (read, write) = (url(&host, "get", "a"), url(&host, "put", "a"));
    assert_eq!(put(&host, &read, &[], b"second").status, 403);
    let overridden = ["x-http-method-override: PUT", "content-length: 6"];
    let posted = send(&host, &format!("POST {read}"), &overridden, b"second");
    assert_eq!(posted.status, 405);
    assert_eq!(get(&host, &write, &[]).status, 403);
    assert_eq!(send(&host, &format!("HEAD {write}"), &[], b"").status, 403);
    for method in ["POST", "DELETE", "PATCH", "OPTIONS"] {
        for url in [&read, &write] {
            let answer = send(&host, &format!("{method} {url}"), &[], b"");
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), "GET, HEAD, PUT");
        }
    }
    assert_eq!(ask(&host, "op=get&name=a"), "first");
}

#[test]
fn a_url_that_has_expired_is_forbidden() {
    let host = host();
    ask(&host, "op=put&name=a&value=1");
    // A second may be over before the URL is used: one that was good is looked for.
    let mut short = String::new();
    until("a URL is good for a second", || {
        short = ask(&host, "op=url&name=a&method=get&seconds=1");
        get(&host, &short, &[]).status == 200
    });
    until("the URL expires", || get(&host, &short, &[]).status != 200);
    let late = get(&host, &short, &[]);
    assert_eq!((late.status, late.text().as_str()), (403, ""));
    let long = url(&host, "get", "a");
    assert_eq!(get(&host, &long, &[]).status, 200);
}

#[test]
fn what_is_too_large_is_refused_announced_or_not() {
    let host = host();
    let url = url(&host, "put", "a");
    let large = vec![b'x'; BLOB_BYTES_MAX + 1];
    let announced = put(&host, &url, &[], &large);
    assert_eq!(announced.status, 413, "{}", announced.text());
    assert!(announced.text().contains("1000 bytes"));
    let mut pieces = format!("{:x}\r\n", large.len()).into_bytes();
    pieces.extend_from_slice(&large);
    pieces.extend_from_slice(b"\r\n0\r\n\r\n");
    let chunked = ["transfer-encoding: chunked"];
    let streamed = send(&host, &format!("PUT {url}"), &chunked, &pieces);
    assert_eq!(streamed.status, 413, "{}", streamed.text());
    assert_eq!(ask(&host, "op=list"), "");
    assert_eq!(put(&host, &url, &[], &large[1..]).status, 201);
}

#[test]
fn what_a_client_puts_the_guest_and_other_clients_get() {
    let host = host();
    let (write, read) = (
        url(&host, "put", "a/%C3%BC.png"),
        url(&host, "get", "a/%C3%BC.png"),
    );
    assert_eq!(get(&host, &read, &[]).status, 404);
    let fresh = ["content-type: image/png", "if-none-match: *"];
    let first = put(&host, &write, &fresh, b"first");
    assert_eq!(first.status, 201);
    assert_eq!(ask(&host, "op=get&name=a/%C3%BC.png"), "first");
    assert_eq!(put(&host, &write, &fresh, b"second").status, 412);
    let condition = format!("if-match: {}", first.header("etag"));
    assert_eq!(put(&host, &write, &[&condition], b"second").status, 201);
    assert_eq!(put(&host, &write, &[&condition], b"third").status, 412);
    let answer = get(&host, &read, &[]);
    assert_eq!(answer.text(), "second");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename*=UTF-8''%C3%BC.png"
    );
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let host = host();
    let url = url(&host, "put", "a");
    let mut stream = TcpStream::connect(host.address()).expect("it accepts");
    let head = format!("PUT {url} HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n12345");
    stream.write_all(head.as_bytes()).expect("it is sent");
    let incoming = host.folder().join(".stoa/blobs/default/incoming");
    until("the upload begins", || files_in(&incoming) == 1);
    drop(stream);
    until("the upload is aborted", || files_in(&incoming) == 0);
    assert_eq!(
        put(&host, &url, &["content-range: bytes 0-1/9"], b"1").status,
        400
    );
    assert_eq!(ask(&host, "op=list"), "");
}

#[test]
fn parts_and_known_versions_are_answered_as_http_has_it() {
    let host = host();
    ask(&host, "op=put&name=a&value=0123456789&type=text/plain");
    let url = url(&host, "get", "a");
    let whole = get(&host, &url, &[]);
    let etag = whole.header("etag").to_owned();
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let (matching, other) = (format!("if-range: {etag}"), "if-range: \"other\"");
    let ranges: [(&[&str], u16, &str, &str); 7] = [
        (&["range: bytes=2-4"], 206, "bytes 2-4/10", "234"),
        (&["range: bytes=-3"], 206, "bytes 7-9/10", "789"),
        (&["range: bytes=7-99"], 206, "bytes 7-9/10", "789"),
        (&["range: bytes=10-"], 416, "bytes */10", ""),
        (&["range: bytes=0-1,3-4"], 200, "", "0123456789"),
        (&["range: bytes=0-1", &matching], 206, "bytes 0-1/10", "01"),
        (&["range: bytes=0-1", other], 200, "", "0123456789"),
    ];
    for (headers, status, range, text) in ranges {
        let answer = get(&host, &url, headers);
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.header("content-range"), range, "{headers:?}");
        assert_eq!(answer.text(), text, "{headers:?}");
    }
    let known = get(&host, &url, &[&format!("if-none-match: {etag}")]);
    assert_eq!((known.status, known.text().as_str()), (304, ""));
    assert_eq!(known.header("etag"), etag);
    let replaced = get(&host, &url, &["if-match: \"other\"", "range: bytes=2-4"]);
    assert_eq!(replaced.status, 412);
    let head = send(&host, &format!("HEAD {url}"), &[], b"");
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    assert_eq!(head.header("content-length"), "10");
}

#[test]
fn clients_that_read_nothing_hold_up_nobody() {
    const LARGE: usize = 32 << 20;
    const IDLE: usize = 16;
    let host = launch(LARGE).start();
    ask(&host, "op=put&name=a&fill=33554432");
    let url = url(&host, "get", "a");
    let idle: Vec<TcpStream> = (0..IDLE)
        .map(|_| {
            let mut stream = TcpStream::connect(host.address()).expect("it accepts");
            let bound = stream.set_read_timeout(Some(CLIENT_MAX));
            bound.expect("it can be set");
            let head = format!("GET {url} HTTP/1.1\r\nhost: test\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("it is sent");
            // Its answer has begun: from here on it is the client that is waited for.
            let mut first = [0; 1];
            stream.read_exact(&mut first).expect("an answer begins");
            stream
        })
        .collect();
    assert_eq!(get(&host, &url, &[]).body.len(), LARGE);
    assert_eq!(ask(&host, "op=put&name=b&value=1").len(), 64);
    drop(idle);
}

#[test]
fn no_signature_is_logged() {
    let host = launch(BLOB_BYTES_MAX)
        .environment(
            "RUST_LOG",
            "info,access=trace,stoa=trace,stoa_gateway=trace,stoa_capabilities=trace,hyper=trace",
        )
        .start();
    ask(&host, "op=put&name=a&value=1");
    let url = url(&host, "get", "a");
    let signature = url.split("signature=").nth(1).expect("it is signed");
    assert_eq!(get(&host, &url, &[]).status, 200);
    let forged = url.replace("max=", "max=1");
    assert_eq!(get(&host, &forged, &[]).status, 403);
    host.signal("TERM");
    let log = host.ended().stderr;
    assert!(log.contains("/images/a"), "requests are logged:\n{log}");
    assert!(!log.contains(signature), "{log}");
}

#[test]
fn a_url_is_good_after_a_kill() {
    let host = host();
    let (write, read) = (url(&host, "put", "a"), url(&host, "get", "a"));
    assert_eq!(put(&host, &write, &[], b"kept").status, 201);
    host.signal("KILL");
    let host = host.restarted();
    assert_eq!(get(&host, &read, &[]).text(), "kept");
    assert_eq!(put(&host, &write, &[], b"new").status, 201);
    assert_eq!(get(&host, &read, &[]).text(), "new");
}

/// Writes, copies and deletes a few blobs over each other until the host is gone. Tells of every answer.
fn churn(address: SocketAddr, write: &str, answered: &mpsc::Sender<()>) {
    for turn in 0_usize.. {
        let guest = |query: &str| {
            let line = format!("GET /?label=default&container=images&{query}");
            try_send(address, &line, &[], b"")
        };
        let body = turn.to_string();
        let length = format!("content-length: {}", body.len());
        let line = format!("PUT {write}");
        let outcome = match turn % 4 {
            0 => try_send(address, &line, &[&length], body.as_bytes()),
            1 => guest("op=copy&name=a&to=b"),
            2 => guest("op=copy&name=b&to=c"),
            _ => guest("op=delete&name=b"),
        };
        if outcome.is_err() || answered.send(()).is_err() {
            return;
        }
    }
}

#[test]
fn every_name_has_its_bytes_after_a_kill_under_load() {
    const CLIENTS: usize = 4;
    const ANSWERS: usize = 200;
    let host = host();
    let (address, write) = (host.address(), url(&host, "put", "a"));
    let (answered, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let (write, answered) = (&write, answered.clone());
            scope.spawn(move || churn(address, write, &answered));
        }
        let answers = (0..ANSWERS).map(|_| answers.recv_timeout(CLIENT_MAX));
        let all = answers.take_while(Result::is_ok).count();
        // In any case: the clients go on until then.
        host.signal("KILL");
        assert_eq!(all, ANSWERS, "the host answers");
    });
    let host = host.restarted();
    let names = ask(&host, "op=list");
    assert!(names.contains('a'), "{names:?}");
    for name in names.lines() {
        let read = url(&host, "get", name);
        let answer = get(&host, &read, &[]);
        assert_eq!(answer.status, 200, "{name}");
        let size = ask(&host, &format!("op=head&name={name}"));
        assert_eq!(
            size.split(' ').next(),
            Some(answer.body.len().to_string().as_str())
        );
    }
    let files = files_in(&host.folder().join(".stoa/blobs/default/content"));
    assert!(files <= names.lines().count(), "{files} files: {names:?}");
}

/// How many files are below a folder.
fn files_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let below = entries.map(|entry| {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() { files_in(&path) } else { 1 }
    });
    below.sum()
}
