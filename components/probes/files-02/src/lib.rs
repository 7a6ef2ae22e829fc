//! Answers HTTP requests with what it finds among its files, for the host's tests: a WASI 0.2 guest that uses nothing but
//! the standard library.
//!
//! `GET /?op=O…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `read` | `path` | 200 and the content |
//! | `list` | `path` | 200 and the names in a folder, sorted, one per line; those of folders end with `/` |
//! | `size` | `path` | 200 and the bytes of a file |
//! | `write` | `path`, `value` | 204: the content was replaced, or the file made |
//! | `append` | `path`, `value` | 204 |
//! | `make` | `path` | 204: there is a new folder |
//! | `move` | `path`, `to` | 204 |
//! | `remove` | `path` | 204 |
//!
//! What is not there is answered with 404, what is not permitted with 403, any other error with 500: its kind and its
//! words. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    let path = call.wanted("path")?;
    match call.op()? {
        "read" => fs::read(path).map(|bytes| Answer::value(Some(bytes))),
        "list" => list(path).map(Answer::lines),
        "size" => fs::metadata(path).map(|metadata| Answer::text(metadata.len())),
        "write" => done(fs::write(path, call.value()?)),
        "append" => done(append(path, call.value()?)),
        "make" => done(fs::create_dir(path)),
        "move" => done(fs::rename(path, call.wanted("to")?)),
        "remove" => done(fs::remove_file(path)),
        op => return Err(Answer::bad(format!("no such op: {op}"))),
    }
    .map_err(refused)
}

fn list(path: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let mut name = entry.file_name().into_encoded_bytes();
        if entry.file_type()?.is_dir() {
            name.push(b'/');
        }
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn append(path: &str, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).open(path)?.write_all(bytes)
}

fn done(outcome: io::Result<()>) -> io::Result<Answer> {
    outcome.map(|()| Answer::done())
}

fn refused(error: io::Error) -> Answer {
    match error.kind() {
        ErrorKind::NotFound => Answer::value(None),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Answer::forbidden("not-permitted", &error.to_string())
        }
        kind => Answer::failed(&format!("{kind:?}"), &error.to_string()),
    }
}
