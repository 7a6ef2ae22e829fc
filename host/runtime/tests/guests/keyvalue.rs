//! Key-value stores from 0.2 Rust, 0.2 JavaScript and 0.3 Rust, through every interface: refusals first.

use http::StatusCode;

use crate::fixture::{Answer, Fixture, Service};

/// A probe and the interface it is asked to use.
const CALLERS: [(&str, &str); 6] = [
    ("keyvalue-02", "stoa"),
    ("keyvalue-02", "draft"),
    ("keyvalue-02", "draft2"),
    ("keyvalue-js", "stoa"),
    ("keyvalue-03", "stoa"),
    ("keyvalue-03", "spin"),
];

fn stores(list: &str, grants: &str) -> String {
    format!("key_value_stores = [{list}]\n[component.guest.tool.stoa]\nschema = 1\n{grants}\n")
}

struct Caller<'a> {
    guest: &'a Service,
    api: &'a str,
}

impl Caller<'_> {
    async fn call(&self, query: &str) -> Answer {
        let Self { guest, api } = self;
        let answer = guest
            .get(&format!("/?api={api}&label=default&{query}"))
            .await;
        answer.unwrap_or_else(|error| panic!("{api} {query}: {error}"))
    }

    async fn expect(&self, query: &str, status: u16, body: &str) {
        let answer = self.call(query).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (status, body),
            "{} {query}",
            self.api
        );
    }

    async fn refused(&self, query: &str) {
        let answer = self.call(query).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{} {query}: {}",
            self.api,
            answer.text()
        );
    }
}

#[tokio::test]
async fn denied_when_no_label_is_granted() {
    let fixture = Fixture::new();
    for (probe, api) in CALLERS {
        let guest = fixture.serve(probe, "");
        Caller { guest: &guest, api }.refused("op=get&key=a").await;
    }
}

#[tokio::test]
async fn denied_when_another_label_is_granted() {
    let fixture = Fixture::new();
    for (probe, api) in CALLERS {
        let guest = fixture.serve(probe, &stores("\"other\"", ""));
        Caller { guest: &guest, api }.refused("op=get&key=a").await;
    }
}

#[tokio::test]
async fn writes_are_denied_through_a_read_grant() {
    let fixture = Fixture::new();
    for (probe, api) in CALLERS {
        let guest = fixture.serve(
            probe,
            &stores(
                "\"default\"",
                "grants.keyvalue.default = { access = \"read\" }",
            ),
        );
        let caller = Caller { guest: &guest, api };
        caller.refused("op=set&key=a&value=1").await;
        caller.refused("op=delete&key=a").await;
        caller.expect("op=get&key=a", 404, "").await;
    }
}

#[tokio::test]
async fn keys_outside_the_granted_prefix_do_not_exist() {
    let fixture = Fixture::new();
    for (at, (probe, api)) in CALLERS.into_iter().enumerate() {
        let all = fixture.serve(probe, &stores("\"default\"", ""));
        let all = Caller { guest: &all, api };
        // A prefix per caller: they share the store.
        let (mine, theirs) = (format!("mine{at}/a"), format!("theirs{at}/a"));
        all.expect(&format!("op=set&key={mine}&value=1"), 204, "")
            .await;
        all.expect(&format!("op=set&key={theirs}&value=2"), 204, "")
            .await;
        let grant = format!("grants.keyvalue.default = {{ prefix = \"mine{at}/\" }}");
        let some = fixture.serve(probe, &stores("\"default\"", &grant));
        let some = Caller { guest: &some, api };
        some.expect(&format!("op=get&key={mine}"), 200, "1").await;
        some.refused(&format!("op=get&key={theirs}")).await;
        some.refused(&format!("op=set&key={theirs}&value=3")).await;
        some.expect("op=list&prefix=", 200, &format!("{mine}\n"))
            .await;
        all.expect(&format!("op=get&key={theirs}"), 200, "2").await;
    }
}

#[tokio::test]
async fn values_are_written_read_listed_and_deleted() {
    let fixture = Fixture::new();
    for (probe, api) in CALLERS {
        let guest = fixture.serve(probe, &stores("\"default\"", ""));
        let caller = Caller { guest: &guest, api };
        caller.expect("op=get&key=k1", 404, "").await;
        caller.expect("op=set&key=k1&value=one", 204, "").await;
        caller.expect("op=set&key=k2&value=two", 204, "").await;
        caller.expect("op=get&key=k1", 200, "one").await;
        caller.expect("op=list&prefix=", 200, "k1\nk2\n").await;
        caller.expect("op=delete&key=k1", 204, "").await;
        caller.expect("op=delete&key=k2", 204, "").await;
        caller.expect("op=list&prefix=", 200, "").await;
    }
}

#[tokio::test]
async fn numbers_are_incremented_in_one_step() {
    let fixture = Fixture::new();
    let mut sum = 0;
    for (probe, api) in [
        ("keyvalue-02", "stoa"),
        ("keyvalue-02", "draft"),
        ("keyvalue-02", "draft2"),
        ("keyvalue-03", "stoa"),
    ] {
        let guest = fixture.serve(probe, &stores("\"default\"", ""));
        for _ in 0..3 {
            sum += 2;
            Caller { guest: &guest, api }
                .expect("op=increment&key=n&delta=2", 200, &sum.to_string())
                .await;
        }
    }
}

#[tokio::test]
async fn a_swap_succeeds_only_on_what_was_seen() {
    let fixture = Fixture::new();
    let guest = fixture.serve("keyvalue-02", &stores("\"default\"", ""));
    let caller = Caller {
        guest: &guest,
        api: "draft2",
    };
    let answer = caller.call("op=cas&key=c&value=first").await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    caller.expect("op=get&key=c", 200, "first").await;
}
