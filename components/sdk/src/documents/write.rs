//! Whole bodies, written.

use super::Error;
use serde::Serialize;

/// A new or replaced body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    id: String,
    /// The error of a body that cannot be JSON, kept until it is written.
    body: Result<String, Error>,
    precondition: Precondition,
}

/// What must hold for a write of one document to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    Always,
    /// There is no document of this id.
    Absent,
    /// There is one, whichever.
    Present,
    /// It has this version.
    Version(u64),
}

/// A write that can be handed on.
pub(crate) struct Encoded {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) precondition: Precondition,
}

impl Write {
    /// Gives a document this body, whether it is there or not. The body must become a JSON object, of at most 1 MiB.
    pub fn new(id: impl Into<String>, body: &(impl Serialize + ?Sized)) -> Self {
        Self {
            id: id.into(),
            body: encode(body),
            precondition: Precondition::Always,
        }
    }

    /// Makes the write depend on this.
    #[must_use]
    pub fn when(self, precondition: Precondition) -> Self {
        Self {
            precondition,
            ..self
        }
    }

    pub(crate) fn encoded(self) -> Result<Encoded, Error> {
        Ok(Encoded {
            id: self.id,
            body: self.body?,
            precondition: self.precondition,
        })
    }
}

/// A value as JSON.
pub(crate) fn encode(value: &(impl Serialize + ?Sized)) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Invalid(format!("not JSON: {error}")))
}
