//! Rows of a database as a stream of WASI 0.3: those that arrived together, then the next.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wasmtime::component::{
    Access, Destination, FutureReader, Lift, Lower, StreamProducer, StreamReader, StreamResult,
    VecBuffer,
};
use wasmtime::{AsContextMut, StoreContextMut};

use crate::instance::HasHost;

/// Where rows come from, in the words of a contract.
pub(super) trait Source: Send + 'static {
    type Row: Lift + Lower + Send + Sync + 'static;
    type Error: Send + Sync + 'static;

    /// Some rows; none after the last, and nothing after an error.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Self::Row>, Self::Error>> + Send;
}

/// A stream, and how it ended: one that broke off ends like one that is complete.
type Streamed<R, E> = (StreamReader<R>, FutureReader<Result<(), E>>);

/// The rows of a source, and how they end.
pub(super) fn stream<T, S>(
    host: &mut Access<'_, T, HasHost>,
    source: S,
) -> wasmtime::Result<Streamed<S::Row, S::Error>>
where
    S: Source,
    Result<(), S::Error>: Lift + Lower,
{
    let (done, outcome) = oneshot::channel();
    let rows = Rows {
        reading: Some(read(source)),
        done: Some(done),
    };
    let rows = StreamReader::new(host.as_context_mut(), rows)?;
    // A stream that is dropped half-way has not failed.
    let outcome = FutureReader::new(host.as_context_mut(), async {
        wasmtime::error::Ok(outcome.await.unwrap_or(Ok(())))
    })?;
    Ok((rows, outcome))
}

type Batch<S> = Result<Vec<<S as Source>::Row>, <S as Source>::Error>;
type Reading<S> = Pin<Box<dyn Future<Output = (S, Batch<S>)> + Send>>;

fn read<S: Source>(mut source: S) -> Reading<S> {
    Box::pin(async move {
        let batch = source.next().await;
        (source, batch)
    })
}

struct Rows<S: Source> {
    /// The rows that come next; gone after the last.
    reading: Option<Reading<S>>,
    done: Option<oneshot::Sender<Result<(), S::Error>>>,
}

impl<S: Source> Rows<S> {
    /// A guest that dropped the future does not want to know.
    fn end(&mut self, outcome: Result<(), S::Error>) -> StreamResult {
        self.reading = None;
        if let Some(done) = self.done.take() {
            drop(done.send(outcome));
        }
        StreamResult::Dropped
    }
}

impl<D, S: Source> StreamProducer<D> for Rows<S> {
    type Item = S::Row;
    type Buffer = VecBuffer<S::Row>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, S::Row, VecBuffer<S::Row>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = self.get_mut();
        // Asked again after the last row: the guest reads until it is told that the stream ended.
        let Some(reading) = &mut this.reading else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let (source, batch) = match reading.as_mut().poll(cx) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            batch => ready!(batch),
        };
        Poll::Ready(Ok(match batch {
            Ok(rows) if rows.is_empty() => this.end(Ok(())),
            Ok(rows) => {
                destination.set_buffer(rows.into());
                this.reading = Some(read(source));
                StreamResult::Completed
            }
            Err(error) => this.end(Err(error)),
        }))
    }
}
