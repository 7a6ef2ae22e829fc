//! `[[variables_provider]]`: who is asked for values, in the order of the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use stoa_manifest::text::{self, Mistake, Shape, Span, Table, Value};

use super::Secret;

/// What names of variables are put behind to make names of the environment, unless the configuration says otherwise.
pub const PREFIX: &str = "SPIN_VARIABLE";

/// The section's name, and those that Spin takes too.
const NAMES: [&str; 3] = ["variables_provider", "config_provider", "variable_provider"];

/// One provider. Paths are relative to the manifest's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// `type = "env"`: the environment of the host.
    Env {
        /// `prefix`: put in front of the variable's name, with `_` between unless it is empty. Default [`PREFIX`].
        prefix: String,
        /// `dotenv_path`: a file whose lines count where the environment has nothing. Default none.
        dotenv_path: Option<PathBuf>,
    },
    /// `type = "file"`: a TOML file of `name = "value"`. Ours, not Spin's.
    File {
        /// `path`.
        path: PathBuf,
    },
    /// `type = "static"`: the configuration itself.
    Static {
        /// `values`.
        values: BTreeMap<String, Secret>,
    },
}

impl Config {
    /// Takes the providers out of a runtime configuration. Mistakes are reported to the document.
    pub(crate) fn read_all(table: &mut Table<'_>) -> Option<Vec<Self>> {
        let report = table.report();
        let sections: Vec<_> = NAMES
            .into_iter()
            .filter_map(|name| Some((name, table.take(name)?)))
            .collect();
        for (name, section) in sections.iter().skip(1) {
            let message = format!("`{name}` is another name of `{}`", sections[0].0);
            report.add(Mistake::new(section.span(), message).hint("keep one: their order counts"));
        }
        let read = sections
            .into_iter()
            .map(|(_, section)| section.tables(Self::read));
        Some(text::all(read)?.concat())
    }

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let Some(kind) = table.required("type", Value::spanned_string) else {
            // What else may be in it is not known.
            table.ignore_rest();
            return None;
        };
        let refused = match kind.value.as_str() {
            "env" => return read_env(table),
            "file" => return read_file(table),
            "static" => return read_static(table),
            "vault" | "azure_key_vault" => {
                "is a provider of Spin that this version of Stoa cannot honour"
            }
            _ => "is not a provider",
        };
        table.ignore_rest();
        let message = format!("`{}` {refused}", kind.value);
        let hint = "there are `env`, `file` and `static`";
        table
            .report()
            .refuse(Mistake::new(kind.span, message).hint(hint))
    }
}

fn read_env(table: &mut Table<'_>) -> Option<Config> {
    let prefix = table.or("prefix", PREFIX.to_owned(), Value::string);
    let dotenv_path = table.optional("dotenv_path", Value::string);
    Some(Config::Env {
        prefix: prefix?,
        dotenv_path: dotenv_path?.map(PathBuf::from),
    })
}

fn read_file(table: &mut Table<'_>) -> Option<Config> {
    let path = table.required("path", Value::string)?;
    Some(Config::File { path: path.into() })
}

fn read_static(table: &mut Table<'_>) -> Option<Config> {
    let values = table.required("values", |value| {
        value.table(|table| {
            // At the table's head: a mistake is shown with its line, and the lines of values hold secrets.
            let head = table.span();
            read_values(table, Some(head))
        })
    })?;
    Some(Config::Static { values })
}

/// Names and their values. Mistakes are reported at `place`, or else where they are.
pub(super) fn read_values(
    table: &mut Table<'_>,
    place: Option<Span>,
) -> Option<BTreeMap<String, Secret>> {
    let report = table.report();
    let values = table.entries().into_iter().map(|(name, value)| {
        if value.shape() != Shape::String {
            let message = format!("the value of `{}` must be a string", name.value);
            return report.refuse(Mistake::new(place.unwrap_or(value.span()), message));
        }
        Some((name.value, Secret::new(value.string()?)))
    });
    text::all(values).map(BTreeMap::from_iter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_manifest::text::Source;

    fn read(text: &str) -> Result<Vec<Config>, String> {
        text::read(&Source::new("runtime.toml", text), Config::read_all)
            .map_err(|mistakes| mistakes.to_string())
    }

    #[track_caller]
    fn assert_told(text: &str, parts: &[&str]) -> String {
        let told = read(text).expect_err("there are mistakes in it");
        for part in parts {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
        told
    }

    #[test]
    fn providers_of_spin_that_are_not_there_are_told_alone() {
        let text = "[[variables_provider]]\ntype = \"vault\"\nurl = \"http://vault\"\ntoken = \"root\"\n\
            [[variables_provider]]\ntype = \"azure_key_vault\"\nvault_url = \"http://azure\"\n";
        let told = assert_told(
            text,
            &[
                "runtime.toml:2:8",
                "`vault` is a provider of Spin that this version of Stoa cannot honour",
                "runtime.toml:6:8",
                "`azure_key_vault` is a provider of Spin",
                "2 mistakes",
            ],
        );
        assert!(!told.contains("root"), "{told}");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = "[[variables_provider]]\ntype = \"ldap\"\n[[variables_provider]]\npath = \"x\"\n\
            [[variables_provider]]\ntype = \"file\"\n[[variables_provider]]\ntype = \"env\"\nprefx = \"A\"\n";
        assert_told(
            text,
            &[
                "`ldap` is not a provider",
                "missing field `type`",
                "missing field `path`",
                "did you mean `prefix`?",
                "4 mistakes",
            ],
        );
    }

    #[test]
    fn two_names_of_the_section_are_a_mistake() {
        let text = "[[config_provider]]\ntype = \"env\"\n[[variables_provider]]\ntype = \"env\"\n";
        assert_told(
            text,
            &["`config_provider` is another name of `variables_provider`"],
        );
    }

    #[test]
    fn the_line_of_a_wrong_value_is_not_shown() {
        let text = "[[variables_provider]]\ntype = \"static\"\n[variables_provider.values]\n\
            token = [\"hunter2\"]\n";
        let told = assert_told(text, &["the value of `token` must be a string"]);
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn values_are_not_in_the_debug_form() {
        let text = "[[variables_provider]]\ntype = \"static\"\nvalues = { token = \"hunter2\" }\n";
        let config = read(text).expect("it is good");
        let shown = format!("{config:?}");
        assert!(shown.contains("token"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn providers_keep_their_order_under_each_name() {
        for name in NAMES {
            let text = format!(
                "[[{name}]]\ntype = \"static\"\nvalues = {{ a = \"1\" }}\n\
                 [[{name}]]\ntype = \"file\"\npath = \"v.toml\"\n\
                 [[{name}]]\ntype = \"env\"\n\
                 [[{name}]]\ntype = \"env\"\nprefix = \"APP\"\ndotenv_path = \"x.env\"\n"
            );
            let env = |prefix: &str, dotenv: Option<&str>| Config::Env {
                prefix: prefix.to_owned(),
                dotenv_path: dotenv.map(PathBuf::from),
            };
            let values = BTreeMap::from([("a".to_owned(), Secret::new("1"))]);
            let path = "v.toml".into();
            assert_eq!(
                read(&text),
                Ok(vec![
                    Config::Static { values },
                    Config::File { path },
                    env(PREFIX, None),
                    env("APP", Some("x.env")),
                ])
            );
        }
    }
}
