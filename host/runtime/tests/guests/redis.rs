//! Redis from 0.2 and 0.3 Rust, through the interface of every version of Spin: refusals first. The server is that of
//! `STOA_TEST_REDIS`, or one on this machine.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::fixture::{Answer, Fixture, Service};

/// A probe and the interface it is asked to use.
const CALLERS: [(&str, &str); 3] = [
    ("redis-02", "first"),
    ("redis-02", "second"),
    ("redis-03", "third"),
];

fn server() -> String {
    std::env::var("STOA_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".into())
}

/// The manifest of a component that may connect to the server.
fn allowed() -> String {
    format!("allowed_outbound_hosts = [\"{}\"]", server())
}

/// A name that nobody else has.
fn name(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("stoa-test-{what}-{now}-{count}")
}

struct Caller<'a> {
    guest: &'a Service,
    probe: &'a str,
    api: &'a str,
}

impl Caller<'_> {
    async fn call(&self, address: &str, query: &str) -> Answer {
        let Self { guest, probe, api } = self;
        let path = format!("/?api={api}&address={address}&{query}");
        let answer = guest.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{probe} {api} {query}: {error}"))
    }

    async fn expect(&self, query: &str, status: u16, body: &str) {
        let answer = self.call(&server(), query).await;
        let told = (answer.status.as_u16(), answer.text());
        let expected = (status, body.to_owned());
        assert_eq!(told, expected, "{} {} {query}", self.probe, self.api);
    }

    /// In the word of its interface. The first has one for everything.
    async fn refused(&self, address: &str, query: &str, variant: &str) {
        let variant = match self.api {
            "first" => "error",
            _ => variant,
        };
        let answer = self.call(address, query).await;
        let (text, place) = (answer.text(), format!("{} {query}", self.api));
        assert_eq!(answer.status.as_u16(), 500, "{place}: {text}");
        assert!(text.starts_with(&format!("{variant}: ")), "{place}: {text}");
    }
}

/// Asks every caller, each with the same lines of manifest.
async fn every(manifest: &str, ask: impl AsyncFn(Caller<'_>)) {
    let fixture = Fixture::new();
    for (probe, api) in CALLERS {
        let guest = fixture.serve(probe, manifest);
        let guest = &guest;
        ask(Caller { guest, probe, api }).await;
    }
}

#[tokio::test]
async fn what_the_manifest_does_not_allow_is_an_invalid_address() {
    let elsewhere = "allowed_outbound_hosts = [\"redis://cache.example:6379\", \"mqtt://*:*\"]";
    for manifest in ["", elsewhere] {
        every(manifest, async |caller| {
            caller
                .refused(&server(), "op=get&key=a", "invalid-address")
                .await;
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_no_address_is_told() {
    every(
        "allowed_outbound_hosts = [\"redis://*:*\", \"http://*:*\"]",
        async |caller| {
            for address in [
                "",
                "localhost",
                "http://localhost:6379",
                "redis://localhost/x",
            ] {
                caller
                    .refused(address, "op=get&key=a", "invalid-address")
                    .await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = free.local_addr().expect("it has an address");
    drop(free);
    let address = format!("redis://me:hunter2@{address}");
    every(
        "allowed_outbound_hosts = [\"redis://*:*\"]",
        async |caller| {
            caller.refused(&address, "op=get&key=a", "other").await;
            let told = caller.call(&address, "op=get&key=a").await.text();
            assert!(!told.contains("hunter2"), "{told}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_value_of_another_type_is_told() {
    every(&allowed(), async |caller| {
        let key = name("type");
        caller
            .expect(&format!("op=sadd&key={key}&value=a"), 200, "1")
            .await;
        caller
            .refused(&server(), &format!("op=get&key={key}"), "type-error")
            .await;
        caller
            .refused(&server(), &format!("op=incr&key={key}"), "type-error")
            .await;
        caller
            .expect(&format!("op=set&key={key}&value=one"), 204, "")
            .await;
        for query in [
            "op=incr",
            "op=sadd&value=a",
            "op=srem&value=a",
            "op=smembers",
        ] {
            let query = format!("{query}&key={key}");
            caller.refused(&server(), &query, "type-error").await;
        }
        caller.expect(&format!("op=del&key={key}"), 200, "1").await;
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_refused_is_told() {
    every(&allowed(), async |caller| {
        for command in [
            "NONSENSE",
            "SUBSCRIBE&argument=a",
            "MONITOR",
            "HELLO&argument=3",
        ] {
            let query = format!("op=execute&command={command}");
            caller.refused(&server(), &query, "other").await;
        }
        // Without a key.
        caller.refused(&server(), "op=del", "other").await;
    })
    .await;
}

#[tokio::test]
async fn a_component_has_as_many_connections_as_it_may() {
    // Those that are closed make room: each of these calls opens as many as there may be.
    let manifest = format!(
        "{}\n[component.guest.tool.stoa]\nschema = 1\n\
         [component.guest.tool.stoa.limits]\noutbound_connections_max = 4\n",
        allowed()
    );
    every(&manifest, async |caller| {
        if caller.api != "first" {
            for _ in 0..3 {
                caller.expect("op=open&count=4", 204, "").await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn keys_have_values() {
    every(&allowed(), async |caller| {
        let key = name("key");
        caller.expect(&format!("op=get&key={key}"), 404, "").await;
        caller
            .expect(&format!("op=set&key={key}&value=gr%C3%B6%C3%9Fer"), 204, "")
            .await;
        caller
            .expect(&format!("op=get&key={key}"), 200, "größer")
            .await;
        let two = format!("op=del&key={key}&key={}", name("nothing"));
        caller.expect(&two, 200, "1").await;
        caller.expect(&format!("op=incr&key={key}"), 200, "1").await;
        caller.expect(&format!("op=incr&key={key}"), 200, "2").await;
        caller.expect(&format!("op=del&key={key}"), 200, "1").await;
    })
    .await;
}

#[tokio::test]
async fn sets_have_members() {
    every(&allowed(), async |caller| {
        let key = name("set");
        caller
            .expect(&format!("op=smembers&key={key}"), 200, "")
            .await;
        let two = |op: &str| format!("op={op}&key={key}&value=a&value=b");
        caller.expect(&two("sadd"), 200, "2").await;
        caller.expect(&two("sadd"), 200, "0").await;
        caller
            .expect(&format!("op=smembers&key={key}"), 200, "a\nb\n")
            .await;
        caller.expect(&two("srem"), 200, "2").await;
        caller.expect(&two("srem"), 200, "0").await;
    })
    .await;
}

#[tokio::test]
async fn any_command_is_answered_in_four_kinds() {
    every(&allowed(), async |caller| {
        let key = name("any");
        let set = format!("op=execute&command=SET&argument={key}&argument=%237");
        caller.expect(&set, 200, "status OK\n").await;
        let add = format!("op=execute&command=INCRBY&argument={key}&argument=%2335");
        caller.expect(&add, 200, "int64 42\n").await;
        let nothing = name("nothing");
        let several = format!("op=execute&command=MGET&argument={key}&argument={nothing}");
        caller.expect(&several, 200, "binary 42\nnil\n").await;
        let nested = "op=execute&command=EVAL&argument=return {1,{'a',{2}}}&argument=%230";
        let nested = nested
            .replace(' ', "%20")
            .replace('{', "%7B")
            .replace('}', "%7D");
        caller
            .expect(&nested, 200, "int64 1\nbinary a\nint64 2\n")
            .await;
        caller.expect(&format!("op=del&key={key}"), 200, "1").await;
    })
    .await;
}

#[tokio::test]
async fn a_message_without_listeners_is_published_all_the_same() {
    every(&allowed(), async |caller| {
        let query = format!("op=publish&channel={}&value=hello", name("channel"));
        caller.expect(&query, 204, "").await;
    })
    .await;
}

#[tokio::test]
async fn a_host_without_a_driver_says_so() {
    let mut fixture = Fixture::new();
    fixture.without_drivers();
    for (probe, api) in CALLERS {
        let guest = fixture.serve(probe, &allowed());
        let guest = &guest;
        let caller = Caller { guest, probe, api };
        caller.refused(&server(), "op=get&key=a", "other").await;
    }
}
