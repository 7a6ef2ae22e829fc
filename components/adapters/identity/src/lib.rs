//! `stoa:identity` on what Spin offers, so that a component which uses it runs there too. Named under `dependencies` in
//! the manifest; Stoa itself uses its own implementation unless it is started with `--portable`.
//!
//! Spin has no keys and hashes no passwords. What needs no secret is done here: passwords are hashed in this component,
//! and tokens are verified with public keys that a variable of the component holds.
//!
//! # What it promises
//!
//! * Passwords: the hashes of the interface, the same strings as native Stoa makes and takes. They are hashed one after
//!   the other, on the thread of the component.
//! * `verify`: the tokens of the interface and no others, held against the keys and the issuer of the label.
//!
//! # What it refuses
//!
//! With `other` and a code of its own, and never by pretending:
//!
//! * `not-portable`: `sign`. A private key would have to be in the component, where the interface promises that it never
//!   is.
//! * `no-grants`, `no-keys`: the component lacks a variable that the adapter needs.

// What speaks to Spin is compiled for it alone; the rest is compiled for the machine itself, too, for its tests.
#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod convert;
#[cfg(any(test, target_family = "wasm"))]
mod error;
#[cfg(any(test, target_family = "wasm"))]
mod grants;
#[cfg(any(test, target_family = "wasm"))]
mod identity;
#[cfg(any(test, target_family = "wasm"))]
mod keys;
#[cfg(any(test, target_family = "wasm"))]
mod passwords;
#[cfg(target_family = "wasm")]
mod spin;
#[cfg(any(test, target_family = "wasm"))]
mod tokens;
