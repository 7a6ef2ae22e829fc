//! Dependencies as a user has them: joined, refused with words, and the adapter of `stoa:keyvalue` beside the host's own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use stoa_testkit::{Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// A client gives up after this; a bound for broken runs, not a measure.
const CLIENT_MAX: Duration = Duration::from_secs(30);

/// An application of one guest, with a store and these dependencies.
fn application(guest: &str, dependencies: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\nkey_value_stores = [\"default\"]\n\
         [component.guest.dependencies]\n{dependencies}\n",
        probe(guest).display()
    )
}

fn with_adapter(guest: &str) -> String {
    let adapter = probe("keyvalue-adapter");
    let dependency = format!(
        "\"stoa:keyvalue@0.1.0\" = {{ path = \"{}\", inherit_configuration = [\"key_value_stores\"] }}",
        adapter.display()
    );
    application(guest, &dependency)
}

fn native(guest: &str) -> Host {
    Launch::new(STOA, &with_adapter(guest)).start()
}

fn portable(guest: &str) -> Host {
    Launch::new(STOA, &with_adapter(guest))
        .arguments(&["--portable"])
        .start()
}

/// The status and the text of an answer.
fn ask(host: &Host, query: &str) -> (u16, String) {
    ask_at(host.address(), query)
}

fn ask_at(address: SocketAddr, query: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream
        .set_read_timeout(Some(CLIENT_MAX))
        .expect("a timeout can be set");
    let head = "host: test\r\nconnection: close";
    write!(
        stream,
        "GET /?{query}&label=default HTTP/1.1\r\n{head}\r\n\r\n"
    )
    .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked {
        joined(body)
    } else {
        body.to_owned()
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

/// What is refused with an error of the interface.
#[track_caller]
fn assert_refused(host: &Host, query: &str, parts: &[&str]) {
    let (status, text) = ask(host, query);
    assert_eq!(status, 500, "{query}: {text}");
    for part in parts {
        assert!(
            text.contains(part),
            "`{part}` is missing in {query}: {text}"
        );
    }
}

#[track_caller]
fn done(host: &Host, query: &str) -> String {
    let (status, text) = ask(host, query);
    assert!((200..300).contains(&status), "{query}: {status} {text}");
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

#[test]
fn a_dependency_that_satisfies_nothing_ends_the_start() {
    let dependency = format!(
        "\"acme:thing\" = {{ path = \"{}\" }}",
        probe("hello-03").display()
    );
    assert_fails(
        &Launch::new(STOA, &application("dependent-03", &dependency)),
        &[
            "component `guest`",
            "`acme:thing` satisfies none of its imports",
        ],
    );
}

#[test]
fn a_dependency_without_the_export_ends_the_start() {
    let dependency = format!(
        "\"stoa:keyvalue\" = {{ path = \"{}\" }}",
        probe("hello-03").display()
    );
    assert_fails(
        &Launch::new(STOA, &application("dependent-03", &dependency)).arguments(&["--portable"]),
        &["dependency `stoa:keyvalue` does not export `stoa:keyvalue/read@0.1.0`"],
    );
}

#[test]
fn a_dependency_that_does_not_inherit_ends_the_start() {
    let adapter = probe("keyvalue-adapter");
    let dependency = format!("\"stoa:keyvalue\" = {{ path = \"{}\" }}", adapter.display());
    assert_fails(
        &Launch::new(STOA, &application("dependent-03", &dependency)).arguments(&["--portable"]),
        &[
            "does not inherit `key_value_stores`",
            "= hint: add `inherit_configuration",
        ],
    );
}

#[test]
fn a_package_of_no_registry_ends_the_start() {
    let manifest = application("dependent-03", "\"acme:thing\" = \"1.0\"");
    assert_fails(
        &Launch::new(STOA, &manifest),
        &[
            "`acme:thing` cannot be used: no registry is known for `acme`",
            "= hint: name it",
        ],
    );
}

#[test]
fn an_adapter_is_needed_only_by_the_portable_run() {
    let gone = "\"stoa:keyvalue\" = { path = \"gone.wasm\", inherit_configuration = true }";
    let manifest = application("dependent-03", gone);
    assert_fails(
        &Launch::new(STOA, &manifest).arguments(&["--portable"]),
        &["dependency `stoa:keyvalue`: cannot read", "gone.wasm"],
    );
    let host = Launch::new(STOA, &manifest).start();
    done(&host, "op=apply&change=always,a,1");
}

#[test]
fn a_component_that_is_only_joined_is_not_served() {
    let part = format!(
        "\"stoa:keyvalue\" = {{ component = \"part\", inherit_configuration = true }}\n[component.part]\nsource = \"{}\"",
        probe("keyvalue-adapter").display()
    );
    let host = Launch::new(STOA, &application("dependent-03", &part))
        .arguments(&["--portable"])
        .start();
    done(&host, "op=apply&change=always,a,1");
    assert_eq!(done(&host, "op=list&limit=9"), "a\n");
}

/// What both runs answer to the same requests, in order. Versions differ and are left out.
#[test]
fn what_is_promised_is_the_same_in_both_runs() {
    let (native, portable) = (native("dependent-03"), portable("dependent-03"));
    let both = |query: &str| {
        let (expected, answered) = (ask(&native, query), ask(&portable, query));
        assert_eq!(expected.0, answered.0, "{query}: {expected:?} {answered:?}");
        (expected.1, answered.1)
    };
    let same = |query: &str| {
        let (expected, answered) = both(query);
        assert_eq!(expected, answered, "{query}");
        expected
    };
    for key in ["b/2", "a", "b/1", "c", "b/3", "%C3%A4"] {
        both(&format!("op=apply&change=always,{key},{key}"));
    }
    assert_eq!(same("op=list&limit=9"), "a\nb/1\nb/2\nb/3\nc\nä\n");
    assert_eq!(same("op=list&limit=2&prefix=b/"), "b/1\nb/2\nb/2");
    assert_eq!(same("op=list&limit=2&prefix=b/&after=b/2"), "b/3\n");
    assert_eq!(
        same("op=list&limit=9&prefix=b/&values=1"),
        "b/1=b/1\nb/2=b/2\nb/3=b/3\n"
    );
    assert_eq!(same("op=list&limit=9&prefix=z"), "");
    both("op=list&limit=0");
    both("op=apply&change=always,a");
    assert_eq!(same("op=get&key=a"), "\n");
    both("op=apply&change=present,c,new");
    same("op=apply&change=present,gone,x");
    both("op=apply&change=always,n,41");
    assert_eq!(same("op=increment&key=n&delta=1"), "42");
    assert_eq!(same("op=increment&key=n&delta=-50"), "-8");
    both("op=increment&key=c&delta=1");
    both("op=get&key=");
    both(&format!("op=get&key={}", "k".repeat(1025)));
    same("op=get&label=nobody&key=a");
}

#[test]
fn a_version_is_good_for_one_write() {
    let host = portable("dependent-03");
    let first = done(&host, "op=apply&change=always,a,1");
    assert_eq!(done(&host, "op=get&key=a"), format!("{first}=1\n"));
    let second = done(&host, &format!("op=apply&change={first},a,2"));
    assert_ne!(first, second);
    assert_refused(
        &host,
        &format!("op=apply&change={first},a,3"),
        &["Conflict", "a"],
    );
    // The value is the first again, its version is not.
    done(&host, "op=apply&change=always,a,1");
    assert_refused(
        &host,
        &format!("op=apply&change={first},a,3"),
        &["Conflict"],
    );
    assert_refused(
        &host,
        &format!("op=apply&change={second},gone,3"),
        &["Conflict", "gone"],
    );
}

#[test]
fn what_spin_cannot_promise_is_refused() {
    let host = portable("dependent-03");
    done(&host, "op=apply&change=always,a,1");
    for query in [
        "op=apply&change=absent,b,1",
        "op=apply&change=absent,a,1",
        "op=apply&change=present,a",
        "op=apply&change=1,a",
        "op=apply&change=always,b,1&change=always,c,1",
        "op=get&key=a&key=b",
        "op=increment&key=b&delta=1",
    ] {
        assert_refused(&host, query, &["Other", "not-portable"]);
    }
    // And nothing was done.
    assert_eq!(done(&host, "op=list&limit=9&values=1"), "a=1\n");
}

#[test]
fn writers_that_meet_lose_nothing() {
    const WRITERS: usize = 4;
    const EACH: usize = 10;
    const TRIES_MAX: usize = 200;
    let host = portable("dependent-03");
    done(&host, "op=apply&change=always,n,0");
    // Where others came in between too often it says so, and is asked again.
    let address = host.address();
    let increments = || {
        (0..TRIES_MAX)
            .filter(|_| ask_at(address, "op=increment&key=n&delta=1").0 == 200)
            .take(EACH)
            .count()
    };
    let made: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(increments)).collect();
        let made = writers.into_iter().map(|writer| writer.join());
        made.map(|made| made.expect("it writes")).sum::<usize>()
    });
    assert_eq!(made, WRITERS * EACH);
    let counted = done(&host, "op=get&key=n");
    assert!(counted.ends_with(&format!("={made}\n")), "{counted}");
}

#[test]
fn what_was_written_without_the_adapter_is_refused() {
    let host = portable("keyvalue-02");
    done(&host, "api=draft2&op=set&key=a&value=1");
    assert_refused(&host, "api=stoa&op=get&key=a", &["foreign-value", "`a`"]);
    assert_refused(
        &host,
        "api=stoa&op=increment&key=a&delta=1",
        &["foreign-value"],
    );
    // It can be written over.
    done(&host, "api=stoa&op=set&key=a&value=2");
    assert_eq!(done(&host, "api=stoa&op=get&key=a"), "2");
}

#[test]
fn guests_that_block_and_guests_that_wait_are_both_served() {
    for guest in ["keyvalue-02", "keyvalue-03"] {
        let host = portable(guest);
        done(&host, "api=stoa&op=set&key=a&value=1");
        assert_eq!(done(&host, "api=stoa&op=get&key=a"), "1", "{guest}");
        done(&host, "api=stoa&op=cas&key=a&value=2");
        assert_eq!(
            done(&host, "api=stoa&op=increment&key=a&delta=3"),
            "5",
            "{guest}"
        );
        assert_refused(
            &host,
            "api=stoa&op=cas&key=a&value=2&between=x",
            &["conflict: a"],
        );
        assert_refused(&host, "api=stoa&op=many&key=a&key=b", &["not-portable"]);
        done(&host, "api=stoa&op=delete&key=a");
        assert_eq!(done(&host, "api=stoa&op=list"), "", "{guest}");
    }
}

#[test]
fn what_was_joined_is_found_compiled() {
    let host = portable("dependent-03");
    host.signal("TERM");
    let host = host.restarted();
    host.logged("Preparing guest: found compiled");
}
