//! Variables: values that an application takes from outside, and components see through templates.
//!
//! All of it happens once, before the first request: providers are asked for the value of every variable of the
//! application, the values are put into the templates of components and triggers ([`resolve`]), and each component gets a
//! [`Handle`] on its own. A value that changes afterwards is seen at the next start; nothing is asked per request.
//!
//! Values of `secret` variables, and whatever a template makes of them, are [`Secret`]s, which no message shows.

pub mod config;
mod handle;
mod hosts;
mod name;
mod problem;
mod provider;
mod resolve;
mod secret;
mod template;
mod triggers;
mod value;

pub use config::Config;
pub use handle::Handle;
pub use problem::{HostFlaw, Problem};
pub use provider::{Environment, Provider, Sources, Unanswered};
pub use resolve::{Own, Variables, resolve};
pub use secret::Secret;
pub use template::Flaw;
pub use triggers::{Subscription, TriggerFlaw};
pub use value::Value;

/// A name that a guest asks for holds at most so many bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// A value holds at most so many bytes, before and after templates are filled in.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;
/// The values of one component hold at most so many bytes together: a guest may ask for all of them at once.
pub const COMPONENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a guest does not get a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No variable could have this name.
    #[error("a variable's name {0}")]
    InvalidName(&'static str),
    /// The component has no variable of this name.
    #[error("this component has no variable `{0}`")]
    Undefined(String),
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidName(_) => "invalid-name",
            Self::Undefined(_) => "undefined",
        }
    }
}
