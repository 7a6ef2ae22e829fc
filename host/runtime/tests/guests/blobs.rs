//! Blob stores from 0.2 Rust, 0.2 JavaScript and 0.3 Rust: refusals first.

use http::StatusCode;

use crate::fixture::{Answer, Fixture, Service};

/// The probes; the JavaScript one is told by `api` which of its interfaces is meant.
const PROBES: [&str; 3] = ["blobs-02", "javascript", "blobs-03"];

/// SHA-256 of `abc`.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn granted(grant: &str) -> String {
    format!(
        "[component.guest.tool.stoa]\nschema = 1\n[component.guest.tool.stoa.grants.blobs.default]\n{grant}\n"
    )
}

struct Caller<'a> {
    guest: &'a Service,
    probe: &'a str,
}

impl Caller<'_> {
    async fn call(&self, query: &str) -> Answer {
        let path = format!("/?api=blobs&label=default&{query}");
        let answer = self.guest.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{} {query}: {error}", self.probe))
    }

    async fn expect(&self, query: &str, status: u16, body: &str) {
        let answer = self.call(query).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (status, body),
            "{} {query}",
            self.probe
        );
    }

    /// That there is no right to this, in the word of the interface.
    async fn refused(&self, query: &str, variant: &str) {
        let answer = self.call(query).await;
        let text = answer.text();
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{} {query}: {text}",
            self.probe
        );
        assert!(text.starts_with(variant), "{} {query}: {text}", self.probe);
    }

    async fn failed(&self, query: &str, variant: &str) {
        let answer = self.call(query).await;
        let text = answer.text();
        assert_eq!(
            answer.status.as_u16(),
            500,
            "{} {query}: {text}",
            self.probe
        );
        assert!(text.starts_with(variant), "{} {query}: {text}", self.probe);
    }
}

/// Shows something of every probe under this grant.
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
        guest
            .refused("op=head&container=images&name=a", "no-such-store")
            .await;
    })
    .await;
}

#[tokio::test]
async fn denied_when_the_container_is_not_granted() {
    each(&granted("containers = [\"images\"]"), async |guest| {
        for container in ["thumbnails", "..", "images/..", "", "IMAGES"] {
            for call in [
                "op=put&name=a&value=1",
                "op=get&name=a",
                "op=head&name=a",
                "op=list",
                "op=delete&name=a",
            ] {
                guest
                    .refused(&format!("{call}&container={container}"), "denied")
                    .await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn denied_to_write_through_a_read_grant() {
    let grant = granted("containers = [\"images\"]\naccess = \"read\"\npresign_seconds_max = 60");
    each(&grant, async |guest| {
        for call in [
            "op=put&name=a&value=1",
            "op=copy&name=a&to=b",
            "op=delete&name=a",
            "op=url&name=a&method=put&seconds=10",
        ] {
            guest
                .refused(&format!("{call}&container=images"), "denied")
                .await;
        }
        guest
            .expect("op=head&container=images&name=a", 404, "")
            .await;
    })
    .await;
}

#[tokio::test]
async fn denied_to_sign_without_a_grant_for_it_or_for_longer() {
    each(&granted("containers = [\"images\"]"), async |guest| {
        guest
            .refused("op=url&container=images&name=a&method=get", "denied")
            .await;
    })
    .await;
    let grant = granted("containers = [\"images\"]\npresign_seconds_max = 60");
    each(&grant, async |guest| {
        let call = "op=url&container=images&name=a&method=get&seconds";
        guest.refused(&format!("{call}=61"), "denied").await;
        let url = guest.call(&format!("{call}=60")).await;
        assert_eq!(url.status.as_u16(), 200, "{}", url.text());
        assert!(url.text().contains("/default/images/a?"), "{}", url.text());
    })
    .await;
}

#[tokio::test]
async fn names_that_could_leave_their_place_are_none() {
    each(&granted("containers = [\"images\"]"), async |guest| {
        for name in [
            "", "..", "../a", "a/../b", "a/..", "/a", "a/", "a//b", "a/./b", "a%5Cb", "a%00b",
            "a%0Ab",
        ] {
            for call in ["op=put&value=1", "op=get", "op=head", "op=delete"] {
                guest
                    .failed(&format!("{call}&container=images&name={name}"), "invalid")
                    .await;
            }
        }
        // Characters like any other: nothing decodes them a second time.
        guest
            .expect(
                "op=put&container=images&name=%252e%252e&value=abc",
                200,
                ABC,
            )
            .await;
        guest
            .expect("op=list&container=images", 200, "%2e%2e\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn quotas_bite() {
    let grant = "containers = [\"images\"]\nblob_bytes_max = 10\nbytes_max = 15";
    each(&granted(grant), async |guest| {
        guest
            .failed(
                "op=put&container=images&name=a&fill=11",
                "too-large: at most 10",
            )
            .await;
        let put = guest.call("op=put&container=images&name=a&fill=10").await;
        assert_eq!(put.status.as_u16(), 200, "{}", put.text());
        guest
            .failed("op=put&container=images&name=b&fill=10", "quota: bytes_max")
            .await;
    })
    .await;
    let grant = "containers = [\"images\"]\ncalls_per_second_max = 1";
    each(&granted(grant), async |guest| {
        guest
            .expect("op=head&container=images&name=a", 404, "")
            .await;
        guest
            .failed(
                "op=head&container=images&name=a",
                "quota: calls_per_second_max",
            )
            .await;
    })
    .await;
}

#[tokio::test]
async fn readers_that_are_open_at_once_are_bounded() {
    each(&granted("containers = [\"images\"]"), async |guest| {
        guest
            .expect("op=put&container=images&name=a&value=abc", 200, ABC)
            .await;
        guest
            .expect("op=open&container=images&name=a&readers=300", 200, "256")
            .await;
        // They are gone with the request.
        guest
            .expect("op=get&container=images&name=a", 200, "abc")
            .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_written_is_read_listed_copied_and_deleted() {
    each(&granted("containers = [\"images\"]"), async |guest| {
        let all = "container=images";
        guest
            .expect(
                &format!("op=put&{all}&name=p/%C3%A4&value=abc&type=text/plain"),
                200,
                ABC,
            )
            .await;
        guest
            .expect(
                &format!("op=head&{all}&name=p/%C3%A4"),
                200,
                &format!("3 text/plain {ABC}"),
            )
            .await;
        guest
            .expect(
                &format!("op=get&{all}&name=p/%C3%A4&offset=1&length=1"),
                200,
                "b",
            )
            .await;
        guest
            .expect(&format!("op=copy&{all}&name=p/%C3%A4&to=q"), 200, ABC)
            .await;
        guest
            .expect(&format!("op=list&{all}&limit=1"), 200, "p/ä\nq\n")
            .await;
        guest
            .expect(&format!("op=list&{all}&prefix=p/"), 200, "p/ä\n")
            .await;
        guest
            .expect(&format!("op=delete&{all}&name=q"), 200, "true")
            .await;
        guest
            .expect(&format!("op=delete&{all}&name=q"), 200, "false")
            .await;
        guest
            .failed(&format!("op=get&{all}&name=q"), "not-found")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_write_that_does_not_fit_leaves_nothing() {
    each(&granted("containers = [\"images\"]"), async |guest| {
        let put = "op=put&container=images&name=a&value=abc";
        guest.failed(&format!("{put}&size=4"), "invalid").await;
        guest.failed(&format!("{put}&size=2"), "invalid").await;
        guest.failed(&format!("{put}&if=0000"), "conflict").await;
        guest
            .expect("op=abandon&container=images&name=a&value=abc", 204, "")
            .await;
        guest.expect("op=list&container=images", 200, "").await;
        guest.expect(&format!("{put}&if=absent"), 200, ABC).await;
        guest.failed(&format!("{put}&if=absent"), "conflict").await;
        guest.expect(&format!("{put}&if={ABC}"), 200, ABC).await;
    })
    .await;
}

#[tokio::test]
async fn large_blobs_go_through_in_pieces() {
    each(&granted("containers = [\"images\"]"), async |guest| {
        let put = guest
            .call("op=put&container=images&name=a&fill=3000001")
            .await;
        assert_eq!(put.status.as_u16(), 200, "{}", put.text());
        let got = guest.call("op=get&container=images&name=a").await;
        assert_eq!(got.body.len(), 3_000_001);
        assert!(got.body.iter().all(|byte| *byte == b'x'));
    })
    .await;
}

#[tokio::test]
async fn streams_carry_whole_blobs() {
    let fixture = Fixture::new();
    let guest = fixture.serve("blobs-03", &granted("containers = [\"images\"]"));
    let guest = Caller {
        guest: &guest,
        probe: "blobs-03",
    };
    let put = guest
        .call("op=stream-put&container=images&name=a&fill=3000001")
        .await;
    assert_eq!(put.status.as_u16(), 200, "{}", put.text());
    let got = guest.call("op=stream-get&container=images&name=a").await;
    assert_eq!(got.body.len(), 3_000_001);
    guest
        .failed(
            "op=stream-put&container=images&name=b&fill=3000001&size=3000000",
            "stream",
        )
        .await;
    guest.expect("op=list&container=images", 200, "a\n").await;
}
