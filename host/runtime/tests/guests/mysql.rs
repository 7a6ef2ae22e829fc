//! MySQL from 0.2 and 0.3 Rust, through the interface of every version of Spin: refusals first. The server is that of
//! `STOA_TEST_MYSQL`, or one on this machine which trusts `root`. What is made there is temporary.

use crate::fixture::{Answer, Fixture, Service};

/// A probe and the interface it is asked to use, the oldest first.
const CALLERS: [(&str, &str); 3] = [
    ("mysql-02", "first"),
    ("mysql-02", "second"),
    ("mysql-03", "third"),
];

fn address() -> String {
    std::env::var("STOA_TEST_MYSQL").unwrap_or_else(|_| "mysql://root@127.0.0.1:3306".into())
}

/// The manifest of a component that may connect to the server.
fn allowed() -> String {
    let address = address();
    let (_, rest) = address.split_once("://").expect("it is a URL");
    let authority = rest.split(['/', '?']).next().expect("it names a host");
    let host = authority.rsplit('@').next().expect("it names a host");
    let host = match host.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:3306"),
    };
    format!("allowed_outbound_hosts = [\"mysql://{host}\"]")
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
    api: &'a str,
}

impl Caller<'_> {
    async fn call_at(&self, address: &str, op: &str, parameters: &[(&str, &str)]) -> Answer {
        let Self { guest, api } = self;
        let mut path = format!("/?api={api}&op={op}&address={}", encoded(address));
        for (name, value) in parameters {
            path.push_str(&format!("&{name}={}", encoded(value)));
        }
        let answer = guest.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{api} {path}: {error}"))
    }

    async fn expect(&self, op: &str, parameters: &[(&str, &str)], status: u16, body: &str) {
        let answer = self.call_at(&address(), op, parameters).await;
        let told = (answer.status.as_u16(), answer.text());
        assert_eq!(
            told,
            (status, body.to_owned()),
            "{} {parameters:?}",
            self.api
        );
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
    for probe in ["mysql-02", "mysql-03"] {
        let guest = fixture.serve(probe, manifest);
        for (_, api) in CALLERS.iter().filter(|(name, _)| *name == probe) {
            let guest = &guest;
            ask(Caller { guest, api }).await;
        }
    }
}

async fn every(ask: impl AsyncFn(Caller<'_>)) {
    every_with(&Fixture::new(), &allowed(), ask).await;
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_connected_to() {
    let words = ["connection-failed: address mysql://", " is not permitted"];
    for manifest in ["", "allowed_outbound_hosts = [\"mysql://db.example:3306\"]"] {
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
        let words = ["connection-failed: this host does not connect to MySQL"];
        caller.refused(&[("sql", "SELECT 1")], &words).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    every(async |caller: Caller<'_>| {
        for address in [
            "nonsense",
            "postgres://root@127.0.0.1",
            "mysql://root@127.0.0.1:port",
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
async fn what_the_server_refuses_is_told() {
    every(async |caller: Caller<'_>| {
        let words = ["query-failed: ERROR 1"];
        caller
            .refused(&[("sql", "SELECT * FROM nowhere")], &words)
            .await;
    })
    .await;
}

#[tokio::test]
async fn what_has_no_value_is_refused() {
    every(async |caller: Caller<'_>| {
        let sql = [("sql", "SELECT 1.5 AS price")];
        let answer = caller.call_at(&address(), "query", &sql).await;
        let text = answer.text();
        assert!(
            text.starts_with("value-conversion-failed: column price"),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn values_come_back() {
    every(async |caller: Caller<'_>| {
        let sql = "SELECT CAST(? AS signed) AS i, CAST(? AS unsigned) AS u, CAST(? AS double) AS d, \
                   CAST(? AS char(9)) AS t, CAST(? AS binary(2)) AS x, CAST(? AS char(9)) AS n";
        let parameters = [
            ("sql", sql),
            ("p", "i64:-4"),
            ("p", "u64:18446744073709551615"),
            ("p", "f64:-2.5"),
            ("p", "t:grüße"),
            ("p", "x:AB"),
            ("p", "null"),
        ];
        let body = "i Int64|u Uint64|d Floating64|t Str|x Binary|n Str\n\
                    Int64(-4)|Uint64(18446744073709551615)|Floating64(-2.5)|Str(\"grüße\")|\
                    Binary([65, 66])|DbNull\n";
        caller.expect("query", &parameters, 200, body).await;
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_parameter_is_understood() {
    every(async |caller: Caller<'_>| {
        for (given, meant) in [
            ("b:true", "1"),
            ("i8:-1", "-1"),
            ("i16:-2", "-2"),
            ("i32:-3", "-3"),
            ("u8:1", "1"),
            ("u16:2", "2"),
            ("u32:3", "3"),
            ("f32:1.5", "1.5"),
        ] {
            let sql = "SELECT CONCAT(?, '') AS it";
            let body = format!("it Str\nStr(\"{meant}\")\n");
            caller
                .expect("query", &[("sql", sql), ("p", given)], 200, &body)
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn statements_are_executed() {
    every(async |caller: Caller<'_>| {
        let parameters = [("sql", "DO ?"), ("p", "i32:1")];
        caller.expect("execute", &parameters, 204, "").await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_one_session() {
    every(async |caller: Caller<'_>| {
        if caller.api == "second" {
            let parameters = [
                ("before", "SET @mine = 7"),
                ("sql", "SELECT CAST(@mine AS signed) AS it"),
            ];
            caller
                .expect("query", &parameters, 200, "it Int64\nInt64(7)\n")
                .await;
            let none = [("sql", "SELECT CAST(@mine AS signed) AS it")];
            caller
                .expect("query", &none, 200, "it Int64\nDbNull\n")
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn many_rows_arrive_in_order() {
    every(async |caller: Caller<'_>| {
        let sql = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
                   SELECT CAST(i AS signed) AS n FROM n";
        let rows: String = (1..=900).map(|n| format!("Int64({n})\n")).collect();
        let body = format!("n Int64\n{rows}");
        caller.expect("query", &[("sql", sql)], 200, &body).await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_can_be_dropped_and_the_connection_used() {
    every(async |caller: Caller<'_>| {
        if caller.api == "third" {
            let sql = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
                       SELECT CAST(i AS signed) AS n FROM n";
            let parameters = [("sql", sql), ("sql2", "SELECT CAST(7000000000 AS signed)")];
            caller.expect("head", &parameters, 200, "n Int64\nInt64(1)\nInt64(7000000000)\n").await;
        }
    })
    .await;
}
