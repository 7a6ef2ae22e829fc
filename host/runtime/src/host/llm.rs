//! Spin's language models, in both versions that components are built against, over the same handle. The two have the same
//! types under names of their own.

use stoa_capabilities::llm::{self, Parameters};
use wasmtime::component::Linker;

use self::first::fermyon::spin::llm as first_llm;
use self::second::fermyon::spin::llm as second_llm;
use crate::instance::{HasHost, Host, State};

mod second {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-llm",
        inline: "package stoa:host; world fermyon-spin-llm { import fermyon:spin/llm@2.0.0; }",
        world: "stoa:host/fermyon-spin-llm",
        imports: { default: async },
    });
}

mod first {
    wasmtime::component::bindgen!({
        path: "../../wit/fermyon-spin-1-llm",
        inline: "package stoa:host; world fermyon-spin-first-llm { import fermyon:spin/llm; }",
        world: "stoa:host/fermyon-spin-first-llm",
        imports: { default: async },
    });
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    second_llm::add_to_linker::<_, HasHost>(linker, State::host)?;
    first_llm::add_to_linker::<_, HasHost>(linker, State::host)
}

macro_rules! contract {
    ($contract:ident) => {
        impl $contract::Host for Host<'_> {
            async fn infer(
                &mut self,
                model: String,
                prompt: String,
                parameters: Option<$contract::InferencingParams>,
            ) -> Result<$contract::InferencingResult, $contract::Error> {
                let parameters = parameters.map(Parameters::from).unwrap_or_default();
                let inference = self.granted.llm.infer(model, prompt, parameters).await?;
                Ok($contract::InferencingResult {
                    text: inference.text,
                    usage: $contract::InferencingUsage {
                        prompt_token_count: inference.prompt_tokens,
                        generated_token_count: inference.generated_tokens,
                    },
                })
            }

            async fn generate_embeddings(
                &mut self,
                model: String,
                texts: Vec<String>,
            ) -> Result<$contract::EmbeddingsResult, $contract::Error> {
                let embeddings = self.granted.llm.embed(model, texts).await?;
                Ok($contract::EmbeddingsResult {
                    embeddings: embeddings.vectors,
                    usage: $contract::EmbeddingsUsage {
                        prompt_token_count: embeddings.prompt_tokens,
                    },
                })
            }
        }

        impl From<$contract::InferencingParams> for Parameters {
            fn from(parameters: $contract::InferencingParams) -> Self {
                Self {
                    tokens_max: parameters.max_tokens,
                    repeat_penalty: parameters.repeat_penalty,
                    repeat_penalty_tokens: parameters.repeat_penalty_last_n_token_count,
                    temperature: parameters.temperature,
                    top_k: parameters.top_k,
                    top_p: parameters.top_p,
                }
            }
        }

        impl From<llm::Error> for $contract::Error {
            fn from(error: llm::Error) -> Self {
                match error {
                    llm::Error::Unsupported => Self::ModelNotSupported,
                    // As in Spin, which model it may use is for the component to know.
                    llm::Error::Denied(_) | llm::Error::Invalid(_) => {
                        Self::InvalidInput(error.to_string())
                    }
                    other => Self::RuntimeError(other.to_string()),
                }
            }
        }
    };
}

contract!(second_llm);
contract!(first_llm);
