//! What a component may be granted: one module per noun, each with its trait, error and configuration. Where something
//! is stored, there are a handle behind the grant, an embedded backend and a conformance suite as well.
//!
//! A component never looks anything up. At deploy time every label of its manifest is resolved to a handle
//! ([`Granted`]), and its store holds only those; what it may connect to is settled then too ([`network`]). Nothing
//! here knows WIT or wasmtime, and no driver of an outside service lives here: those implement these traits in
//! `stoa-backends`.
#![forbid(unsafe_code)]

pub mod blobs;
mod bounds;
mod budget;
pub mod config;
pub mod documents;
pub mod durability;
pub mod granted;
pub mod identity;
pub mod keyvalue;
mod lines;
pub mod llm;
pub mod metrics;
pub mod mqtt;
pub mod mysql;
pub mod network;
pub mod postgres;
mod quota;
pub mod redis;
pub mod releases;
pub mod sql;
mod sqlite;
pub mod telemetry;
mod url;
pub mod variables;

pub use bounds::Bounds;
pub use config::Config;
pub use durability::Durability;
pub use granted::{Capabilities, Drivers, Granted, Holder, Unresolved};
pub use lines::Lines;
