//! Between the generated types and ours, which exist without a host too.

use super::bindings::stoa::blobs::{presign, types};
use crate::blobs::{Condition, Error, Info, Method, Options, Page, Range};

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::NoSuchStore => Self::NoSuchStore,
            types::Error::Denied(what) => Self::Denied(what),
            types::Error::Invalid(what) => Self::Invalid(what),
            types::Error::TooLarge(limit) => Self::TooLarge { limit },
            types::Error::NotFound(name) => Self::NotFound(name),
            types::Error::Conflict(name) => Self::Conflict(name),
            types::Error::Quota(what) => Self::Quota(what),
            types::Error::Deadline => Self::Deadline,
            types::Error::Unavailable => Self::Unavailable,
            types::Error::Other(failure) => Self::Other {
                code: failure.code,
                message: failure.message,
            },
        }
    }
}

impl From<types::Info> for Info {
    fn from(info: types::Info) -> Self {
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

impl From<types::Page> for Page {
    fn from(page: types::Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(Info::from).collect(),
            next: page.next,
        }
    }
}

impl From<Range> for types::Range {
    fn from(range: Range) -> Self {
        Self {
            prefix: range.prefix,
            after: range.after,
            limit: range.limit,
        }
    }
}

impl From<Condition> for types::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Always => Self::Always,
            Condition::Absent => Self::Absent,
            Condition::Etag(etag) => Self::Etag(etag),
        }
    }
}

impl From<Options> for types::Options {
    fn from(options: Options) -> Self {
        Self {
            content_type: options.content_type,
            metadata: options.metadata,
            size: options.size,
            condition: options.condition.into(),
        }
    }
}

impl From<Method> for presign::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Put => Self::Put,
        }
    }
}
