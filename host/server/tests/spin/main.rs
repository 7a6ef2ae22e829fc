//! Applications for Spin, served unchanged: a set of our own in the shape of Spin's conformance suite, components by the
//! SDKs and crates that the registries have, and two in other languages.
//!
//! Redis, PostgreSQL, MariaDB or MySQL, and a broker of MQTT are those of this machine, or those that `STOA_TEST_REDIS`,
//! `STOA_TEST_POSTGRES`, `STOA_TEST_MYSQL` and `STOA_TEST_MQTT` name.

mod client;
mod conformance;
mod coverage;
mod crates;
mod languages;
mod sdks;
mod services;
mod wasi;

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
