//! The public front: the only crate that serves clients. It knows routes and not wasm.
//!
//! [`stack`] puts the filters around an inner service, [`traffic`] gives every request to the stack of one release, and
//! [`Listener`] accepts connections and hands each to a core, where the stack answers. What the inner service is, is the
//! caller's business: a closure in a test, the runtime in `stoa`.
#![forbid(unsafe_code)]

mod body;
pub mod config;
mod connection;
mod core;
mod errands;
mod filters;
pub mod inside;
mod listener;
mod metrics;
mod presigned;
mod rescue;
mod router;
mod stack;
pub mod tls;
pub mod traffic;

pub use body::{BodyError, RequestBody};
pub use config::Config;
pub use connection::Connected;
pub use errands::{Errands, Gone};
pub use listener::{BindError, Listener};
pub use presigned::{PRESIGNED_PREFIX, Presigned};
pub use rescue::Failure;
pub use router::{Matched, Routes};
pub use stack::{Answering, Inner, Public, PublicBody, Routed, Shared, stack};
