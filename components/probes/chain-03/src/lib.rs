//! A service that is called by other components of its application, and calls them.
//!
//! | the path's last part | what happens |
//! |---|---|
//! | `word` | the word of its environment, `WORD` |
//! | `seen` | each header that a host sets, and `x-via`, as a line |
//! | `echo` | the request's body, as it comes |
//! | `late?ms=N` | `late`, after so long |
//! | `trap` | it traps |
//! | `call?url=U` | calls U with the request's method and body, and passes the answer on; an error is 502 and its name |
//! | `twice?url=U` | its own word and what U answers, twice, with a pause between the calls: four lines |
//! | `circle?host=H` | calls `http://H/circle?host=H`, and answers what that does |
#![cfg(target_family = "wasm")]

mod call;

use stoa_sdk::http::{Body, Method, Request, Response};
use wasip3::cli::environment::get_environment;
use wasip3::clocks::monotonic_clock::wait_for;

stoa_sdk::service!(handle);

const NS_PER_MS: u64 = 1_000_000;
/// Long enough for a deploy to come between.
const PAUSE_MS: u64 = 20;
/// What is shown of a request.
const SHOWN: [&str; 9] = [
    "spin-full-url",
    "spin-path-info",
    "spin-matched-route",
    "spin-component-route",
    "spin-raw-component-route",
    "spin-base-path",
    "spin-client-addr",
    "spin-path-match-id",
    "x-via",
];

async fn handle(mut request: Request) -> Response {
    let path = request.path().rsplit('/').next().unwrap_or_default();
    match path {
        "word" => Response::text(200, word()),
        "seen" => Response::text(200, seen(&request)),
        "echo" => echo(request.body()),
        "late" => late(parameter(&request, "ms").parse().unwrap_or(0)).await,
        "trap" => panic!("as it was asked to"),
        "call" => {
            let (method, url) = (request.method().clone(), parameter(&request, "url"));
            // Only what has a body is sent one: a host may want to know its length otherwise.
            let body = (method != Method::Get).then(|| request.body());
            call::passed_on(&method, &url, body).await
        }
        "twice" => twice(&parameter(&request, "url")).await,
        "circle" => {
            let host = parameter(&request, "host");
            let url = format!("http://{host}/circle?host={host}");
            call::passed_on(&Method::Get, &url, None).await
        }
        _ => Response::text(404, "there is nothing here"),
    }
}

fn parameter(request: &Request, name: &str) -> String {
    request.query_value(name).unwrap_or_default().to_owned()
}

fn word() -> String {
    let mut variables = get_environment().into_iter();
    let found = variables.find(|(name, _)| name == "WORD");
    found.map_or_else(String::new, |(_, word)| word)
}

fn seen(request: &Request) -> String {
    let line = |name: &&str| {
        let values: Vec<&str> = request.headers(name).collect();
        format!("{name}: {}\n", values.join(" "))
    };
    SHOWN.iter().map(line).collect()
}

fn echo(mut body: Body) -> Response {
    Response::stream(200, move |mut writer| async move {
        while let Ok(Some(chunk)) = body.chunk().await {
            if writer.write(chunk).await.is_err() {
                return;
            }
        }
    })
}

async fn late(ms: u64) -> Response {
    wait_for(ms * NS_PER_MS).await;
    Response::text(200, "late")
}

async fn twice(url: &str) -> Response {
    let first = call::answer(url).await;
    wait_for(PAUSE_MS * NS_PER_MS).await;
    let second = call::answer(url).await;
    let word = word();
    Response::text(200, format!("{word}\n{first}\n{word}\n{second}\n"))
}
