//! The catalogue of the shop: products that can be found, changed one by one and imported in bulk, their categories,
//! and reservations of their stock.
//!
//! A product is one document, so that no half-written state can exist. Every write names the version or the state it
//! was decided on, so that nobody's change is overwritten unseen. What can be asked of many products is asked of the
//! store: nothing here reads them all.
//!
//! `router` finds the endpoint; `catalogue` serves products, `listing` pages of them, `reservations` their stock,
//! `categories` how they are grouped, `import` streams of them, `images` their pictures. `product` says what one is.

mod catalogue;
mod categories;
mod cursor;
mod document;
mod etag;
mod faults;
mod hex;
mod images;
mod import;
mod listing;
mod media;
mod preconditions;
mod product;
mod reservations;
mod router;
#[cfg(test)]
mod tests;

stoa_sdk::service!(router::handle);
