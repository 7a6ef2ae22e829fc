//! HTTP as a service sees it: a [`Request`] comes in, a [`Response`] goes out, both may stream.
//!
//! Nothing here routes, and nothing here decides for the service: a wrong method or path is the service's to answer.

mod body;
#[cfg(not(target_family = "wasm"))]
mod memory;
mod method;
mod problem;
mod request;
mod respond;
mod response;
#[cfg(target_family = "wasm")]
mod wasi;
mod writer;

pub use body::{Body, BodyError};
pub use method::Method;
pub use problem::Problem;
pub use request::Request;
pub use response::Response;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use wasi::serve;
pub use writer::{Closed, Writer};

// What bodies are carried by: streams of the host, or memory where there is none.
#[cfg(not(target_family = "wasm"))]
use memory as carrier;
#[cfg(target_family = "wasm")]
use wasi as carrier;

// For `testing`, which stands in for the host.
#[cfg(not(target_family = "wasm"))]
pub(crate) use {memory::Sink, memory::Source, respond::respond, response::Content};
