//! A response of WASI 0.3, whole or streamed.

use wasip3::http::types::{ErrorCode, Fields, Response};
use wasip3::wit_bindgen::StreamWriter;
use wasip3::{spawn_local, wit_future, wit_stream};

/// A whole response.
pub(crate) fn text(status: u16, text: impl Into<String>) -> Response {
    let bytes = text.into().into_bytes();
    let length = bytes.len().to_string();
    let headers = [
        ("content-type", "text/plain"),
        ("content-length", length.as_str()),
    ];
    let response = streamed(&headers, move |mut writer| async move {
        writer.write_all(bytes).await;
        Ok(())
    });
    response.set_status_code(status).expect("the status is one");
    response
}

/// A response whose head leaves first. The body ends well or in an error, as what `produce` makes does.
pub(crate) fn streamed<P, F>(headers: &[(&str, &str)], produce: P) -> Response
where
    P: FnOnce(StreamWriter<u8>) -> F,
    F: Future<Output = Result<(), ErrorCode>> + 'static,
{
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let headers = Fields::from_list(&headers).expect("the headers are well formed");
    let (writer, contents) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Err(ErrorCode::HttpResponseIncomplete));
    let produced = produce(writer);
    spawn_local(async move {
        let ended = produced.await;
        // It fails only when the client has left.
        end.write(ended.map(|()| None)).await.ok();
    });
    let (response, _) = Response::new(headers, Some(contents), trailers);
    response
}
