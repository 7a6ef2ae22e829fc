//! `stoa:keyvalue` on what Spin offers, so that a component which uses it runs there too. Named under `dependencies` in
//! the manifest; Stoa itself uses its own implementation unless it is started with `--portable`.
//!
//! It is built on `wasi:keyvalue@0.2.0-draft2`, which Spin serves from the stores of `key_value_stores`, and not on
//! `spin:key-value@3`: every operation of that one is asynchronous, which a guest that blocks cannot call, and none of
//! them compares before it writes.
//!
//! # What it promises
//!
//! * `open`, `get` and `list` as the interface says. A listing reads all keys of the store for each page.
//! * `apply` with one change: `set` always, `set` if `present`, `set` if the `version` is this one, `delete` always.
//! * `increment` of a key that has a value.
//! * Versions that change with every write and do not come back: 64 random bits, kept before the value. Compared and
//!   swapped in one step by the store, as far as the store behind Spin's label does so; Spin's SQLite does.
//!
//! # What it refuses
//!
//! With `other` and the code `not-portable`, and never by pretending:
//!
//! * `apply` with more than one change, `get-many` with more than one key: nothing in Spin does several at once.
//! * `set` if `absent`, and `increment` of a key without a value: Spin's swap overwrites what appeared in between.
//! * `delete` on any condition: there is no swap with nothing.
//! * `set-expiring` and `expire`: values on Spin do not end.
//!
//! Values that were not written by this adapter are refused with `other` and the code `foreign-value`: they have no
//! version. So data of native Stoa is not read by it, nor the other way round.

// Only what needs no store is compiled for the machine itself, for its tests.
#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(any(test, target_family = "wasm"))]
mod frame;
#[cfg(any(test, target_family = "wasm"))]
mod page;
#[cfg(target_family = "wasm")]
mod refusal;
#[cfg(target_family = "wasm")]
mod store;
