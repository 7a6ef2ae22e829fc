//! Passwords and tokens from 0.2 Rust, 0.2 JavaScript and 0.3 Rust: refusals first.

use crate::fixture::{Answer, Fixture, Service};

const PROBES: [&str; 3] = ["identity-02", "javascript", "identity-03"];

fn granted(grant: &str) -> String {
    format!(
        "[component.guest.tool.stoa]\nschema = 1\n[component.guest.tool.stoa.grants.identity.default]\n{grant}\n"
    )
}

struct Caller<'a> {
    guest: &'a Service,
    probe: &'a str,
}

impl Caller<'_> {
    async fn call(&self, query: &str) -> Answer {
        let path = format!("/?api=identity&label=default&{query}");
        let answer = self.guest.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{} {query}: {error}", self.probe))
    }

    /// What a call answers that is known to be good.
    async fn good(&self, query: &str) -> String {
        let answer = self.call(query).await;
        let text = answer.text();
        assert_eq!(
            answer.status.as_u16(),
            200,
            "{} {query}: {text}",
            self.probe
        );
        text
    }

    async fn fails(&self, query: &str, status: u16, variant: &str) {
        let answer = self.call(query).await;
        let text = answer.text();
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{} {query}: {text}",
            self.probe
        );
        assert!(text.starts_with(variant), "{} {query}: {text}", self.probe);
    }
}

async fn each(grant: &str, show: impl AsyncFn(Caller<'_>)) {
    for probe in PROBES {
        let fixture = Fixture::new();
        let guest = fixture.serve(probe, grant);
        show(Caller {
            guest: &guest,
            probe,
        })
        .await;
    }
}

#[tokio::test]
async fn denied_when_no_label_is_granted() {
    each("", async |guest| {
        for call in [
            "op=hash&password=p",
            "op=check&password=p&hash=h",
            "op=sign&subject=u",
            "op=verify&token=t",
            "op=keys",
        ] {
            guest.fails(call, 403, "no-such-identity").await;
        }
    })
    .await;
}

#[tokio::test]
async fn denied_what_is_not_granted() {
    each(&granted("operations = [\"verify\"]"), async |guest| {
        for call in [
            "op=hash&password=p",
            "op=check&password=p&hash=h",
            "op=sign&subject=u",
        ] {
            guest.fails(call, 403, "denied").await;
        }
    })
    .await;
    each(
        &granted("operations = [\"passwords\", \"sign\"]"),
        async |guest| {
            guest.fails("op=verify&token=t", 403, "denied").await;
            guest.fails("op=keys", 403, "denied").await;
        },
    )
    .await;
}

#[tokio::test]
async fn denied_to_sign_for_longer_or_for_others() {
    let grant = "operations = [\"sign\"]\ntoken_seconds_max = 60\naudiences = [\"shop\"]";
    each(&granted(grant), async |guest| {
        for call in ["seconds=61&audience=shop", "audience=bank", "seconds=1"] {
            guest
                .fails(&format!("op=sign&subject=u&{call}"), 403, "denied")
                .await;
        }
        guest.good("op=sign&subject=u&audience=shop").await;
    })
    .await;
}

#[tokio::test]
async fn quotas_bite() {
    let grant = "operations = [\"verify\"]\ncalls_per_second_max = 1";
    each(&granted(grant), async |guest| {
        guest.good("op=keys").await;
        guest
            .fails("op=keys", 500, "quota: calls_per_second_max")
            .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_in_itself_is_told() {
    let grant = "operations = [\"passwords\", \"sign\", \"verify\"]";
    each(&granted(grant), async |guest| {
        let long = format!("op=hash&password={}", "p".repeat(1025));
        for (call, variant) in [
            ("op=hash&password=", "invalid"),
            (&*long, "too-large: at most 1024"),
            ("op=check&password=p&hash=h", "invalid"),
            ("op=sign&subject=", "invalid"),
            ("op=sign&subject=u&extra=[]", "invalid"),
            ("op=sign&subject=u&seconds=0", "invalid"),
            ("op=verify&token=t", "rejected: malformed"),
        ] {
            guest.fails(call, 500, variant).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_password_matches_its_hash_alone() {
    each(&granted("operations = [\"passwords\"]"), async |guest| {
        let hash = guest.good("op=hash&password=secret").await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let hash = hash.replace('$', "%24").replace('+', "%2B");
        let check = |password: &str| format!("op=check&password={password}&hash={hash}");
        assert_eq!(guest.good(&check("secret")).await, "true");
        assert_eq!(guest.good(&check("Secret")).await, "false");
        let weak = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let weak = weak.replace('$', "%24");
        let check = format!("op=check&password=password&hash={weak}");
        assert_eq!(guest.good(&check).await, "true rehash");
    })
    .await;
}

#[tokio::test]
async fn a_token_says_what_was_signed_and_nothing_else_is_believed() {
    let grant = "operations = [\"sign\", \"verify\"]";
    each(&granted(grant), async |guest| {
        let token = guest
            .good("op=sign&subject=u-1&audience=shop&extra=%7B%22role%22:%22admin%22%7D")
            .await;
        let verify = |token: &str, audience: &str| format!("op=verify&token={token}{audience}");
        let read = guest.good(&verify(&token, "&audience=shop")).await;
        assert_eq!(read, "u-1 {\"role\":\"admin\"}");
        guest
            .fails(&verify(&token, ""), 500, "rejected: audience")
            .await;
        let (signed, _) = token.rsplit_once('.').expect("a token has parts");
        guest
            .fails(
                &verify(&format!("{signed}."), ""),
                500,
                "rejected: signature",
            )
            .await;
        let keys = guest.good("op=keys").await;
        assert!(
            keys.contains("\"kty\":\"OKP\"") && !keys.contains("\"d\""),
            "{keys}"
        );
    })
    .await;
}
