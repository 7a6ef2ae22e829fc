//! Answers HTTP requests out of a document store, for the host's tests: a WASI 0.3 guest that waits without blocking.
//! The calls are those of `documents-02`; the SDK sends no index of a condition that is not there and no text that is
//! not JSON, so that these are answered with 400.
#![cfg(target_family = "wasm")]

mod parse;

use parse::{limit, shape};
use probe_kit_03::{Call, Refusal, done, lines, text};
use serde_json::Value;
use stoa_sdk::documents::{
    Bucket, Collection, Document, Error, Page, Precondition, Query, Scalar, Store, Write,
};
use stoa_sdk::http::{Request, Response};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    let store = Store::open(call.label()?).map_err(refusal)?;
    let documents = store.collection(call.wanted("collection")?);
    match call.op()? {
        "get" => get(&documents, call).await,
        "find" => find(&documents, call).await,
        "walk" => walk(&documents, call).await,
        "count" => count(&documents, call).await,
        "facets" => facets(&documents, call).await,
        "put" => put(&documents, call).await,
        "update" => update(&documents, call).await,
        "delete" => delete(&documents, call).await,
        "delete-matching" => delete_matching(&documents, call).await,
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

// === reading ===

async fn get(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let ids = call.all("id");
    let found = documents.get_many::<Value>(ids.clone()).await;
    let line = |(id, document): (String, Option<Document<Value>>)| document.map_or(id, shown);
    Ok(texts(
        ids.into_iter().zip(found.map_err(refusal)?).map(line),
    ))
}

async fn find(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let page = documents.find::<Value>(query(call)?).await;
    let Page { documents, next } = page.map_err(refusal)?;
    let next = next.map(|cursor| format!("next {cursor}"));
    Ok(texts(documents.into_iter().map(shown).chain(next)))
}

async fn walk(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let query = query(call)?;
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = documents.find::<Value>(query.clone().after(after)).await;
        let page = page.map_err(refusal)?;
        let ids: Vec<_> = page.documents.into_iter().map(|found| found.id).collect();
        pages.push(ids.join(" "));
        if page.next.is_none() {
            return Ok(texts(pages));
        }
        after = page.next;
    }
}

fn query(call: &Call) -> Result<Query, Refusal> {
    let fields = call.all("field");
    Ok(Query {
        filter: parse::filter(&call.all("c"))?,
        search: call.optional("search").map(str::to_owned),
        sort: parse::sort(call),
        fields: (!fields.is_empty()).then_some(fields),
        after: call.optional("after").map(str::to_owned),
        limit: limit(call)?,
    })
}

async fn count(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let filter = parse::filter(&call.all("c"))?;
    let count = documents.count(filter, call.optional("search")).await;
    Ok(text(count.map_err(refusal)?))
}

async fn facets(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let filter = parse::filter(&call.all("c"))?;
    let wanted = parse::facets(call)?;
    let facets = documents.facets(filter, call.optional("search"), wanted);
    let line = |buckets: Vec<Bucket>| {
        let buckets: Vec<_> = buckets.into_iter().map(counted).collect();
        buckets.join(" ")
    };
    Ok(texts(facets.await.map_err(refusal)?.into_iter().map(line)))
}

// === writing ===

async fn put(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let mut writes = Vec::new();
    for (id, body) in call.all("id").into_iter().zip(call.all("body")) {
        let precondition = precondition(documents, call, &id).await?;
        writes.push(Write::new(id, &parse::json(&body)?).when(precondition));
    }
    let mut written = documents.put(writes).await.map_err(refusal)?;
    if written.len() == 1 {
        written.remove(0).map_err(refusal)?;
        return Ok(done());
    }
    let line = |written: Result<u64, Error>| match written {
        Ok(_) => "written".to_owned(),
        Err(error) => described(&error).0.to_owned(),
    };
    Ok(texts(written.into_iter().map(line)))
}

async fn update(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let updated = documents.find_and_update::<Value>(parse::update(call)?);
    let document = updated.await.map_err(refusal)?;
    Ok(probe_kit_03::value(
        document.map(shown).map(String::into_bytes),
    ))
}

async fn delete(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let id = call.wanted("id")?;
    let precondition = precondition(documents, call, id).await?;
    let deleted = documents.delete(id, precondition).await;
    Ok(text(deleted.map_err(refusal)?))
}

async fn delete_matching(documents: &Collection, call: &Call) -> Result<Response, Refusal> {
    let filter = parse::filter(&call.all("c"))?;
    let deleted = documents.delete_matching(filter, limit(call)?).await;
    Ok(text(deleted.map_err(refusal)?))
}

async fn precondition(
    documents: &Collection,
    call: &Call,
    id: &str,
) -> Result<Precondition, Refusal> {
    Ok(match call.optional("when").unwrap_or("always") {
        "always" => Precondition::Always,
        "absent" => Precondition::Absent,
        "present" => Precondition::Present,
        "current" => {
            let found = documents.get::<Value>(id).await.map_err(refusal)?;
            Precondition::Version(shape(found, "a stored document")?.version)
        }
        version => Precondition::Version(shape(version.parse().ok(), "a version")?),
    })
}

// === answers ===

fn texts(texts: impl IntoIterator<Item = String>) -> Response {
    lines(texts.into_iter().map(String::into_bytes))
}

fn shown(document: Document<Value>) -> String {
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
        Error::TooLarge { limit } => ("too-large", format!("at most {limit} bytes")),
        Error::Conflict(what) => ("conflict", what.clone()),
        Error::Quota(which) => ("quota", which.clone()),
        Error::Deadline => ("deadline", String::new()),
        Error::Unavailable => ("unavailable", String::new()),
        Error::Malformed { id, message } => ("malformed", format!("{id}: {message}")),
        Error::Other { code, message } => ("other", format!("{code}: {message}")),
    }
}

fn refusal(error: Error) -> Refusal {
    let (variant, message) = described(&error);
    match error {
        Error::NoSuchStore | Error::Denied(_) => Refusal::forbidden(variant, &message),
        _ => Refusal::failed(variant, &message),
    }
}
