//! The manifest: `spin.toml`, version 2 as Spin defines it, with our `tool.stoa` tables.
//!
//! Text goes in, a validated [`App`] or every mistake at once comes out. The crate does no I/O: the caller reads the
//! file and hands in its name and text. Paths are kept as they are written, relative to the manifest's folder; what
//! they may point at is for the host to decide. So is what it can serve: a field that the host refuses later is read
//! here all the same.
//!
//! ```
//! use stoa_manifest::{parse, text::Source};
//!
//! let source = Source::new(
//!     "spin.toml",
//!     r#"
//!         spin_manifest_version = 2
//!         [application]
//!         name = "shop"
//!         [[trigger.http]]
//!         route = "/..."
//!         component = "storefront"
//!         [component.storefront]
//!         source = "storefront.wasm"
//!     "#,
//! );
//! let app = parse(&source, None)?;
//! assert_eq!(app.routes[0].id, "storefront-http-trigger");
//! # Ok::<(), stoa_manifest::text::Mistakes>(())
//! ```
#![forbid(unsafe_code)]

pub mod component;
pub mod dependency;
pub mod deployment;
pub mod grants;
pub mod hosts;
pub mod http;
pub mod limits;
pub mod migration;
pub mod name;
pub mod pattern;
pub mod redis;
pub mod seed;
pub mod text;
pub mod trigger;
pub mod variable;

mod app;
mod application;
mod package;
mod resolve;
mod template;
mod tool;

pub use app::{App, parse};
pub use component::Component;
pub use limits::Limits;
pub use name::{ComponentId, Label};
pub use pattern::Pattern;
