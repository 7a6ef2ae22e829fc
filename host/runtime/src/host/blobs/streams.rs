//! Blobs as streams of WASI 0.3: a chunk at a time, so that a large one is never in memory at once.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use stoa_capabilities::blobs::{self, CHUNK_BYTES_MAX};
use tokio::sync::oneshot;
use wasmtime::component::{
    Access, Destination, FutureReader, Source, StreamConsumer, StreamProducer, StreamReader,
    StreamResult, VecBuffer,
};
use wasmtime::{AsContextMut, StoreContextMut};

use super::bindings::stoa::blobs::types::Error;
use crate::instance::HasHost;

/// A stream, and how it ended: one that broke off ends like one that is complete.
type Streamed = (StreamReader<u8>, FutureReader<Result<(), Error>>);

/// What is left of a reader, and how it ends.
pub(super) fn of<T>(
    host: &mut Access<'_, T, HasHost>,
    reader: blobs::Reader,
) -> wasmtime::Result<Streamed> {
    let (done, outcome) = oneshot::channel();
    let chunks = StreamReader::new(host.as_context_mut(), Chunks::new(reader, done))?;
    // A stream that is dropped half-way has not failed.
    let outcome = FutureReader::new(host.as_context_mut(), async {
        wasmtime::error::Ok(outcome.await.unwrap_or(Ok(())))
    })?;
    Ok((chunks, outcome))
}

/// Appends a stream. What comes out says why it was given up; nothing comes where the stream ended.
pub(super) fn into<T>(
    host: &mut Access<'_, T, HasHost>,
    writer: blobs::Writer,
    bytes: StreamReader<u8>,
) -> wasmtime::Result<oneshot::Receiver<Result<(), blobs::Error>>> {
    let (failed, outcome) = oneshot::channel();
    let appender = Appender {
        writer,
        writing: None,
        failed: Some(failed),
    };
    bytes.pipe(host.as_context_mut(), appender)?;
    Ok(outcome)
}

type Reading = Pin<Box<dyn Future<Output = Result<Vec<u8>, blobs::Error>> + Send>>;

struct Chunks {
    reader: blobs::Reader,
    /// The chunk that is being read; none after the last.
    chunk: Option<Reading>,
    done: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Chunks {
    fn new(reader: blobs::Reader, done: oneshot::Sender<Result<(), Error>>) -> Self {
        let chunk = Some(read(&reader));
        Self {
            reader,
            chunk,
            done: Some(done),
        }
    }

    /// A guest that dropped the future does not want to know.
    fn end(&mut self, outcome: Result<(), Error>) -> StreamResult {
        self.chunk = None;
        if let Some(done) = self.done.take() {
            drop(done.send(outcome));
        }
        StreamResult::Dropped
    }
}

fn read(reader: &blobs::Reader) -> Reading {
    let reader = reader.clone();
    Box::pin(async move { reader.read(CHUNK_BYTES_MAX).await })
}

impl<D> StreamProducer<D> for Chunks {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, u8, VecBuffer<u8>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = self.get_mut();
        // Asked again after the last chunk: the guest reads until it is told that the stream ended.
        let Some(chunk) = &mut this.chunk else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let chunk = match chunk.as_mut().poll(cx) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            chunk => ready!(chunk),
        };
        Poll::Ready(Ok(match chunk {
            Ok(bytes) if bytes.is_empty() => this.end(Ok(())),
            Ok(bytes) => {
                destination.set_buffer(bytes.into());
                this.chunk = Some(read(&this.reader));
                StreamResult::Completed
            }
            Err(error) => this.end(Err(error.into())),
        }))
    }
}

struct Appender {
    writer: blobs::Writer,
    writing: Option<Writing>,
    failed: Option<oneshot::Sender<Result<(), blobs::Error>>>,
}

/// A write under way, and how many bytes of the source it is for. They are taken when it is done, so that the stream
/// cannot end before.
struct Writing {
    bytes: usize,
    work: Pin<Box<dyn Future<Output = Result<(), blobs::Error>> + Send>>,
}

impl Writing {
    fn new(writer: &blobs::Writer, bytes: &[u8]) -> Self {
        let chunk = bytes[..bytes.len().min(CHUNK_BYTES_MAX)].to_vec();
        let (writer, bytes) = (writer.clone(), chunk.len());
        let work = Box::pin(async move { writer.write(chunk).await });
        Self { bytes, work }
    }
}

impl<D> StreamConsumer<D> for Appender {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = self.get_mut();
        let mut source = source.as_direct(store);
        if this.writing.is_none() && source.remaining().is_empty() {
            // A write of nothing asks whether there is room.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let writing = this
            .writing
            .get_or_insert_with(|| Writing::new(&this.writer, source.remaining()));
        // A write that began is finished, even if the guest wants to stop: it has a deadline of its own.
        let outcome = ready!(writing.work.as_mut().poll(cx));
        source.mark_read(writing.bytes);
        this.writing = None;
        Poll::Ready(Ok(match outcome {
            Ok(()) => StreamResult::Completed,
            Err(error) => {
                if let Some(failed) = this.failed.take() {
                    drop(failed.send(Err(error)));
                }
                StreamResult::Dropped
            }
        }))
    }
}
