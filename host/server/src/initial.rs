//! What a start puts into stores before anything of the application runs: `--key-value` and `--sqlite`, as in Spin.
//!
//! Arguments and files are read before anything is built or opened. No component's grant is asked for: whoever starts
//! the host has its stores.

mod script;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use stoa_capabilities::keyvalue::{self, Action, Change, Condition};
use stoa_capabilities::sql::{self, Rules, Statement};
use stoa_capabilities::{Capabilities, Config};
use stoa_manifest::Label;
use stoa_manifest::grants::sql::Grant;
use tracing::info;

use crate::commands::Invalid;

/// What both options mean where no label is said.
const DEFAULT: &str = "default";
/// Bytes of a file with statements: what one call may bring.
const FILE_BYTES_MAX: u64 = sql::CALL_BYTES_MAX as u64;

/// What is to be put where.
pub(crate) struct Initial {
    changes: Vec<Change>,
    scripts: Vec<Script>,
}

/// Statements for one database, run in one transaction.
struct Script {
    label: Label,
    /// As errors name it.
    name: String,
    statements: Vec<Statement>,
}

// === impl Initial ===

impl Initial {
    /// Reads the arguments and the files that they name, and holds them against what is configured.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub(crate) fn read(
        key_values: &[(String, String)],
        statements: &[String],
        config: &Config,
    ) -> Result<Self, Invalid> {
        let mut problems = Vec::new();
        let changes = changes(key_values, config, &mut problems);
        let scripts = statements.iter();
        let scripts = scripts.filter_map(|argument| match Script::read(argument, config) {
            Ok(script) => Some(script),
            Err(problem) => {
                problems.push(problem);
                None
            }
        });
        let scripts = scripts.collect();
        match problems.is_empty() {
            true => Ok(Self { changes, scripts }),
            false => Err(Invalid::all(&problems)),
        }
    }

    /// Puts it there. What was put stays, if a later part fails.
    pub(crate) async fn apply(self, capabilities: &Capabilities) -> anyhow::Result<()> {
        let keys = self.changes.len();
        if keys > 0 {
            let store = capabilities.keyvalue.get(DEFAULT);
            let store = store.context("the key-value store `default` is not open")?;
            let applied = store.apply(self.changes).await;
            applied.context("cannot set what `--key-value` says")?;
            info!(keys, "keys were set in the key-value store `default`");
        }
        let rules = Arc::new(Rules::of(&Grant::full()));
        for script in self.scripts {
            let database = capabilities.sql.get(&script.label);
            let database = database.with_context(|| format!("`{}` is not open", script.label))?;
            let Script {
                label,
                name,
                statements,
            } = script;
            let ran = database.batch(&rules, statements).await;
            ran.with_context(|| format!("cannot run {name} in the database `{label}`"))?;
            info!(%label, "{name} was run");
        }
        Ok(())
    }
}

/// One change per key: of two values the later one counts.
fn changes(
    key_values: &[(String, String)],
    config: &Config,
    problems: &mut Vec<String>,
) -> Vec<Change> {
    if key_values.is_empty() {
        return Vec::new();
    }
    if !config.keyvalue.contains_key(DEFAULT) {
        problems.push(unconfigured("--key-value", "keyvalue", DEFAULT));
    }
    if key_values.len() > keyvalue::KEYS_PER_CALL_MAX {
        let most = keyvalue::KEYS_PER_CALL_MAX;
        problems.push(format!("`--key-value` is given more than {most} times"));
    }
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for (key, value) in key_values.iter().rev() {
        if key.len() > keyvalue::KEY_BYTES_MAX || value.len() > keyvalue::VALUE_BYTES_MAX {
            let shown: String = key.chars().take(40).collect();
            problems.push(format!("`--key-value {shown}=…` is too large"));
        } else if seen.insert(key) {
            changes.push(Change {
                key: key.clone(),
                condition: Condition::Always,
                action: Action::Set(value.clone().into_bytes()),
            });
        }
    }
    changes
}

fn unconfigured(option: &str, noun: &str, label: &str) -> String {
    format!(
        "`{option}` needs `{label}`, and nothing is configured under that label\n  = hint: add `[{noun}.{label}.embedded]` to the runtime configuration"
    )
}

// === impl Script ===

impl Script {
    /// A statement, `@FILE` or `@FILE:LABEL`.
    fn read(argument: &str, config: &Config) -> Result<Self, String> {
        let (label, name, texts) = match argument.strip_prefix('@') {
            None => (DEFAULT, "`--sqlite`".to_owned(), vec![argument.to_owned()]),
            Some(written) => {
                let (file, label) = file_and_label(written)?;
                let texts = script::statements(&text(Path::new(file))?);
                (label, format!("`{file}`"), texts)
            }
        };
        let known = config.sql.keys().find(|known| known.as_str() == label);
        let label = known
            .ok_or_else(|| unconfigured("--sqlite", "sql", label))?
            .clone();
        if texts.is_empty() {
            return Err(format!("there is no statement in {name}"));
        }
        if texts.len() > sql::STATEMENTS_PER_BATCH_MAX {
            let most = sql::STATEMENTS_PER_BATCH_MAX;
            return Err(format!(
                "there are more than {most} statements in {name}\n  = hint: make several files of it"
            ));
        }
        if let Some(text) = texts.iter().find(|text| text.len() > sql::TEXT_BYTES_MAX) {
            let shown: String = text.chars().take(40).collect();
            return Err(format!(
                "a statement in {name} is larger than {} KiB: `{shown}…`",
                sql::TEXT_BYTES_MAX / 1024
            ));
        }
        let statement = |text: String| Statement {
            text,
            parameters: Vec::new(),
        };
        Ok(Self {
            label,
            name,
            statements: texts.into_iter().map(statement).collect(),
        })
    }
}

fn file_and_label(written: &str) -> Result<(&str, &str), String> {
    let (file, label) = match written.split_once(':') {
        Some((file, label)) => (file.trim(), label.trim()),
        None => (written.trim(), DEFAULT),
    };
    match file.is_empty() || label.is_empty() {
        true => Err(format!(
            "`--sqlite @{written}` names no file or no label\n  = hint: write `@FILE` or `@FILE:LABEL`"
        )),
        false => Ok((file, label)),
    }
}

fn text(file: &Path) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("cannot read `{}`: {error}", file.display());
    let mut text = String::new();
    // What a pipe or a device holds, its length does not tell.
    let opened = File::open(file).map_err(unreadable)?;
    let read = opened.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    // One that is cut off may end within a character.
    match read {
        Ok(bytes) if bytes as u64 <= FILE_BYTES_MAX => Ok(text),
        Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(unreadable(error)),
        _ => {
            let most = FILE_BYTES_MAX / 1024 / 1024;
            Err(format!(
                "`{}` is larger than {most} MiB, or no text",
                file.display()
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use stoa_manifest::text::{self, Source};

    use super::*;

    fn config(written: &str) -> Config {
        text::read(&Source::new("runtime.toml", written), Config::read)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn read(
        key_values: &[(&str, &str)],
        statements: &[&str],
        configured: &str,
    ) -> Result<Initial, String> {
        let owned = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
        let key_values: Vec<_> = key_values.iter().map(owned).collect();
        let statements: Vec<String> = statements.iter().map(ToString::to_string).collect();
        Initial::read(&key_values, &statements, &config(configured)).map_err(|error| error.0)
    }

    #[track_caller]
    fn assert_refused(outcome: Result<Initial, String>, parts: &[&str]) {
        let Err(told) = outcome else {
            panic!("it is refused");
        };
        for part in parts {
            assert!(told.contains(part), "`{part}` is missing in:\n{told}");
        }
    }

    #[test]
    fn what_no_store_is_configured_for_is_refused() {
        let outcome = read(&[("a", "1")], &["SELECT 1"], "");
        let parts = [
            "`--key-value` needs `default`",
            "`--sqlite` needs `default`",
        ];
        assert_refused(outcome, &parts);
        let outcome = read(&[], &["@gone.sql:other"], "[sql.default.embedded]\n");
        assert_refused(outcome, &["cannot read `gone.sql`"]);
    }

    #[test]
    fn a_file_that_never_ends_is_refused() {
        let outcome = read(&[], &["@/dev/zero"], "[sql.default.embedded]\n");
        assert_refused(outcome, &["`/dev/zero` is larger than 16 MiB"]);
    }

    #[test]
    fn half_a_name_is_refused() {
        for argument in ["@", "@:label", "@file.sql:", "@ : "] {
            let outcome = read(&[], &[argument], "[sql.default.embedded]\n");
            assert_refused(outcome, &["names no file or no label"]);
        }
    }

    #[test]
    fn what_no_store_takes_is_refused_without_its_value() {
        let (key, value) = ("k".repeat(2_000), "secret".repeat(1_000_000));
        let outcome = read(
            &[(key.as_str(), "1"), ("b", value.as_str())],
            &[],
            "[keyvalue.default.embedded]\n",
        );
        let Err(told) = outcome else {
            panic!("it is refused");
        };
        assert!(told.contains("`--key-value b=…` is too large"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn of_two_values_of_a_key_the_later_one_counts() {
        let pairs = [("a", "1"), ("b", "x"), ("a", "2")];
        let initial = read(&pairs, &[], "[keyvalue.default.embedded]\n").expect("it is good");
        let set: Vec<_> = initial
            .changes
            .iter()
            .map(|change| (change.key.as_str(), change.action.value()))
            .collect();
        assert_eq!(set, [("a", Some(&b"2"[..])), ("b", Some(&b"x"[..]))]);
    }

    #[test]
    fn a_file_is_run_in_the_database_that_it_is_for() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("s.sql");
        fs::write(&file, "CREATE TABLE a (b);\nINSERT INTO a VALUES (1);").expect("it is written");
        let argument = format!("@{}:other", file.display());
        let initial = read(&[], &[&argument], "[sql.other.embedded]\n").expect("it is good");
        let [script] = &*initial.scripts else {
            panic!("there is one script");
        };
        assert_eq!(script.label.as_str(), "other");
        assert_eq!(script.statements.len(), 2);
    }
}
