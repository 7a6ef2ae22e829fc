//! The rows of a result as a stream of WASI 0.3.

use std::pin::Pin;
use std::task::{Context, Poll};

use stoa_manifest::ComponentId;
use wasmtime::component::{
    Access, Destination, FutureReader, StreamProducer, StreamReader, StreamResult, VecBuffer,
};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi::TrappableError;

use super::Failure;
use super::bindings::spin::sqlite::sqlite::{Error, RowResult, Value};
use super::unread::{Held, UNREAD};
use crate::instance::HasHost;

/// A stream, and how it ended: one that broke off ends like one that is complete.
type Streamed = (StreamReader<RowResult>, FutureReader<Result<(), Error>>);

/// A stream of `rows` for a component, and how it ends.
pub(super) fn of<T>(
    host: &mut Access<'_, T, HasHost>,
    component: &ComponentId,
    rows: Vec<RowResult>,
) -> Result<Streamed, Failure> {
    let held = UNREAD.hold(component, kibibytes(&rows)).ok_or_else(full)?;
    let rows = Rows { rows, _held: held };
    let rows = StreamReader::new(host.as_context_mut(), rows).map_err(TrappableError::trap)?;
    // All rows are here, so nothing ends them early.
    let outcome = FutureReader::new(host.as_context_mut(), async { wasmtime::error::Ok(Ok(())) });
    Ok((rows, outcome.map_err(TrappableError::trap)?))
}

fn full() -> Error {
    Error::Io(
        "the statement was run, but its rows and those that were not read yet are too many".into(),
    )
}

/// What the rows hold in memory, about; nothing for none.
fn kibibytes(rows: &[RowResult]) -> usize {
    let values = rows.iter().flat_map(|row| &row.values);
    let bytes: usize = values.map(bytes).sum();
    bytes.div_ceil(1024)
}

fn bytes(value: &Value) -> usize {
    let heap = match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Integer(_) | Value::Real(_) | Value::Null => 0,
    };
    size_of::<Value>() + heap
}

struct Rows {
    /// Empty after they were handed over.
    rows: Vec<RowResult>,
    /// Given back when the guest has read to the end, or dropped the stream.
    _held: Held,
}

impl<D> StreamProducer<D> for Rows {
    type Item = RowResult;
    type Buffer = VecBuffer<RowResult>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, RowResult, VecBuffer<RowResult>>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let rows = std::mem::take(&mut self.get_mut().rows);
        // Asked again when they were read: the guest goes on until it is told that the stream ended.
        Poll::Ready(Ok(match rows.is_empty() {
            true => StreamResult::Dropped,
            false => {
                destination.set_buffer(rows.into());
                StreamResult::Completed
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_what_they_hold() {
        let row = |value| RowResult {
            values: vec![value],
        };
        assert_eq!(kibibytes(&[]), 0);
        assert_eq!(kibibytes(&[row(Value::Null)]), 1);
        let large = row(Value::Text("x".repeat(2048)));
        assert_eq!(kibibytes(&[large, row(Value::Blob(vec![0; 2048]))]), 5);
    }
}
