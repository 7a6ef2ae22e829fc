//! Between the generated types and ours.

use crate::bindings::exports::stoa::blobs::types;
use crate::blob;
use crate::error::Error;

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchStore => Self::NoSuchStore,
            Error::Denied(what) => Self::Denied(what),
            Error::Invalid(what) => Self::Invalid(what),
            Error::TooLarge(limit) => Self::TooLarge(limit),
            Error::NotFound(name) => Self::NotFound(name),
            Error::Conflict(name) => Self::Conflict(name),
            Error::Quota(what) => Self::Quota(what.to_owned()),
            Error::Unavailable => Self::Unavailable,
            Error::Other { code, message } => Self::Other(types::Failure {
                code: code.to_owned(),
                message,
            }),
        }
    }
}

impl From<blob::Info> for types::Info {
    fn from(info: blob::Info) -> Self {
        let blob::Info {
            name,
            size,
            content_type,
            etag,
            modified,
            metadata,
        } = info;
        Self {
            name,
            size,
            content_type,
            etag,
            modified,
            metadata,
        }
    }
}

impl From<blob::Page> for types::Page {
    fn from(page: blob::Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(types::Info::from).collect(),
            next: page.next,
        }
    }
}

impl From<types::Range> for blob::Range {
    fn from(range: types::Range) -> Self {
        Self {
            prefix: range.prefix,
            after: range.after,
            limit: range.limit,
        }
    }
}

impl From<types::Part> for blob::Part {
    fn from(part: types::Part) -> Self {
        Self {
            offset: part.offset,
            length: part.length,
        }
    }
}

impl From<types::Place> for blob::Place {
    fn from(place: types::Place) -> Self {
        Self {
            container: place.container,
            name: place.name,
        }
    }
}

impl From<types::Condition> for blob::Condition {
    fn from(condition: types::Condition) -> Self {
        match condition {
            types::Condition::Always => Self::Always,
            types::Condition::Absent => Self::Absent,
            types::Condition::Etag(etag) => Self::Etag(etag),
        }
    }
}

impl From<types::Options> for blob::Options {
    fn from(options: types::Options) -> Self {
        Self::new(
            options.content_type,
            options.metadata,
            options.size,
            options.condition.into(),
        )
    }
}
