//! The body of a streamed response, into the host's stream.

use crate::http::Closed;
use wasip3::wit_bindgen::StreamWriter;

/// Where the chunks of a streamed response go.
pub(crate) struct Sink(StreamWriter<u8>);

impl Sink {
    pub(crate) fn new(writer: StreamWriter<u8>) -> Self {
        Self(writer)
    }

    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Closed> {
        let unwritten = self.0.write_all(bytes).await;
        if unwritten.is_empty() {
            Ok(())
        } else {
            Err(Closed)
        }
    }
}
