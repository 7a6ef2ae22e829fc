//! Answers HTTP requests out of a blob store, for the host's tests: a WASI 0.3 guest that waits without blocking. The
//! calls are those of `blobs-02`; besides, `stream-put` and `stream-get` use the interface's streams.
#![cfg(target_family = "wasm")]

mod bindings;
mod streams;

use probe_kit_03::{Call, Refusal, done, lines, text, value};
use stoa_sdk::blobs::{Condition, Container, Error, Info, Method, Options, Range, Store};
use stoa_sdk::http::{Request, Response};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    if let Some(answer) = streams::answer(call).await? {
        return Ok(answer);
    }
    let container = Store::open(call.label()?)
        .map_err(refusal)?
        .container(call.wanted("container")?);
    match call.op()? {
        "put" => put(&container, call).await,
        "abandon" => abandon(&container, call).await,
        "get" => get(&container, call).await,
        "head" => head(&container, call).await,
        "list" => list(&container, call).await,
        "copy" => copy(&container, call).await,
        "delete" => {
            let deleted = container.delete(name(call)?).await;
            Ok(text(deleted.map_err(refusal)?))
        }
        "url" => url(&container, call),
        "open" => open(&container, call).await,
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

fn name(call: &Call) -> Result<&str, Refusal> {
    call.wanted("name")
}

pub(crate) fn bytes(call: &Call) -> Result<Vec<u8>, Refusal> {
    Ok(match call.number("fill")? {
        Some(count) => vec![b'x'; count as usize],
        None => call.value()?.to_vec(),
    })
}

async fn put(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let mut writer = container
        .put(name(call)?, options(call)?)
        .await
        .map_err(refusal)?;
    for chunk in bytes(call)?.chunks(stoa_sdk::blobs::CHUNK_BYTES_MAX) {
        writer.write(chunk.to_vec()).await.map_err(refusal)?;
    }
    Ok(text(writer.finish().await.map_err(refusal)?.etag))
}

async fn abandon(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let mut writer = container
        .put(name(call)?, options(call)?)
        .await
        .map_err(refusal)?;
    writer.write(bytes(call)?).await.map_err(refusal)?;
    Ok(done())
}

fn options(call: &Call) -> Result<Options, Refusal> {
    Ok(Options {
        content_type: call.optional("type").map(str::to_owned),
        size: call.number("size")?,
        condition: match call.optional("if") {
            None => Condition::Always,
            Some("absent") => Condition::Absent,
            Some(etag) => Condition::Etag(etag.to_owned()),
        },
        ..Options::default()
    })
}

async fn get(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let offset = call.number("offset")?;
    let length = call.number("length")?;
    let reader = match offset {
        Some(offset) => container.get_part(name(call)?, offset, length).await,
        None => container.get(name(call)?).await,
    };
    let bytes = reader.map_err(refusal)?.bytes(usize::MAX).await;
    Ok(value(Some(bytes.map_err(refusal)?)))
}

async fn head(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let shown = |info: Info| format!("{} {} {}", info.size, info.content_type, info.etag);
    let info = container.head(name(call)?).await.map_err(refusal)?;
    Ok(value(info.map(|info| shown(info).into_bytes())))
}

async fn list(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let limit = call.number("limit")?.map_or(1000, |limit| limit as u32);
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let range = Range::prefix(call.prefix()).after(after).limit(limit);
        let page = container.list(range).await.map_err(refusal)?;
        names.extend(page.entries.into_iter().map(|info| info.name.into_bytes()));
        if page.next.is_none() {
            return Ok(lines(names));
        }
        after = page.next;
    }
}

async fn copy(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let copied = container
        .copy(name(call)?, call.wanted("to")?, Condition::Always)
        .await;
    Ok(text(copied.map_err(refusal)?.etag))
}

fn url(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let method = match call.wanted("method")? {
        "put" => Method::Put,
        _ => Method::Get,
    };
    let seconds = call.number("seconds")?.unwrap_or(60) as u32;
    let url = container.url(name(call)?, method, seconds);
    Ok(text(url.map_err(refusal)?))
}

async fn open(container: &Container, call: &Call) -> Result<Response, Refusal> {
    let mut readers = Vec::new();
    for _ in 0..call.number("readers")?.unwrap_or(1) {
        match container.get(name(call)?).await {
            Ok(reader) => readers.push(reader),
            Err(Error::Quota(_)) => break,
            Err(error) => return Err(refusal(error)),
        }
    }
    Ok(text(readers.len()))
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::NoSuchStore => {
            Refusal::forbidden("no-such-store", "no store of this label was granted")
        }
        Error::Denied(what) => Refusal::forbidden("denied", &what),
        Error::Invalid(what) => Refusal::failed("invalid", &what),
        Error::TooLarge { limit } => {
            Refusal::failed("too-large", &format!("at most {limit} bytes"))
        }
        Error::NotFound(name) => Refusal::failed("not-found", &name),
        Error::Conflict(name) => Refusal::failed("conflict", &name),
        Error::Quota(what) => Refusal::failed("quota", &what),
        Error::Deadline => Refusal::failed("deadline", "no answer in time"),
        Error::Unavailable => Refusal::failed("unavailable", "the store cannot be reached"),
        Error::Other { code, message } => Refusal::failed("other", &format!("{code}: {message}")),
    }
}
