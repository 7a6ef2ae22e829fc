//! The catalogue of the shop: products that can be read, changed one by one and imported in bulk.
//!
//! A product is one value under one key, so that no half-written state can exist. Every write names the version it was
//! decided on, so that nobody's change is overwritten unseen.
//!
//! `router` finds the endpoint, `catalogue` serves single products, `import` serves streams of them, `product` says
//! what one is. Only `catalogue` and `import` know the store.

mod catalogue;
mod cursor;
mod etag;
mod faults;
mod hex;
mod import;
mod media;
mod product;
mod router;
#[cfg(test)]
mod tests;

stoa_sdk::service!(router::handle);
