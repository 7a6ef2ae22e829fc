//! `stoa:documents` on what Spin offers, so that a component which uses it runs there too. Named under `dependencies` in
//! the manifest; Stoa itself uses its own implementation unless it is started with `--portable`.
//!
//! It is built on `spin:sqlite@3.0`, whose operations block: each runs one statement, which is atomic, and there are no
//! transactions. What the words of the interface mean is not decided here but in `stoa-documents`, the same code that
//! the host runs. SQLite only narrows down which documents are looked at (`candidates`), keeps values of unique indexes
//! apart (`table`), and compares before it writes (`change`).
//!
//! # What it promises
//!
//! Every operation means what the interface says. A change happens in one statement that also says what it is based on;
//! where that is no longer so, it is tried again, a bounded number of times. What several reads see is held together by
//! a sum over the versions of all candidates: if one of them changed in between, the look begins anew.
//!
//! # What it refuses
//!
//! With `other` and a code of its own, and never by pretending:
//!
//! * `too-many-documents`: a filter leaves more documents than are looked at, or a search is asked of a large collection.
//! * `not-portable`: a value in a unique index that SQLite might not tell from another.
//! * `no-schema`, `no-database`: the component lacks a variable or a database that the adapter needs.
//! * `declared-otherwise`, `not-unique`: an index is not in the database as it is declared, or cannot be.
//!
//! Nothing was changed then.

// What speaks to Spin is compiled for it alone; the rest is compiled for the machine itself, too, for its tests.
#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod call;
#[cfg(any(test, target_family = "wasm"))]
mod candidates;
#[cfg(any(test, target_family = "wasm"))]
mod change;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod convert;
#[cfg(any(test, target_family = "wasm"))]
mod database;
#[cfg(any(test, target_family = "wasm"))]
mod error;
#[cfg(any(test, target_family = "wasm"))]
mod facets;
#[cfg(any(test, target_family = "wasm"))]
mod find;
#[cfg(any(test, target_family = "wasm"))]
mod incoming;
#[cfg(any(test, target_family = "wasm"))]
mod look;
#[cfg(any(test, target_family = "wasm"))]
mod ranking;
#[cfg(any(test, target_family = "wasm"))]
mod schema;
#[cfg(target_family = "wasm")]
mod spin;
#[cfg(any(test, target_family = "wasm"))]
mod store;
#[cfg(any(test, target_family = "wasm"))]
mod table;
#[cfg(test)]
mod tests;
