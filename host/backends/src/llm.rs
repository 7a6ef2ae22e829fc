//! Models at another host, reached by HTTP, in the protocol of Spin's own server or in OpenAI's.
//!
//! A call is made once: nobody can tell whether one that broke off was counted by whom it costs. What the other side
//! says of a failure is not passed on and not logged, since such words repeat tokens; its status is.

mod open_ai;
mod spin;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stoa_capabilities::llm::{
    self, ANSWER_BYTES_MAX, Api, CALL_MAX, CALLS_MAX, Embeddings, Error, Inference, Parameters,
    Remote,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use crate::http::{self, Cut, innermost};

/// Speaks to one host of models. One per host: all components share its places.
pub struct Driver {
    http: Client,
    url: Url,
    authorization: HeaderValue,
    api: Api,
    places: Semaphore,
    call_max: Duration,
}

/// Why there is no driver. Nothing of what was configured is repeated.
#[derive(Debug, thiserror::Error)]
pub enum SetUp {
    /// The address is none.
    #[error("`url` in `[llm_compute]` is no URL of a models' host")]
    Address,
    /// The token has what no header takes.
    #[error("`auth_token` in `[llm_compute]` has characters that no header takes")]
    Token,
    /// No client could be made.
    #[error("no client for the models' host can be made: {0}")]
    Client(String),
}

impl Driver {
    /// A driver for whom the configuration names. Nobody is asked yet.
    ///
    /// # Errors
    /// See [`SetUp`].
    pub fn new(config: &Remote) -> Result<Self, SetUp> {
        let url: Url = config.url.value.parse().map_err(|_| SetUp::Address)?;
        let token = format!("bearer {}", config.auth_token.expose());
        let authorization = HeaderValue::try_from(token).map_err(|_| SetUp::Token);
        let mut authorization = authorization?;
        authorization.set_sensitive(true);
        Ok(Self {
            http: http::client(&url).map_err(SetUp::Client)?,
            url,
            authorization,
            api: config.api,
            places: Semaphore::new(CALLS_MAX),
            call_max: CALL_MAX,
        })
    }

    /// Asks one question, within the time of a call.
    async fn ask<A: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
    ) -> Result<A, Error> {
        let question = serde_json::to_vec(question).expect("a question can be written");
        let limit = self.call_max;
        let asked = timeout(limit, self.exchange(path, question)).await;
        let answer = asked.unwrap_or(Err(Error::Deadline { limit }))?;
        serde_json::from_slice(&answer).map_err(|error| {
            // Where it went wrong, not what stood there.
            let (line, column) = (error.line(), error.column());
            warn!(
                path,
                line, column, "the models' host answered what nobody expects"
            );
            Error::Unavailable
        })
    }

    async fn exchange(&self, path: &str, question: Vec<u8>) -> Result<Vec<u8>, Error> {
        let _place = self.places.acquire().await;
        // As in Spin: what is configured says where, and the protocol says what.
        let url = self.url.join(path).map_err(|_| Error::Unavailable)?;
        let request = self
            .http
            .post(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(question);
        let response = request.send().await.map_err(|error| {
            warn!(
                path,
                error = innermost(error),
                "the models' host was not reached"
            );
            Error::Unavailable
        })?;
        let status = response.status();
        if !status.is_success() {
            warn!(path, %status, "the models' host refused a request");
            return Err(match status {
                StatusCode::TOO_MANY_REQUESTS => Error::Unavailable,
                status if status.is_client_error() => Error::Refused,
                _ => Error::Unavailable,
            });
        }
        http::read(response, ANSWER_BYTES_MAX)
            .await
            .map_err(|cut| match cut {
                Cut::TooLarge => Error::TooLarge {
                    limit: ANSWER_BYTES_MAX,
                },
                Cut::Short(error) => {
                    warn!(path, error, "an answer of the models' host broke off");
                    Error::Unavailable
                }
            })
    }
}

#[async_trait]
impl llm::Driver for Driver {
    async fn infer(
        &self,
        model: String,
        prompt: String,
        parameters: Parameters,
    ) -> Result<Inference, Error> {
        match self.api {
            Api::Spin => spin::infer(self, &model, &prompt, &parameters).await,
            Api::OpenAi => open_ai::infer(self, &model, &prompt, &parameters).await,
        }
    }

    async fn embed(&self, model: String, texts: Vec<String>) -> Result<Embeddings, Error> {
        let embeddings = match self.api {
            Api::Spin => spin::embed(self, &model, &texts).await?,
            Api::OpenAi => open_ai::embed(self, &model, &texts).await?,
        };
        match embeddings.vectors.len() == texts.len() {
            true => Ok(embeddings),
            false => {
                warn!("the models' host answered with more or fewer vectors than texts");
                Err(Error::Unavailable)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stoa_capabilities::llm::Driver as _;
    use stoa_capabilities::variables::Secret;
    use stoa_manifest::text::Spanned;

    use super::*;
    use crate::http::fake::{Answer, Fake};

    fn remote(url: &str, api: Api) -> Remote {
        Remote {
            url: Spanned {
                value: url.to_owned(),
                ..Spanned::default()
            },
            auth_token: Secret::new("hunter2"),
            api,
        }
    }

    fn driver(fake: &Fake, api: Api) -> Driver {
        let remote = remote(&format!("{}/some/path", fake.url()), api);
        Driver::new(&remote).expect("a driver can be made")
    }

    async fn inferred(driver: &Driver) -> Result<Inference, Error> {
        let (model, prompt) = ("llama".to_owned(), "hi".to_owned());
        driver.infer(model, prompt, Parameters::default()).await
    }

    fn only(fake: &Fake) -> (String, Value) {
        let seen = fake.seen();
        assert_eq!(seen.len(), 1);
        let body = serde_json::from_str(&seen[0].body).expect("it is JSON");
        (seen[0].head.clone(), body)
    }

    #[test]
    fn what_cannot_be_used_is_told_without_the_token() {
        let outcome = Driver::new(&remote("not a url", Api::Spin)).map(drop);
        assert!(matches!(outcome, Err(SetUp::Address)));
        let mut remote = remote("http://127.0.0.1", Api::Spin);
        remote.auth_token = Secret::new("hunter2\n");
        let error = Driver::new(&remote).map(drop).expect_err("it is refused");
        assert!(matches!(error, SetUp::Token));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn refusals_and_failures_are_told_apart() {
        for (status, expected) in [
            (400, Error::Refused),
            (401, Error::Refused),
            (429, Error::Unavailable),
            (307, Error::Unavailable),
            (503, Error::Unavailable),
        ] {
            let fake = Fake::answering(move |_| Answer::new(status, "hunter2")).await;
            for api in [Api::Spin, Api::OpenAi] {
                let outcome = inferred(&driver(&fake, api)).await;
                assert_eq!(outcome, Err(expected.clone()), "{status}");
            }
        }
        let fake = Fake::answering(|_| Answer::new(200, "{\"text\": 1}")).await;
        for api in [Api::Spin, Api::OpenAi] {
            let outcome = inferred(&driver(&fake, api)).await;
            assert_eq!(outcome, Err(Error::Unavailable));
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_refused() {
        let fake = Fake::answering(|_| Answer::new(200, "x".repeat(ANSWER_BYTES_MAX + 1))).await;
        let outcome = inferred(&driver(&fake, Api::Spin)).await;
        let limit = ANSWER_BYTES_MAX;
        assert_eq!(outcome, Err(Error::TooLarge { limit }));
    }

    #[tokio::test]
    async fn a_call_that_finds_no_place_in_time_is_refused() {
        let fake = Fake::answering(|_| Answer::new(200, "")).await;
        let mut driver = driver(&fake, Api::Spin);
        driver.places = Semaphore::new(0);
        driver.call_max = Duration::from_millis(10);
        let limit = driver.call_max;
        assert_eq!(inferred(&driver).await, Err(Error::Deadline { limit }));
        assert!(fake.seen().is_empty());
    }

    #[tokio::test]
    async fn more_or_fewer_vectors_than_texts_are_no_answer() {
        let answer = "{\"embeddings\":[[1]],\"usage\":{\"promptTokenCount\":1}}";
        let fake = Fake::answering(move |_| Answer::new(200, answer)).await;
        let texts = vec!["a".to_owned(), "b".to_owned()];
        let outcome = driver(&fake, Api::Spin).embed("m".into(), texts).await;
        assert_eq!(outcome, Err(Error::Unavailable));
    }

    #[tokio::test]
    async fn the_protocol_of_spin_is_spoken() {
        let answer =
            "{\"text\":\"ho\",\"usage\":{\"promptTokenCount\":2,\"generatedTokenCount\":3}}";
        let fake = Fake::answering(move |_| Answer::new(200, answer)).await;
        let inference = inferred(&driver(&fake, Api::Spin)).await;
        let expected = Inference {
            text: "ho".into(),
            prompt_tokens: 2,
            generated_tokens: 3,
        };
        assert_eq!(inference, Ok(expected));
        let (head, body) = only(&fake);
        assert!(head.starts_with("POST /infer HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: bearer hunter2\r\n"), "{head}");
        assert_eq!(
            (&body["model"], &body["prompt"]),
            (&json!("llama"), &json!("hi"))
        );
        let options = body["options"].as_object().expect("they are there");
        assert_eq!(options["maxTokens"], 100);
        assert_eq!(options["repeatPenaltyLastNTokenCount"], 64);
        assert_eq!(options["topK"], 40);
        assert_eq!(options.len(), 6);
    }

    #[tokio::test]
    async fn vectors_are_asked_of_spin() {
        let answer = "{\"embeddings\":[[1,0.5],[2,0.25]],\"usage\":{\"promptTokenCount\":7}}";
        let fake = Fake::answering(move |_| Answer::new(200, answer)).await;
        let texts = vec!["a".to_owned(), "b".to_owned()];
        let outcome = driver(&fake, Api::Spin).embed("mini".into(), texts).await;
        let embeddings = outcome.expect("it is answered");
        assert_eq!(embeddings.vectors, [[1.0, 0.5], [2.0, 0.25]]);
        assert_eq!(embeddings.prompt_tokens, 7);
        let (head, body) = only(&fake);
        assert!(head.starts_with("POST /embed HTTP/1.1\r\n"), "{head}");
        assert_eq!(body, json!({ "model": "mini", "input": ["a", "b"] }));
    }

    #[tokio::test]
    async fn the_protocol_of_openai_is_spoken() {
        let answer = json!({
            "id": "x",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "ho" } }],
            "usage": { "prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5 },
        });
        let fake = Fake::answering(move |_| Answer::new(200, answer.to_string())).await;
        let inference = inferred(&driver(&fake, Api::OpenAi)).await;
        let inference = inference.expect("it is answered");
        assert_eq!((&*inference.text, inference.generated_tokens), ("ho", 3));
        let (head, body) = only(&fake);
        assert!(head.starts_with("POST /v1/chat/completions HTTP"), "{head}");
        let messages = json!([{ "role": "user", "content": "hi" }]);
        assert_eq!(
            (&body["messages"], &body["model"]),
            (&messages, &json!("llama"))
        );
        assert_eq!(body["max_completion_tokens"], 100);
    }

    #[tokio::test]
    async fn vectors_are_asked_of_openai() {
        let answer = json!({
            "data": [{ "index": 0, "embedding": [1, 0.5] }],
            "usage": { "prompt_tokens": 7, "total_tokens": 7 },
        });
        let fake = Fake::answering(move |_| Answer::new(200, answer.to_string())).await;
        let driver = driver(&fake, Api::OpenAi);
        let outcome = driver.embed("mini".into(), vec!["a".into()]);
        let embeddings = outcome.await.expect("it is answered");
        assert_eq!(embeddings.vectors, [[1.0, 0.5]]);
        let (head, body) = only(&fake);
        assert!(head.starts_with("POST /v1/embeddings HTTP"), "{head}");
        assert_eq!(body, json!({ "model": "mini", "input": ["a"] }));
    }
}
