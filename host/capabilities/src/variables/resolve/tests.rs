use stoa_manifest::text::Source;

use super::*;
use crate::variables::{Error, Flaw, HostFlaw, Unanswered};

const SECRET: &str = "hunter2";

/// Knows `token`, and does not want to talk about `broken`.
struct Known;

#[async_trait::async_trait]
impl Provider for Known {
    fn name(&self) -> &str {
        "the one that knows"
    }

    async fn get(&self, variable: &str) -> Result<Option<Secret>, Unanswered> {
        match variable {
            "token" => Ok(Some(Secret::new(SECRET))),
            "large" => Ok(Some(Secret::new("x".repeat(VALUE_BYTES_MAX + 1)))),
            "broken" => Err(Unanswered("it is sealed".into())),
            _ => Ok(None),
        }
    }
}

/// An application with `[variables]` and components.
fn app(variables: &str, components: &str) -> App {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"guest\"\n[variables]\n{variables}\n{components}"
    );
    stoa_manifest::parse(&Source::new("spin.toml", text), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// One component; `more` stands in its table.
fn guest(more: &str) -> String {
    format!("[component.guest]\nsource = \"guest.wasm\"\n{more}\n")
}

fn id(name: &str) -> ComponentId {
    ComponentId::new(name).expect("it is an id")
}

async fn problems(app: &mut App) -> Vec<Problem> {
    let outcome = resolve(app, &[Box::new(Known)]).await;
    outcome.err().expect("something is wrong")
}

async fn resolved(app: &mut App) -> Variables {
    let outcome = resolve(app, &[Box::new(Known)]).await;
    outcome.unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[tokio::test]
async fn every_variable_without_a_value_is_told_at_once() {
    let variables = "a = { required = true }\nb = { required = true }\nc = { default = \"\" }\n\
        token = { required = true }\nbroken = { default = \"x\" }\nlarge = { required = true }\n";
    let told = problems(&mut app(variables, &guest(""))).await;
    let missing = |name: &str| Problem::Missing { name: name.into() };
    let expected = [
        missing("a"),
        missing("b"),
        Problem::Unanswered {
            provider: "the one that knows".into(),
            name: "broken".into(),
            why: Unanswered("it is sealed".into()),
        },
        Problem::TooLarge {
            name: "large".into(),
        },
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_template_with_an_unknown_name_is_told_with_its_component() {
    // The manifest refuses such a text; whoever makes an application by hand is told as well.
    let mut app = app("", &guest("variables = { a = \"x\" }"));
    let guest = app.components.get_mut("guest").expect("it is there");
    guest.variables.insert("a".into(), "{{ nobody }}".into());
    guest
        .allowed_outbound_hosts
        .push("http://{{ none }}".into());
    let unknown = |name: &str| Flaw::Unknown(name.into());
    assert_eq!(
        problems(&mut app).await,
        [
            Problem::Template {
                component: id("guest"),
                name: "a".into(),
                flaw: unknown("nobody"),
            },
            Problem::Host {
                component: id("guest"),
                entry: "http://{{ none }}".into(),
                why: HostFlaw::Template(unknown("none")),
            },
        ]
    );
}

#[tokio::test]
async fn variables_of_one_component_are_bounded_together() {
    let value = "x".repeat(VALUE_BYTES_MAX);
    let count = COMPONENT_BYTES_MAX / VALUE_BYTES_MAX;
    let own = |count: usize| {
        let lines = (0..count).map(|number| format!("v{number} = \"{{{{ v }}}}\"\n"));
        let lines: String = lines.collect();
        app(
            &format!("v = {{ default = \"{value}\" }}"),
            &guest(&format!("[component.guest.variables]\n{lines}")),
        )
    };
    let component = id("guest");
    // Names count as well, so that as many as fit by their values do not.
    assert_eq!(
        problems(&mut own(count)).await,
        [Problem::Together { component }]
    );
    resolved(&mut own(count - 1)).await;
}

#[tokio::test]
async fn a_component_sees_its_own_variables_and_no_others() {
    let components = "[component.guest]\nsource = \"a.wasm\"\nvariables = { mine = \"{{ token }}\" }\n\
        [component.other]\nsource = \"b.wasm\"\nvariables = { theirs = \"x\" }\n";
    let mut app = app("token = { required = true, secret = true }", components);
    let variables = resolved(&mut app).await;
    let (guest, other) = (
        variables.handle(&id("guest"), "1"),
        variables.handle(&id("other"), "1"),
    );
    for (handle, name) in [(&guest, "theirs"), (&guest, "token"), (&other, "mine")] {
        assert_eq!(handle.get(name), Err(Error::Undefined(name.into())));
    }
    let nobody = variables.handle(&id("nobody"), "1");
    assert_eq!(nobody.all().count(), 0);
    assert_eq!(guest.get("mine").map(Value::expose), Ok(SECRET));
    assert_eq!(other.get("theirs").map(Value::expose), Ok("x"));
}

#[tokio::test]
async fn a_provider_goes_before_the_default() {
    let mut app = app(
        "token = { default = \"default\" }\nregion = { default = \"eu\" }",
        &guest("variables = { both = \"{{ token }} in {{ region }}\" }"),
    );
    let handle = resolved(&mut app).await.handle(&id("guest"), "1");
    let expected = Value::Plain(format!("{SECRET} in eu"));
    assert_eq!(handle.get("both"), Ok(&expected));
}

#[tokio::test]
async fn secrets_stay_secret_in_whatever_they_become() {
    let mut app = app(
        "token = { required = true, secret = true }",
        &guest("variables = { header = \"Bearer {{ token }}\", plain = \"x\" }"),
    );
    let handle = resolved(&mut app).await.handle(&id("guest"), "1");
    let header = handle.get("header").expect("it is there");
    assert_eq!(header.expose(), format!("Bearer {SECRET}"));
    assert!(!format!("{header} {header:?}").contains(SECRET));
    assert!(!handle.get("plain").expect("it is there").is_secret());
}

#[tokio::test]
async fn outbound_hosts_that_become_nothing_are_told_without_secrets() {
    let variables = "token = { required = true, secret = true }\nport = { default = \"http\" }\n\
        scheme = { default = \"http\" }";
    let hosts = guest(
        "allowed_outbound_hosts = [\"https://{{ token }}:x{{ token }}\", \"http://h:{{ port }}\", \
         \"{{ scheme }}://self\"]",
    );
    let told = problems(&mut app(variables, &hosts)).await;
    let shown: Vec<_> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{shown:?}");
    assert!(matches!(
        &told[0],
        Problem::Host {
            why: HostFlaw::Hidden,
            ..
        }
    ));
    for part in ["`guest`", "`http://h:{{ port }}`", "`http://h:http`"] {
        assert!(shown[1].contains(part), "{shown:?}");
    }
    assert!(!format!("{told:?} {shown:?}").contains(SECRET));
}

#[tokio::test]
async fn a_secret_names_no_component_of_the_application() {
    let hosts = guest("allowed_outbound_hosts = [\"http://{{ token }}.spin.internal\"]");
    let variables = "token = { required = true, secret = true }";
    let told = problems(&mut app(variables, &hosts)).await;
    assert!(matches!(
        &told[..],
        [Problem::Host {
            why: HostFlaw::Internal,
            ..
        }]
    ));
}

#[tokio::test]
async fn outbound_hosts_are_known_when_their_variables_are() {
    let hosts = guest(
        "allowed_outbound_hosts = [\"https://{{ token }}.example.com\", \"http://plain:80\"]",
    );
    let mut app = app("token = { required = true, secret = true }", &hosts);
    resolved(&mut app).await;
    assert_eq!(
        app.components["guest"].allowed_outbound_hosts,
        [
            format!("https://{SECRET}.example.com").as_str(),
            "http://plain:80"
        ]
    );
}
