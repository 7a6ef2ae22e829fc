//! Who gives values: the command line, files, the environment; in backends, services.

mod arguments;
mod dotenv;
mod environment;
mod file;
mod given;

use std::collections::BTreeMap;
use std::path::Path;

use stoa_manifest::variable::Variable;

use super::config::{Config, PREFIX};
use super::{Problem, Secret};

pub use environment::Environment;
use environment::Environmental;
use given::Given;

/// The file beside the manifest whose lines stand in for the environment.
const DOTENV: &str = ".env";

/// Why a provider gave no answer, in words for whoever starts the host. It holds no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

/// Somebody who may know the value of an application's variables.
///
/// Asked once per variable, before anything is served. A provider bounds its own waiting. It does not know which values
/// are secret, so all it gives are.
#[async_trait::async_trait]
pub trait Provider: Send + Sync {
    /// How messages name it.
    fn name(&self) -> &str;

    /// The value of a variable; `None` lets the next provider answer.
    async fn get(&self, variable: &str) -> Result<Option<Secret>, Unanswered>;
}

/// Where the values of one start come from.
pub struct Sources<'s> {
    /// `--variable`, as written, in order; of two for one variable the later one counts.
    pub arguments: &'s [Secret],
    /// The providers of the runtime configuration, in order.
    pub configured: &'s [Config],
    /// The environment of the host.
    pub environment: Environment,
    /// Where the configuration's relative paths start, and where a `.env` is looked for: the manifest's folder.
    pub folder: &'s Path,
}

impl Sources<'_> {
    /// Makes them providers, in the order in which they are asked: the command line, what is configured, and last the
    /// environment with the `.env` beside the manifest.
    ///
    /// The environment is last, as in Spin's code (its documentation has it first): a configuration that names a
    /// provider means it, and a variable that happens to be set, or a `.env` left over from development, must not
    /// change what it says. Whoever wants the environment first lists `type = "env"` first.
    ///
    /// # Errors
    /// Every file and argument that cannot be used. `declared` are the variables of the application; an argument for
    /// any other is one of them.
    pub fn open(
        &self,
        declared: &BTreeMap<String, Variable>,
    ) -> Result<Vec<Box<dyn Provider>>, Vec<Problem>> {
        let mut problems = Vec::new();
        let arguments = arguments::read(self.arguments, declared, &mut problems);
        let mut providers: Vec<Box<dyn Provider>> = vec![Box::new(arguments)];
        for config in self.configured {
            match self.provider(config) {
                Ok(provider) => providers.push(provider),
                Err(mistaken) => problems.extend(mistaken),
            }
        }
        match self.last() {
            Ok(provider) => providers.push(Box::new(provider)),
            Err(mistaken) => problems.extend(mistaken),
        }
        match problems.is_empty() {
            true => Ok(providers),
            false => Err(problems),
        }
    }

    fn provider(&self, config: &Config) -> Result<Box<dyn Provider>, Vec<Problem>> {
        let provider: Box<dyn Provider> = match config {
            Config::Env {
                prefix,
                dotenv_path,
            } => {
                let dotenv = dotenv_path.as_ref().map(|path| self.folder.join(path));
                Box::new(self.environmental(prefix, dotenv.as_deref())?)
            }
            Config::File { path } => Box::new(Given::toml(&self.folder.join(path))?),
            Config::Static { values } => {
                let name = "the `static` provider of the runtime configuration";
                Box::new(Given::new(name, values.clone()))
            }
        };
        Ok(provider)
    }

    fn last(&self) -> Result<Environmental, Vec<Problem>> {
        let dotenv = self.folder.join(DOTENV);
        // Unlike one that the configuration names, it may be missing.
        let dotenv = dotenv.exists().then_some(dotenv);
        self.environmental(PREFIX, dotenv.as_deref())
    }

    fn environmental(
        &self,
        prefix: &str,
        dotenv: Option<&Path>,
    ) -> Result<Environmental, Vec<Problem>> {
        let lines = dotenv.map(dotenv::read).transpose()?;
        let environment = self.environment.clone();
        Ok(Environmental::new(
            prefix,
            environment,
            lines.unwrap_or_default(),
        ))
    }
}

#[cfg(test)]
mod tests;
