//! What the probes of Spin's databases share: how values stand in a request, and in an answer.
//!
//! Each version of each interface has types of its own, with cases of the same names. So what makes values of them are
//! macros, which take the types that are in scope where they stand.

mod errors;
mod parameters;
mod written;

pub use written::{Bounds, bounds, items, number, parts, split, table, unknown};
