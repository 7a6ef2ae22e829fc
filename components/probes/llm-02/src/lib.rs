//! Asks language models, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?api=A&op=O&model=…`, where A is `second` (`fermyon:spin@2`) or `first` (the interface without a version) and O is
//! one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `infer` | `prompt`, `tokens` | 200, the text, and how many tokens prompt and text have; with `tokens` it says how many at most |
//! | `long` | `bytes` | as `infer`, with a prompt of so many bytes |
//! | `embed` | `text` repeated | 200, a line for each vector, and how many tokens the texts have |
//!
//! An error of the interface is answered with 500, as `<variant>: <message>`. A request that the probe itself does not
//! understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;

use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "second" => second::answer(call),
        "first" => first::answer(call),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}

/// The interfaces have the same types under names of their own.
macro_rules! version {
    ($version:ident) => {
        mod $version {
            use crate::bindings::$version::fermyon::spin::llm::{self, Error, InferencingParams};
            use probe_kit_02::{Answer, Call};

            pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
                let model = call.wanted("model")?;
                match call.op()? {
                    "infer" => infer(model, call.wanted("prompt")?, parameters(call)?),
                    "long" => {
                        let bytes = call.number("bytes")?.unwrap_or(0) as usize;
                        infer(model, &"x".repeat(bytes), None)
                    }
                    "embed" => {
                        let result = llm::generate_embeddings(model, &call.all("text"))?;
                        let mut lines: Vec<_> =
                            result.embeddings.iter().map(|it| line(it)).collect();
                        lines.push(result.usage.prompt_token_count.to_string().into_bytes());
                        Ok(Answer::lines(lines))
                    }
                    op => Err(Answer::bad(format!("no such op: {op}"))),
                }
            }

            fn infer(
                model: &str,
                prompt: &str,
                parameters: Option<InferencingParams>,
            ) -> Result<Answer, Answer> {
                let result = llm::infer(model, prompt, parameters)?;
                let usage = result.usage;
                Ok(Answer::text(format!(
                    "{} {} {}",
                    result.text, usage.prompt_token_count, usage.generated_token_count
                )))
            }

            fn parameters(call: &Call) -> Result<Option<InferencingParams>, Answer> {
                let tokens = call.number("tokens")?;
                Ok(tokens.map(|tokens| InferencingParams {
                    max_tokens: tokens as u32,
                    repeat_penalty: 1.0,
                    repeat_penalty_last_n_token_count: 1,
                    temperature: 0.5,
                    top_k: 1,
                    top_p: 0.5,
                }))
            }

            fn line(vector: &[f32]) -> Vec<u8> {
                let numbers: Vec<_> = vector.iter().map(f32::to_string).collect();
                numbers.join(" ").into_bytes()
            }

            impl From<Error> for Answer {
                fn from(error: Error) -> Self {
                    match error {
                        Error::ModelNotSupported => Self::failed("model-not-supported", ""),
                        Error::RuntimeError(why) => Self::failed("runtime-error", &why),
                        Error::InvalidInput(why) => Self::failed("invalid-input", &why),
                    }
                }
            }
        }
    };
}

version!(second);
version!(first);
