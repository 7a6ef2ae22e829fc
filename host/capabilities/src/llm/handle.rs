//! The models of a component: the only form in which one reaches any.

use std::collections::BTreeSet;
use std::sync::Arc;

use stoa_manifest::ComponentId;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{info, warn};

use super::{
    CALL_MAX, CALLS_PER_COMPONENT_MAX, Driver, Embeddings, Error, INPUT_BYTES_MAX, Inference,
    Parameters, TEXTS_MAX,
};
use crate::metrics::{LLM_CALLS_TOTAL, LLM_REFUSED_TOTAL};

/// What a component may ask of which models. Cheap to clone; checks models and sizes, counts and logs refusals. The default
/// may ask nothing.
#[derive(Clone, Default)]
pub struct Handle(Option<Arc<Inner>>);

struct Inner {
    component: ComponentId,
    revision: String,
    models: BTreeSet<String>,
    driver: Option<Arc<dyn Driver>>,
    places: Semaphore,
}

#[derive(Clone, Copy)]
enum Operation {
    Infer,
    Embed,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Infer => "infer",
            Self::Embed => "embed",
        }
    }
}

impl Handle {
    /// The models that a revision's `ai_models` lists, run by `driver`.
    pub fn new(
        component: &ComponentId,
        revision: &str,
        models: &[String],
        driver: Option<Arc<dyn Driver>>,
    ) -> Self {
        Self(Some(Arc::new(Inner {
            component: component.clone(),
            revision: revision.to_owned(),
            models: models.iter().cloned().collect(),
            driver,
            places: Semaphore::new(CALLS_PER_COMPONENT_MAX),
        })))
    }

    /// Goes on with a prompt.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn infer(
        &self,
        model: String,
        prompt: String,
        parameters: Parameters,
    ) -> Result<Inference, Error> {
        let outcome = async {
            let (inner, driver) = self.allowed(&model)?;
            fits(prompt.len())?;
            inner.placed(driver.infer(model, prompt, parameters)).await
        };
        self.counted(Operation::Infer, outcome.await)
    }

    /// A vector for each text.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn embed(&self, model: String, texts: Vec<String>) -> Result<Embeddings, Error> {
        let outcome = async {
            let (inner, driver) = self.allowed(&model)?;
            if texts.len() > TEXTS_MAX {
                return Err(Error::Invalid(format!(
                    "a call has at most {TEXTS_MAX} texts"
                )));
            }
            fits(texts.iter().map(String::len).sum())?;
            inner.placed(driver.embed(model, texts)).await
        };
        self.counted(Operation::Embed, outcome.await)
    }

    fn allowed(&self, model: &str) -> Result<(&Inner, &dyn Driver), Error> {
        let inner = self.0.as_deref();
        let inner = inner.filter(|inner| inner.models.contains(model));
        let inner = inner.ok_or_else(|| Error::Denied(shown(model)))?;
        let driver = inner.driver.as_deref().ok_or(Error::Unsupported)?;
        Ok((inner, driver))
    }

    fn counted<T>(&self, operation: Operation, outcome: Result<T, Error>) -> Result<T, Error> {
        let word = outcome.as_ref().map_or_else(Error::code, |_| "ok");
        let operation = operation.name();
        metrics::counter!(LLM_CALLS_TOTAL, "operation" => operation, "outcome" => word)
            .increment(1);
        if let (Err(error), Some(inner)) = (&outcome, &self.0) {
            inner.report(operation, error);
        }
        outcome
    }
}

impl Inner {
    /// Makes a call once the component has a place for it, all in the time of a call.
    async fn placed<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let placed = async {
            let _place = self.places.acquire().await;
            call.await
        };
        let limit = CALL_MAX;
        let outcome = timeout(limit, placed).await;
        outcome.unwrap_or(Err(Error::Deadline { limit }))
    }

    fn report(&self, operation: &'static str, error: &Error) {
        let Self {
            component,
            revision,
            ..
        } = self;
        match error {
            Error::Denied(_) => {
                metrics::counter!(LLM_REFUSED_TOTAL, "component" => component.to_string(), "operation" => operation)
                    .increment(1);
                info!(%component, revision, operation, ?error, "model call refused");
            }
            Error::Unsupported | Error::Invalid(_) => {}
            Error::Refused
            | Error::TooLarge { .. }
            | Error::Deadline { .. }
            | Error::Unavailable => {
                warn!(%component, revision, operation, %error, "model call failed");
            }
        }
    }
}

fn fits(bytes: usize) -> Result<(), Error> {
    match bytes <= INPUT_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "a call brings at most {INPUT_BYTES_MAX} bytes"
        ))),
    }
}

/// A name that a guest made up, as far as it is told.
fn shown(model: &str) -> String {
    const SHOWN_MAX: usize = 128;
    model.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;

    use super::*;
    use crate::llm::CALLS_MAX;

    /// Answers with what it was asked.
    struct Echo;

    #[async_trait::async_trait]
    impl Driver for Echo {
        async fn infer(
            &self,
            model: String,
            prompt: String,
            parameters: Parameters,
        ) -> Result<Inference, Error> {
            Ok(Inference {
                text: format!("{model}: {prompt}"),
                prompt_tokens: 1,
                generated_tokens: parameters.tokens_max,
            })
        }

        async fn embed(&self, _: String, texts: Vec<String>) -> Result<Embeddings, Error> {
            Ok(Embeddings {
                vectors: texts.iter().map(|text| vec![text.len() as f32]).collect(),
                prompt_tokens: 1,
            })
        }
    }

    /// Counts calls, and never answers.
    #[derive(Default)]
    struct Silent(AtomicUsize);

    #[async_trait::async_trait]
    impl Driver for Silent {
        async fn infer(&self, _: String, _: String, _: Parameters) -> Result<Inference, Error> {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::pending().await
        }

        async fn embed(&self, _: String, _: Vec<String>) -> Result<Embeddings, Error> {
            std::future::pending().await
        }
    }

    fn handle(models: &[&str], driver: Option<Arc<dyn Driver>>) -> Handle {
        let component = ComponentId::new("guest").expect("it is an id");
        let models: Vec<_> = models.iter().map(|model| (*model).to_owned()).collect();
        Handle::new(&component, "1", &models, driver)
    }

    async fn inferred(handle: &Handle, prompt: &str) -> Result<Inference, Error> {
        let (model, prompt) = ("llama".to_owned(), prompt.to_owned());
        handle.infer(model, prompt, Parameters::default()).await
    }

    #[tokio::test]
    async fn a_model_that_the_manifest_does_not_list_is_denied_with_or_without_a_driver() {
        let denied = Error::Denied("llama".into());
        let others = handle(&["mistral"], Some(Arc::new(Echo)));
        for handle in [Handle::default(), handle(&[], None), others] {
            assert_eq!(inferred(&handle, "hi").await, Err(denied.clone()));
            let embedded = handle.embed("llama".into(), Vec::new()).await;
            assert_eq!(embedded, Err(denied.clone()));
        }
    }

    #[tokio::test]
    async fn a_name_that_is_long_is_not_told_whole() {
        let model = "m".repeat(1000);
        let handle = handle(&[], None);
        let asked = handle.infer(model, String::new(), Parameters::default());
        assert_eq!(asked.await, Err(Error::Denied("m".repeat(128))));
    }

    #[tokio::test]
    async fn without_a_remote_no_model_is_supported() {
        let handle = handle(&["llama"], None);
        assert_eq!(inferred(&handle, "hi").await, Err(Error::Unsupported));
    }

    #[tokio::test]
    async fn what_is_larger_than_allowed_is_refused() {
        let handle = handle(&["llama"], Some(Arc::new(Echo)));
        let large = "a".repeat(INPUT_BYTES_MAX + 1);
        let invalid = |outcome: Result<(), Error>| matches!(outcome, Err(Error::Invalid(_)));
        assert!(invalid(inferred(&handle, &large).await.map(drop)));
        for texts in [vec![large], vec![String::new(); TEXTS_MAX + 1]] {
            assert!(invalid(handle.embed("llama".into(), texts).await.map(drop)));
        }
    }

    #[tokio::test]
    async fn a_component_leaves_places_to_others() {
        let silent = Arc::new(Silent::default());
        let greedy = handle(&["llama"], Some(silent.clone()));
        let other = handle(&["llama"], Some(silent.clone()));
        let mut calls = JoinSet::new();
        let mut call = |handle: &Handle| {
            let handle = handle.clone();
            calls.spawn(async move { inferred(&handle, "hi").await });
        };
        for _ in 0..CALLS_MAX {
            call(&greedy);
        }
        call(&other);
        // Each task gets its turn before this one's next.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let asked = silent.0.load(Ordering::Relaxed);
        assert_eq!(asked, CALLS_PER_COMPONENT_MAX + 1);
    }

    #[tokio::test]
    async fn a_listed_model_is_asked() {
        let handle = handle(&["llama"], Some(Arc::new(Echo)));
        let inference = inferred(&handle, "hi").await.expect("it is answered");
        assert_eq!(inference.text, "llama: hi");
        assert_eq!(inference.generated_tokens, 100);
    }
}
