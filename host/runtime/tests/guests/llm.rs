//! Language models from 0.2 Rust, through both versions of the interface: refusals first.

use std::sync::Arc;

use async_trait::async_trait;
use stoa_capabilities::llm::{Driver, Embeddings, Error, INPUT_BYTES_MAX, Inference, Parameters};

use crate::fixture::{Fixture, Service};

const PROBE: &str = "llm-02";
const VERSIONS: [&str; 2] = ["second", "first"];
const LISTED: &str = "ai_models = [\"llama\"]\n";

/// Says what it was asked, or fails by the name of what goes wrong.
struct Models;

#[async_trait]
impl Driver for Models {
    async fn infer(
        &self,
        model: String,
        prompt: String,
        parameters: Parameters,
    ) -> Result<Inference, Error> {
        match prompt.as_str() {
            "refused" => Err(Error::Refused),
            "down" => Err(Error::Unavailable),
            _ => Ok(Inference {
                text: format!("{model} says {prompt}"),
                prompt_tokens: 2,
                generated_tokens: parameters.tokens_max,
            }),
        }
    }

    async fn embed(&self, _: String, texts: Vec<String>) -> Result<Embeddings, Error> {
        Ok(Embeddings {
            vectors: texts
                .iter()
                .map(|text| vec![text.len() as f32, 0.5])
                .collect(),
            prompt_tokens: 7,
        })
    }
}

async fn expect(guest: &Service, query: &str, status: u16, text: &str) {
    for version in VERSIONS {
        let answer = guest.get(&format!("/?api={version}&{query}")).await;
        let answer = answer.unwrap_or_else(|error| panic!("{version} {query}: {error}"));
        let found = (answer.status.as_u16(), answer.text());
        let place = format!("{version} {query}: {found:?}");
        assert_eq!(found.0, status, "{place}");
        match status {
            200 => assert_eq!(found.1, text, "{place}"),
            _ => assert!(found.1.starts_with(text), "{place}"),
        }
    }
}

#[tokio::test]
async fn a_model_that_the_manifest_does_not_list_is_refused() {
    let models: Option<Arc<dyn Driver>> = Some(Arc::new(Models));
    for driver in [None, models] {
        let fixture = Fixture::with_models(driver);
        for manifest in ["", "ai_models = [\"mistral\"]\n"] {
            let guest = fixture.serve(PROBE, manifest);
            for query in ["op=infer&prompt=hi", "op=embed&text=a"] {
                let query = format!("model=llama&{query}");
                expect(
                    &guest,
                    &query,
                    500,
                    "invalid-input: the component may not use",
                )
                .await;
            }
        }
    }
}

#[tokio::test]
async fn without_a_remote_no_model_is_supported() {
    let fixture = Fixture::with_models(None);
    let guest = fixture.serve(PROBE, LISTED);
    for query in ["op=infer&prompt=hi", "op=embed&text=a"] {
        let query = format!("model=llama&{query}");
        expect(&guest, &query, 500, "model-not-supported").await;
    }
}

#[tokio::test]
async fn what_the_other_side_does_not_want_or_cannot_do_is_told() {
    let fixture = Fixture::with_models(Some(Arc::new(Models)));
    let guest = fixture.serve(PROBE, LISTED);
    for prompt in ["refused", "down"] {
        let query = format!("op=infer&model=llama&prompt={prompt}");
        expect(&guest, &query, 500, "runtime-error: the models' host").await;
    }
    let long = format!("op=long&model=llama&bytes={}", INPUT_BYTES_MAX + 1);
    expect(&guest, &long, 500, "invalid-input: a call brings at most").await;
}

#[tokio::test]
async fn a_listed_model_is_asked() {
    let fixture = Fixture::with_models(Some(Arc::new(Models)));
    let guest = fixture.serve(PROBE, LISTED);
    let infer = "op=infer&model=llama&prompt=hi";
    expect(&guest, infer, 200, "llama says hi 2 100").await;
    expect(
        &guest,
        &format!("{infer}&tokens=9"),
        200,
        "llama says hi 2 9",
    )
    .await;
    let embed = "op=embed&model=llama&text=a&text=abc";
    expect(&guest, embed, 200, "1 0.5\n3 0.5\n7\n").await;
}
