//! Runs components: the only crate that knows wasmtime.
//!
//! A [`Runtime`] compiles and links a component once, at deploy, into a [`Revision`]. Each core makes a [`Handler`] of
//! it, which takes or makes an instance per request or message, within the revision's limits. A revision whose place
//! another takes drains and is ended, until nothing of it is left. This crate binds no socket and knows no route; errors
//! leave as [`Error`], for somebody else to word.
#![deny(unsafe_op_in_unsafe_fn)]

mod admission;
mod artifact;
mod body;
mod dump;
mod engine;
mod entries;
mod error;
mod handler;
mod host;
mod idle;
mod instance;
mod life;
mod lifetime;
mod logs;
mod metrics;
mod mount;
mod pace;
mod probe;
mod processor;
mod request;
mod rest;
mod revision;
mod room;
mod several;
mod single;
mod worker;

pub use artifact::{Artifact, ArtifactError, HostKey};
pub use body::{RequestBodyError, ResponseBody, ResponseBodyError};
pub use dump::CoreDumps;
pub use engine::{Allocation, Config, Runtime};
pub use entries::{Abi, Triggers, abis};
pub use error::Error;
pub use handler::{Core, Handler};
pub use host::outbound::siblings::{CallBody, SiblingBody, Siblings, To, Unserved};
pub use mount::Mount;
pub use pace::Pace;
pub use probe::ProbeError;
pub use revision::{PrepareError, Revision, provides};
pub use single::Wagi;
