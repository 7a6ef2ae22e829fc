//! Between the contract's types and the capability's.

use stoa_capabilities::blobs;

use super::bindings::stoa::blobs::{presign, types};

impl From<blobs::Error> for types::Error {
    fn from(error: blobs::Error) -> Self {
        match error {
            blobs::Error::Denied(why) => Self::Denied(why),
            blobs::Error::Invalid(why) => Self::Invalid(why),
            blobs::Error::TooLarge { limit } => Self::TooLarge(limit),
            blobs::Error::NotFound { name } => Self::NotFound(name),
            blobs::Error::Conflict { name } => Self::Conflict(name),
            blobs::Error::Quota(what) => Self::Quota(what.into()),
            blobs::Error::Deadline { .. } => Self::Deadline,
            blobs::Error::Unavailable => Self::Unavailable,
        }
    }
}

impl From<blobs::Info> for types::Info {
    fn from(info: blobs::Info) -> Self {
        Self {
            name: info.name,
            size: info.size,
            content_type: info.content_type,
            etag: info.etag,
            modified: info.modified,
            metadata: info.metadata,
        }
    }
}

impl From<blobs::Page> for types::Page {
    fn from(page: blobs::Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(types::Info::from).collect(),
            next: page.next,
        }
    }
}

impl From<types::Part> for blobs::Part {
    fn from(part: types::Part) -> Self {
        Self::From {
            offset: part.offset,
            length: part.length,
        }
    }
}

impl From<types::Range> for blobs::Range {
    fn from(range: types::Range) -> Self {
        Self {
            prefix: range.prefix,
            after: range.after,
            limit: range.limit as usize,
        }
    }
}

impl From<types::Place> for blobs::Place {
    fn from(place: types::Place) -> Self {
        Self {
            container: place.container,
            name: place.name,
        }
    }
}

impl From<types::Condition> for blobs::Condition {
    fn from(condition: types::Condition) -> Self {
        match condition {
            types::Condition::Always => Self::Always,
            types::Condition::Absent => Self::Absent,
            types::Condition::Etag(etag) => Self::Etag(etag),
        }
    }
}

impl From<types::Options> for blobs::Options {
    fn from(options: types::Options) -> Self {
        Self {
            content_type: options
                .content_type
                .unwrap_or_else(|| blobs::CONTENT_TYPE_DEFAULT.to_owned()),
            metadata: options.metadata,
            size: options.size,
            condition: options.condition.into(),
            ..Self::default()
        }
    }
}

impl From<presign::Method> for blobs::presign::Method {
    fn from(method: presign::Method) -> Self {
        match method {
            presign::Method::Get => Self::Get,
            presign::Method::Put => Self::Put,
        }
    }
}
