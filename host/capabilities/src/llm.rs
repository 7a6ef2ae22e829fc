//! Language models that run elsewhere: what a driver implements and the handle a component is given.
//!
//! The connection is the host's own, by its operator's word, so a component's `allowed_outbound_hosts` has no say in it.

mod config;
mod handle;

pub use config::{Api, Config, Remote};
pub use handle::Handle;

use std::time::Duration;

/// What one call brings, prompt or texts, holds at most so many bytes.
pub const INPUT_BYTES_MAX: usize = 1024 * 1024;
/// Texts that one call has vectors made of.
pub const TEXTS_MAX: usize = 2048;
/// An answer of the other side holds at most so many bytes. Vectors are written out as text there, some 20 KiB each.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A call takes at most so long, its wait for a place included: models think for a while. Requests have deadlines of their
/// own, which end most waits before.
pub const CALL_MAX: Duration = Duration::from_secs(120);
/// Calls of all components at once; more wait.
pub const CALLS_MAX: usize = 16;
/// Calls of one component at once; more wait, so that none takes all places from the others.
pub const CALLS_PER_COMPONENT_MAX: usize = CALLS_MAX / 2;

/// Why a call was not answered. Variants are what a guest can do something about; what went wrong at the other side is in the
/// log and leaves as [`Error::Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The manifest does not list the model.
    #[error("the component may not use the model `{0}`, which its `ai_models` does not list")]
    Denied(String),
    /// Nobody runs models for this host.
    #[error("no `[llm_compute]` is configured")]
    Unsupported,
    /// The request is wrong in itself.
    #[error("{0}")]
    Invalid(String),
    /// The other side does not want the request. What it said may name its own secrets, so it is not passed on.
    #[error("the models' host refused the request")]
    Refused,
    /// The answer is over the limit, in bytes.
    #[error("the answer is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// No answer in time. Retryable.
    #[error("no answer within {limit:?}")]
    Deadline {
        /// The deadline that passed.
        limit: Duration,
    },
    /// Cannot be reached, is overloaded, or did not answer in its own protocol. Retryable.
    #[error("the models' host is unavailable")]
    Unavailable,
}

impl Error {
    /// A short stable word for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Unsupported => "unsupported",
            Self::Invalid(_) => "invalid",
            Self::Refused => "refused",
            Self::TooLarge { .. } => "too-large",
            Self::Deadline { .. } => "deadline",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How a model goes on with a prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// At most so many tokens are generated.
    pub tokens_max: u32,
    /// How much it avoids to repeat itself.
    pub repeat_penalty: f32,
    /// How many tokens back it looks for that.
    pub repeat_penalty_tokens: u32,
    /// How random the next token is.
    pub temperature: f32,
    /// Of how many tokens the next one is chosen.
    pub top_k: u32,
    /// Of how much probability the next one is chosen.
    pub top_p: f32,
}

impl Default for Parameters {
    /// What Spin takes where a component says nothing.
    fn default() -> Self {
        Self {
            tokens_max: 100,
            repeat_penalty: 1.1,
            repeat_penalty_tokens: 64,
            temperature: 0.8,
            top_k: 40,
            top_p: 0.9,
        }
    }
}

/// What a model made of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference {
    /// The text.
    pub text: String,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the text.
    pub generated_tokens: u32,
}

/// Vectors of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of the texts.
    pub prompt_tokens: u32,
}

/// What speaks to a host of models, without grants.
///
/// Callers have checked models and sizes ([`Handle`] does). A driver bounds its own waiting and what it reads.
#[async_trait::async_trait]
pub trait Driver: Send + Sync {
    /// Goes on with a prompt.
    async fn infer(
        &self,
        model: String,
        prompt: String,
        parameters: Parameters,
    ) -> Result<Inference, Error>;

    /// A vector for each text.
    async fn embed(&self, model: String, texts: Vec<String>) -> Result<Embeddings, Error>;
}
