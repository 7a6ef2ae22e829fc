//! Answers HTTP requests out of a blob store, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?op=O&label=L&container=C…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `put` | `name`, `value` or `fill` (so many bytes of `x`); `size`, `type`, `if` (`absent` or an etag) | 200 and the etag |
//! | `abandon` | `name`, `value` | 204: written but not finished |
//! | `get` | `name`, `offset`, `length` | 200 and the bytes |
//! | `head` | `name` | 200 and size, type and etag in a line, or 404 |
//! | `list` | `prefix`, `limit` | 200 and all names, one per line |
//! | `copy` | `name`, `to` | 200 and the etag |
//! | `delete` | `name` | 200 and `true` or `false` |
//! | `url` | `name`, `method` (`get`, `put`), `seconds` | 200 and the URL |
//! | `open` | `name`, `readers` | 200 and how many readers could be open at once |
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this,
//! 500 otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;

use bindings::stoa::blobs::types::{
    BlobStore as Store, Condition, Error, Info, Options, Part, Place, Range, Reader,
};
use bindings::stoa::blobs::{presign, read, write};
use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

const CHUNK: usize = 256 * 1024;
const PAGE: u32 = 1000;

fn answer(call: &Call) -> Result<Answer, Answer> {
    let store = read::open(call.label()?)?;
    match call.op()? {
        "put" => put(&store, call),
        "abandon" => abandon(&store, call),
        "get" => get(&store, call),
        "head" => head(&store, call),
        "list" => list(&store, call),
        "copy" => copy(&store, call),
        "delete" => Ok(Answer::text(write::delete(
            &store,
            container(call)?,
            name(call)?,
        )?)),
        "url" => url(&store, call),
        "open" => open(&store, call),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn container(call: &Call) -> Result<&str, Answer> {
    call.wanted("container")
}

fn name(call: &Call) -> Result<&str, Answer> {
    call.wanted("name")
}

fn put(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let bytes = match call.number("fill")? {
        Some(count) => vec![b'x'; count as usize],
        None => call.value()?.to_vec(),
    };
    let writer = write::put(store, container(call)?, name(call)?, &options(call)?)?;
    for chunk in bytes.chunks(CHUNK) {
        write::write(&writer, chunk)?;
    }
    Ok(Answer::text(write::finish(writer)?.etag))
}

fn abandon(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let writer = write::put(store, container(call)?, name(call)?, &options(call)?)?;
    write::write(&writer, call.value()?)?;
    Ok(Answer::done())
}

fn options(call: &Call) -> Result<Options, Answer> {
    Ok(Options {
        content_type: call.optional("type").map(str::to_owned),
        metadata: Vec::new(),
        size: call.number("size")?,
        condition: match call.optional("if") {
            None => Condition::Always,
            Some("absent") => Condition::Absent,
            Some(etag) => Condition::Etag(etag.to_owned()),
        },
    })
}

fn get(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let part = call.number("offset")?.map(|offset| Part {
        offset,
        length: None,
    });
    let length = call.number("length")?;
    let part = part.map(|part| Part { length, ..part });
    let reader = read::get(store, container(call)?, name(call)?, part)?;
    Ok(Answer::value(Some(rest(&reader)?)))
}

fn rest(reader: &Reader) -> Result<Vec<u8>, Answer> {
    let mut bytes = Vec::new();
    loop {
        let chunk = read::read(reader, CHUNK as u32)?;
        if chunk.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(chunk);
    }
}

fn head(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let shown = |info: Info| format!("{} {} {}", info.size, info.content_type, info.etag);
    let info = read::head(store, container(call)?, name(call)?)?;
    Ok(Answer::value(info.map(|info| shown(info).into_bytes())))
}

fn list(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let limit = call.number("limit")?.map_or(PAGE, |limit| limit as u32);
    let mut range = Range {
        prefix: call.prefix().to_owned(),
        after: None,
        limit,
    };
    let mut names = Vec::new();
    loop {
        let page = read::list(store, container(call)?, &range)?;
        names.extend(page.entries.into_iter().map(|info| info.name.into_bytes()));
        if page.next.is_none() {
            return Ok(Answer::lines(names));
        }
        range.after = page.next;
    }
}

fn copy(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let place = |name: &str| -> Result<Place, Answer> {
        Ok(Place {
            container: container(call)?.to_owned(),
            name: name.to_owned(),
        })
    };
    let (source, target) = (place(name(call)?)?, place(call.wanted("to")?)?);
    let info = write::copy(store, &source, &target, &Condition::Always)?;
    Ok(Answer::text(info.etag))
}

fn url(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let method = match call.wanted("method")? {
        "put" => presign::Method::Put,
        _ => presign::Method::Get,
    };
    let seconds = call.number("seconds")?.unwrap_or(60) as u32;
    let url = presign::url(store, container(call)?, name(call)?, method, seconds)?;
    Ok(Answer::text(url))
}

fn open(store: &Store, call: &Call) -> Result<Answer, Answer> {
    let mut readers = Vec::new();
    for _ in 0..call.number("readers")?.unwrap_or(1) {
        match read::get(store, container(call)?, name(call)?, None) {
            Ok(reader) => readers.push(reader),
            Err(Error::Quota(_)) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Answer::text(readers.len()))
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchStore => {
                Self::forbidden("no-such-store", "no store of this label was granted")
            }
            Error::Denied(what) => Self::forbidden("denied", &what),
            Error::Invalid(what) => Self::failed("invalid", &what),
            Error::TooLarge(limit) => Self::failed("too-large", &format!("at most {limit} bytes")),
            Error::NotFound(name) => Self::failed("not-found", &name),
            Error::Conflict(name) => Self::failed("conflict", &name),
            Error::Quota(what) => Self::failed("quota", &what),
            Error::Deadline => Self::failed("deadline", "no answer in time"),
            Error::Unavailable => Self::failed("unavailable", "the store cannot be reached"),
            Error::Other(failure) => {
                Self::failed("other", &format!("{}: {}", failure.code, failure.message))
            }
        }
    }
}
