//! What a component may be granted: one module per noun, each with its trait, error, configuration, grant, embedded
//! backend and conformance suite.
//!
//! A component never looks anything up. At deploy time every label of its manifest is resolved to a handle
//! ([`Granted`]), and its store holds only those. Nothing here knows WIT or wasmtime, and no driver of an outside
//! service lives here: those implement these traits in `stoa-backends`.
#![forbid(unsafe_code)]

pub mod blobs;
mod budget;
pub mod config;
pub mod documents;
pub mod durability;
pub mod granted;
pub mod identity;
pub mod keyvalue;
pub mod metrics;
mod quota;
pub mod releases;
pub mod sql;
mod sqlite;
pub mod variables;

pub use config::Config;
pub use durability::Durability;
pub use granted::{Capabilities, Granted, Holder, Unresolved};
