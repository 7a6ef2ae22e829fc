//! `files` as a user has them: what is refused at the start, what a guest sees, and how they come and go with releases.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use stoa_testkit::{Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);
/// Bytes that no file of a release may have.
const TOO_LARGE: u64 = 256 * 1024 * 1024 + 1;
/// The probes, which answer alike.
const PROBES: [&str; 2] = ["files-02", "files-03"];

/// An application of one guest, with these fields.
fn manifest(guest: &str, fields: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\n{fields}\n",
        probe(guest).display()
    )
}

/// The same, in a folder with these files, each of which holds its own path.
fn launch(guest: &str, fields: &str, files: &[&str]) -> Launch {
    let launch = Launch::new(STOA, &manifest(guest, fields));
    for file in files {
        put(launch.folder(), file, file);
    }
    launch
}

fn put(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("it can be made");
    fs::write(path, text).expect("it can be written");
}

/// The status and the text of an answer.
fn ask(host: &Host, query: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(host.address()).expect("it accepts");
    stream
        .set_read_timeout(Some(CLIENT_MAX))
        .expect("a timeout can be set");
    let head = "host: test\r\nconnection: close";
    write!(stream, "GET /?{query} HTTP/1.1\r\n{head}\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
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

#[track_caller]
fn read(host: &Host, path: &str) -> String {
    let (status, text) = ask(host, &format!("op=read&path={path}"));
    assert_eq!(status, 200, "{path}: {text}");
    text
}

#[track_caller]
fn assert_fails(launch: &Launch, parts: &[&str]) {
    let ended = launch.fail();
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    for part in parts {
        assert!(
            ended.stderr.contains(part),
            "`{part}` is missing in:\n{}",
            ended.stderr
        );
    }
}

/// Runs a command about a host, and answers what it printed.
#[track_caller]
fn stoa(host: &Host, arguments: &[&str]) -> String {
    let output = Command::new(STOA)
        .args(arguments)
        .args([
            "--state-dir",
            &host.folder().join(".stoa").display().to_string(),
        ])
        .current_dir(host.folder())
        .env_remove("STOA_HOST")
        .env_remove("STOA_TOKEN")
        .stdin(Stdio::null())
        .output()
        .expect("it can be run");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    told
}

#[test]
fn entries_that_lead_out_of_the_folder_end_the_start() {
    for entry in [
        "\"../*\"",
        "\"/etc/passwd\"",
        "{ source = \"a/../..\", destination = \"/\" }",
        "{ source = \"a\", destination = \"/../x\" }",
    ] {
        let launch = launch("files-02", &format!("files = [{entry}]"), &["a"]);
        assert_fails(&launch, &["component `guest`: ", "does not stay "]);
    }
}

#[test]
fn a_link_that_leads_out_of_the_folder_ends_the_start() {
    let elsewhere = tempfile::tempdir().expect("a folder can be made");
    put(elsewhere.path(), "secret", "secret");
    let launch = launch("files-02", "files = [\"a/*\"]", &["a/x"]);
    let link = launch.folder().join("a/link");
    symlink(elsewhere.path().join("secret"), link).expect("it can be made");
    assert_fails(
        &launch,
        &["component `guest`: `a/link` is a link that leads out of"],
    );
}

#[test]
fn what_is_missing_or_too_large_ends_the_start() {
    let missing = launch("files-02", "files = [\"assets\", \"b.txt\"]", &[]);
    assert_fails(&missing, &["there is no `assets`", "there is no `b.txt`"]);
    let large = launch("files-02", "files = [\"large\"]", &[]);
    let file = File::create(large.folder().join("large")).expect("it can be made");
    file.set_len(TOO_LARGE).expect("a file can have holes");
    assert_fails(&large, &["large`: it is larger than 256 MiB"]);
}

#[test]
fn what_is_excluded_and_what_is_not_named_cannot_be_seen() {
    for guest in PROBES {
        let fields = "files = [\"assets/**/*\"]\nexclude_files = [\"**/*.key\"]";
        let files = ["assets/a.css", "assets/a.key", "assets/b/b.key", "secret"];
        let host = launch(guest, fields, &files).start();
        for path in [
            "assets/a.key",
            "/assets/b/b.key",
            "/secret",
            "/spin.toml",
            "/.stoa/host.key",
        ] {
            assert_eq!(
                ask(&host, &format!("op=read&path={path}")).0,
                404,
                "{guest} {path}"
            );
        }
        assert_eq!(
            ask(&host, "op=list&path=/"),
            (200, "assets/\n".to_owned()),
            "{guest}"
        );
        assert_eq!(
            ask(&host, "op=list&path=/assets"),
            (200, "a.css\n".to_owned()),
            "{guest}"
        );
        // Nothing is above the root.
        for path in ["../../../../etc/passwd", "/assets/../../../etc/passwd"] {
            let (status, text) = ask(&host, &format!("op=read&path={path}"));
            assert!(
                status != 200 && !text.contains("root:"),
                "{guest} {path}: {text}"
            );
        }
    }
}

#[test]
fn writes_are_refused() {
    for guest in PROBES {
        let host = launch(guest, "files = [\"a/*\"]", &["a/x"]).start();
        for query in [
            "op=write&path=/a/x&value=1",
            "op=write&path=/a/new&value=1",
            "op=make&path=/b",
            "op=move&path=/a/x&to=/a/y",
            "op=remove&path=/a/x",
        ] {
            assert_eq!(ask(&host, query).0, 403, "{guest} {query}");
        }
        assert_eq!(read(&host, "/a/x"), "a/x");
    }
    let host = launch("files-02", "files = [\"a/*\"]", &["a/x"]).start();
    assert_eq!(ask(&host, "op=append&path=/a/x&value=1").0, 403);
}

#[test]
fn a_component_without_files_has_no_folder_at_all() {
    let host = launch("files-03", "", &["a"]).start();
    assert_eq!(ask(&host, "op=mounts&path=/"), (200, String::new()));
    assert_eq!(ask(&host, "op=read&path=/a").0, 404);
}

#[test]
fn files_are_found_where_the_manifest_puts_them() {
    for guest in PROBES {
        let fields = "files = [\"a/*.txt\", \"single\", { source = \"static\", destination = \"/www\" }, \
                      { source = \"a/.hidden\", destination = \"seen\" }]";
        let files = ["a/x.txt", "a/.hidden", "single", "static/b/c.css"];
        let host = launch(guest, fields, &files).start();
        for (path, text) in [
            ("/a/x.txt", "a/x.txt"),
            ("/single", "single"),
            ("/www/b/c.css", "static/b/c.css"),
            ("/seen", "a/.hidden"),
        ] {
            assert_eq!(read(&host, path), text, "{guest}");
        }
        assert_eq!(
            ask(&host, "op=size&path=/single"),
            (200, "6".to_owned()),
            "{guest}"
        );
        let listed = (200, "a/\nseen\nsingle\nwww/\n".to_owned());
        assert_eq!(ask(&host, "op=list&path=/"), listed, "{guest}");
    }
    // Relative paths begin at the root.
    let host = launch("files-02", "files = [\"a\"]", &["a"]).start();
    assert_eq!(read(&host, "a"), "a");
}

#[test]
fn files_travel_with_releases_and_come_back_with_them() {
    let launch = launch("files-03", "files = [\"page\"]", &[]);
    put(launch.folder(), "page", "first");
    let host = launch.start();
    assert_eq!(read(&host, "/page"), "first");
    put(host.folder(), "page", "second");
    // What serves was copied.
    assert_eq!(read(&host, "/page"), "first");
    let differs = stoa(&host, &["diff", "--skip-build"]);
    assert!(
        differs.contains("finds other contents in files: `/page`"),
        "{differs}"
    );
    stoa(&host, &["deploy", "--skip-build"]);
    assert_eq!(read(&host, "/page"), "second");
    fs::remove_file(host.folder().join("page")).expect("it was there");
    stoa(&host, &["rollback"]);
    assert_eq!(read(&host, "/page"), "first");
    // So far the folder was not asked; a start reads it.
    put(host.folder(), "page", "first");
    host.signal("KILL");
    let host = host.restarted();
    assert_eq!(read(&host, "/page"), "first");
}

#[test]
fn what_a_guest_may_write_for_a_while_is_gone_with_the_host() {
    let fields = "files = [\"a/*\"]";
    let launch = launch("files-02", fields, &["a/x"]).arguments(&["--allow-transient-write"]);
    let host = launch.start();
    assert_eq!(ask(&host, "op=append&path=/a/x&value=+more").0, 204);
    assert_eq!(ask(&host, "op=write&path=/a/new&value=1").0, 204);
    assert_eq!(
        (read(&host, "/a/x"), read(&host, "/a/new")),
        ("a/x more".into(), "1".into())
    );
    let original = fs::read_to_string(host.folder().join("a/x")).expect("it is there");
    assert_eq!(original, "a/x");
    host.signal("TERM");
    let host = host.restarted();
    assert_eq!(read(&host, "/a/x"), "a/x");
    assert_eq!(ask(&host, "op=read&path=/a/new").0, 404);
}

#[test]
fn mounting_a_folder_itself_is_refused_with_a_hint() {
    let direct = launch("files-02", "files = [\"a\"]", &["a"]).arguments(&["--direct-mounts"]);
    assert_fails(&direct, &["`--direct-mounts`", "`--watch`"]);
}
