//! `wasi:io` of October 2023: functions wait for pollables, and streams are spliced from streams that are given away.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceTable, ResourceType};
use wasmtime_wasi::p2::bindings::io::error::HostError;
use wasmtime_wasi::p2::bindings::io::poll::{self, HostPollable, Pollable};
use wasmtime_wasi::p2::bindings::io::streams::{
    self, Error, HostInputStream, HostOutputStream, InputStream, OutputStream, StreamError,
};
use wasmtime_wasi::p2::{self, StreamResult};

use super::TableView;
use crate::instance::State;

/// Bytes that `forward` moves at a time: what a stream reads at once anyway.
const FORWARD_BYTES: u64 = 64 * 1024;

/// Links functions that end in a result of a stream: `"name" (arguments) => Trait::function`, and with `later` those that
/// have to be waited for.
macro_rules! streaming {
    ($instance:ident, { $($name:literal ($($argument:ident),*) => $trait:ident::$function:ident;)* }) => {
        $($instance.func_wrap($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            let table = store.data_mut().table();
            let outcome = $trait::$function(table, $($argument),*);
            Ok((settled(table, outcome)?,))
        })?;)*
    };
    ($instance:ident, later { $($name:literal ($($argument:ident),*) => $trait:ident::$function:ident;)* }) => {
        $($instance.func_wrap_async($name, |mut store: StoreContextMut<'_, State>, ($($argument,)*)| {
            Box::new(async move {
                let table = store.data_mut().table();
                let outcome = $trait::$function(table, $($argument),*).await;
                Ok::<_, wasmtime::Error>((settled(table, outcome)?,))
            })
        })?;)*
    };
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    pollables(&mut linker.instance("wasi:io/poll@0.2.0-rc-2023-10-18")?)?;
    let mut streams = linker.instance("wasi:io/streams@0.2.0-rc-2023-10-18")?;
    errors(&mut streams)?;
    input(&mut streams)?;
    output(&mut streams)?;
    spliced(&mut streams)
}

fn pollables(pollables: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resources!(pollables, table, { "pollable" => Pollable, HostPollable; });
    pollables.func_wrap_async(
        "poll-list",
        |mut store: StoreContextMut<'_, State>, (list,): (Vec<Resource<Pollable>>,)| {
            Box::new(async move {
                let ready = poll::Host::poll(store.data_mut().table(), list).await?;
                Ok::<_, wasmtime::Error>((ready,))
            })
        },
    )?;
    pollables.func_wrap_async(
        "poll-one",
        |mut store: StoreContextMut<'_, State>, (pollable,): (Resource<Pollable>,)| {
            Box::new(async move { HostPollable::block(store.data_mut().table(), pollable).await })
        },
    )
}

fn errors(streams: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resources!(streams, table, { "error" => Error, HostError; });
    functions!(streams, table, {
        "[method]error.to-debug-string" (this) => value HostError::to_debug_string;
    });
    Ok(())
}

fn input(streams: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    streams.resource_async(
        "input-stream",
        ResourceType::host::<InputStream>(),
        |mut store: StoreContextMut<'_, State>, rep: u32| {
            Box::new(async move {
                HostInputStream::drop(store.data_mut().table(), Resource::new_own(rep)).await
            })
        },
    )?;
    functions!(streams, table, {
        "[method]input-stream.subscribe" (this) => value HostInputStream::subscribe;
    });
    streaming!(streams, {
        "[method]input-stream.read" (this, len) => HostInputStream::read;
        "[method]input-stream.skip" (this, len) => HostInputStream::skip;
    });
    streaming!(streams, later {
        "[method]input-stream.blocking-read" (this, len) => HostInputStream::blocking_read;
        "[method]input-stream.blocking-skip" (this, len) => HostInputStream::blocking_skip;
    });
    Ok(())
}

fn output(streams: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    streams.resource_async(
        "output-stream",
        ResourceType::host::<OutputStream>(),
        |mut store: StoreContextMut<'_, State>, rep: u32| {
            Box::new(async move {
                HostOutputStream::drop(store.data_mut().table(), Resource::new_own(rep)).await
            })
        },
    )?;
    functions!(streams, table, {
        "[method]output-stream.subscribe" (this) => value HostOutputStream::subscribe;
    });
    streaming!(streams, {
        "[method]output-stream.check-write" (this) => HostOutputStream::check_write;
        "[method]output-stream.write" (this, contents) => HostOutputStream::write;
        "[method]output-stream.flush" (this) => HostOutputStream::flush;
        "[method]output-stream.write-zeroes" (this, len) => HostOutputStream::write_zeroes;
    });
    streaming!(streams, later {
        "[method]output-stream.blocking-write-and-flush" (this, contents) => HostOutputStream::blocking_write_and_flush;
        "[method]output-stream.blocking-flush" (this) => HostOutputStream::blocking_flush;
        "[method]output-stream.blocking-write-zeroes-and-flush" (this, len) =>
            HostOutputStream::blocking_write_zeroes_and_flush;
    });
    Ok(())
}

/// The stream that bytes come from is the host's from the call on, so it ends with the call.
fn spliced(streams: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Spliced = (Resource<OutputStream>, Resource<InputStream>, u64);
    type Forwarded = (Resource<OutputStream>, Resource<InputStream>);
    streams.func_wrap_async(
        "[method]output-stream.splice",
        |mut store: StoreContextMut<'_, State>, (this, source, len): Spliced| {
            Box::new(async move {
                let table = store.data_mut().table();
                let outcome = HostOutputStream::splice(table, this, borrowed(&source), len);
                HostInputStream::drop(table, source).await?;
                Ok::<_, wasmtime::Error>((settled(table, outcome)?,))
            })
        },
    )?;
    streams.func_wrap_async(
        "[method]output-stream.blocking-splice",
        |mut store: StoreContextMut<'_, State>, (this, source, len): Spliced| {
            Box::new(async move {
                let table = store.data_mut().table();
                let outcome =
                    HostOutputStream::blocking_splice(table, this, borrowed(&source), len).await;
                HostInputStream::drop(table, source).await?;
                Ok::<_, wasmtime::Error>((settled(table, outcome)?,))
            })
        },
    )?;
    streams.func_wrap_async(
        "[method]output-stream.forward",
        |mut store: StoreContextMut<'_, State>, (this, source): Forwarded| {
            Box::new(async move {
                let table = store.data_mut().table();
                let outcome = forward(table, &this, &source).await;
                HostInputStream::drop(table, source).await?;
                Ok::<_, wasmtime::Error>((settled(table, outcome)?,))
            })
        },
    )
}

/// Moves what there is until the source ends, and tells how much that was.
async fn forward(
    table: &mut ResourceTable,
    to: &Resource<OutputStream>,
    from: &Resource<InputStream>,
) -> StreamResult<u64> {
    let mut sum = 0;
    loop {
        let read = HostInputStream::blocking_read(table, borrowed(from), FORWARD_BYTES).await;
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(p2::StreamError::Closed) => return Ok(sum),
            Err(error) => return Err(error),
        };
        sum += bytes.len() as u64;
        let to = table.get_mut(to)?;
        to.blocking_write_and_flush(bytes.into()).await?;
    }
}

/// A second handle that does not end what the first one stands for.
fn borrowed<T: 'static>(resource: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(resource.rep())
}

/// What the guest is told. An error of a stream becomes a resource.
fn settled<T>(
    table: &mut ResourceTable,
    outcome: StreamResult<T>,
) -> wasmtime::Result<Result<T, StreamError>> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(error) => streams::Host::convert_stream_error(table, error).map(Err),
    }
}
