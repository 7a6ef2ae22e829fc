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

    /// Spin's form, `[sqlite_database.<label>]`: `type = "spin"` is its embedded database.
    pub(crate) fn read_spin(label: &Label, value: Value<'_>) -> Option<Self> {
        value.table(|table| {
            let kind = table.required("type", |value| value.choice(&[("spin", ())]));
            let config = read_embedded(label, table);
            kind.and(config)
        })
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
