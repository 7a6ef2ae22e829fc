//! The body of a request, as a stream of chunks.

use super::carrier::Source;

/// The body of a request. Nothing of it is read before the first chunk is asked for, and the client is held back while
/// no chunk is asked for.
#[derive(Default)]
pub struct Body(Source);

/// Why a body has no further chunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The client went away or broke the protocol. What came before is no whole body.
    #[error("body broke off: {0}")]
    Broken(String),
    #[error("body is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

impl Body {
    pub(crate) fn from_source(source: Source) -> Self {
        Self(source)
    }

    /// The next bytes, at least one, as they arrive; `None` after the last.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyError> {
        self.0.chunk().await
    }

    /// The whole body, if it has at most `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if bytes.len() + chunk.len() > limit {
                return Err(BodyError::TooLarge { limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    fn body() -> Body {
        Body::from_source(Source::new([b"abc".to_vec(), b"de".to_vec()]))
    }

    #[test]
    fn chunks_come_as_they_were_sent() {
        let mut body = body();
        assert_eq!(block_on(body.chunk()), Ok(Some(b"abc".to_vec())));
        assert_eq!(block_on(body.chunk()), Ok(Some(b"de".to_vec())));
        assert_eq!(block_on(body.chunk()), Ok(None));
    }

    #[test]
    fn a_body_of_just_the_limit_is_read_whole() {
        assert_eq!(block_on(body().bytes(5)), Ok(b"abcde".to_vec()));
    }

    #[test]
    fn refused_when_larger_than_the_limit() {
        assert_eq!(
            block_on(body().bytes(4)),
            Err(BodyError::TooLarge { limit: 4 })
        );
    }
}
