//! The environment of the host, and lines of a file that stand in for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use super::dotenv::Lines;
use super::{Provider, Unanswered};
use crate::variables::Secret;

/// The variables of the host's environment, as its owner read them. Any of them may hold a secret.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `None` is a value that is not UTF-8.
    variables: Arc<BTreeMap<String, Option<Secret>>>,
}

impl Environment {
    /// Takes what `std::env::vars_os` gives. Names that are not UTF-8 are left out: no variable has such a name.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let text = |(name, value): (OsString, OsString)| {
            let value = value.into_string().ok().map(Secret::new);
            Some((name.into_string().ok()?, value))
        };
        Self {
            variables: Arc::new(variables.into_iter().filter_map(text).collect()),
        }
    }
}

/// Answers with `PREFIX_NAME`: from the environment, else from a file's lines.
pub(super) struct Environmental {
    name: String,
    prefix: String,
    environment: Environment,
    lines: Lines,
}

impl Environmental {
    pub(super) fn new(prefix: &str, environment: Environment, lines: Lines) -> Self {
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}_"),
        };
        Self {
            name: format!("the environment (`{prefix}*`)"),
            prefix,
            environment,
            lines,
        }
    }
}

#[async_trait::async_trait]
impl Provider for Environmental {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, variable: &str) -> Result<Option<Secret>, Unanswered> {
        let name = format!("{}{}", self.prefix, variable.to_ascii_uppercase());
        match self.environment.variables.get(&name) {
            Some(Some(value)) => Ok(Some(value.clone())),
            Some(None) => Err(Unanswered(format!("`{name}` is not UTF-8"))),
            None => self.lines.get(&name).cloned().transpose(),
        }
    }
}
