//! An application of `conformance/apps`: its manifest and what is expected of it. `conformance/README.md` says what may
//! stand in both.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::guest;
use crate::services;

/// Services by the port that manifests know them by, as in Spin's own suite.
const PORTS: [(&str, &str); 6] = [
    ("80", "http-echo"),
    ("1883", "mqtt"),
    ("3306", "mysql"),
    ("5000", "tcp-echo"),
    ("5432", "postgres"),
    ("6379", "redis"),
];

/// `test.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// What of the contract is shown, in a sentence.
    pub(super) about: String,
    /// What it talks to: only what is listed can stand in a placeholder.
    #[serde(default)]
    pub(super) services: Vec<String>,
    /// Options of `up`.
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    /// Requests, one after the other.
    #[serde(default)]
    pub(super) invocations: Vec<Invocation>,
    /// Instead of requests: the start ends, and says all of this.
    #[serde(default)]
    pub(super) refused: Vec<String>,
}

/// A request or a message, and what comes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invocation {
    pub(super) request: Option<Request>,
    pub(super) response: Option<Response>,
    pub(super) message: Option<Message>,
}

/// A request of HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    #[serde(default = "get")]
    pub(super) method: String,
    #[serde(default = "root")]
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: Vec<Header>,
    #[serde(default)]
    pub(super) body: String,
}

/// What must be answered. What is not said may be anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Response {
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: Vec<Header>,
    /// The whole body.
    pub(super) body: Option<String>,
    /// Parts of it.
    #[serde(default)]
    pub(super) contains: Vec<String>,
    /// What must be no part of it.
    #[serde(default)]
    pub(super) lacks: Vec<String>,
    /// Whether it comes after some time only: then it is asked again until it does.
    #[serde(default)]
    pub(super) eventually: bool,
}

/// A header; of an answer, without a value, any will do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: Option<String>,
    /// Whether an answer may be without it.
    #[serde(default)]
    pub(super) optional: bool,
}

/// A message of Redis. It is sent until somebody listens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) channel: String,
    pub(super) payload: String,
}

/// An application, read and filled in.
pub(super) struct Application {
    pub(super) manifest: String,
    pub(super) test: Test,
    folder: PathBuf,
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

fn ok() -> u16 {
    200
}

impl Application {
    /// Reads the folder, and fills in what the placeholders stand for. `unique` is this run's own word.
    pub(super) fn read(folder: &Path, unique: &str) -> Self {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let written = text("test.json");
        let test = |text: &str| {
            serde_json::from_str::<Test>(text)
                .unwrap_or_else(|error| panic!("{}: test.json: {error}", folder.display()))
        };
        // The services are read before anything is filled in: they say what may be.
        let services = test(&written).services;
        let fill = |text: &str| filled(text, &services, unique);
        let application = Self {
            manifest: fill(&text("spin.toml")),
            test: test(&fill(&written)),
            folder: folder.to_owned(),
        };
        application.test.check();
        application
    }

    /// Puts the files that lie beside its manifest into another folder.
    pub(super) fn put_files(&self, into: &Path) {
        copy(&self.folder, into);
    }
}

impl Test {
    /// A test that asks nothing would pass whatever the host does.
    fn check(&self) {
        assert!(!self.about.is_empty(), "it does not say what it is about");
        assert!(
            self.invocations.is_empty() != self.refused.is_empty(),
            "it has either `invocations` or `refused`"
        );
        for invocation in &self.invocations {
            let Invocation {
                request,
                response,
                message,
            } = invocation;
            assert!(
                request.is_some() == response.is_some() && request.is_some() != message.is_some(),
                "an invocation is a request with its response, or a message"
            );
        }
    }
}

/// Replaces `%{name}` and `%{name=value}`.
fn filled(text: &str, services: &[String], unique: &str) -> String {
    let mut parts = text.split("%{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (placeholder, rest) = part.split_once('}').expect("a placeholder ends with `}`");
        filled += &meant(placeholder, services, unique);
        filled += rest;
    }
    filled
}

fn meant(placeholder: &str, services: &[String], unique: &str) -> String {
    let listed = |service: &str| {
        assert!(
            services.iter().any(|listed| listed == service),
            "`%{{{placeholder}}}` needs `{service}` among the services"
        );
        service.to_owned()
    };
    match placeholder.split_once('=') {
        None if placeholder == "unique" => unique.to_owned(),
        Some(("source", guest)) => guest::source(guest).display().to_string(),
        Some(("port", port)) => {
            let known = PORTS.iter().find(|(known, _)| *known == port);
            let (_, service) = known.unwrap_or_else(|| panic!("no service has the port {port}"));
            services::port(&listed(service))
        }
        Some(("host", service)) => services::host(&listed(service)),
        Some(("address", server)) => services::address(&listed(server)),
        _ => panic!("there is no placeholder `%{{{placeholder}}}`"),
    }
}

/// All but the manifest and the test, which are no files of the application.
fn copy(from: &Path, into: &Path) {
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_name().expect("it has a name");
        let copy = into.join(name);
        if path.is_dir() {
            fs::create_dir_all(&copy).expect("a folder can be made");
            self::copy(&path, &copy);
        } else if name != "spin.toml" && name != "test.json" {
            fs::copy(&path, &copy).expect("it can be copied");
        }
    }
}

#[test]
fn what_is_not_listed_cannot_stand_in_a_placeholder() {
    let filled = std::panic::catch_unwind(|| filled("%{port=5000}", &[], "x"));
    assert!(filled.is_err());
    assert_eq!(super::application::filled("a-%{unique}!", &[], "x"), "a-x!");
}
