//! The protocol of OpenAI, as far as Spin speaks it: it is not told how random or how probable the next token is.

use serde::{Deserialize, Serialize};
use stoa_capabilities::llm::{Embeddings, Error, Inference, Parameters};

use super::Driver;

#[derive(Serialize)]
struct Conversation<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    max_completion_tokens: u32,
    frequency_penalty: f32,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Completed {
    choices: Vec<Choice>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    /// Nothing where the model would rather not say.
    content: Option<String>,
}

#[derive(Serialize)]
struct Texts<'a> {
    model: &'a str,
    input: &'a [String],
}

#[derive(Deserialize)]
struct Embedded {
    data: Vec<Vector>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Vector {
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u32,
    /// Not said of vectors.
    #[serde(default)]
    completion_tokens: u32,
}

pub(super) async fn infer(
    driver: &Driver,
    model: &str,
    prompt: &str,
    parameters: &Parameters,
) -> Result<Inference, Error> {
    let question = Conversation {
        model,
        messages: [Message {
            role: "user",
            content: prompt,
        }],
        max_completion_tokens: parameters.tokens_max,
        frequency_penalty: parameters.repeat_penalty,
    };
    let Completed { choices, usage } = driver.ask("/v1/chat/completions", &question).await?;
    let first = choices.into_iter().next();
    let text = first.and_then(|choice| choice.message.content);
    Ok(Inference {
        text: text.unwrap_or_default(),
        prompt_tokens: usage.prompt_tokens,
        generated_tokens: usage.completion_tokens,
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
    let Embedded { data, usage } = driver.ask("/v1/embeddings", &question).await?;
    Ok(Embeddings {
        vectors: data.into_iter().map(|vector| vector.embedding).collect(),
        prompt_tokens: usage.prompt_tokens,
    })
}
