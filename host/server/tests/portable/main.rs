//! Our own interfaces by their adapters and by the host: what both answer, and what the adapters refuse. This file is about
//! `stoa:documents`.
//!
//! The calls are those by which `stoa-runtime` shows what the host's own store does (`tests/guests/documents.rs`). Of
//! its facts, the adapter holds all but the quotas, which it refuses to have declared.

mod adapted;
mod application;
mod blobs;
mod calls;
mod identity;
mod shop;
mod sql;

use application::{Application, Call, GRANT, SCHEMA, ask, ask_at, done, refused};
use calls::{PUT_A, READING, WRITING, WRONG};

/// Guests that block and guests that wait.
const GUESTS: [&str; 2] = ["documents-02", "documents-03"];

/// What both runs answer to the same calls, in order: status, words and cursors.
#[track_caller]
fn assert_same(application: &Application<'_>, calls: &[Call<'_>]) {
    let (native, portable) = (application.native(), application.portable());
    for call in calls {
        let (expected, answered) = (ask(&native, *call), ask(&portable, *call));
        assert_eq!(answered, expected, "{}: {call:?}", application.guest);
        assert_ne!(
            expected.0, 400,
            "the probe understands {call:?}: {}",
            expected.1
        );
    }
}

#[test]
fn what_is_wrong_is_wrong_in_both_runs() {
    for guest in GUESTS {
        assert_same(&Application::of(guest), WRONG);
    }
}

#[test]
fn what_is_read_is_the_same_in_both_runs() {
    for guest in GUESTS {
        assert_same(&Application::of(guest), READING);
    }
}

#[test]
fn what_is_written_is_the_same_in_both_runs() {
    for guest in GUESTS {
        assert_same(&Application::of(guest), WRITING);
    }
}

#[test]
fn what_may_only_be_read_is_so_in_both_runs() {
    let grant = format!("access = \"read\"\n{GRANT}");
    let schema = SCHEMA.replacen(
        "\"collections\"",
        "\"access\": \"read\", \"collections\"",
        1,
    );
    for guest in GUESTS {
        let application = Application {
            grant: &grant,
            schema: Some(&schema),
            ..Application::of(guest)
        };
        assert_same(
            &application,
            &[
                PUT_A,
                ("update", &[("change", "set:n:1")]),
                ("delete", &[("id", "a")]),
                ("delete-matching", &[]),
                ("count", &[]),
            ],
        );
    }
}

#[test]
fn documents_are_bounded_in_both_runs() {
    let grant = format!("document_bytes_max = 20\n{GRANT}");
    let schema = SCHEMA.replacen(
        "\"collections\"",
        "\"document_bytes_max\": 20, \"collections\"",
        1,
    );
    for guest in GUESTS {
        let application = Application {
            grant: &grant,
            schema: Some(&schema),
            ..Application::of(guest)
        };
        assert_same(
            &application,
            &[
                PUT_A,
                ("put", &[("id", "a"), ("body", "{}")]),
                (
                    "update",
                    &[("change", r#"set:name:"12345678901234567890""#)],
                ),
                ("find", &[]),
            ],
        );
    }
}

#[test]
fn what_spin_cannot_promise_is_refused() {
    for guest in GUESTS {
        let host = Application::of(guest).portable();
        let half = ("put", &[("id", "a"), ("body", r#"{"sku":0.5}"#)][..]);
        let text = refused(&host, half, "not-portable");
        assert!(text.contains("unique index `sku`"), "{text}");
        assert_eq!(done(&host, ("count", &[])), "0");
    }
}

#[test]
fn what_the_adapter_lacks_is_named() {
    let count = ("count", &[][..]);
    for guest in GUESTS {
        let missing = Application {
            schema: None,
            ..Application::of(guest)
        };
        let text = refused(&missing.portable(), count, "no-schema");
        assert!(text.contains("`documents_schema`"), "{text}");
        let quota = SCHEMA.replacen("\"collections\"", "\"bytes_max\": 60, \"collections\"", 1);
        let quota = Application {
            schema: Some(&quota),
            ..Application::of(guest)
        };
        let text = refused(&quota.portable(), count, "no-schema");
        assert!(text.contains("bytes_max"), "{text}");
        let no_database = Application {
            databases: "",
            ..Application::of(guest)
        };
        let text = refused(&no_database.portable(), count, "no-database");
        assert!(text.contains("`sqlite_databases`"), "{text}");
    }
}

#[test]
fn an_adapter_that_does_not_inherit_ends_the_start() {
    for (inherited, missing) in [
        ("[\"sqlite_databases\"]", "variables"),
        ("[\"variables\"]", "sqlite_databases"),
    ] {
        let application = Application {
            inherited,
            ..Application::of("documents-02")
        };
        let ended = application.launch().arguments(&["--portable"]).fail();
        assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
        let told = format!("does not inherit `{missing}`");
        assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    }
}

#[test]
fn documents_are_there_after_a_restart() {
    let host = Application::of("documents-03").portable();
    done(&host, PUT_A);
    let before = done(&host, ("find", &[]));
    host.signal("TERM");
    let host = host.restarted();
    assert_eq!(done(&host, ("find", &[])), before);
}

#[test]
fn writers_that_meet_lose_nothing() {
    const WRITERS: usize = 4;
    const EACH: usize = 10;
    const TRIES_MAX: usize = 200;
    let host = Application::of("documents-03").portable();
    done(&host, ("put", &[("id", "a"), ("body", r#"{"n":0}"#)]));
    let address = host.address();
    let add = (
        "update",
        &[("c", "equal:_id:a"), ("change", "increment:n:1")][..],
    );
    // Where others came in between too often it says so, and is asked again.
    let increments = || {
        (0..TRIES_MAX)
            .filter(|_| ask_at(address, add).0 == 200)
            .take(EACH)
            .count()
    };
    let made: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(increments)).collect();
        let made = writers.into_iter().map(|writer| writer.join());
        made.map(|made| made.expect("it writes")).sum::<usize>()
    });
    assert_eq!(made, WRITERS * EACH);
    let expected = format!("a {{\"n\":{made}}}\n");
    assert_eq!(done(&host, ("get", &[("id", "a")])), expected);
}
