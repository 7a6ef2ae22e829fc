//! What a component may touch: one module per noun, one map per module.

pub mod blobs;
pub mod documents;
pub mod identity;
pub mod keyvalue;
mod quota;
pub mod sql;

use std::collections::BTreeMap;

use crate::name::{self, Label};
use crate::text::{self, Mistake, Report, Spanned, Table, Value};

pub use quota::Quota;

/// Everything that a component was granted, by noun and label. What is not in here does not exist for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// The stores of `key_value_stores`; those without a table in `grants.keyvalue` are granted in full, as in Spin.
    pub keyvalue: BTreeMap<Label, keyvalue::Grant>,
    /// The databases of `sqlite_databases`; those without a table in `grants.sql` are granted in full, as in Spin.
    pub sql: BTreeMap<Label, sql::Grant>,
    /// Document stores.
    pub documents: BTreeMap<Label, documents::Grant>,
    /// Blob stores.
    pub blobs: BTreeMap<Label, blobs::Grant>,
    /// Identities: passwords and tokens.
    pub identity: BTreeMap<Label, identity::Grant>,
}

/// What may be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// `"read"`: whatever changes nothing.
    Read,
    /// `"read-write"`: everything.
    #[default]
    ReadWrite,
}

/// The grants as they are written, not yet held against the labels that Spin's own fields name.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    keyvalue: Written<keyvalue::Grant>,
    sql: Written<sql::Grant>,
    documents: Written<documents::Grant>,
    blobs: Written<blobs::Grant>,
    identity: Written<identity::Grant>,
}

/// The labels that Spin's own fields name; `None` where they could not be read.
pub(crate) struct Named {
    pub(crate) key_value_stores: Option<Vec<Label>>,
    pub(crate) sqlite_databases: Option<Vec<Label>>,
}

type Written<T> = Vec<(Spanned<String>, T)>;

/// A list of labels: the good ones, each once.
pub(crate) fn read_labels(value: Value<'_>) -> Option<Vec<Label>> {
    let report = value.report();
    let mut labels: Vec<Label> = Vec::new();
    for written in value.spanned_strings()? {
        match read_label(&written, report) {
            Some(label) if labels.contains(&label) => {
                let message = format!("`{label}` is listed twice");
                report.warn(Mistake::new(written.span, message));
            }
            label => labels.extend(label),
        }
    }
    Some(labels)
}

pub(crate) fn read(value: Value<'_>) -> Option<Draft> {
    value.table(|table| {
        Some(Draft {
            keyvalue: read_noun(table, "keyvalue", keyvalue::read),
            sql: read_noun(table, "sql", sql::read),
            documents: read_noun(table, "documents", documents::read),
            blobs: read_noun(table, "blobs", blobs::read),
            identity: read_noun(table, "identity", identity::read),
        })
    })
}

/// Gives each label its grant.
pub(crate) fn resolve(draft: Draft, named: Named, report: &Report) -> Grants {
    let keyvalue = named.key_value_stores.map(|labels| {
        let full = keyvalue::Grant::default;
        narrow(labels, draft.keyvalue, full, "key_value_stores", report)
    });
    let sql = named.sqlite_databases.map(|labels| {
        let full = sql::Grant::full;
        narrow(labels, draft.sql, full, "sqlite_databases", report)
    });
    Grants {
        keyvalue: keyvalue.unwrap_or_default(),
        sql: sql.unwrap_or_default(),
        documents: labelled(draft.documents, report),
        blobs: labelled(draft.blobs, report),
        identity: labelled(draft.identity, report),
    }
}

/// The grants of a noun that Spin knows. A table for a label that Spin would not open is a mistake: under Spin, the
/// component would not have the store.
fn narrow<T>(
    labels: Vec<Label>,
    written: Written<T>,
    full: impl Fn() -> T,
    field: &str,
    report: &Report,
) -> BTreeMap<Label, T> {
    let mut grants: BTreeMap<Label, T> = labels.into_iter().map(|label| (label, full())).collect();
    for (label, grant) in written {
        match grants.get_mut(label.value.as_str()) {
            Some(granted) => *granted = grant,
            None => report.add(ungranted(&label, field, grants.keys())),
        }
    }
    grants
}

/// The grants of a noun that only Stoa knows: the table is the grant.
fn labelled<T>(written: Written<T>, report: &Report) -> BTreeMap<Label, T> {
    let read = |(label, grant): (Spanned<String>, T)| Some((read_label(&label, report)?, grant));
    written.into_iter().filter_map(read).collect()
}

fn read_label(written: &Spanned<String>, report: &Report) -> Option<Label> {
    match Label::new(&*written.value) {
        Ok(label) => Some(label),
        Err(error) => report.refuse(name::unfit(written, "a label", &error)),
    }
}

fn read_access(value: Value<'_>) -> Option<Access> {
    value.choice(&[("read", Access::Read), ("read-write", Access::ReadWrite)])
}

/// A grant that cannot be read is kept even so: its label is still to be looked up.
fn read_noun<T: Default>(
    table: &mut Table<'_>,
    noun: &str,
    read: impl Fn(&mut Table<'_>) -> Option<T>,
) -> Written<T> {
    let read_grants = |value: Value<'_>| {
        let grants = value.entries()?.into_iter();
        let grants = grants.map(|(label, value)| (label, value.table(&read).unwrap_or_default()));
        Some(grants.collect::<Written<T>>())
    };
    table.or_default(noun, read_grants).unwrap_or_default()
}

fn ungranted<'l>(
    label: &Spanned<String>,
    field: &str,
    granted: impl Iterator<Item = &'l Label>,
) -> Mistake {
    let message = format!("`{}` is not one of the component's `{field}`", label.value);
    let meant = text::nearest(&label.value, granted.map(Label::as_str));
    Mistake::new(label.span, message).did_you_mean(meant)
}
