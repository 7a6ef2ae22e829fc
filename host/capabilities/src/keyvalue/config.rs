//! The configuration of a key-value store.

use stoa_manifest::Label;
use stoa_manifest::text::{Mistake, Table, Value};

use super::embedded;
use crate::Durability;

/// What stands behind a label: `[keyvalue.<label>.embedded]`. The name of the table is the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// A file of this host.
    Embedded(embedded::Config),
}

impl Config {
    /// An embedded store with its defaults.
    pub fn embedded(label: &Label) -> Self {
        let path = format!("keyvalue/{label}.db").into();
        Self::Embedded(embedded::Config {
            path,
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
                "write `[keyvalue.{label}.embedded]` for a file of this host"
            ));
            embedded.or_else(|| table.report().refuse(missing))
        })
    }

    /// Spin's form: `type = "spin"` is its embedded store. Other kinds of Spin are refused, and what else is said of them
    /// is not looked at: it holds addresses with passwords, and mistakes are shown with their lines.
    pub(crate) fn read_spin(label: &Label, value: Value<'_>) -> Option<Self> {
        value.table(|table| {
            let Some(kind) = table.required("type", Value::spanned_string) else {
                table.ignore_rest();
                return None;
            };
            let refused = match kind.value.as_str() {
                "spin" => return read_embedded(label, table),
                "redis" | "azure_cosmos" | "aws_dynamo" => {
                    "is a store of Spin that this version of Stoa cannot use"
                }
                _ => "is no kind of store",
            };
            table.ignore_rest();
            let message = format!("the store `{label}`: `{}` {refused}", kind.value);
            let hint = "there is `spin`, a file of this host";
            table
                .report()
                .refuse(Mistake::new(kind.span, message).hint(hint))
        })
    }
}

fn read_embedded(label: &Label, table: &mut Table<'_>) -> Option<Config> {
    let path = table.or("path", format!("keyvalue/{label}.db"), Value::string);
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
        let source = Source::new("runtime.toml", format!("[key_value_store.a]\n{written}"));
        let label = Label::new("a").expect("it is a label");
        let read = text::read(&source, |table| {
            let mut stores = table.required("key_value_store", Value::entries)?;
            let (_, store) = stores.pop()?;
            Config::read_spin(&label, store)
        });
        read.map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn stores_of_spin_that_are_not_there_are_told_without_their_secrets() {
        for (kind, secret) in [
            ("redis", "url = \"redis://:hunter2@host\""),
            ("azure_cosmos", "key = \"hunter2\"\naccount = \"a\""),
            ("aws_dynamo", "secret_key = \"hunter2\""),
            ("etcd", "token = \"hunter2\""),
        ] {
            let told = read(&format!("type = \"{kind}\"\n{secret}\n")).expect_err("it is refused");
            assert!(
                told.contains(&format!("the store `a`: `{kind}` is")),
                "{told}"
            );
            assert!(told.contains("runtime.toml:2:8"), "{told}");
            assert!(told.contains("1 mistake"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        let told = read("url = \"redis://:hunter2@host\"\n").expect_err("it has no type");
        assert!(told.contains("missing field `type`"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn spins_own_store_is_a_file_of_this_host() {
        let Ok(Config::Embedded(config)) = read("type = \"spin\"\npath = \"x.db\"\n") else {
            panic!("it is good");
        };
        assert_eq!(config.path.to_str(), Some("x.db"));
    }
}
