//! Language models. The calls block in every SDK.

use crate::call::{Call, Refusal};
use spin_sdk::llm;

const PROMPT: &str = "Say hello.";

pub(crate) fn value(call: &Call) -> Result<String, Refusal> {
    let name = call.wanted("model")?;
    let model = llm::InferencingModel::Other(name);
    match call.function() {
        "infer" => Ok(llm::infer(model, PROMPT)?.text),
        "infer-with-options" => {
            let options = llm::InferencingParams {
                max_tokens: 4,
                ..llm::InferencingParams::default()
            };
            Ok(llm::infer_with_options(model, PROMPT, options)?.text)
        }
        "generate-embeddings" => {
            let texts = ["hello".to_owned()];
            let found = llm::generate_embeddings(llm::EmbeddingModel::Other(name), &texts)?;
            Ok(found.embeddings.len().to_string())
        }
        _ => Err(call.unknown()),
    }
}
