//! Key-value stores from 0.2 Rust, 0.2 JavaScript and 0.3 Rust, through every interface: refusals first.

use std::time::Duration;

use http::StatusCode;

use crate::fixture::{Answer, Fixture, Service};

/// A probe and the interface it is asked to use.
const CALLERS: [(&str, &str); 6] = [
    ("keyvalue-02", "stoa"),
    ("keyvalue-02", "draft"),
    ("keyvalue-02", "draft2"),
    ("javascript", "keyvalue"),
    ("keyvalue-03", "stoa"),
    ("keyvalue-03", "spin"),
];

/// Those of them that use `stoa:keyvalue`: the other interfaces know no time to live.
const OURS: [(&str, &str); 3] = [
    ("keyvalue-02", "stoa"),
    ("javascript", "keyvalue"),
    ("keyvalue-03", "stoa"),
];

const HOUR_MS: u64 = 3600 * 1000;
const TEN_YEARS_MS: u64 = 10 * 365 * 24 * HOUR_MS;

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

    /// That it went wrong for this reason, in the words of the interface.
    async fn failed(&self, query: &str, reason: &str) {
        let answer = self.call(query).await;
        let text = answer.text();
        assert_eq!(answer.status.as_u16(), 500, "{} {query}: {text}", self.api);
        assert!(text.contains(reason), "{} {query}: {text}", self.api);
    }

    /// The milliseconds that a key has left.
    async fn ttl(&self, key: &str) -> u64 {
        let answer = self.call(&format!("op=ttl&key={key}")).await;
        let left = answer.text().parse();
        left.unwrap_or_else(|_| panic!("{} {key}: {}", self.api, answer.text()))
    }

    /// Waits until a key has no value.
    async fn gone(&self, key: &str) {
        let query = format!("op=get&key={key}");
        let ends = async {
            while self.call(&query).await.status != StatusCode::NOT_FOUND {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ends)
            .await
            .expect("a value ends when its time is over");
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
        if OURS.contains(&(probe, api)) {
            caller.refused("op=expire&key=a").await;
            caller.refused("op=set&key=a&value=1&ttl=1").await;
        }
        caller.expect("op=get&key=a", 404, "").await;
    }
}

/// What a caller may store is up to its grant, and each has a store of its own.
async fn each_granted(grant: &str, show: impl AsyncFn(Caller<'_>)) {
    for (probe, api) in CALLERS {
        let fixture = Fixture::new();
        let grant = format!("grants.keyvalue.default = {{ {grant} }}");
        let guest = fixture.serve(probe, &stores("\"default\"", &grant));
        show(Caller { guest: &guest, api }).await;
    }
}

#[tokio::test]
async fn values_over_the_grant_are_refused() {
    each_granted("value_bytes_max = 3", async |caller| {
        caller.failed("op=set&key=a&value=1234", "3 bytes").await;
        caller.expect("op=get&key=a", 404, "").await;
        caller.expect("op=set&key=a&value=123", 204, "").await;
    })
    .await;
}

#[tokio::test]
async fn writes_over_the_quota_are_refused_until_there_is_room() {
    each_granted("bytes_max = 10", async |caller| {
        caller.expect("op=set&key=a&value=12345", 204, "").await;
        caller.failed("op=set&key=b&value=12345", "bytes_max").await;
        caller.expect("op=get&key=b", 404, "").await;
        caller.expect("op=delete&key=a", 204, "").await;
        caller.expect("op=set&key=b&value=12345", 204, "").await;
    })
    .await;
}

#[tokio::test]
async fn calls_over_the_rate_are_refused() {
    each_granted("calls_per_second_max = 1", async |caller| {
        caller.expect("op=get&key=a", 404, "").await;
        caller.failed("op=get&key=a", "calls_per_second_max").await;
    })
    .await;
}

#[tokio::test]
async fn times_to_live_out_of_bounds_are_invalid() {
    let fixture = Fixture::new();
    for (probe, api) in OURS {
        let guest = fixture.serve(probe, &stores("\"default\"", ""));
        let caller = Caller { guest: &guest, api };
        for ttl in [0, TEN_YEARS_MS + 1, u64::MAX] {
            caller
                .failed(&format!("op=set&key=a&value=1&ttl={ttl}"), "invalid")
                .await;
            caller
                .failed(&format!("op=expire&key=a&ttl={ttl}"), "invalid")
                .await;
        }
        caller.expect("op=get&key=a", 404, "").await;
    }
}

#[tokio::test]
async fn values_end_when_their_time_is_over() {
    let fixture = Fixture::new();
    for (probe, api) in OURS {
        let guest = fixture.serve(probe, &stores("\"default\"", ""));
        let caller = Caller { guest: &guest, api };
        caller
            .expect(&format!("op=set&key=a&value=1&ttl={TEN_YEARS_MS}"), 204, "")
            .await;
        assert!(caller.ttl("a").await > TEN_YEARS_MS / 2);
        caller
            .expect(&format!("op=expire&key=a&ttl={HOUR_MS}"), 204, "")
            .await;
        assert!((1..=HOUR_MS).contains(&caller.ttl("a").await));
        caller.expect("op=increment&key=a&delta=1", 200, "2").await;
        assert!((1..=HOUR_MS).contains(&caller.ttl("a").await));
        caller.expect("op=expire&key=a", 204, "").await;
        caller.expect("op=ttl&key=a", 200, "none").await;
        caller.expect("op=expire&key=a&ttl=1", 204, "").await;
        caller.gone("a").await;
        caller.expect("op=expire&key=a", 204, "").await;
        caller.expect("op=ttl&key=a", 404, "").await;
        caller.expect("op=exists&key=a", 200, "false").await;
        caller.expect("op=list&prefix=", 200, "").await;
    }
}

#[tokio::test]
async fn what_ended_for_one_interface_ended_for_all() {
    let fixture = Fixture::new();
    let ours = fixture.serve("keyvalue-02", &stores("\"default\"", ""));
    let ours = Caller {
        guest: &ours,
        api: "stoa",
    };
    ours.expect("op=set&key=a&value=1&ttl=1", 204, "").await;
    ours.gone("a").await;
    for (probe, api) in CALLERS {
        let guest = fixture.serve(probe, &stores("\"default\"", ""));
        let caller = Caller { guest: &guest, api };
        caller.expect("op=get&key=a", 404, "").await;
        caller.expect("op=exists&key=a", 200, "false").await;
        caller.expect("op=list&prefix=", 200, "").await;
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
        ("javascript", "keyvalue"),
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
