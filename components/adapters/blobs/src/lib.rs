//! `stoa:blobs` on what Spin offers, so that a component which uses it runs there too. Named under `dependencies` in the
//! manifest; Stoa itself uses its own implementation unless it is started with `--portable`.
//!
//! It is built on `spin:sqlite@3.0`, whose operations block: each runs one statement, which is atomic, and there are no
//! transactions. A blob's bytes are rows of 256 KiB, so that none is in memory as a whole; a blob is what has a row in
//! the index (`index`), and that row is written by one statement. Triggers of the database list every content that is
//! no blob's, in the same statement that makes it so, and whoever writes removes what was listed long enough
//! (`leftovers`).
//!
//! # What it promises
//!
//! Every operation means what the interface says. What was opened is read as it was, even if the blob is replaced or
//! deleted, for an hour.
//!
//! # What it refuses
//!
//! With `other` and a code of its own, and never by pretending:
//!
//! * `not-portable`: URLs that let a client read or write by itself. Spin has nobody who would answer them.
//! * `no-grants`, `no-database`: the component lacks a variable or a database that the adapter needs.
//! * `reader-over`: what is read was replaced or deleted more than an hour ago.

// What speaks to Spin is compiled for it alone; the rest is compiled for the machine itself, too, for its tests.
#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(any(test, target_family = "wasm"))]
mod blob;
#[cfg(any(test, target_family = "wasm"))]
mod check;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod convert;
#[cfg(any(test, target_family = "wasm"))]
mod database;
#[cfg(any(test, target_family = "wasm"))]
mod error;
#[cfg(any(test, target_family = "wasm"))]
mod grants;
#[cfg(any(test, target_family = "wasm"))]
mod index;
#[cfg(any(test, target_family = "wasm"))]
mod leftovers;
#[cfg(any(test, target_family = "wasm"))]
mod pieces;
#[cfg(any(test, target_family = "wasm"))]
mod reader;
#[cfg(any(test, target_family = "wasm"))]
mod schema;
#[cfg(target_family = "wasm")]
mod spin;
#[cfg(any(test, target_family = "wasm"))]
mod store;
#[cfg(target_family = "wasm")]
mod streams;
#[cfg(test)]
mod tests;
#[cfg(any(test, target_family = "wasm"))]
mod writer;
