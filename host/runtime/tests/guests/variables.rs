//! Variables from 0.2 Rust, 0.2 JavaScript and 0.3 Rust, through every interface: refusals first.

use crate::fixture::{Answer, Fixture, Service};

/// A probe and the interface it is asked to use.
const CALLERS: [(&str, &str); 7] = [
    ("variables-02", "fermyon"),
    ("variables-02", "draft"),
    ("variables-02", "rc"),
    ("javascript", "fermyon"),
    ("javascript", "rc"),
    ("variables-03", "spin"),
    ("variables-03", "rc"),
];

/// Two components with variables of their own, over an application's.
const VARIABLES: &str = "\
[component.guest.variables]
region = \"{{ area }}-1\"
header = \"Bearer {{ token }}\"
fixed = \"größer\"
[component.other]
source = \"other.wasm\"
variables = { theirs = \"{{ token }}\" }
[variables]
area = { default = \"eu\" }
token = { default = \"hunter2\", secret = true }
";

struct Caller<'a> {
    guest: &'a Service,
    probe: &'a str,
    api: &'a str,
}

impl Caller<'_> {
    async fn call(&self, query: &str) -> Answer {
        let Self { guest, probe, api } = self;
        let answer = guest.get(&format!("/?api={api}&{query}")).await;
        answer.unwrap_or_else(|error| panic!("{probe} {api} {query}: {error}"))
    }

    async fn expect(&self, query: &str, status: u16, body: &str) {
        let answer = self.call(query).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (status, body),
            "{} {} {query}",
            self.probe,
            self.api
        );
    }

    /// In the word of Spin's interfaces. In those of `wasi:config` it is no error that there is nothing.
    async fn nothing(&self, name: &str, status: u16, variant: &str) {
        let query = format!("op=get&name={name}");
        if matches!(self.api, "draft" | "rc") {
            return self.expect(&query, 404, "").await;
        }
        let answer = self.call(&query).await;
        let (text, place) = (answer.text(), format!("{} {name}", self.probe));
        assert_eq!(answer.status.as_u16(), status, "{place}: {text}");
        assert!(text.starts_with(variant), "{place}: {text}");
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
async fn without_variables_every_name_is_undefined() {
    every("", async |caller| {
        caller.nothing("region", 403, "undefined: ").await;
        if caller.api != "fermyon" && caller.api != "spin" {
            caller.expect("op=all", 200, "").await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_another_component_or_the_application_has_is_undefined() {
    every(VARIABLES, async |caller| {
        for name in ["theirs", "token", "area", "nobody"] {
            caller.nothing(name, 403, "undefined: ").await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_no_variable_could_be_called_is_told_apart() {
    every(VARIABLES, async |caller| {
        for name in [
            "",
            "Region",
            "re-gion",
            "region_",
            "a..%2F",
            &"a".repeat(129),
        ] {
            caller.nothing(name, 500, "invalid-name: ").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_component_gets_its_own_variables_with_their_templates_filled_in() {
    every(VARIABLES, async |caller| {
        caller.expect("op=get&name=region", 200, "eu-1").await;
        caller
            .expect("op=get&name=header", 200, "Bearer hunter2")
            .await;
        caller.expect("op=get&name=fixed", 200, "größer").await;
    })
    .await;
}

#[tokio::test]
async fn all_variables_of_a_component_are_its_own() {
    every(VARIABLES, async |caller| {
        if matches!(caller.api, "draft" | "rc") {
            let all = "fixed=größer\nheader=Bearer hunter2\nregion=eu-1\n";
            caller.expect("op=all", 200, all).await;
        }
    })
    .await;
}
