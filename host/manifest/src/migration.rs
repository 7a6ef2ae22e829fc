//! `[component.<id>.tool.stoa.migrations.<label>]`: how the schema of a database is made.

use std::collections::BTreeMap;

use crate::grants::Grants;
use crate::name::Label;
use crate::text::{self, Mistake, Report, Spanned, Table, Value};

/// The migrations of one database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migrations {
    /// `folder`: its `*.sql` files are applied once each, in the order of their names. Relative to the manifest.
    pub folder: String,
    /// `contracting`: the files among them that may take something away. The others may only add, so that the revision
    /// before still works. Default: none.
    pub contracting: Vec<String>,
}

pub(crate) type Drafts = Vec<(Spanned<String>, Option<Migrations>)>;

pub(crate) fn read_all(value: Value<'_>) -> Option<Drafts> {
    let entries = value.entries()?.into_iter();
    Some(
        entries
            .map(|(label, value)| (label, value.table(read)))
            .collect(),
    )
}

fn read(table: &mut Table<'_>) -> Option<Migrations> {
    let folder = table.required("folder", Value::string);
    let contracting = table.or_default("contracting", Value::strings);
    Some(Migrations {
        folder: folder?,
        contracting: contracting?,
    })
}

/// Gives each label its migrations; a component migrates only what it was granted.
pub(crate) fn resolve(
    drafts: Drafts,
    grants: &Grants,
    report: &Report,
) -> BTreeMap<Label, Migrations> {
    let granted = |(label, migrations): (Spanned<String>, Option<Migrations>)| match grants
        .sql
        .get_key_value(label.value.as_str())
    {
        Some((label, _)) => Some((label.clone(), migrations?)),
        None => {
            let message = format!(
                "`{}` is not one of the component's `sqlite_databases`",
                label.value
            );
            let meant = text::nearest(&label.value, grants.sql.keys().map(Label::as_str));
            report.refuse(Mistake::new(label.span, message).did_you_mean(meant))
        }
    };
    drafts.into_iter().filter_map(granted).collect()
}
