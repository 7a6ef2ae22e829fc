//! Answers HTTP requests out of a document store, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?op=O&label=L&collection=C…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `get` | `id`, repeated | 200 and for each id a line, `id body`, or `id` if there is none |
//! | `find` | `c`, `search`, `sort`, `field`, `after`, `limit` | 200 and lines of `id body`, then `next cursor` if there are more |
//! | `walk` | as `find` | 200 and all pages: for each the ids in a line |
//! | `count` | `c`, `search` | 200 and the number |
//! | `facets` | `c`, `search`, `facet` (`path:limit`) | 200 and for each facet a line, `value=count value=count` |
//! | `put` | `id` and `body`, repeated; `when` | 204 for one; for several, 200 and for each a line, `written` or the variant |
//! | `update` | `c`, `sort`, `change`, `answer` (`before` or `after`) | 200 and `id body`, or 404 |
//! | `delete` | `id`, `when` | 200 and `true` or `false` |
//! | `delete-matching` | `c`, `limit` | 200 and the number |
//!
//! `c`, repeated, is a condition: `all-of:0,1`, `any-of:0,1`, `none-of:0`, `equal:path:value` and the other comparisons,
//! `one-of:path:value,value`, `exists:path:true`, `starts-with:path:start`, `element:path:0`. `sort` is a path, with a
//! `-` before it where the greatest comes first. `change`, repeated, is `set:path:json`, `unset:path`,
//! `increment:path:by`, `push:path:json`, `push-keeping:path:last:json` or `pull:path:` and one condition. `when` is
//! `always`, `absent`, `present`, `current` (the version that is read just before) or a version.
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this, 500
//! otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;
mod parse;

use bindings::stoa::documents::types::{
    Bucket, Document, Error, Page, Precondition, Query, Scalar, Update, Write,
};
use bindings::stoa::documents::{read, write};
use parse::{limit, operators, shape, sort};
use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "get" => get(call),
        "find" => find(call),
        "walk" => walk(call),
        "count" => count(call),
        "facets" => facets(call),
        "put" => put(call),
        "update" => update(call),
        "delete" => delete(call),
        "delete-matching" => delete_matching(call),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn collection(call: &Call) -> Result<&str, Answer> {
    call.wanted("collection")
}

// === reading ===

fn get(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let ids = call.all("id");
    let documents = read::get(&store, collection(call)?, &ids)?;
    let line = |(id, document): (&String, Option<Document>)| match document {
        Some(document) => shown(document),
        None => id.clone(),
    };
    Ok(lines(ids.iter().zip(documents).map(line)))
}

fn find(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let Page { documents, next } = read::find(&store, collection(call)?, &query(call)?)?;
    let next = next.map(|cursor| format!("next {cursor}"));
    Ok(lines(documents.into_iter().map(shown).chain(next)))
}

fn walk(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let mut query = query(call)?;
    let mut pages = Vec::new();
    loop {
        let page = read::find(&store, collection(call)?, &query)?;
        let ids: Vec<_> = page.documents.into_iter().map(|found| found.id).collect();
        pages.push(ids.join(" "));
        if page.next.is_none() {
            return Ok(lines(pages));
        }
        query.after = page.next;
    }
}

fn query(call: &Call) -> Result<Query, Answer> {
    let fields = call.all("field");
    Ok(Query {
        filter: parse::filter(&call.all("c"))?,
        search: call.optional("search").map(str::to_owned),
        sort: sort(call),
        fields: (!fields.is_empty()).then_some(fields),
        after: call.optional("after").map(str::to_owned),
        limit: limit(call)?,
    })
}

fn count(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let filter = parse::filter(&call.all("c"))?;
    let search = call.optional("search");
    let count = read::count(&store, collection(call)?, &filter, search)?;
    Ok(Answer::text(count))
}

fn facets(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    let filter = parse::filter(&call.all("c"))?;
    let search = call.optional("search");
    let wanted = parse::facets(call)?;
    let facets = read::facets(&store, collection(call)?, &filter, search, &wanted)?;
    let line = |buckets: Vec<Bucket>| {
        let buckets: Vec<_> = buckets.into_iter().map(counted).collect();
        buckets.join(" ")
    };
    Ok(lines(facets.into_iter().map(line)))
}

// === writing ===

fn put(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    let writes = call.all("id").into_iter().zip(call.all("body"));
    let writes = writes.map(|(id, body)| {
        let precondition = precondition(call, &id)?;
        Ok(Write {
            id,
            body,
            precondition,
        })
    });
    let writes = writes.collect::<Result<Vec<_>, Answer>>()?;
    let mut written = write::put(&store, collection(call)?, &writes)?;
    if written.len() == 1 {
        written.remove(0)?;
        return Ok(Answer::done());
    }
    let line = |written: Result<u64, Error>| match written {
        Ok(_) => "written".to_owned(),
        Err(error) => described(&error).0.to_owned(),
    };
    Ok(lines(written.into_iter().map(line)))
}

fn update(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    let update = Update {
        filter: parse::filter(&call.all("c"))?,
        sort: sort(call),
        operators: operators(call)?,
        answer: parse::moment(call),
    };
    let document = write::find_and_update(&store, collection(call)?, &update)?;
    Ok(Answer::value(document.map(shown).map(String::into_bytes)))
}

fn delete(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    let id = call.wanted("id")?;
    let precondition = precondition(call, id)?;
    let deleted = write::delete(&store, collection(call)?, id, precondition)?;
    Ok(Answer::text(deleted))
}

fn delete_matching(call: &Call) -> Result<Answer, Answer> {
    let store = write::open(call.label()?)?;
    let filter = parse::filter(&call.all("c"))?;
    let deleted = write::delete_matching(&store, collection(call)?, &filter, limit(call)?)?;
    Ok(Answer::text(deleted))
}

fn precondition(call: &Call, id: &str) -> Result<Precondition, Answer> {
    Ok(match call.optional("when").unwrap_or("always") {
        "always" => Precondition::Always,
        "absent" => Precondition::Absent,
        "present" => Precondition::Present,
        "current" => Precondition::Version(current(call, id)?),
        version => Precondition::Version(shape(version.parse().ok(), "a version")?),
    })
}

fn current(call: &Call, id: &str) -> Result<u64, Answer> {
    let store = read::open(call.label()?)?;
    let found = read::get(&store, collection(call)?, &[id.to_owned()])?;
    let found = found.into_iter().flatten().next();
    shape(found.map(|document| document.version), "a stored document")
}

// === answers ===

fn lines(lines: impl IntoIterator<Item = String>) -> Answer {
    Answer::lines(lines.into_iter().map(String::into_bytes))
}

fn shown(document: Document) -> String {
    format!("{} {}", document.id, document.body)
}

fn counted(bucket: Bucket) -> String {
    let value = match bucket.value {
        Scalar::Null => "null".to_owned(),
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Number(value) => value.to_string(),
        Scalar::Text(value) => value,
    };
    format!("{value}={}", bucket.count)
}

/// The variant, and its message.
fn described(error: &Error) -> (&'static str, String) {
    match error {
        Error::NoSuchStore => ("no-such-store", String::new()),
        Error::Denied(what) => ("denied", what.clone()),
        Error::Invalid(what) => ("invalid", what.clone()),
        Error::TooLarge(limit) => ("too-large", format!("at most {limit} bytes")),
        Error::Conflict(what) => ("conflict", what.clone()),
        Error::Quota(which) => ("quota", which.clone()),
        Error::Deadline => ("deadline", String::new()),
        Error::Unavailable => ("unavailable", String::new()),
        Error::Other(failure) => ("other", format!("{}: {}", failure.code, failure.message)),
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        let (variant, message) = described(&error);
        match error {
            Error::NoSuchStore | Error::Denied(_) => Self::forbidden(variant, &message),
            _ => Self::failed(variant, &message),
        }
    }
}
