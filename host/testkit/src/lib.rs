//! For tests only: builds guests, runs the binary. A leaf: it knows nothing of the host's crates.
//!
//! Failures panic with what the failed command said: in a test that is what one wants to read.
#![forbid(unsafe_code)]

mod host;
mod languages;
mod probe;

pub use host::{Ended, Host, Launch};
pub use languages::{javascript_probe, javascript_spin, python_spin};
pub use probe::{probe, repository};
