//! The body of a request, out of the host's stream.

use crate::http::BodyError;
use wasip3::http::types::{ErrorCode, Request, Trailers};
use wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};
use wasip3::wit_future;

/// How much is read at once: what hosts pass on in one piece is rarely larger.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where the chunks of a request's body come from.
#[derive(Default)]
pub(crate) enum Source {
    #[default]
    Empty,
    /// Nothing was asked for yet: many services never read the body.
    Unread(Request),
    Reading(Reading),
}

pub(crate) struct Reading {
    chunks: StreamReader<u8>,
    end: FutureReader<Result<Option<Trailers>, ErrorCode>>,
    /// Tells the host, when dropped, that the request was handled.
    _handled: FutureWriter<Result<(), ErrorCode>>,
}

impl Source {
    pub(crate) fn unread(request: Request) -> Self {
        Self::Unread(request)
    }

    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyError> {
        match std::mem::take(self) {
            Self::Empty => Ok(None),
            Self::Unread(request) => self.read(Reading::start(request)).await,
            Self::Reading(reading) => self.read(reading).await,
        }
    }

    /// Reads on, and stays `Empty` after the end and after a failure.
    async fn read(&mut self, mut reading: Reading) -> Result<Option<Vec<u8>>, BodyError> {
        if let Some(chunk) = reading.chunk().await {
            *self = Self::Reading(reading);
            return Ok(Some(chunk));
        }
        match reading.end.await {
            Ok(_trailers) => Ok(None),
            Err(code) => Err(BodyError::Broken(code.to_string())),
        }
    }
}

impl Reading {
    fn start(request: Request) -> Self {
        let (handled, told) = wit_future::new(|| Ok(()));
        let (chunks, end) = Request::consume_body(request, told);
        Self {
            chunks,
            end,
            _handled: handled,
        }
    }

    /// At least one byte, or `None` when the stream is closed.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            let (result, chunk) = self.chunks.read(Vec::with_capacity(CHUNK_BYTES)).await;
            if !chunk.is_empty() {
                return Some(chunk);
            }
            // A writer may write nothing; that is not the end.
            if !matches!(result, StreamResult::Complete(_)) {
                return None;
            }
        }
    }
}
