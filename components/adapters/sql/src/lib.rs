//! `stoa:sql` on what Spin offers, so that a component which uses it runs there too. Named under `dependencies` in the
//! manifest; Stoa itself uses its own implementation unless it is started with `--portable`.
//!
//! It is built on `spin:sqlite@3.0`, which runs one statement, answers names of columns and values as SQLite stores them,
//! and says nothing of transactions: what runs behind one of its connections may be a connection of its own, or none.
//! So this adapter does what one statement does, and knows nothing of types that SQLite does not have.
//!
//! # What it promises
//!
//! * `query`, `execute`, and `execute-batch` of one statement, with parameters `$1`, `$2` and so on.
//! * `query-cursor` over a result that fits into one answer: it is read as a whole.
//!
//! # What it refuses
//!
//! With `other` and a code of its own, and never by pretending:
//!
//! * `not-portable`: transactions, batches of several statements, larger cursors, triggers; decimals and timestamps; a
//!   database in which a column is declared as a type that the interface knows and SQLite does not.
//! * `no-grants`: the component lacks a variable that the adapter needs.

// What speaks to Spin is compiled for it alone; the rest is compiled for the machine itself, too, for its tests.
#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod convert;
#[cfg(any(test, target_family = "wasm"))]
mod cursor;
#[cfg(any(test, target_family = "wasm"))]
mod error;
#[cfg(any(test, target_family = "wasm"))]
mod failure;
#[cfg(any(test, target_family = "wasm"))]
mod grants;
#[cfg(any(test, target_family = "wasm"))]
mod handle;
#[cfg(any(test, target_family = "wasm"))]
mod limits;
#[cfg(any(test, target_family = "wasm"))]
mod scanner;
#[cfg(any(test, target_family = "wasm"))]
mod source;
#[cfg(target_family = "wasm")]
mod spin;
#[cfg(any(test, target_family = "wasm"))]
mod statement;
#[cfg(test)]
mod tests;
