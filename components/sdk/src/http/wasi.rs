//! Between the SDK's types and the resources of `wasi:http` 0.3.

mod sink;
mod source;

use super::respond::respond;
use super::response::{Content, Produce};
use super::{Body, Method, Request, Response, Writer};
use wasip3::http::types::{self, ErrorCode, Fields, Trailers};
use wasip3::wit_bindgen::{FutureReader, StreamReader};
use wasip3::{spawn_local, wit_future, wit_stream};

pub(crate) use sink::Sink;
pub(crate) use source::Source;

/// Serves one request by `handler`: what [`crate::service!`] exports.
pub async fn serve<H, F>(request: types::Request, handler: H) -> Result<types::Response, ErrorCode>
where
    H: FnOnce(Request) -> F,
    F: Future<Output = Response>,
{
    let response = respond(received(request), handler).await;
    sendable(response)
}

fn received(request: types::Request) -> Request {
    let method = method(request.get_method());
    let target = request.get_path_with_query().unwrap_or_default();
    let headers = request.get_headers().copy_all();
    Request::new(
        method,
        &target,
        headers,
        Body::from_source(Source::unread(request)),
    )
}

fn method(method: types::Method) -> Method {
    match method {
        types::Method::Get => Method::Get,
        types::Method::Head => Method::Head,
        types::Method::Post => Method::Post,
        types::Method::Put => Method::Put,
        types::Method::Delete => Method::Delete,
        types::Method::Connect => Method::Connect,
        types::Method::Options => Method::Options,
        types::Method::Trace => Method::Trace,
        types::Method::Patch => Method::Patch,
        types::Method::Other(name) => Method::Other(name),
    }
}

fn sendable(response: Response) -> Result<types::Response, ErrorCode> {
    let fields = fields(response.headers)?;
    let sendable = match response.content {
        Content::Empty => whole(fields, None),
        Content::Bytes(bytes) => whole(fields, Some(bytes)),
        Content::Streamed(produce) => streamed(fields, produce),
    };
    match sendable.set_status_code(response.status) {
        Ok(()) => Ok(sendable),
        Err(()) => Err(internal(format!("{} is no status", response.status))),
    }
}

fn fields(headers: Vec<(String, String)>) -> Result<Fields, ErrorCode> {
    let entries: Vec<_> = headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    Fields::from_list(&entries).map_err(|error| internal(format!("bad response header: {error:?}")))
}

fn whole(fields: Fields, bytes: Option<Vec<u8>>) -> types::Response {
    let contents = bytes.filter(|bytes| !bytes.is_empty()).map(|bytes| {
        let (mut writer, contents) = wit_stream::new();
        // The host reads only after the head has left, which is after this call.
        spawn_local(async move { writer.write_all(bytes).await });
        contents
    });
    let (end, trailers) = wit_future::new(|| Ok(None));
    let response = assembled(fields, contents, trailers);
    // Sends the default: no trailers.
    drop(end);
    response
}

fn streamed(fields: Fields, produce: Produce) -> types::Response {
    // The default tells the host that the body is not whole. It is sent if the task below is dropped half way.
    let (end, trailers) =
        wit_future::new(|| Err(internal("the response was cut short".to_owned())));
    let (writer, contents) = wit_stream::new();
    spawn_local(async move {
        produce(Writer::new(Sink::new(writer))).await;
        // The client may be gone: then nobody wants to know that the body is complete.
        end.write(Ok(None)).await.ok();
    });
    assembled(fields, Some(contents), trailers)
}

fn assembled(
    fields: Fields,
    contents: Option<StreamReader<u8>>,
    trailers: FutureReader<Result<Option<Trailers>, ErrorCode>>,
) -> types::Response {
    // The second value tells whether the response was transmitted; a writer learns that from its writes.
    let (response, _) = types::Response::new(fields, contents, trailers);
    response
}

fn internal(message: String) -> ErrorCode {
    ErrorCode::InternalError(Some(message))
}
