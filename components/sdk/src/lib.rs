//! What the author of a Stoa service imports.
//!
//! A service is one async function from a request to a response, exported by [`service!`]. This is a whole one:
//!
//! ```
//! use stoa_sdk::http::{Method, Problem, Request, Response};
//! use stoa_sdk::keyvalue::{Error, Store};
//!
//! stoa_sdk::service!(handle);
//!
//! /// Counts the visits to every path.
//! async fn handle(request: Request) -> Response {
//!     if *request.method() != Method::Post {
//!         return Problem::new(405).header("allow", "POST").into();
//!     }
//!     match count(request.path()).await {
//!         Ok(visits) => Response::json(200, &visits),
//!         Err(error) => {
//!             eprintln!("visits: {error}");
//!             Problem::new(500).into()
//!         }
//!     }
//! }
//!
//! async fn count(path: &str) -> Result<i64, Error> {
//!     Store::open("visits")?.increment(path, 1).await
//! }
//! # fn main() {}
//! ```
//!
//! It is built with `cargo build --release --target wasm32-wasip2` as a `cdylib`. On any other target the same types
//! live in memory, so that a service is tested by `cargo test` alone: see `testing`, which exists only there.

pub mod blobs;
pub mod clock;
pub mod documents;
pub mod http;
pub mod identity;
pub mod keyvalue;
mod service;
pub mod sql;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod variables;

// For `service!`, which expands in the crate of the service.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use wasip3;
