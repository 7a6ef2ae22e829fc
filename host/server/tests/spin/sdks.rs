//! Components by Spin's SDKs for Rust, 3, 5, 6 and 7: each function that an SDK offers, refused and done.
//!
//! The probes answer alike (`components/probes/spin-sdk-3` says how), so one list of calls is for all of them; what an SDK
//! does not have is left out.

use stoa_testkit::{Host, Launch, probe};

use crate::STOA;
use crate::client::{Ask, encoded};
use crate::services::{self, address, host, http_echo, unique};

/// An SDK: its probe, and its names for what the others have under another one or not at all.
struct Sdk {
    probe: &'static str,
    /// Modules for SQLite.
    sqlite: &'static [&'static str],
    /// Those that tell what a statement left behind.
    inserts: &'static [&'static str],
    /// Modules for PostgreSQL.
    postgres: &'static [&'static str],
}

const SDKS: [Sdk; 4] = [
    Sdk {
        probe: "spin-sdk-3",
        sqlite: &["sqlite"],
        inserts: &[],
        postgres: &["pg", "pg3"],
    },
    Sdk {
        probe: "spin-sdk-5",
        sqlite: &["sqlite", "sqlite3"],
        inserts: &["sqlite3"],
        postgres: &["pg", "pg3", "pg4"],
    },
    Sdk {
        probe: "spin-sdk-6",
        sqlite: &["sqlite"],
        inserts: &["sqlite"],
        postgres: &["pg"],
    },
    Sdk {
        probe: "spin-sdk-7",
        sqlite: &["sqlite"],
        inserts: &["sqlite"],
        postgres: &["pg"],
    },
];

/// A host that serves a probe with these fields.
struct Served {
    host: Host,
    probe: &'static str,
}

/// A table that is gone when this is.
struct Table {
    server: &'static str,
    name: String,
}

// === impl Served ===

impl Served {
    fn new(sdk: &Sdk, fields: &str) -> Self {
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"sdk\"\n\
             [variables]\nname = {{ default = \"world\" }}\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
             [component.guest]\nsource = \"{}\"\n{fields}\n\
             [component.guest.variables]\ngreeting = \"hello, {{{{ name }}}}\"\n",
            probe(sdk.probe).display()
        );
        Self {
            host: Launch::new(STOA, &manifest).start(),
            probe: sdk.probe,
        }
    }

    /// Calls `/<noun>/<function>` with these parameters.
    fn call(&self, function: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let parameters = parameters.iter();
        let query: Vec<String> = parameters
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let path = format!("/{function}?{}", query.join("&"));
        let answer = Ask::get(&path).of(self.host.address());
        (answer.status, answer.body)
    }

    /// It is done, and this is what comes of it.
    #[track_caller]
    fn does(&self, function: &str, parameters: &[(&str, &str)], value: &str) {
        let answer = self.call(function, parameters);
        let expected = (200, format!("ok {value}"));
        assert_eq!(answer, expected, "{} {function} {parameters:?}", self.probe);
    }

    /// It is done, and these are parts of what comes of it.
    #[track_caller]
    fn tells(&self, function: &str, parameters: &[(&str, &str)], parts: &[&str]) {
        let (status, text) = self.call(function, parameters);
        let probe = self.probe;
        assert_eq!(status, 200, "{probe} {function} {parameters:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{probe} {function}: {part}: {text}");
        }
    }

    /// It is refused with this word of its interface.
    #[track_caller]
    fn refuses(&self, function: &str, parameters: &[(&str, &str)], word: &str) {
        let (status, text) = self.call(function, parameters);
        let probe = self.probe;
        assert_eq!(status, 500, "{probe} {function} {parameters:?}: {text}");
        assert!(text.contains(word), "{probe} {function}: {word}: {text}");
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        services::clean(self.server, &format!("DROP TABLE IF EXISTS {}", self.name));
    }
}

/// Serves each probe with these fields.
fn every(fields: &str, ask: impl Fn(&Sdk, &Served)) {
    for sdk in &SDKS {
        ask(sdk, &Served::new(sdk, fields));
    }
}

/// The field that allows these servers.
fn allowing(servers: &[&str]) -> String {
    let entries = servers.iter();
    let entries: Vec<String> = entries
        .map(|server| format!("\"{server}://{}\"", host(server)))
        .collect();
    format!("allowed_outbound_hosts = [{}]", entries.join(", "))
}

#[test]
fn what_the_manifest_does_not_list_is_denied() {
    every("", |sdk, guest| {
        for function in ["open", "get", "set", "delete", "exists", "get-keys"] {
            let all = [("label", "default"), ("key", "a"), ("value", "1")];
            guest.refuses(&format!("key-value/{function}"), &all, "AccessDenied");
        }
        for module in sdk.sqlite {
            for function in ["open", "execute", "values"] {
                let all = [("label", "default"), ("sql", "SELECT 1")];
                guest.refuses(&format!("{module}/{function}"), &all, "AccessDenied");
            }
        }
        let url = format!("http://{}/a", http_echo());
        for method in ["get", "post", "put", "patch", "delete"] {
            let all = [("url", url.as_str()), ("body", "b")];
            guest.refuses(&format!("http/{method}"), &all, "HttpRequestDenied");
        }
        let redis = address("redis");
        for function in ["open", "get", "set", "incr", "del", "publish"] {
            let all = [("address", redis.as_str()), ("key", "a"), ("value", "1")];
            guest.refuses(&format!("redis/{function}"), &all, "InvalidAddress");
        }
        let databases = sdk.postgres.iter().map(|module| (*module, "postgres"));
        for (module, server) in databases.chain([("mysql", "mysql")]) {
            let address = address(server);
            for function in ["open", "query", "execute"] {
                let all = [("address", address.as_str()), ("sql", "SELECT 1")];
                guest.refuses(&format!("{module}/{function}"), &all, "ConnectionFailed");
            }
        }
        let broker = format!("{}?client_id={}", address("mqtt"), unique());
        guest.refuses("mqtt/open", &[("address", &broker)], "ConnectionFailed");
        guest.refuses("variables/get", &[("name", "other")], "Undefined");
        guest.refuses("variables/get", &[("name", "Not-A-Name")], "InvalidName");
    });
}

#[test]
fn variables_are_read() {
    every("", |_, guest| {
        guest.does("variables/get", &[("name", "greeting")], "hello, world");
    });
}

#[test]
fn key_value_stores_do_all_they_offer() {
    every("key_value_stores = [\"default\"]", |_, guest| {
        let call = |function: &str, key: &str, value: &str, expected: &str| {
            let all = [("label", "default"), ("key", key), ("value", value)];
            guest.does(&format!("key-value/{function}"), &all, expected);
        };
        call("open", "", "", "opened");
        call("get", "a", "", "none");
        call("exists", "a", "", "false");
        call("set", "a", "1", "set");
        call("set", "b", "", "set");
        call("get", "a", "", "1");
        call("get", "b", "", "");
        call("exists", "a", "", "true");
        call("get-keys", "", "", "a b");
        call("delete", "a", "", "deleted");
        call("delete", "a", "", "deleted");
        call("get-keys", "", "", "b");
        let other = [("label", "other")];
        guest.refuses("key-value/open", &other, "AccessDenied");
    });
}

#[test]
fn sqlite_databases_do_all_they_offer() {
    every("sqlite_databases = [\"default\"]", |sdk, guest| {
        for module in sdk.sqlite {
            let (execute, table) = (format!("{module}/execute"), format!("t_{module}"));
            let on = |sql: &str| [("label", "default".to_owned()), ("sql", sql.to_owned())];
            let tells = |sql: &str, p: Option<&str>, parts: &[&str]| {
                let [(label, default), (name, sql)] = on(sql);
                let mut all = vec![(label, default.as_str()), (name, sql.as_str())];
                all.extend(p.map(|p| ("p", p)));
                guest.tells(&execute, &all, parts);
            };
            guest.does(&format!("{module}/open"), &[("label", "default")], "opened");
            tells(&format!("CREATE TABLE {table} (a TEXT)"), None, &[]);
            tells(
                &format!("INSERT INTO {table} VALUES (?)"),
                Some("it's"),
                &[],
            );
            tells(
                &format!("SELECT a FROM {table}"),
                None,
                &["ok a ", "Text(\"it's\")"],
            );
            let kinds = [
                "ok i,r,t,b,n ",
                "Integer(7)",
                "Real(1.5)",
                "Text(\"seven\")",
                "Blob([7])",
                "Null",
            ];
            guest.tells(&format!("{module}/values"), &[("label", "default")], &kinds);
            for wrong in ["SELEC", "SELECT * FROM missing", "ATTACH 'a.db' AS a"] {
                let all = [("label", "default"), ("sql", wrong)];
                let (status, text) = guest.call(&execute, &all);
                assert_eq!(status, 500, "{} {wrong}: {text}", sdk.probe);
            }
        }
        for module in sdk.inserts {
            let make = "CREATE TABLE n (a INTEGER PRIMARY KEY)";
            let all = [("label", "default"), ("sql", make)];
            guest.tells(&format!("{module}/execute"), &all, &[]);
            let all = [
                ("label", "default"),
                ("sql", "INSERT INTO n VALUES (6), (7)"),
            ];
            guest.does(&format!("{module}/insert"), &all, "7 2");
        }
    });
}

#[test]
fn other_servers_are_called_with_every_method() {
    let fields = format!("allowed_outbound_hosts = [\"http://{}\"]", http_echo());
    every(&fields, |_, guest| {
        let url = format!("http://{}/a?b=c", http_echo());
        for (method, with_body) in [
            ("get", false),
            ("post", true),
            ("put", true),
            ("patch", true),
            ("delete", false),
        ] {
            let all = [("url", url.as_str()), ("body", "there and back")];
            let said = match with_body {
                true => format!("200 {} /a?b=c there and back", method.to_uppercase()),
                false => format!("200 {} /a?b=c", method.to_uppercase()),
            };
            guest.does(&format!("http/{method}"), &all, &said);
        }
        let elsewhere = [("url", "http://127.0.0.1:1/")];
        guest.refuses("http/get", &elsewhere, "HttpRequestDenied");
    });
}

#[test]
fn redis_does_all_it_offers() {
    every(&allowing(&["redis"]), |_, guest| {
        let (address, key) = (address("redis"), unique());
        let call = |function: &str, more: &[(&str, &str)], expected: &str| {
            let mut all = vec![("address", address.as_str()), ("key", key.as_str())];
            all.extend(more);
            guest.does(&format!("redis/{function}"), &all, expected);
        };
        call("open", &[], "opened");
        call("get", &[], "none");
        call("set", &[("value", "1")], "set");
        call("get", &[], "1");
        call("incr", &[], "2");
        call("publish", &[("value", "nobody listens")], "published");
        let expire = [
            ("command", "EXPIRE"),
            ("argument", key.as_str()),
            ("argument", "600"),
        ];
        call("execute", &expire, "1");
        call("del", &[], "1");
        call("sadd", &[("value", "a"), ("value", "b")], "2");
        call("smembers", &[], "a b");
        let wrong = [("address", address.as_str()), ("key", key.as_str())];
        guest.refuses("redis/get", &wrong, "TypeError");
        call("srem", &[("value", "a"), ("value", "c")], "1");
        call("del", &[], "1");
        let nobody = [("address", "no address"), ("key", "a")];
        guest.refuses("redis/get", &nobody, "InvalidAddress");
    });
}

#[test]
fn postgres_does_all_it_offers() {
    every(&allowing(&["postgres"]), |sdk, guest| {
        for module in sdk.postgres {
            let make = |table: &str| format!("CREATE TABLE {table} (a TEXT)");
            database(guest, module, "postgres", &make, "$1");
        }
    });
}

#[test]
fn mysql_does_all_it_offers() {
    every(&allowing(&["mysql"]), |_, guest| {
        let make = |table: &str| format!("CREATE TABLE {table} (a VARCHAR(20))");
        database(guest, "mysql", "mysql", &make, "?");
    });
}

/// Makes a table, writes into it and reads it.
fn database(
    guest: &Served,
    module: &str,
    server: &'static str,
    make: &dyn Fn(&str) -> String,
    parameter: &str,
) {
    let table = Table {
        server,
        name: unique(),
    };
    let (name, address) = (&table.name, address(server));
    let on = |sql: &str| [("address", address.clone()), ("sql", sql.to_owned())];
    let tells = |function: &str, sql: &str, p: Option<&str>, parts: &[&str]| {
        let all = on(sql);
        let mut all: Vec<(&str, &str)> = all.iter().map(|(k, v)| (*k, v.as_str())).collect();
        all.extend(p.map(|p| ("p", p)));
        guest.tells(&format!("{module}/{function}"), &all, parts);
    };
    tells("open", "", None, &["ok opened"]);
    tells("execute", &make(name), None, &[]);
    // MySQL does not tell how many rows there were.
    let rows = if server == "postgres" {
        "ok 1"
    } else {
        "ok ()"
    };
    let insert = format!("INSERT INTO {name} VALUES ({parameter})");
    tells("execute", &insert, Some("it's"), &[rows]);
    let select = format!("SELECT a FROM {name} WHERE a = {parameter}");
    tells("query", &select, Some("it's"), &["ok a ", "Str(\"it's\")"]);
    let (status, text) = guest.call(
        &format!("{module}/query"),
        &[("address", &address), ("sql", &select), ("p", "other")],
    );
    assert_eq!((status, text.as_str()), (200, "ok a []"), "{module}");
    let wrong = [("address", address.as_str()), ("sql", "SELEC")];
    guest.refuses(&format!("{module}/query"), &wrong, "QueryFailed");
    guest.refuses(&format!("{module}/execute"), &wrong, "QueryFailed");
}

#[test]
fn mqtt_does_all_it_offers() {
    every(&allowing(&["mqtt"]), |_, guest| {
        let broker = format!("{}?client_id={}", address("mqtt"), unique());
        let (broker, topic) = (broker.as_str(), unique());
        guest.does("mqtt/open", &[("address", broker)], "opened");
        for qos in ["0", "1", "2"] {
            let all = [
                ("address", broker),
                ("topic", topic.as_str()),
                ("value", "hello"),
                ("qos", qos),
            ];
            guest.does("mqtt/publish", &all, "published");
        }
        guest.refuses("mqtt/open", &[("address", "no address")], "InvalidAddress");
    });
}

#[test]
fn models_that_nobody_runs_are_told() {
    every("ai_models = [\"llama2-chat\"]", |_, guest| {
        for function in ["infer", "infer-with-options", "generate-embeddings"] {
            let function = format!("llm/{function}");
            let listed = [("model", "llama2-chat")];
            guest.refuses(&function, &listed, "ModelNotSupported");
            guest.refuses(&function, &[("model", "other")], "InvalidInput");
        }
    });
}
