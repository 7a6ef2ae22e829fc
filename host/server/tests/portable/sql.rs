//! `stoa:sql` by its adapter and by the host. The calls are those by which `stoa-runtime` shows what the host's own
//! databases do (`tests/guests/sql.rs`). Of its facts, the adapter holds those of one statement over columns whose types
//! SQLite has; the rest is refused, and shown to be.

use stoa_testkit::Host;

use crate::adapted::Adapted;
use crate::application::{Call, done, refused};

/// Guests that block and guests that wait.
const GUESTS: [&str; 2] = ["sql-02", "sql-03"];
const API: (&str, &str) = ("api", "stoa");
const GRANTS: &str = r#"{ "default": { "schema": true } }"#;
const SELECT: (&str, &str) = ("sql", "SELECT 1 AS a");
const INSERT: (&str, &str) = ("sql", "INSERT INTO things VALUES ('a', 1)");
/// A change that needs nothing to be there.
const MAKE: (&str, &str) = ("sql", "CREATE TABLE others (a TEXT)");
const COUNT: Call<'static> = ("query", &[API, ("sql", "SELECT count(*) AS n FROM things")]);
const THINGS: Call<'static> = (
    "execute",
    &[
        API,
        (
            "sql",
            "CREATE TABLE things (id TEXT PRIMARY KEY, count BIGINT NOT NULL CHECK (count >= 0))",
        ),
    ],
);
const MANY: (&str, &str) = (
    "sql",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 10001) SELECT x FROM n",
);

fn of(guest: &str) -> Adapted<'_> {
    Adapted {
        guest,
        noun: "sql",
        grant: "schema = true",
        databases: "sqlite_databases = [\"default\"]",
        variables: &[("sql_grants", GRANTS)],
        inherited: "[\"sqlite_databases\", \"variables\"]",
    }
}

/// Calls that have no right, and calls that are wrong in themselves.
const WRONG: &[Call<'static>] = &[
    THINGS,
    ("query", &[API, ("label", "other"), SELECT]),
    ("execute", &[API, ("label", "other"), INSERT]),
    ("query", &[API, INSERT]),
    (
        "query",
        &[
            API,
            ("sql", "INSERT INTO things VALUES ('a', 1) RETURNING id"),
        ],
    ),
    ("cursor", &[API, INSERT]),
    ("execute", &[API, ("sql", "ATTACH 'other.db' AS other")]),
    ("execute", &[API, ("sql", "DETACH main")]),
    ("execute", &[API, ("sql", "PRAGMA journal_mode = DELETE")]),
    ("query", &[API, ("sql", "PRAGMA writable_schema = ON")]),
    ("execute", &[API, ("sql", "BEGIN")]),
    ("execute", &[API, ("sql", "COMMIT")]),
    ("execute", &[API, ("sql", "SAVEPOINT a")]),
    (
        "execute",
        &[API, ("sql", "CREATE TEMP TABLE mine (id TEXT)")],
    ),
    ("query", &[API, ("sql", "SELEC 1")]),
    ("query", &[API, ("sql", "SELECT 1; SELECT 2")]),
    ("query", &[API, ("sql", "")]),
    ("query", &[API, ("sql", "SELECT missing FROM things")]),
    ("query", &[API, ("sql", "SELECT $1 AS a")]),
    (
        "query",
        &[API, ("sql", "SELECT $1 AS a"), ("p", "i:1"), ("p", "i:2")],
    ),
    ("query", &[API, ("sql", "SELECT $1 AS a"), ("p", "r:NaN")]),
    ("cursor", &[API, SELECT, ("max", "0")]),
    ("batch", &[API]),
    (
        "execute",
        &[API, ("sql", "INSERT INTO things VALUES ('a', NULL)")],
    ),
    (
        "execute",
        &[API, ("sql", "INSERT INTO things VALUES ('a', -1)")],
    ),
    (
        "execute",
        &[API, ("sql", "INSERT INTO things VALUES ('a', 1), ('a', 2)")],
    ),
    (
        "fill",
        &[
            API,
            ("sql", "INSERT INTO things VALUES ($1, 1)"),
            ("bytes", "4194305"),
        ],
    ),
    ("query", &[API, MANY]),
];

#[test]
fn what_is_wrong_is_wrong_in_both_runs() {
    for guest in GUESTS {
        of(guest).assert_same(WRONG);
        let host = of(guest).portable();
        done(&host, THINGS);
        assert_eq!(done(&host, COUNT), "n\ni:0\n");
    }
}

#[test]
fn what_may_only_be_read_is_so_in_both_runs() {
    for guest in GUESTS {
        let reading = Adapted {
            grant: "access = \"read\"",
            variables: &[("sql_grants", r#"{ "default": { "access": "read" } }"#)],
            ..of(guest)
        };
        reading.assert_same(&[
            ("query", &[API, MAKE]),
            ("cursor", &[API, MAKE]),
            ("execute", &[API, MAKE]),
            ("batch", &[API, MAKE]),
            (
                "transaction",
                &[API, ("access", "write"), ("step", "commit")],
            ),
            ("query", &[API, ("sql", "SELECT 1 AS a")]),
        ]);
    }
}

#[test]
fn the_schema_is_closed_in_both_runs() {
    for guest in GUESTS {
        let closed = Adapted {
            grant: "",
            variables: &[("sql_grants", r#"{ "default": {} }"#)],
            ..of(guest)
        };
        closed.assert_same(&[
            THINGS,
            (
                "execute",
                &[API, ("sql", "CREATE VIEW mine AS SELECT 1 AS a")],
            ),
        ]);
    }
}

/// What a statement did, and what it answered; only what a column was declared as, Spin does not tell.
#[test]
fn one_statement_does_what_it_does() {
    for guest in GUESTS {
        let host = of(guest).portable();
        let is = |op: &str, parameters: &[(&str, &str)], expected: &str| {
            let parameters: Vec<_> = [API]
                .into_iter()
                .chain(parameters.iter().copied())
                .collect();
            assert_eq!(done(&host, (op, &parameters)), expected, "{guest} {op}");
        };
        is("label", &[], "default");
        is("execute", THINGS.1, "0 -\n");
        let insert = ("sql", "INSERT INTO things VALUES ($2, $1), ('b', $1)");
        is("execute", &[insert, ("p", "i:3"), ("p", "t:ä")], "2 2\n");
        let update = ("sql", "UPDATE things SET count = count + 1 RETURNING count");
        is("batch", &[update], "2 -\ncount\ni:4\ni:4\n");
        let select = ("sql", "SELECT id, count FROM things ORDER BY id");
        is("query", &[select], "id|count\nt:b|i:4\nt:ä|i:4\n");
        let kinds = ("sql", "SELECT $1 AS n, $2 AS r, $3 AS x, $4 AS b");
        let values = [
            kinds,
            ("p", "null"),
            ("p", "r:1.5"),
            ("p", "x:abc"),
            ("p", "b:true"),
        ];
        is("query", &values, "n|r|x|b\nnull|r:1.5|x:abc|i:1\n");
        let some = (
            "sql",
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 250) SELECT x FROM n",
        );
        is("cursor", &[some, ("max", "100")], "1 100 100 50 0");
        is("execute", &[("sql", "DELETE FROM things")], "2 -\n");
    }
}

#[track_caller]
fn not_portable(host: &Host, call: Call<'_>) -> String {
    refused(host, call, "not-portable")
}

#[test]
fn what_spin_cannot_promise_is_refused() {
    for guest in GUESTS {
        let host = of(guest).portable();
        done(&host, THINGS);
        not_portable(&host, ("batch", &[API, INSERT, INSERT]));
        for access in ["read", "write"] {
            let begin = [API, ("access", access), ("step", "commit")];
            not_portable(&host, ("transaction", &begin));
        }
        not_portable(&host, ("cursor", &[API, MANY, ("max", "10000")]));
        for value in ["d:1.5", "m:2026-03-01T12:00:00Z"] {
            let select = [API, ("sql", "SELECT $1 AS a"), ("p", value)];
            not_portable(&host, ("query", &select));
        }
        let trigger = "CREATE TRIGGER t AFTER INSERT ON things BEGIN DELETE FROM things; END";
        not_portable(&host, ("execute", &[API, ("sql", trigger)]));
        assert_eq!(done(&host, COUNT), "n\ni:0\n");
        let typed = "CREATE TABLE typed (at TIMESTAMPTZ)";
        done(&host, ("execute", &[API, ("sql", typed)]));
        let text = not_portable(&host, COUNT);
        assert!(text.contains("`typed.at`"), "{text}");
        done(&host, ("execute", &[API, ("sql", "DROP TABLE typed")]));
        assert_eq!(done(&host, COUNT), "n\ni:0\n");
    }
}

#[test]
fn what_the_adapter_lacks_is_named() {
    for guest in GUESTS {
        let missing = Adapted {
            variables: &[],
            ..of(guest)
        };
        let query = ("query", &[API, SELECT][..]);
        let text = refused(&missing.portable(), query, "no-grants");
        assert!(text.contains("`sql_grants`"), "{text}");
        let tables = Adapted {
            variables: &[("sql_grants", r#"{ "default": { "tables": ["things"] } }"#)],
            ..of(guest)
        };
        let text = refused(&tables.portable(), query, "no-grants");
        assert!(text.contains("tables"), "{text}");
    }
    for (inherited, missing) in [
        ("[\"sqlite_databases\"]", "variables"),
        ("[\"variables\"]", "sqlite_databases"),
    ] {
        let application = Adapted {
            inherited,
            ..of("sql-02")
        };
        application.assert_not_inherited(missing);
    }
}

#[test]
fn rows_are_there_after_a_restart() {
    let host = of("sql-03").portable();
    done(&host, THINGS);
    done(&host, ("execute", &[API, INSERT]));
    host.signal("TERM");
    let host = host.restarted();
    assert_eq!(done(&host, COUNT), "n\ni:1\n");
}
