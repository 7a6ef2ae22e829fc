//! A response, whole or streamed.

use wasip3::http::types::{ErrorCode, Fields, Response};
use wasip3::wit_bindgen::{StreamReader, StreamResult, StreamWriter};
use wasip3::{spawn, wit_future, wit_stream};

const CHUNK_BYTES: usize = 64 * 1024;

/// A whole response.
pub(crate) fn text(status: u16, text: impl Into<String>) -> Response {
    let bytes = text.into().into_bytes();
    let response = streamed(move |mut writer| async move {
        writer.write_all(bytes).await;
        Ok(())
    });
    response.set_status_code(status).expect("the status is one");
    response
}

/// A response whose head leaves first. The body ends well or in an error, as what `produce` makes does.
pub(crate) fn streamed<P, F>(produce: P) -> Response
where
    P: FnOnce(StreamWriter<u8>) -> F,
    F: Future<Output = Result<(), ErrorCode>> + 'static,
{
    let headers = Fields::from_list(&[("content-type".to_owned(), b"text/plain".to_vec())]);
    let headers = headers.expect("the headers are well formed");
    let (writer, contents) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Err(ErrorCode::HttpResponseIncomplete));
    let produced = produce(writer);
    spawn(async move {
        let ended = produced.await;
        // It fails only when the client has left.
        end.write(ended.map(|()| None)).await.ok();
    });
    let (response, _) = Response::new(headers, Some(contents), trailers);
    response
}

/// Whether the client left before the body was at its end.
pub(crate) async fn pump(chunks: &mut StreamReader<u8>, writer: &mut StreamWriter<u8>) -> bool {
    loop {
        let (result, chunk) = chunks.read(Vec::with_capacity(CHUNK_BYTES)).await;
        if !chunk.is_empty() && !writer.write_all(chunk).await.is_empty() {
            return true;
        }
        if !matches!(result, StreamResult::Complete(_)) {
            return false;
        }
    }
}
