//! The streams of `stoa:blobs`.

use crate::bindings::stoa::blobs::types::{Condition, Error, Options};
use crate::bindings::stoa::blobs::{read_async, write_async};
use crate::bindings::wit_stream;
use crate::bytes;
use probe_kit_03::{Call, Refusal, text, value};
use stoa_sdk::http::Response;

/// `None` where the call is none of these.
pub(crate) async fn answer(call: &Call) -> Result<Option<Response>, Refusal> {
    match call.op()? {
        "stream-put" => put(call).await.map(Some),
        "stream-get" => get(call).await.map(Some),
        _ => Ok(None),
    }
}

async fn put(call: &Call) -> Result<Response, Refusal> {
    let store = read_async::open(call.label()?).map_err(refusal)?;
    let options = Options {
        content_type: None,
        metadata: Vec::new(),
        size: call.number("size")?,
        condition: Condition::Always,
    };
    let (container, name) = (call.wanted("container")?, call.wanted("name")?);
    let writer = write_async::put(&store, container.to_owned(), name.to_owned(), options)
        .await
        .map_err(refusal)?;
    let (mut sender, stream) = wit_stream::new();
    let bytes = bytes(call)?;
    let send = async move {
        // What is not taken is the host's answer: it comes out of `write-stream`.
        drop(sender.write_all(bytes).await);
        drop(sender);
    };
    let (appended, ()) = join(write_async::write_stream(&writer, stream), send).await;
    appended.map_err(refusal)?;
    let info = write_async::finish(writer).await.map_err(refusal)?;
    Ok(text(info.etag))
}

async fn get(call: &Call) -> Result<Response, Refusal> {
    let store = read_async::open(call.label()?).map_err(refusal)?;
    let (container, name) = (call.wanted("container")?, call.wanted("name")?);
    let reader = read_async::get(&store, container.to_owned(), name.to_owned(), None)
        .await
        .map_err(refusal)?;
    let (stream, outcome) = read_async::read_stream(reader);
    let bytes = stream.collect().await;
    outcome.await.map_err(refusal)?;
    Ok(value(Some(bytes)))
}

/// Runs two futures to their ends, at the same time.
async fn join<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        if first.is_none()
            && let std::task::Poll::Ready(output) = one.as_mut().poll(context)
        {
            first = Some(output);
        }
        if second.is_none()
            && let std::task::Poll::Ready(output) = other.as_mut().poll(context)
        {
            second = Some(output);
        }
        match (first.is_some(), second.is_some()) {
            (true, true) => std::task::Poll::Ready(()),
            _ => std::task::Poll::Pending,
        }
    })
    .await;
    (
        first.expect("the first has ended"),
        second.expect("the second has ended"),
    )
}

fn refusal(error: Error) -> Refusal {
    Refusal::failed("stream", &format!("{error:?}"))
}
