//! Databases from 0.2 Rust, 0.2 JavaScript and 0.3 Rust, and through Spin's contracts: what grants refuse and bound is
//! here, the rest in modules.

mod calls;
mod mistakes;
mod spin;

use std::fmt::Write;

use futures::future::join_all;
use stoa_capabilities::sql::Statement;

use crate::fixture::{Answer, Fixture, Service};

/// A probe and what it is asked to use.
const CALLERS: [(&str, &str); 3] = [
    ("sql-02", "stoa"),
    ("javascript", "sql"),
    ("sql-03", "stoa"),
];
/// The same for Spin's contracts.
const SPIN: [(&str, &str); 4] = [
    ("sql-02", "spin"),
    ("sql-02", "fermyon"),
    ("sql-03", "spin"),
    ("sql-03", "spin-blocking"),
];

/// What `sqlite_databases` alone grants: everything.
const FULL: &str = "sqlite_databases = [\"default\"]\n";

const SCHEMA: [&str; 4] = [
    "CREATE TABLE things (id TEXT PRIMARY KEY, count BIGINT NOT NULL CHECK (count >= 0))",
    "CREATE TABLE secrets (id TEXT)",
    "CREATE TABLE notes (note TEXT)",
    "CREATE TABLE kinds (n BIGINT, b BOOLEAN, r DOUBLE PRECISION, d DECIMAL(10,2), t TEXT, x BYTEA, m TIMESTAMPTZ)",
];

/// What no component may do, whatever its grant.
const FORBIDDEN: [&str; 9] = [
    "ATTACH 'other.db' AS other",
    "DETACH main",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA writable_schema = ON",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT a",
    "CREATE TEMP TABLE mine (id TEXT)",
];

fn granted(grant: &str) -> String {
    format!(
        "{FULL}[component.guest.tool.stoa]\nschema = 1\n[component.guest.tool.stoa.grants.sql.default]\n{grant}\n"
    )
}

/// A host whose database has the tables.
async fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let handles = fixture.handles(FULL);
    for text in SCHEMA {
        let statement = Statement {
            text: text.into(),
            parameters: Vec::new(),
        };
        let made = handles.sql["default"].execute(statement).await;
        made.expect("the table is made");
    }
    fixture
}

struct Caller {
    guest: Service,
    name: String,
    api: &'static str,
}

type Parameters<'a> = &'a [(&'a str, &'a str)];

impl Caller {
    async fn call(&self, op: &str, parameters: Parameters<'_>) -> Answer {
        let mut path = format!("/?api={}&label=default&op={op}", self.api);
        for (name, value) in parameters {
            write!(path, "&{name}={}", encoded(value)).expect("a string takes all");
        }
        let answer = self.guest.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{} {op} {parameters:?}: {error}", self.name))
    }

    async fn expect(&self, op: &str, parameters: Parameters<'_>, body: &str) {
        let answer = self.call(op, parameters).await;
        let found = (answer.status.as_u16(), answer.text());
        let name = &self.name;
        assert_eq!(found, (200, body.to_owned()), "{name} {op} {parameters:?}");
    }

    /// That there is no right to this, in the word of the interface.
    async fn refused(&self, op: &str, parameters: Parameters<'_>, variant: &str) {
        self.fails(op, parameters, 403, variant).await;
    }

    async fn failed(&self, op: &str, parameters: Parameters<'_>, variant: &str) {
        self.fails(op, parameters, 500, variant).await;
    }

    async fn fails(&self, op: &str, parameters: Parameters<'_>, status: u16, variant: &str) {
        let answer = self.call(op, parameters).await;
        let (name, text) = (&self.name, answer.text());
        let found = answer.status.as_u16();
        assert_eq!(found, status, "{name} {op} {parameters:?}: {text}");
        let starts = text.starts_with(variant);
        assert!(starts, "{name} {op} {parameters:?}: {text}");
    }

    /// That nothing came of it.
    async fn expect_no_things(&self) {
        let count = [("sql", "SELECT count(*) AS n FROM things")];
        self.expect("query", &count, "n\ni:0\n").await;
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

/// Shows something of callers under this manifest, each on a host of its own.
async fn each<const N: usize>(
    callers: [(&'static str, &'static str); N],
    manifest: &str,
    show: impl AsyncFn(Caller),
) {
    for (probe, api) in callers {
        let fixture = fixture().await;
        let guest = fixture.serve(probe, manifest);
        let name = format!("{probe} {api}");
        show(Caller { guest, name, api }).await;
    }
}

#[tokio::test]
async fn denied_when_the_label_is_not_granted() {
    let select = [("sql", "SELECT 1"), ("access", "read")];
    for manifest in ["", "sqlite_databases = [\"other\"]\n"] {
        each(CALLERS, manifest, async |guest| {
            for op in ["query", "execute", "transaction"] {
                guest.refused(op, &select, "no-such-database").await;
            }
        })
        .await;
        each(SPIN, manifest, async |guest| {
            guest.refused("execute", &select, "access-denied").await;
        })
        .await;
    }
}

#[tokio::test]
async fn denied_to_write_through_a_read_grant() {
    let insert = [
        ("sql", "INSERT INTO things VALUES ('a', 1)"),
        ("access", "write"),
    ];
    each(CALLERS, &granted("access = \"read\""), async |guest| {
        for op in ["query", "cursor", "execute", "batch", "transaction"] {
            guest.refused(op, &insert, "denied").await;
        }
        let within = [
            ("access", "read"),
            ("step", "execute:INSERT INTO things VALUES ('a', 1)"),
            ("step", "query:SELECT 1"),
        ];
        guest
            .expect("transaction", &within, "denied\ntransaction-over\n")
            .await;
        guest.expect_no_things().await;
    })
    .await;
    each(SPIN, &granted("access = \"read\""), async |guest| {
        guest.refused("execute", &insert, "access-denied").await;
        let count = [("sql", "SELECT count(*) AS n FROM things")];
        guest.expect("execute", &count, "n\ni:0\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_reads_denies_to_write_whatever_the_grant() {
    each(CALLERS, FULL, async |guest| {
        let insert = [("sql", "INSERT INTO things VALUES ('a', 1) RETURNING id")];
        guest.refused("query", &insert, "denied").await;
        guest.refused("cursor", &insert, "denied").await;
        guest.expect_no_things().await;
    })
    .await;
}

#[tokio::test]
async fn denied_to_change_the_schema_without_a_grant_for_it() {
    const CHANGES: [&str; 5] = [
        "CREATE TABLE mine (id TEXT)",
        "DROP TABLE things",
        "ALTER TABLE things ADD COLUMN mine TEXT",
        "CREATE INDEX mine ON things (count)",
        "CREATE VIEW mine AS SELECT id FROM secrets",
    ];
    each(CALLERS, &granted(""), async |guest| {
        for change in CHANGES {
            guest.refused("execute", &[("sql", change)], "denied").await;
        }
    })
    .await;
    each(SPIN, &granted(""), async |guest| {
        for change in CHANGES {
            let change = [("sql", change)];
            guest.refused("execute", &change, "access-denied").await;
        }
    })
    .await;
}

#[tokio::test]
async fn other_tables_are_denied_like_missing_ones() {
    each(CALLERS, &granted("tables = [\"things\"]"), async |guest| {
        let mut told = Vec::new();
        for table in ["secrets", "missing", "stoa_migrations", "sqlite_schema"] {
            let select = format!("SELECT * FROM {table}");
            told.push(guest.call("query", &[("sql", &select)]).await);
        }
        assert!(told[0].text().starts_with("denied"), "{}", told[0].text());
        assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
        let hidden = "UPDATE things SET count = (SELECT count(id) FROM secrets)";
        guest.refused("execute", &[("sql", hidden)], "denied").await;
        guest.expect_no_things().await;
    })
    .await;
    each(SPIN, &granted("tables = [\"things\"]"), async |guest| {
        let select = [("sql", "SELECT * FROM secrets")];
        guest.refused("execute", &select, "access-denied").await;
    })
    .await;
}

#[tokio::test]
async fn what_no_component_may_do_is_denied() {
    each(CALLERS, FULL, async |guest| {
        for text in FORBIDDEN {
            guest.refused("execute", &[("sql", text)], "denied").await;
            guest.refused("query", &[("sql", text)], "denied").await;
            let step = format!("execute:{text}");
            let within = [
                ("access", "write"),
                ("step", step.as_str()),
                ("step", "query:SELECT 1"),
            ];
            guest
                .expect("transaction", &within, "denied\ntransaction-over\n")
                .await;
        }
    })
    .await;
    each(SPIN, FULL, async |guest| {
        for text in FORBIDDEN {
            let text = [("sql", text)];
            guest.refused("execute", &text, "access-denied").await;
        }
    })
    .await;
}

#[tokio::test]
async fn quotas_bite() {
    let large = [
        (
            "sql",
            "INSERT INTO notes VALUES (replace(hex(zeroblob(100000)), '0', 'x'))",
        ),
        ("access", "write"),
    ];
    let grant = granted("bytes_max = 65536");
    each(CALLERS, &grant, async |guest| {
        guest.failed("execute", &large, "quota: bytes_max").await;
        // What fits is still written.
        let small = [("sql", "INSERT INTO notes VALUES ($1)"), ("bytes", "10")];
        guest.expect("fill", &small, "1 1\n").await;
    })
    .await;
    each(SPIN, &grant, async |guest| {
        guest.failed("execute", &large, "database-full").await;
    })
    .await;
    let grant = granted("calls_per_second_max = 1");
    each(CALLERS, &grant, async |guest| {
        guest.expect_no_things().await;
        let select = [("sql", "SELECT 1")];
        guest
            .failed("query", &select, "quota: calls_per_second_max")
            .await;
    })
    .await;
}

/// All at the same time: each takes as long as the deadline.
#[tokio::test]
async fn a_statement_that_does_not_end_is_ended() {
    const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS n FROM n";
    let shows = CALLERS.map(|caller| {
        each([caller], FULL, async |guest| {
            let endless = [("sql", ENDLESS)];
            guest.failed("query", &endless, "deadline").await;
            // The thread is free again.
            guest.expect_no_things().await;
        })
    });
    join_all(shows).await;
}

#[tokio::test]
async fn an_error_ends_a_transaction_and_undoes_it() {
    each(CALLERS, FULL, async |guest| {
        let steps = [
            ("access", "write"),
            ("step", "execute:INSERT INTO things VALUES ('a', 1)"),
            ("step", "execute:INSERT INTO things VALUES ('a', 1)"),
            ("step", "query:SELECT 1"),
            ("step", "commit"),
        ];
        let told = "1 1\nconstraint\ntransaction-over\ntransaction-over\n";
        guest.expect("transaction", &steps, told).await;
        guest.expect_no_things().await;
    })
    .await;
}
