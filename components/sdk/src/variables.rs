//! The component's own variables: `spin:variables` as plain Rust.
//!
//! The manifest names them in `[component.<id>.variables]`, usually as templates over variables of the application,
//! whose values come from outside. Stoa settles all of them before it serves: a value never changes while a service
//! runs, and asking costs little.
//!
//! ```
//! use stoa_sdk::testing::{block_on, set_variable};
//! use stoa_sdk::variables::{self, Error};
//!
//! async fn greeting() -> String {
//!     match variables::get("greeting").await {
//!         Ok(greeting) => greeting,
//!         Err(Error::Undefined(_)) => "hello".to_owned(),
//!         Err(error) => panic!("{error}"),
//!     }
//! }
//!
//! assert_eq!(block_on(greeting()), "hello");
//! set_variable("greeting", "chaire");
//! assert_eq!(block_on(greeting()), "chaire");
//! ```

mod error;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod memory;
#[cfg(target_family = "wasm")]
mod wasi;

pub use error::Error;

#[cfg(not(target_family = "wasm"))]
use memory as backing;
#[cfg(target_family = "wasm")]
use wasi as backing;

/// The value of the variable of this name: words in lower case with `_`.
pub async fn get(name: &str) -> Result<String, Error> {
    backing::get(name).await
}
