//! Values that are all known beforehand.

use std::collections::BTreeMap;
use std::path::Path;

use stoa_manifest::text::{self, Mistakes, Source};

use super::{Provider, Unanswered, file};
use crate::variables::config::read_values;
use crate::variables::{Problem, Secret};

/// Answers out of a table: a file, the configuration, the command line.
pub(super) struct Given {
    name: String,
    values: BTreeMap<String, Secret>,
}

impl Given {
    pub(super) fn new(name: impl Into<String>, values: BTreeMap<String, Secret>) -> Self {
        Self {
            name: name.into(),
            values,
        }
    }

    /// A TOML file of `name = "value"`.
    pub(super) fn toml(path: &Path) -> Result<Self, Vec<Problem>> {
        let text = file::read(path).map_err(|problem| vec![problem])?;
        let values = toml_values(path, text)?;
        Ok(Self::new(format!("`{}`", path.display()), values))
    }
}

#[async_trait::async_trait]
impl Provider for Given {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, variable: &str) -> Result<Option<Secret>, Unanswered> {
        Ok(self.values.get(variable).cloned())
    }
}

/// The values in a TOML text.
pub(super) fn toml_values(
    path: &Path,
    text: String,
) -> Result<BTreeMap<String, Secret>, Vec<Problem>> {
    let source = Source::new(path.display().to_string(), text);
    text::read(&source, |table| read_values(table, None))
        .map_err(|mistakes| without_lines(&source, &mistakes))
}

/// The values in a JSON text: one object of strings.
pub(super) fn json_values(
    path: &Path,
    text: &str,
) -> Result<BTreeMap<String, Secret>, Vec<Problem>> {
    let values: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| {
        // The error itself quotes what it does not understand.
        let why = "it is not a JSON object whose values are strings".to_owned();
        vec![Problem::Line {
            file: path.display().to_string(),
            line: error.line(),
            why,
        }]
    })?;
    let secret = |(name, value): (String, String)| (name, Secret::new(value));
    Ok(values.into_iter().map(secret).collect())
}

/// Mistakes by their lines' numbers: the lines themselves hold values.
fn without_lines(source: &Source, mistakes: &Mistakes) -> Vec<Problem> {
    let line = |start: usize| {
        let before = source.text.as_bytes().iter().take(start);
        1 + before.filter(|byte| **byte == b'\n').count()
    };
    let problem = |mistake: &text::Mistake| Problem::Line {
        file: source.name.clone(),
        line: line(mistake.span.start),
        why: mistake.message.clone(),
    };
    mistakes.iter().map(problem).collect()
}
