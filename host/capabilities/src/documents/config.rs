//! The configuration of a document store.

use stoa_manifest::Label;
use stoa_manifest::text::{Mistake, Table, Value};

use super::embedded;
use crate::Durability;

/// What stands behind a label: `[documents.<label>.embedded]`. The name of the table is the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// A file of this host.
    Embedded(embedded::Config),
}

impl Config {
    /// An embedded store with its defaults.
    pub fn embedded(label: &Label) -> Self {
        let path = format!("documents/{label}.db").into();
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
                "write `[documents.{label}.embedded]` for a file of this host"
            ));
            embedded.or_else(|| table.report().refuse(missing))
        })
    }
}

fn read_embedded(label: &Label, table: &mut Table<'_>) -> Option<Config> {
    let path = table.or("path", format!("documents/{label}.db"), Value::string);
    let durability = table.or_default("durability", |value| value.choice(&Durability::NAMES));
    Some(Config::Embedded(embedded::Config {
        path: path?.into(),
        durability: durability?,
    }))
}
