//! `grants.documents.<label>`: what a component may do with a document store, and what its collections look like.

use std::collections::BTreeMap;

use super::quota::{self, Quota};
use super::{Access, read_access};
use crate::text::{self, Mistake, Report, Spanned, Table, Value};

/// What a component may do with one document store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Whether it may change anything. Default: [`Access::ReadWrite`].
    pub access: Access,
    /// The collections it may use, by name; others do not exist for it.
    pub collections: BTreeMap<String, Collection>,
    /// `document_bytes_max`: the size of one document, 1 byte to 1 MiB. Default: 1 MiB.
    pub document_bytes_max: Option<u64>,
    /// How often and how much.
    pub quota: Quota,
}

/// `collections.<name>`: what the store keeps beside the documents. Of two components that share a collection, the
/// declarations add up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collection {
    /// `indexes.<name>`. Default: none but that of the ids.
    pub indexes: BTreeMap<String, Index>,
    /// `search`: the paths that text search reads, with what a hit in each weighs, 1 to 100. Default: none.
    pub search: BTreeMap<String, u32>,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// `paths`: 1 to 8; a query uses those it names first to last.
    pub paths: Vec<String>,
    /// `unique`: whether no two documents may have the same values; those without a value at one of the paths are left
    /// out. Default: no.
    pub unique: bool,
    /// `each`: whether the value at its only path is an array whose elements are indexed one by one. Default: no.
    pub each: bool,
}

pub(crate) fn read(table: &mut Table<'_>) -> Option<Grant> {
    let access = table.or_default("access", read_access);
    let collections = table.required("collections", read_collections);
    let document_bytes = table.optional("document_bytes_max", |value| value.integer(1..=1 << 20));
    let quota = quota::read(table);
    Some(Grant {
        access: access?,
        collections: collections?,
        document_bytes_max: document_bytes?,
        quota: quota?,
    })
}

fn read_collections(value: Value<'_>) -> Option<BTreeMap<String, Collection>> {
    let (span, report) = (value.span(), value.report());
    let entries = value.entries()?;
    if entries.is_empty() {
        report.add(Mistake::new(span, "`collections` names no collection"));
    }
    text::all(entries.into_iter().map(|(name, value)| {
        let fit = check_name(&name, "a collection", report);
        let collection = value.table(read_collection);
        Some((fit?, collection?))
    }))
    .map(|collections| collections.into_iter().collect())
}

fn read_collection(table: &mut Table<'_>) -> Option<Collection> {
    let indexes = table.or_default("indexes", read_indexes);
    let search = table.or_default("search", read_search);
    Some(Collection {
        indexes: indexes?,
        search: search?,
    })
}

fn read_indexes(value: Value<'_>) -> Option<BTreeMap<String, Index>> {
    let report = value.report();
    text::all(value.entries()?.into_iter().map(|(name, value)| {
        let fit = check_name(&name, "an index", report);
        let index = value.table(read_index);
        Some((fit?, index?))
    }))
    .map(|indexes| indexes.into_iter().collect())
}

fn read_index(table: &mut Table<'_>) -> Option<Index> {
    let (span, report) = (table.span(), table.report());
    let paths = table.required("paths", read_paths);
    let unique = table.or_default("unique", Value::boolean);
    let each = table.or_default("each", Value::boolean);
    let (paths, unique, each) = (paths?, unique?, each?);
    if !(1..=8).contains(&paths.len()) {
        report.add(Mistake::new(span, "an index has 1 to 8 `paths`"));
    }
    if each && (paths.len() != 1 || unique) {
        let mistake = Mistake::new(
            span,
            "an index of `each` element has one path and is not unique",
        );
        report.add(mistake);
    }
    Some(Index {
        paths,
        unique,
        each,
    })
}

fn read_search(value: Value<'_>) -> Option<BTreeMap<String, u32>> {
    let report = value.report();
    text::all(value.entries()?.into_iter().map(|(path, value)| {
        let fit = check_path(&path, report);
        let weight = value.integer(1..=100);
        Some((fit?, u32::try_from(weight?).ok()?))
    }))
    .map(|search| search.into_iter().collect())
}

fn read_paths(value: Value<'_>) -> Option<Vec<String>> {
    let report = value.report();
    let paths = value.spanned_strings()?;
    text::all(paths.iter().map(|path| check_path(path, report)))
}

fn check_path(path: &Spanned<String>, report: &Report) -> Option<String> {
    match is_path(&path.value) {
        true => Some(path.value.clone()),
        false => {
            let message = format!("`{}` is not a path inside a document", path.value);
            let mistake = Mistake::new(path.span, message);
            report.refuse(
                mistake
                    .hint("keys of letters, digits, `_` and `-`, joined by dots: `price.amount`"),
            )
        }
    }
}

fn check_name(name: &Spanned<String>, what: &str, report: &Report) -> Option<String> {
    match is_name(&name.value) {
        true => Some(name.value.clone()),
        false => {
            let message = format!("`{}` is not the name of {what}", name.value);
            let mistake = Mistake::new(name.span, message);
            report.refuse(
                mistake.hint("1 to 63 lower-case letters, digits, `_` and `-`, a letter first"),
            )
        }
    }
}

/// Whether a collection or an index can be called this.
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
    };
    name.len() <= 63
        && name.bytes().all(fits)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Whether this is a path inside a document: 1 to 8 keys of ASCII letters, digits, `_` and `-`, joined by dots, in at
/// most 256 bytes.
pub fn is_path(path: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let key = |key: &str| !key.is_empty() && key.bytes().all(fits);
    path.len() <= 256 && path.split('.').count() <= 8 && path.split('.').all(key)
}
