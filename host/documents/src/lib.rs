//! What a document store is and what its words mean: requests, answers and errors, filters, operators, the order of
//! values, cursors, words of a search, and the trait that every backend implements.
//!
//! There is one meaning for all: a backend may find candidates by its own means, and holds them against this code where
//! its own meaning differs. So does the adapter in `components/adapters/documents`, which is why this crate does no I/O
//! and compiles to WebAssembly. A path does not lead through arrays: `tags.0` is the key `0` of an object.
//!
//! Grants and handles, and the store that the host brings along, are in `stoa-capabilities`.
#![forbid(unsafe_code)]

mod answer;
pub mod body;
pub mod checks;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod cursor;
mod error;
pub mod filter;
pub mod key;
mod limits;
pub mod operator;
mod request;
pub mod search;
mod store;

pub use answer::{Bucket, Document, Page, Version};
pub use error::{DeclareError, Error};
pub use filter::{Comparison, Condition, Filter, Scalar};
pub use limits::*;
pub use operator::Operator;
pub use request::{Direction, Facet, Moment, Order, Precondition, Query, Update, Write};
pub use store::Store;
