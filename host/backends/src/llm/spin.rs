//! The protocol of Spin's own server.

use serde::{Deserialize, Serialize};
use stoa_capabilities::llm::{Embeddings, Error, Inference, Parameters};

use super::Driver;

#[derive(Serialize)]
struct Prompt<'a> {
    model: &'a str,
    prompt: &'a str,
    options: Options,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    max_tokens: u32,
    repeat_penalty: f32,
    repeat_penalty_last_n_token_count: u32,
    temperature: f32,
    top_k: u32,
    top_p: f32,
}

#[derive(Deserialize)]
struct Completed {
    text: String,
    usage: Usage,
}

#[derive(Serialize)]
struct Texts<'a> {
    model: &'a str,
    input: &'a [String],
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Vec<Vec<f32>>,
    usage: Usage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: u32,
    /// Not said of vectors.
    #[serde(default)]
    generated_token_count: u32,
}

pub(super) async fn infer(
    driver: &Driver,
    model: &str,
    prompt: &str,
    parameters: &Parameters,
) -> Result<Inference, Error> {
    let options = Options {
        max_tokens: parameters.tokens_max,
        repeat_penalty: parameters.repeat_penalty,
        repeat_penalty_last_n_token_count: parameters.repeat_penalty_tokens,
        temperature: parameters.temperature,
        top_k: parameters.top_k,
        top_p: parameters.top_p,
    };
    let question = Prompt {
        model,
        prompt,
        options,
    };
    let Completed { text, usage } = driver.ask("/infer", &question).await?;
    Ok(Inference {
        text,
        prompt_tokens: usage.prompt_token_count,
        generated_tokens: usage.generated_token_count,
    })
}

pub(super) async fn embed(
    driver: &Driver,
    model: &str,
    texts: &[String],
) -> Result<Embeddings, Error> {
    let question = Texts {
        model,
        input: texts,
    };
    let Embedded { embeddings, usage } = driver.ask("/embed", &question).await?;
    Ok(Embeddings {
        vectors: embeddings,
        prompt_tokens: usage.prompt_token_count,
    })
}
