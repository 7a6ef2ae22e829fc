//! Runs the applications of `conformance/apps`, each by itself on a host of its own.
//!
//! Each is told on standard output: `conformance <name>: ok`, or why not. `STOA_CONFORMANCE` names the only one to run.

mod application;
mod guest;

use std::any::Any;
use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use stoa_testkit::{Launch, repository};

use crate::STOA;
use crate::client::{Answer, Ask};
use crate::services;
use application::{Application, Invocation, Message, Request, Response};

/// What comes after some time comes within this; a bound for broken runs, not a measure.
const EVENTUALLY_MAX: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(50);
/// The least that the set must have.
const APPLICATIONS_MIN: usize = 30;

#[test]
fn every_application_does_what_its_test_says() {
    let only = std::env::var("STOA_CONFORMANCE").ok();
    let mut folders = folders();
    assert!(folders.len() >= APPLICATIONS_MIN, "{}", folders.len());
    folders.retain(|(name, _)| only.as_ref().is_none_or(|only| only == name));
    assert!(!folders.is_empty(), "there is no application {only:?}");
    let (waiting, failed) = (Mutex::new(folders), Mutex::new(Vec::new()));
    let next = || waiting.lock().expect("nobody panics with it").pop_front();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((name, folder)) = next() {
                    match catch_unwind(AssertUnwindSafe(|| run(&folder))) {
                        Ok(about) => println!("conformance {name}: ok: {about}"),
                        Err(panic) => {
                            println!("conformance {name}: FAILED");
                            let mut failed = failed.lock().expect("nobody panics with it");
                            failed.push(format!("{name}: {}", said(&*panic)));
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics with it");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What whoever panicked said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}

/// The applications by their names, in their order.
fn folders() -> VecDeque<(String, PathBuf)> {
    let entries = fs::read_dir(repository().join("conformance/apps"));
    let entries = entries.expect("the folder is there");
    let mut folders: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("the folder can be listed");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, entry.path())
        })
        .collect();
    folders.sort();
    folders.into()
}

/// Serves an application and asks what its test says; tells what it is about.
fn run(folder: &Path) -> String {
    let application = Application::read(folder, &services::unique());
    let launch = Launch::new(STOA, &application.manifest);
    application.put_files(launch.folder());
    let test = &application.test;
    let arguments: Vec<&str> = test.arguments.iter().map(String::as_str).collect();
    let launch = launch.arguments(&arguments);
    if !test.refused.is_empty() {
        refused(&launch, &test.refused);
        return test.about.clone();
    }
    let host = launch.start();
    for invocation in &test.invocations {
        invoke(host.address(), invocation);
    }
    test.about.clone()
}

fn refused(launch: &Launch, parts: &[String]) {
    let ended = launch.fail();
    // Bad input, by sysexits.h: whatever else ended it, it was not refused.
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    for part in parts {
        let told = &ended.stderr;
        assert!(told.contains(part), "`{part}` is missing in:\n{told}");
    }
}

fn invoke(address: SocketAddr, invocation: &Invocation) {
    let Invocation {
        request,
        response,
        message,
    } = invocation;
    if let Some(message) = message {
        publish(message);
    }
    if let (Some(request), Some(expected)) = (request, response) {
        answered(address, request, expected);
    }
}

fn answered(address: SocketAddr, request: &Request, expected: &Response) {
    let until = Instant::now() + EVENTUALLY_MAX;
    loop {
        let answer = ask(address, request);
        match wrong(&answer, expected) {
            None => return,
            Some(_) if expected.eventually && Instant::now() < until => thread::sleep(ASK_EVERY),
            Some(wrong) => panic!("{request:?}: {wrong}: {answer:?}"),
        }
    }
}

fn ask(address: SocketAddr, request: &Request) -> Answer {
    let headers = request.headers.iter();
    let headers: Vec<(String, String)> = headers
        .map(|header| {
            let value = header.value.clone();
            (header.name.clone(), value.unwrap_or_default())
        })
        .collect();
    let ask = Ask {
        method: &request.method,
        path: &request.path,
        headers: &headers,
        body: &request.body,
    };
    ask.of(address)
}

/// The first thing that is not as expected.
fn wrong(answer: &Answer, expected: &Response) -> Option<String> {
    if answer.status != expected.status {
        return Some(format!("the status is not {}", expected.status));
    }
    for header in &expected.headers {
        let (values, name) = (answer.values(&header.name), &header.name);
        match &header.value {
            _ if values.is_empty() && header.optional => {}
            None if !values.is_empty() => {}
            Some(value) if values.contains(&value.as_str()) => {}
            value => return Some(format!("`{name}` is not {value:?}")),
        }
    }
    let body = &answer.body;
    if expected.body.as_ref().is_some_and(|whole| whole != body) {
        return Some(format!("the body is not {:?}", expected.body));
    }
    if let Some(part) = expected.contains.iter().find(|part| !body.contains(*part)) {
        return Some(format!("the body lacks `{part}`"));
    }
    let part = expected.lacks.iter().find(|part| body.contains(*part))?;
    Some(format!("the body has `{part}`"))
}

/// Publishes it until it has a listener: the host listens some time after it serves.
fn publish(message: &Message) {
    let until = Instant::now() + EVENTUALLY_MAX;
    loop {
        let listeners = services::redis(&["PUBLISH", &message.channel, &message.payload]);
        match listeners.as_str() {
            ":0" if Instant::now() < until => thread::sleep(ASK_EVERY),
            ":1" => return,
            listeners => panic!("{message:?} was heard by {listeners}"),
        }
    }
}

#[test]
fn what_is_not_as_expected_is_told() {
    let echo = services::http_echo();
    let answer = Ask::post("/a", "b").of(echo);
    let expected = |text: &str| serde_json::from_str::<Response>(text).expect("it is one");
    let wrong = |text: &str| wrong(&answer, &expected(text));
    assert_eq!(wrong(r#"{"body": "POST /a b", "contains": ["/a"]}"#), None);
    assert_eq!(wrong(r#"{"headers": [{"name": "content-length"}]}"#), None);
    for other in [
        r#"{"status": 404}"#,
        r#"{"body": "POST /a"}"#,
        r#"{"contains": ["/b"]}"#,
        r#"{"lacks": ["/a"]}"#,
        r#"{"headers": [{"name": "x-answer", "value": "c"}]}"#,
        r#"{"headers": [{"name": "x-none"}]}"#,
    ] {
        assert!(wrong(other).is_some(), "{other}");
    }
}
