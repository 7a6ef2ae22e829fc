//! Blobs as streams of WASI 0.3, a chunk at a time.
//!
//! `read-stream` answers at once and has no task of its own that could go on and fill what it answered. So each reader of
//! the waiting interface is opened with a task beside it, which sleeps until the reader is given to a stream, or dropped.
//! It is woken by the end of a stream that nothing is written to.

use std::cell::RefCell;
use std::rc::Rc;

use wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter};

use crate::bindings::exports::stoa::blobs::types::Error;
use crate::bindings::{wit_future, wit_stream};
use crate::blob::CHUNK_BYTES_MAX;
use crate::reader;
use crate::spin::Sqlite;
use crate::writer::Writer;

/// A reader on its way into a stream.
struct Given {
    reader: reader::Reader<Sqlite>,
    stream: StreamWriter<u8>,
    outcome: FutureWriter<Result<(), Error>>,
}

/// What is left for the task beside a reader; nothing where the reader was dropped.
type Desk = Rc<RefCell<Option<Given>>>;

/// The other end of a sleeping task. Dropped, it wakes it.
struct Beside {
    desk: Desk,
    _asleep: StreamWriter<u8>,
}

/// A reader as a component holds it.
pub(crate) struct Reader {
    pub(crate) reader: reader::Reader<Sqlite>,
    /// Nothing with those of the interface that blocks.
    beside: Option<Beside>,
}

/// What is left of a reader, and how it ends.
type Streamed = (StreamReader<u8>, FutureReader<Result<(), Error>>);

impl Reader {
    /// One that can only be read piece by piece.
    pub(crate) fn blocking(reader: reader::Reader<Sqlite>) -> Self {
        Self {
            reader,
            beside: None,
        }
    }

    /// One that can become a stream. It must be made by a task that may go on after it answered.
    pub(crate) fn waiting(reader: reader::Reader<Sqlite>) -> Self {
        let (asleep, until) = wit_stream::new::<u8>();
        let desk = Desk::default();
        let beside = Beside {
            desk: Rc::clone(&desk),
            _asleep: asleep,
        };
        // Nobody waits for it: it ends with the reader.
        drop(wit_bindgen::spawn_local(fill(until, desk)));
        Self {
            reader,
            beside: Some(beside),
        }
    }

    /// Becomes a stream. The interface has no word for "this reader cannot": one that was opened by the interface that
    /// blocks ends the instance, with the reason on standard error.
    pub(crate) fn into_stream(self) -> Streamed {
        let beside = self
            .beside
            .expect("only what `read-async` opened is read by its `read-stream`");
        let (stream, bytes) = wit_stream::new();
        let (outcome, end) = wit_future::new(|| Ok(()));
        let given = Given {
            reader: self.reader,
            stream,
            outcome,
        };
        *beside.desk.borrow_mut() = Some(given);
        (bytes, end)
    }
}

/// The task beside a reader.
async fn fill(mut until: StreamReader<u8>, desk: Desk) {
    while until.next().await.is_some() {}
    let Some(given) = desk.take() else {
        return;
    };
    let Given {
        reader,
        mut stream,
        outcome,
    } = given;
    let ended = send(&reader, &mut stream).await;
    drop(stream);
    // A component that dropped the future does not want to know.
    drop(outcome.write(ended.map_err(Error::from)).await);
}

/// One that is dropped half-way has not failed.
async fn send(
    reader: &reader::Reader<Sqlite>,
    stream: &mut StreamWriter<u8>,
) -> Result<(), crate::error::Error> {
    loop {
        let bytes = reader.read(CHUNK_BYTES_MAX)?;
        if bytes.is_empty() || !stream.write_all(bytes).await.is_empty() {
            return Ok(());
        }
    }
}

/// Appends all of a stream.
pub(crate) async fn receive(
    writer: &Writer<Sqlite>,
    mut bytes: StreamReader<u8>,
) -> Result<(), crate::error::Error> {
    let mut room = Vec::with_capacity(CHUNK_BYTES_MAX);
    loop {
        let (result, read) = bytes.read(room).await;
        // More than there was room for, a vector may have: one call writes no more than a chunk.
        for chunk in read.chunks(CHUNK_BYTES_MAX) {
            writer.write(chunk)?;
        }
        match result {
            StreamResult::Complete(_) => {}
            StreamResult::Dropped | StreamResult::Cancelled => return Ok(()),
        }
        room = read;
        room.clear();
    }
}
