//! The writing end of a streamed response.

use super::carrier::Sink;

/// The writing end of a streamed response. The body ends when it is dropped.
pub struct Writer(Sink);

/// The client is gone: nobody reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads the response any more")]
pub struct Closed;

impl Writer {
    pub(crate) fn new(sink: Sink) -> Self {
        Self(sink)
    }

    /// Sends bytes; done when the host has taken them all, so a slow client slows the writer.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Closed> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.0.write(bytes).await
    }
}
