//! The configuration of a database.

use stoa_manifest::Label;
use stoa_manifest::text::{Mistake, Table, Value};

use super::embedded;
use crate::Durability;

/// What stands behind a label: `[sql.<label>.embedded]`. The name of the table is the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// A file of this host.
    Embedded(embedded::Config),
}

impl Config {
    /// An embedded database with its defaults.
    pub fn embedded(label: &Label) -> Self {
        Self::Embedded(embedded::Config {
            path: path(label).into(),
            durability: Durability::default(),
        })
    }

    pub(crate) fn read(label: &Label, value: Value<'_>) -> Option<Self> {
        value.table(|table| {
            let embedded = table.optional("embedded", |value| {
                value.table(|table| read_embedded(label, table))
            })?;
            let missing = Mistake::new(
                table.span(),
                format!("nothing is said of what stands behind `{label}`"),
            )
            .hint(format!(
                "write `[sql.{label}.embedded]` for a file of this host"
            ));
            embedded.or_else(|| table.report().refuse(missing))
        })
    }

    /// Spin's form, `[sqlite_database.<label>]`: `type = "spin"` is its embedded database. Other kinds of Spin are refused,
    /// and what else is said of them is not looked at: it holds tokens, and mistakes are shown with their lines.
    pub(crate) fn read_spin(label: &Label, value: Value<'_>) -> Option<Self> {
        value.table(|table| {
            let Some(kind) = table.required("type", Value::spanned_string) else {
                table.ignore_rest();
                return None;
            };
            let refused = match kind.value.as_str() {
                "spin" => {
                    let attach = table.or_default("allow_attach_file", read_attach);
                    let config = read_embedded(label, table);
                    return attach.and(config);
                }
                "libsql" => "is a database of Spin that this version of Stoa cannot use",
                _ => "is no kind of database",
            };
            table.ignore_rest();
            let message = format!("the database `{label}`: `{}` {refused}", kind.value);
            let hint = "there is `spin`, a file of this host";
            table
                .report()
                .refuse(Mistake::new(kind.span, message).hint(hint))
        })
    }
}

/// Whether guests may attach other files: here they never may.
fn read_attach(value: Value<'_>) -> Option<bool> {
    let (span, report) = (value.span(), value.report());
    match value.boolean()? {
        false => Some(false),
        true => {
            let mistake = Mistake::new(span, "no component may attach a file to its database");
            report.refuse(mistake.hint("give it a label of its own, and the component both"))
        }
    }
}

fn path(label: &Label) -> String {
    format!("sql/{label}.db")
}

fn read_embedded(label: &Label, table: &mut Table<'_>) -> Option<Config> {
    let path = table.or("path", path(label), Value::string);
    let durability = table.or_default("durability", |value| value.choice(&Durability::NAMES));
    Some(Config::Embedded(embedded::Config {
        path: path?.into(),
        durability: durability?,
    }))
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::{self, Source};

    use super::*;

    fn read(written: &str) -> Result<Config, String> {
        let source = Source::new("runtime.toml", format!("[sqlite_database.a]\n{written}"));
        let label = Label::new("a").expect("it is a label");
        let read = text::read(&source, |table| {
            let mut databases = table.required("sqlite_database", Value::entries)?;
            let (_, database) = databases.pop()?;
            Config::read_spin(&label, database)
        });
        read.map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn databases_of_spin_that_are_not_there_are_told_without_their_secrets() {
        for kind in ["libsql", "oracle"] {
            let text = format!("type = \"{kind}\"\nurl = \"https://a\"\ntoken = \"hunter2\"\n");
            let told = read(&text).expect_err("it is refused");
            assert!(
                told.contains(&format!("the database `a`: `{kind}` is")),
                "{told}"
            );
            assert!(told.contains("1 mistake"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn nobody_may_attach_files() {
        let told = read("type = \"spin\"\nallow_attach_file = true\n").expect_err("it is refused");
        assert!(told.contains("no component may attach a file"), "{told}");
        assert!(told.contains("runtime.toml:3:21"), "{told}");
        assert!(read("type = \"spin\"\nallow_attach_file = false\n").is_ok());
    }
}
