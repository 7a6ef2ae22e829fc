//! What the probes of `wasi:otel` share: what they tell, which is the same for all.
#![cfg(target_family = "wasm")]

mod bindings;
pub mod tell;
