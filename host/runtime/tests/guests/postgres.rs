//! PostgreSQL from 0.2 and 0.3 Rust, through the interface of every version of Spin: refusals first. The server is that of
//! `STOA_TEST_POSTGRES`, or one on this machine which trusts `root`. What is made there is temporary.

use crate::fixture::{Answer, Fixture, Service};

/// A probe and the interface it is asked to use, the oldest first.
const CALLERS: [(&str, &str); 7] = [
    ("postgres-02", "first"),
    ("postgres-02", "second"),
    ("postgres-02", "third"),
    ("postgres-02", "fourth"),
    ("postgres-02", "built"),
    ("postgres-03", "blocking"),
    ("postgres-03", "async"),
];
/// Those that have only what MySQL has too.
const PLAIN: [&str; 2] = ["first", "second"];
/// Those that have dates, and nothing newer.
const DATED: &str = "third";

/// Without TLS: the certificate of a server for tests is nobody's.
fn address() -> String {
    let url = std::env::var("STOA_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://root@127.0.0.1:5432/test".into());
    match url.contains('?') {
        true => format!("{url}&sslmode=disable"),
        false => format!("{url}?sslmode=disable"),
    }
}

/// The manifest of a component that may connect to the server.
fn allowed() -> String {
    let address = address();
    let (_, rest) = address.split_once("://").expect("it is a URL");
    let authority = rest.split(['/', '?']).next().expect("it names a host");
    let (_, host) = authority.rsplit_once('@').expect("it names a user");
    let host = match host.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:5432"),
    };
    format!("allowed_outbound_hosts = [\"postgres://{host}\"]")
}

fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

struct Caller<'a> {
    guest: &'a Service,
    probe: &'a str,
    api: &'a str,
}

impl Caller<'_> {
    fn is_plain(&self) -> bool {
        PLAIN.contains(&self.api)
    }

    /// Whether it has what came with version 4.
    fn is_wide(&self) -> bool {
        !self.is_plain() && self.api != DATED
    }

    async fn call_at(&self, address: &str, op: &str, parameters: &[(&str, &str)]) -> Answer {
        let Self { guest, probe, api } = self;
        let mut path = format!("/?api={api}&op={op}&address={}", encoded(address));
        for (name, value) in parameters {
            path.push_str(&format!("&{name}={}", encoded(value)));
        }
        let answer = guest.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{probe} {api} {path}: {error}"))
    }

    async fn expect(&self, op: &str, parameters: &[(&str, &str)], body: &str) {
        let answer = self.call_at(&address(), op, parameters).await;
        let told = (answer.status.as_u16(), answer.text());
        let expected = (200, body.to_owned());
        assert_eq!(told, expected, "{} {} {parameters:?}", self.probe, self.api);
    }

    /// Asks at this address, and finds the words in what is refused.
    async fn refused_at(&self, address: &str, parameters: &[(&str, &str)], words: &[&str]) {
        for op in ["query", "execute"] {
            let answer = self.call_at(address, op, parameters).await;
            let (text, place) = (answer.text(), format!("{} {op} {parameters:?}", self.api));
            assert_eq!(answer.status.as_u16(), 500, "{place}: {text}");
            for word in words {
                assert!(text.contains(word), "{place}: {text}");
            }
        }
    }

    async fn refused(&self, parameters: &[(&str, &str)], words: &[&str]) {
        self.refused_at(&address(), parameters, words).await;
    }
}

/// Asks every caller, each with the same lines of manifest.
async fn every_with(fixture: &Fixture, manifest: &str, ask: impl AsyncFn(Caller<'_>)) {
    for probe in ["postgres-02", "postgres-03"] {
        let guest = fixture.serve(probe, manifest);
        for (_, api) in CALLERS.iter().filter(|(name, _)| *name == probe) {
            let guest = &guest;
            ask(Caller { guest, probe, api }).await;
        }
    }
}

async fn every(ask: impl AsyncFn(Caller<'_>)) {
    every_with(&Fixture::new(), &allowed(), ask).await;
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_connected_to() {
    let words = [
        "connection-failed: address postgres://",
        " is not permitted",
    ];
    for manifest in [
        "",
        "allowed_outbound_hosts = [\"postgres://db.example:5432\"]",
    ] {
        every_with(&Fixture::new(), manifest, async |caller: Caller<'_>| {
            caller.refused(&[("sql", "SELECT 1")], &words).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_host_without_a_driver_says_so() {
    let mut fixture = Fixture::new();
    fixture.without_drivers();
    every_with(&fixture, &allowed(), async |caller: Caller<'_>| {
        let words = ["connection-failed: this host does not connect to PostgreSQL"];
        caller.refused(&[("sql", "SELECT 1")], &words).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    every(async |caller: Caller<'_>| {
        for address in [
            "nonsense",
            "postgres:///test",
            "host=/run/postgresql user=root",
        ] {
            let words = ["connection-failed: "];
            caller
                .refused_at(address, &[("sql", "SELECT 1")], &words)
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_certificate_that_is_none_is_refused() {
    every(async |caller: Caller<'_>| {
        if ["built", "blocking", "async"].contains(&caller.api) {
            let parameters = [("sql", "SELECT 1"), ("ca", "nonsense")];
            let words = ["other: invalid root certificate"];
            caller.refused(&parameters, &words).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_server_refuses_is_told() {
    every(async |caller: Caller<'_>| {
        let words = ["query-failed: ", "42P01", "nowhere"];
        caller
            .refused(&[("sql", "SELECT * FROM nowhere")], &words)
            .await;
        let division = [("sql", "SELECT 1 / $1"), ("p", "i32:0")];
        caller
            .refused(&division, &["query-failed: ", "22012"])
            .await;
    })
    .await;
}

#[tokio::test]
async fn parameters_that_are_none_are_refused() {
    every(async |caller: Caller<'_>| {
        let bad = match caller.is_plain() {
            true => ("u8:1", "value-conversion-failed: "),
            false => ("date:2023,2,29", "bad-parameter: "),
        };
        caller
            .refused(&[("sql", "SELECT $1"), ("p", bad.0)], &[bad.1])
            .await;
        let other = [("sql", "SELECT $1::int4"), ("p", "t:1")];
        caller.refused(&other, &["query-failed: ", "int4"]).await;
        if caller.is_wide() {
            for bad in ["uuid:1", "jsonb:{", "dec:1e5", "adec:x"] {
                let parameters = [("sql", "SELECT $1"), ("p", bad)];
                caller.refused(&parameters, &["bad-parameter: "]).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_result_that_is_too_large_is_refused() {
    every(async |caller: Caller<'_>| {
        // Of those that block and those that wait, one each: it takes the server some time.
        if !["fourth", "async"].contains(&caller.api) {
            return;
        }
        let sql = "SELECT repeat('x', 140000000)";
        let answer = caller.call_at(&address(), "query", &[("sql", sql)]).await;
        let text = answer.text();
        let told = "query-failed: query result exceeds limit of 134217728 bytes";
        assert_eq!(
            (answer.status.as_u16(), &*text),
            (500, told),
            "{}",
            caller.api
        );
    })
    .await;
}

#[tokio::test]
async fn plain_values_come_back() {
    every(async |caller: Caller<'_>| {
        let sql = "SELECT $1::bool AS b, $2::int2 AS s, $3::int4 AS i, $4::int8 AS l, $5::float4 AS f, \
                   $6::float8 AS d, $7::text AS t, $8::bytea AS x, $9::int4 AS n";
        let parameters = [
            ("sql", sql),
            ("p", "b:true"),
            ("p", "i16:-2"),
            ("p", "i32:3"),
            ("p", "i64:4"),
            ("p", "f32:1.5"),
            ("p", "f64:-2.5"),
            ("p", "t:grüße"),
            ("p", "x:AB"),
            ("p", "null"),
        ];
        let body = "b Boolean|s Int16|i Int32|l Int64|f Floating32|d Floating64|t Str|x Binary|n Int32\n\
                    Boolean(true)|Int16(-2)|Int32(3)|Int64(4)|Floating32(1.5)|Floating64(-2.5)|\
                    Str(\"grüße\")|Binary([65, 66])|DbNull\n";
        caller.expect("query", &parameters, body).await;
    })
    .await;
}

#[tokio::test]
async fn statements_tell_how_many_rows_there_were() {
    every(async |caller: Caller<'_>| {
        let sql = "SELECT generate_series(1, $1)";
        caller
            .expect("execute", &[("sql", sql), ("p", "i32:3")], "3")
            .await;
    })
    .await;
}

#[tokio::test]
async fn dates_come_back_where_there_are_any() {
    every(async |caller: Caller<'_>| {
        if caller.is_plain() {
            let sql = [("sql", "SELECT now()::date AS d")];
            caller.expect("query", &sql, "d Other\nUnsupported\n").await;
            return;
        }
        let sql = "SELECT $1::date AS d, $2::time AS t, $3::timestamp AS m, $4::timestamptz AS z";
        let parameters = [
            ("sql", sql),
            ("p", "date:2024,2,29"),
            ("p", "time:1,2,3,4000"),
            ("p", "datetime:1999,12,31,23,59,59,0"),
            ("p", "ts:0"),
        ];
        let body = "d Date|t Time|m Datetime|z Datetime\n\
                    Date((2024, 2, 29))|Time((1, 2, 3, 4000))|Datetime((1999, 12, 31, 23, 59, 59, 0))|\
                    Datetime((1970, 1, 1, 0, 0, 0, 0))\n";
        caller.expect("query", &parameters, body).await;
    })
    .await;
}

#[tokio::test]
async fn every_other_value_comes_back_since_version_four() {
    // The type, how it is given, and how it comes back.
    let values = [
        (
            "uuid",
            "uuid:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "Uuid|Uuid(\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\")",
        ),
        ("jsonb", "jsonb:[1]", "Jsonb|Jsonb([91, 49, 93])"),
        ("numeric", "dec:-1.50", "Decimal|Decimal(\"-1.50\")"),
        (
            "int4range",
            "r32:1,5",
            "RangeInt32|RangeInt32((Some((1, Inclusive)), Some((5, Exclusive))))",
        ),
        (
            "int8range",
            "r64:,5",
            "RangeInt64|RangeInt64((None, Some((5, Exclusive))))",
        ),
        (
            "numrange",
            "rdec:1.5,",
            "RangeDecimal|RangeDecimal((Some((\"1.5\", Inclusive)), None))",
        ),
        (
            "int4[]",
            "a32:1,,3",
            "ArrayInt32|ArrayInt32([Some(1), None, Some(3)])",
        ),
        ("int8[]", "a64:", "ArrayInt64|ArrayInt64([])"),
        (
            "numeric[]",
            "adec:1.5",
            "ArrayDecimal|ArrayDecimal([Some(\"1.5\")])",
        ),
        (
            "text[]",
            "astr:a,",
            "ArrayStr|ArrayStr([Some(\"a\"), None])",
        ),
    ];
    every(async |caller: Caller<'_>| {
        if !caller.is_wide() {
            for (ty, _, _) in values {
                let sql = format!("SELECT CAST(NULL AS {ty}) AS it");
                let body = "it Other\nDbNull\n";
                caller.expect("query", &[("sql", &sql)], body).await;
            }
            let sql = [("sql", "SELECT 1.50::numeric AS it")];
            caller
                .expect("query", &sql, "it Other\nUnsupported\n")
                .await;
            return;
        }
        for (ty, given, told) in values {
            let (ty_told, value) = told.split_once('|').expect("it has two parts");
            let sql = format!("SELECT $1::{ty} AS it");
            let body = format!("it {ty_told}\n{value}\n");
            caller
                .expect("query", &[("sql", &sql), ("p", given)], &body)
                .await;
        }
        let sql = "SELECT $1::interval = '1 month 2 days 3 microseconds' AS it";
        let parameters = [("sql", sql), ("p", "interval:3,2,1")];
        caller
            .expect("query", &parameters, "it Boolean\nBoolean(true)\n")
            .await;
        let sql = [("sql", "SELECT '1.2.3.4'::inet AS it")];
        let body = "it Other(\"inet\")\nUnsupported([2, 32, 0, 4, 1, 2, 3, 4])\n";
        caller.expect("query", &sql, body).await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_one_session() {
    every(async |caller: Caller<'_>| {
        if caller.probe == "postgres-02" && caller.api != "first" {
            let parameters = [
                ("before", "CREATE TEMPORARY TABLE mine (id int)"),
                ("before", "INSERT INTO mine VALUES (7)"),
                ("sql", "SELECT id FROM mine"),
            ];
            // Twice: what was left of the first is not met by the second.
            for _ in 0..2 {
                caller
                    .expect("query", &parameters, "id Int32\nInt32(7)\n")
                    .await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn many_rows_arrive_in_order() {
    every(async |caller: Caller<'_>| {
        let sql = [("sql", "SELECT generate_series(1, 5000) AS n")];
        let rows: String = (1..=5000).map(|n| format!("Int32({n})\n")).collect();
        caller
            .expect("query", &sql, &format!("n Int32\n{rows}"))
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_why() {
    every(async |caller: Caller<'_>| {
        let sql = [(
            "sql",
            "SELECT 1 / (900 - n) FROM generate_series(1, 1000) AS n",
        )];
        let answer = caller.call_at(&address(), "query", &sql).await;
        assert_eq!(answer.status.as_u16(), 500, "{}", caller.api);
        assert!(answer.text().contains("22012"), "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn a_stream_can_be_dropped_and_the_connection_used() {
    every(async |caller: Caller<'_>| {
        if caller.api == "async" {
            let parameters = [
                ("sql", "SELECT generate_series(1, 100000) AS n"),
                ("sql2", "SELECT 7"),
            ];
            caller
                .expect("head", &parameters, "n Int32\nInt32(1)\nInt32(7)\n")
                .await;
        }
    })
    .await;
}
