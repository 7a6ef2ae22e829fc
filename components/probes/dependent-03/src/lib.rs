//! Reads and writes a key-value store through `stoa:keyvalue/read` and `write`, whoever serves them: a WASI 0.3 guest
//! that blocks.
//!
//! `GET /?op=O&label=L…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `get` | `key`, repeated | for each key a line: `version=value`, or nothing |
//! | `list` | `prefix`, `after`, `limit`, `values` | for each key a line, `key` or `key=value`; then the next key, or nothing |
//! | `apply` | `change`, repeated | the version |
//! | `increment` | `key`, `delta` | the sum |
//! | `environment` | | the number of variables in its environment |
//!
//! A change is `condition,key` or `condition,key,value`: without a value it deletes. A condition is `always`, `absent`,
//! `present` or a version. Answers have status 200; an error of the interface is answered with 500 and as Rust writes
//! it, a request that the probe does not understand with 400.
#![cfg(target_family = "wasm")]

mod bindings;

use bindings::stoa::keyvalue::types::{
    Action, Change, Condition, Entry, Error, Projection, Range, Value,
};
use bindings::stoa::keyvalue::{read, write};
use stoa_sdk::http::{Request, Response};

stoa_sdk::service!(handle);

/// Why there is no answer.
enum Refusal {
    Bad(&'static str),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

async fn handle(request: Request) -> Response {
    match answer(request.query()) {
        Ok(text) => Response::text(200, text),
        Err(Refusal::Bad(what)) => Response::text(400, what.to_owned()),
        Err(Refusal::Failed(error)) => Response::text(500, format!("{error:?}")),
    }
}

fn answer(query: &[(String, String)]) -> Result<String, Refusal> {
    match wanted(query, "op")? {
        "get" => get(query),
        "list" => list(query),
        "apply" => apply(query),
        "increment" => increment(query),
        "environment" => Ok(std::env::vars().count().to_string()),
        _ => Err(Refusal::Bad("no such op")),
    }
}

fn get(query: &[(String, String)]) -> Result<String, Refusal> {
    let store = read::open(wanted(query, "label")?)?;
    let keys: Vec<String> = all(query, "key").map(str::to_owned).collect();
    let values = match keys.as_slice() {
        [key] => vec![read::get(&store, key)?],
        keys => read::get_many(&store, keys)?,
    };
    let line = |value: Option<Value>| {
        value.map_or_else(String::new, |value| {
            format!("{}={}", value.version, text(&value.bytes))
        })
    };
    Ok(lines(values.into_iter().map(line)))
}

fn list(query: &[(String, String)]) -> Result<String, Refusal> {
    let store = read::open(wanted(query, "label")?)?;
    let range = Range {
        prefix: optional(query, "prefix").unwrap_or_default().to_owned(),
        after: optional(query, "after").map(str::to_owned),
        limit: number(wanted(query, "limit")?)?,
        projection: match optional(query, "values") {
            Some(_) => Projection::Values,
            None => Projection::Keys,
        },
    };
    let page = read::list(&store, &range)?;
    let line = |entry: Entry| match entry.value {
        Some(value) => format!("{}={}", entry.key, text(&value.bytes)),
        None => entry.key,
    };
    let entries = lines(page.entries.into_iter().map(line));
    Ok(entries + &page.next.unwrap_or_default())
}

fn apply(query: &[(String, String)]) -> Result<String, Refusal> {
    let store = write::open(wanted(query, "label")?)?;
    let changes: Result<Vec<Change>, Refusal> = all(query, "change").map(change).collect();
    Ok(write::apply(&store, &changes?)?.to_string())
}

fn change(written: &str) -> Result<Change, Refusal> {
    let mut parts = written.splitn(3, ',');
    let condition = match parts.next().unwrap_or_default() {
        "always" => Condition::Always,
        "absent" => Condition::Absent,
        "present" => Condition::Present,
        version => Condition::Version(number(version)?),
    };
    let key = parts.next().ok_or(Refusal::Bad("a change has a key"))?;
    let action = parts.next().map_or(Action::Delete, |value| {
        Action::Set(value.as_bytes().to_vec())
    });
    Ok(Change {
        key: key.to_owned(),
        condition,
        action,
    })
}

fn increment(query: &[(String, String)]) -> Result<String, Refusal> {
    let store = write::open(wanted(query, "label")?)?;
    let delta = number(wanted(query, "delta")?)?;
    Ok(write::increment(&store, wanted(query, "key")?, delta)?.to_string())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::Bad("that is no number"))
}

fn all<'q>(query: &'q [(String, String)], name: &'static str) -> impl Iterator<Item = &'q str> {
    let named = move |(key, _): &&(String, String)| key == name;
    query.iter().filter(named).map(|(_, value)| value.as_str())
}

fn optional<'q>(query: &'q [(String, String)], name: &'static str) -> Option<&'q str> {
    all(query, name).next()
}

fn wanted<'q>(query: &'q [(String, String)], name: &'static str) -> Result<&'q str, Refusal> {
    optional(query, name).ok_or(Refusal::Bad("a parameter is missing"))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
