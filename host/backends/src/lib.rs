//! The drivers of outside services: each implements a trait of `stoa-capabilities` and passes its conformance suite. The
//! embedded stores live beside their traits.
#![forbid(unsafe_code)]

pub mod releases;
