//! Bodies in memory, for a service under test: what arrives was put there before, what is written is kept.

use super::{BodyError, Closed};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Where the chunks of a request's body come from.
#[derive(Default)]
pub(crate) struct Source {
    chunks: VecDeque<Vec<u8>>,
    breaks_off: bool,
}

impl Source {
    pub(crate) fn new(chunks: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            chunks: chunks.into_iter().collect(),
            breaks_off: false,
        }
    }

    /// After its last chunk the body fails instead of ending.
    pub(crate) fn breaking_off(self) -> Self {
        Self {
            breaks_off: true,
            ..self
        }
    }

    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyError> {
        match self.chunks.pop_front() {
            None if self.breaks_off => Err(BodyError::Broken("the test says so".to_owned())),
            chunk => Ok(chunk),
        }
    }
}

/// Where the chunks of a streamed response go.
#[derive(Clone, Default)]
pub(crate) struct Sink(Rc<RefCell<Vec<u8>>>);

impl Sink {
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Closed> {
        self.0.borrow_mut().extend(bytes);
        Ok(())
    }

    pub(crate) fn into_written(self) -> Vec<u8> {
        self.0.take()
    }
}
