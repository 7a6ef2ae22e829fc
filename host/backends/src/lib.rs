//! The drivers of outside services: each implements a trait of `stoa-capabilities`, and passes its conformance suite
//! where it stores something for the host. The embedded stores live beside their traits.
#![forbid(unsafe_code)]

mod http;
pub mod llm;
pub mod mqtt;
pub mod mysql;
pub mod otlp;
mod pool;
pub mod postgres;
pub mod redis;
pub mod releases;
