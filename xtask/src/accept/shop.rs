//! The shop as its clients see it, and what several lists do with it.

pub(super) mod catalogue;
pub(super) mod eshop;
pub(super) mod generated;
pub(super) mod kill;
mod ledger;
pub(super) mod losses;
pub(super) mod products;
mod writers;
