//! Document stores from 0.2 Rust, 0.2 JavaScript and 0.3 Rust: refusals here, what is done in modules.

mod reading;
mod writing;

use http::StatusCode;

use crate::fixture::{Answer, Fixture, Service};

/// The probes; the JavaScript one is told by `api` which of its interfaces is meant.
const PROBES: [&str; 3] = ["documents-02", "javascript", "documents-03"];
/// Those that send whatever they are told. The other one goes through the SDK, which has no words for some mistakes.
const RAW_PROBES: [&str; 2] = ["documents-02", "javascript"];

/// One collection with all that can be declared.
const THINGS: &str = "collections.things.indexes.sku = { paths = [\"sku\"], unique = true }\n\
                      collections.things.search = { name = 10, about = 1 }";

/// Three documents whose keys are in order, as some answers are.
const ABC: [(&str, &str); 3] = [
    (
        "a",
        r#"{"about":"for winter","n":1,"name":"Rain jacket","tags":["x","y"]}"#,
    ),
    ("b", r#"{"n":2,"name":"Winter jacket","tags":["x"]}"#),
    (
        "c",
        r#"{"n":3,"name":"Winter boots","sizes":[{"left":0,"size":40},{"left":2,"size":41}]}"#,
    ),
];

fn granted(grant: &str) -> String {
    granted_as("default", grant)
}

fn granted_as(label: &str, grant: &str) -> String {
    format!(
        "[component.guest.tool.stoa]\nschema = 1\n[component.guest.tool.stoa.grants.documents.{label}]\n{grant}\n"
    )
}

struct Caller<'a> {
    guest: &'a Service,
    probe: &'a str,
}

impl Caller<'_> {
    /// Calls an operation; values of parameters may be any text.
    async fn call(&self, op: &str, parameters: &[(&str, &str)]) -> Answer {
        let has_collection = parameters.iter().any(|(name, _)| *name == "collection");
        let collection = (!has_collection).then_some(("collection", "things"));
        let mut path = format!("/?api=documents&label=default&op={op}");
        for (name, value) in parameters.iter().copied().chain(collection) {
            path.extend(["&", name, "=", encoded(value).as_str()]);
        }
        let answer = self.guest.get(&path).await;
        answer.unwrap_or_else(|error| panic!("{} {path}: {error}", self.probe))
    }

    async fn expect(&self, op: &str, parameters: &[(&str, &str)], status: u16, body: &str) {
        let answer = self.call(op, parameters).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (status, body),
            "{} {op} {parameters:?}",
            self.probe
        );
    }

    /// That there is no right to this, in the word of the interface.
    async fn refused(&self, op: &str, parameters: &[(&str, &str)], variant: &str) {
        let status = StatusCode::FORBIDDEN;
        self.answered(op, parameters, status, variant).await;
    }

    async fn failed(&self, op: &str, parameters: &[(&str, &str)], variant: &str) {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        self.answered(op, parameters, status, variant).await;
    }

    async fn answered(
        &self,
        op: &str,
        parameters: &[(&str, &str)],
        status: StatusCode,
        start: &str,
    ) {
        let answer = self.call(op, parameters).await;
        let (text, context) = (answer.text(), format!("{} {op} {parameters:?}", self.probe));
        assert_eq!(answer.status, status, "{context}: {text}");
        assert!(text.starts_with(start), "{context}: {text}");
    }

    async fn put(&self, id: &str, body: &str) {
        self.expect("put", &[("id", id), ("body", body)], 204, "")
            .await;
    }

    async fn put_abc(&self) {
        for (id, body) in ABC {
            self.put(id, body).await;
        }
    }

    /// Which documents fulfil a filter, by id.
    async fn filtered(&self, conditions: &[&str], ids: &str) {
        let conditions: Vec<_> = conditions.iter().map(|text| ("c", *text)).collect();
        self.expect("walk", &conditions, 200, &format!("{ids}\n"))
            .await;
    }
}

fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

/// Shows something of these probes under this grant, each in a store of its own.
async fn each_of(probes: &[&str], grant: &str, show: impl AsyncFn(Caller<'_>)) {
    for probe in probes {
        let fixture = Fixture::new();
        let guest = fixture.serve(probe, grant);
        show(Caller {
            guest: &guest,
            probe,
        })
        .await;
    }
}

async fn each(grant: &str, show: impl AsyncFn(Caller<'_>)) {
    each_of(&PROBES, grant, show).await;
}

const WRITES: [(&str, &[(&str, &str)]); 4] = [
    ("put", &[("id", "a"), ("body", "{}")]),
    ("update", &[("c", "exists:n:true"), ("change", "set:n:1")]),
    ("delete", &[("id", "a")]),
    ("delete-matching", &[("c", "exists:n:true")]),
];

const READS: [(&str, &[(&str, &str)]); 4] = [
    ("get", &[("id", "a")]),
    ("find", &[]),
    ("count", &[]),
    ("facets", &[("facet", "n:10")]),
];

#[tokio::test]
async fn denied_when_no_label_is_granted() {
    for grant in [String::new(), granted_as("other", THINGS)] {
        each(&grant, async |guest| {
            for (op, parameters) in WRITES.into_iter().chain(READS) {
                guest.refused(op, parameters, "no-such-store").await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn denied_when_the_collection_is_not_granted() {
    each(&granted(THINGS), async |guest| {
        for collection in ["others", "THINGS", "", "things.a", "sqlite_master"] {
            for (op, parameters) in WRITES.into_iter().chain(READS) {
                let parameters = [parameters, &[("collection", collection)][..]].concat();
                guest.refused(op, &parameters, "denied").await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn denied_to_write_through_a_read_grant() {
    each(
        &granted(&format!("access = \"read\"\n{THINGS}")),
        async |guest| {
            for (op, parameters) in WRITES {
                guest.refused(op, parameters, "denied").await;
            }
            guest.expect("count", &[], 200, "0").await;
        },
    )
    .await;
}

#[tokio::test]
async fn requests_that_are_wrong_in_themselves_are_invalid() {
    let too_long = format!("exists:{}:true", "a".repeat(257));
    let wrong = [
        ("count", ("c", "exists:a..b:true")),
        ("count", ("c", "exists:a.b.c.d.e.f.g.h.i:true")),
        ("count", ("c", "equal:$where:1")),
        ("count", ("c", "equal:n:NaN")),
        ("count", ("c", too_long.as_str())),
        ("find", ("sort", "n'")),
        ("find", ("field", "")),
        ("find", ("limit", "0")),
        ("find", ("limit", "1001")),
        ("find", ("after", "no cursor")),
        ("facets", ("facet", "n:0")),
        ("facets", ("facet", "a b:10")),
        ("update", ("change", "set:_id:1")),
        ("update", ("change", "increment:name:1")),
        ("update", ("change", "set:name.inside:1")),
        ("update", ("change", "push:name:1")),
        ("update", ("change", "push-keeping:list:0:1")),
        ("delete-matching", ("limit", "0")),
    ];
    each(&granted(THINGS), async |guest| {
        guest.put("a", r#"{"name":"n"}"#).await;
        for (op, parameter) in wrong {
            guest.failed(op, &[parameter], "invalid: ").await;
        }
        let no_object = [("id", "b"), ("body", "[1]")];
        guest.failed("put", &no_object, "invalid: ").await;
        guest
            .expect("get", &[("id", "a")], 200, "a {\"name\":\"n\"}\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn mistakes_that_the_sdk_cannot_make_are_invalid_too() {
    each_of(&RAW_PROBES, &granted(THINGS), async |guest| {
        guest.put("a", "{}").await;
        for filter in [
            "all-of:0",
            "any-of:7",
            "none-of:4294967295",
            "element:list:0",
        ] {
            guest.failed("count", &[("c", filter)], "invalid: ").await;
        }
        let no_json = [("id", "b"), ("body", "{\"n\":")];
        guest.failed("put", &no_json, "invalid: ").await;
        let no_json = [("change", "set:n:{")];
        guest.failed("update", &no_json, "invalid: ").await;
    })
    .await;
}

#[tokio::test]
async fn filters_have_a_bound() {
    let condition = ("c", "exists:n:true");
    let all: Vec<String> = (0..128).map(|index| index.to_string()).collect();
    let all = format!("all-of:{}", all.join(","));
    each(&granted(THINGS), async |guest| {
        let mut filter = vec![condition; 128];
        filter.push(("c", all.as_str()));
        guest.failed("count", &filter, "invalid: ").await;
    })
    .await;
}

#[tokio::test]
async fn documents_are_bounded_by_the_grant() {
    let grant = granted(&format!("document_bytes_max = 20\n{THINGS}"));
    each(&grant, async |guest| {
        let body = r#"{"name":"12345678901234567890"}"#;
        let start = "too-large: at most 20 bytes";
        guest
            .failed("put", &[("id", "a"), ("body", body)], start)
            .await;
        guest.put("a", "{}").await;
        let change = ("change", r#"set:name:"12345678901234567890""#);
        guest.failed("update", &[change], start).await;
        guest.expect("get", &[("id", "a")], 200, "a {}\n").await;
    })
    .await;
}

#[tokio::test]
async fn ids_have_a_bound() {
    each(&granted(THINGS), async |guest| {
        let long = "i".repeat(257);
        let write = |id| [("id", id), ("body", "{}")];
        guest
            .failed("put", &write(long.as_str()), "too-large: ")
            .await;
        guest.failed("put", &write(""), "invalid: ").await;
    })
    .await;
}

#[tokio::test]
async fn a_precondition_that_does_not_hold_is_a_conflict() {
    each(&granted(THINGS), async |guest| {
        guest.put("a", "{}").await;
        let put = |id, when| [("id", id), ("body", "{\"n\":1}"), ("when", when)];
        for (id, when) in [("a", "absent"), ("a", "7000000000"), ("z", "present")] {
            let conflict = format!("conflict: {id}");
            guest.failed("put", &put(id, when), &conflict).await;
            let delete = [("id", id), ("when", when)];
            guest.failed("delete", &delete, &conflict).await;
        }
        guest.expect("put", &put("a", "current"), 204, "").await;
        guest.expect("put", &put("z", "absent"), 204, "").await;
        let delete = [("id", "a"), ("when", "current")];
        guest.expect("delete", &delete, 200, "true").await;
        guest.expect("delete", &[("id", "a")], 200, "false").await;
    })
    .await;
}

#[tokio::test]
async fn a_value_of_a_unique_index_is_there_once() {
    each(&granted(THINGS), async |guest| {
        guest.put("a", r#"{"sku":"s1"}"#).await;
        guest.put("b", "{}").await;
        let again = [("id", "c"), ("body", r#"{"sku":"s1"}"#)];
        guest.failed("put", &again, "conflict: sku").await;
        let update = [("c", "equal:_id:b"), ("change", r#"set:sku:"s1""#)];
        guest.failed("update", &update, "conflict: sku").await;
        guest.expect("delete", &[("id", "a")], 200, "true").await;
        guest.expect("put", &again, 204, "").await;
    })
    .await;
}

#[tokio::test]
async fn quotas_bite() {
    let grant = granted(&format!("bytes_max = 60\n{THINGS}"));
    each(&grant, async |guest| {
        guest.put("a", r#"{"n":1}"#).await;
        let body = format!("{{\"name\":\"{}\"}}", "x".repeat(60));
        let put = [("id", "b"), ("body", body.as_str())];
        guest.failed("put", &put, "quota: bytes_max").await;
        guest.expect("count", &[], 200, "1").await;
    })
    .await;
    let grant = granted(&format!("calls_per_second_max = 1\n{THINGS}"));
    each(&grant, async |guest| {
        // Of three calls in a row, one is within the second of another.
        let mut refused = 0;
        for _ in 0..3 {
            let answer = guest.call("count", &[]).await;
            refused += u32::from(answer.text() == "quota: calls_per_second_max");
        }
        assert!(refused > 0, "{}", guest.probe);
    })
    .await;
}
