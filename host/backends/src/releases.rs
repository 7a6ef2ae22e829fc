//! Release histories that a fleet shares.

pub mod postgres;
