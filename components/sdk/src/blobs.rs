//! Named stores of blobs, in containers: `stoa:blobs` as plain Rust.
//!
//! ```
//! use stoa_sdk::blobs::{Error, Options, Store};
//!
//! /// Keeps a picture and answers what it is known as.
//! async fn keep(bytes: Vec<u8>) -> Result<String, Error> {
//!     let images = Store::open("media")?.container("images");
//!     let info = images.write("logo.png", bytes, Options::of_type("image/png")).await?;
//!     Ok(info.etag)
//! }
//! # stoa_sdk::testing::block_on(async { assert_eq!(keep(b"png".to_vec()).await.unwrap().len(), 64) });
//! ```
//!
//! A name has 1 to 1024 bytes, in segments between `/`, none of them empty, `.` or `..`. A blob is replaced as a whole
//! and at one moment; who reads the old bytes reads them to their end.

mod error;
#[cfg(not(target_family = "wasm"))]
mod memory;
#[cfg(target_family = "wasm")]
mod wasi;

pub use error::Error;
#[cfg(not(target_family = "wasm"))]
pub use memory::{Container, Reader, Store, Writer};
#[cfg(target_family = "wasm")]
pub use wasi::{Container, Reader, Store, Writer};

/// One call reads or writes at most so many bytes.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// What is known of a blob without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub content_type: String,
    /// The SHA-256 of the bytes, in lower-case hexadecimal.
    pub etag: String,
    /// When it was written, in milliseconds since 1970.
    pub modified: u64,
    /// What the writer said of it, in its order.
    pub metadata: Vec<(String, String)>,
}

/// A part of a container in the order of its names' UTF-8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Only names that start with this; empty for all.
    pub prefix: String,
    /// Only names greater than this one: the `next` of the page before.
    pub after: Option<String>,
    /// At most so many blobs, 1 to 1000.
    pub limit: u32,
}

/// A page of a listing. There are more blobs exactly if `next` is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<Info>,
    pub next: Option<String>,
}

/// What must hold at the moment a blob becomes visible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    #[default]
    Always,
    /// There is no blob of this name.
    Absent,
    /// The blob of this name has this etag.
    Etag(String),
}

/// How a blob is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What the bytes are; without, `application/octet-stream`.
    pub content_type: Option<String>,
    /// At most 32 entries of together 2048 bytes.
    pub metadata: Vec<(String, String)>,
    /// How many bytes are to come. More or fewer are then refused, and nothing is stored.
    pub size: Option<u64>,
    pub condition: Condition,
}

/// What a signed URL lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Put,
}

impl Range {
    /// The first 1000 blobs whose names start with `prefix`.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            after: None,
            limit: 1000,
        }
    }

    /// Goes on after this name.
    #[must_use]
    pub fn after(self, name: Option<String>) -> Self {
        Self {
            after: name,
            ..self
        }
    }

    /// Asks for at most so many blobs, 1 to 1000.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }
}

impl Options {
    /// Of this content type, in place of whatever had the name.
    pub fn of_type(content_type: impl Into<String>) -> Self {
        Self {
            content_type: Some(content_type.into()),
            ..Self::default()
        }
    }

    /// Makes the write depend on this.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    /// Says of the blob, under a key of lower-case letters, digits and `-`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }
}

impl Container {
    /// Writes a whole blob that is at hand.
    pub async fn write(&self, name: &str, bytes: Vec<u8>, options: Options) -> Result<Info, Error> {
        let size = Some(bytes.len() as u64);
        let mut writer = self.put(name, Options { size, ..options }).await?;
        for chunk in bytes.chunks(CHUNK_BYTES_MAX) {
            writer.write(chunk.to_vec()).await?;
        }
        writer.finish().await
    }
}

impl Reader {
    /// All that is left, if it has at most `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if bytes.len() + chunk.len() > limit {
                return Err(Error::TooLarge {
                    limit: limit as u64,
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
