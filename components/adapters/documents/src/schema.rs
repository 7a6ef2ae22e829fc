//! What the stores of a component look like. The host reads that from `tool.stoa.grants.documents`, which Spin does not
//! show to components: so the same is said again, as JSON, in a variable of the component.
//!
//! ```json
//! { "catalogue": { "collections": { "products": {
//!     "indexes": { "sku": { "paths": ["sku"], "unique": true } },
//!     "search": { "name": 10 }
//! } } } }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use stoa_documents::DOCUMENT_BYTES_MAX;
use stoa_manifest::Label;
use stoa_manifest::grants::Access;
use stoa_manifest::grants::documents::{Collection, Grant, Index, is_name, is_path};

use crate::error::Error;

/// The variable of the component that holds the schema.
pub(crate) const VARIABLE: &str = "documents_schema";
/// An index has at most so many paths.
const PATHS_MAX: usize = 8;
/// A hit weighs at most so much.
const WEIGHT_MAX: u32 = 100;

/// The stores of a component, by label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Schema(BTreeMap<String, Grant>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStore {
    #[serde(default)]
    access: WrittenAccess,
    collections: BTreeMap<String, WrittenCollection>,
    document_bytes_max: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum WrittenAccess {
    Read,
    #[default]
    ReadWrite,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCollection {
    #[serde(default)]
    indexes: BTreeMap<String, WrittenIndex>,
    #[serde(default)]
    search: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenIndex {
    paths: Vec<String>,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    each: bool,
}

impl Schema {
    /// Reads the variable. What is not understood is refused, quotas among it: they cannot be held on Spin.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let written: BTreeMap<String, WrittenStore> = serde_json::from_str(text)
            .map_err(|error| Error::no_schema(format!("the variable `{VARIABLE}`: {error}")))?;
        let stores = written.into_iter().map(|(label, store)| {
            labelled(&label)?;
            Ok((label, store.grant()?))
        });
        Ok(Self(stores.collect::<Result<_, Error>>()?))
    }

    #[cfg(test)]
    pub(crate) fn of(stores: BTreeMap<String, Grant>) -> Self {
        Self(stores)
    }

    /// What is declared of a store.
    pub(crate) fn store(&self, label: &str) -> Result<&Grant, Error> {
        self.0.get(label).ok_or(Error::NoSuchStore)
    }
}

impl WrittenStore {
    fn grant(self) -> Result<Grant, Error> {
        let document_bytes_max = self.document_bytes_max;
        if document_bytes_max.is_some_and(|bytes| !(1..=DOCUMENT_BYTES_MAX as u64).contains(&bytes))
        {
            return Err(wrong(format!(
                "`document_bytes_max` is 1 to {DOCUMENT_BYTES_MAX}"
            )));
        }
        let collections = self.collections.into_iter();
        let collections = collections.map(|(name, collection)| {
            named(&name, "a collection")?;
            Ok((name, collection.declared()?))
        });
        Ok(Grant {
            access: match self.access {
                WrittenAccess::Read => Access::Read,
                WrittenAccess::ReadWrite => Access::ReadWrite,
            },
            collections: collections.collect::<Result<_, Error>>()?,
            document_bytes_max,
            ..Grant::default()
        })
    }
}

impl WrittenCollection {
    fn declared(self) -> Result<Collection, Error> {
        for (path, weight) in &self.search {
            inside(path)?;
            if !(1..=WEIGHT_MAX).contains(weight) {
                return Err(wrong(format!("a hit in `{path}` weighs 1 to {WEIGHT_MAX}")));
            }
        }
        let indexes = self.indexes.into_iter().map(|(name, index)| {
            named(&name, "an index")?;
            Ok((name, index.declared()?))
        });
        Ok(Collection {
            indexes: indexes.collect::<Result<_, Error>>()?,
            search: self.search,
        })
    }
}

impl WrittenIndex {
    fn declared(self) -> Result<Index, Error> {
        let Self {
            paths,
            unique,
            each,
        } = self;
        if !(1..=PATHS_MAX).contains(&paths.len()) {
            return Err(wrong(format!("an index has 1 to {PATHS_MAX} `paths`")));
        }
        if each && (paths.len() != 1 || unique) {
            return Err(wrong(
                "an index of `each` element has one path and is not unique",
            ));
        }
        paths.iter().try_for_each(|path| inside(path))?;
        Ok(Index {
            paths,
            unique,
            each,
        })
    }
}

/// Labels are part of the names of tables, and SQLite takes two names for one that differ in case alone: one store would
/// answer with the documents of another.
fn labelled(label: &str) -> Result<(), Error> {
    match Label::new(label) {
        Err(error) => Err(wrong(format!("`{label}` is no label: {error}"))),
        Ok(_) if label.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Err(wrong(format!("the label `{label}` is not in lower case")))
        }
        Ok(_) => Ok(()),
    }
}

fn named(name: &str, what: &str) -> Result<(), Error> {
    match is_name(name) {
        true => Ok(()),
        false => Err(wrong(format!("`{name}` is not the name of {what}"))),
    }
}

fn inside(path: &str) -> Result<(), Error> {
    match is_path(path) {
        true => Ok(()),
        false => Err(wrong(format!("`{path}` is not a path inside a document"))),
    }
}

fn wrong(what: impl Into<String>) -> Error {
    Error::no_schema(format!("the variable `{VARIABLE}`: {}", what.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        let texts = [
            "",
            "[]",
            r#"{ "s": {} }"#,
            r#"{ "": { "collections": {} } }"#,
            r#"{ "S": { "collections": {} } }"#,
            r#"{ "s/c": { "collections": {} } }"#,
            r#"{ "s": { "collections": {}, "quota": {} } }"#,
            r#"{ "s": { "collections": {}, "bytes_max": 1 } }"#,
            r#"{ "s": { "access": "write", "collections": {} } }"#,
            r#"{ "s": { "collections": {}, "document_bytes_max": 0 } }"#,
            r#"{ "s": { "collections": {}, "document_bytes_max": 1048577 } }"#,
            r#"{ "s": { "collections": { "A": {} } } }"#,
            r#"{ "s": { "collections": { "c": { "search": { "a..b": 1 } } } } }"#,
            r#"{ "s": { "collections": { "c": { "search": { "a": 0 } } } } }"#,
            r#"{ "s": { "collections": { "c": { "search": { "a": 101 } } } } }"#,
            r#"{ "s": { "collections": { "c": { "indexes": { "i": {} } } } } }"#,
            r#"{ "s": { "collections": { "c": { "indexes": { "i": { "paths": [] } } } } } }"#,
            r#"{ "s": { "collections": { "c": { "indexes": { "i": { "paths": ["'"] } } } } } }"#,
            r#"{ "s": { "collections": { "c": { "indexes": { "I": { "paths": ["a"] } } } } } }"#,
            r#"{ "s": { "collections": { "c": { "indexes": { "i": { "paths": ["a"], "unique": true, "each": true } } } } } }"#,
        ];
        for text in texts {
            let outcome = Schema::parse(text);
            let Err(Error::Other { code, message }) = outcome else {
                panic!("{text}: {outcome:?}");
            };
            assert_eq!(code, "no-schema", "{text}");
            assert!(message.contains(VARIABLE), "{message}");
        }
    }

    #[test]
    fn it_says_what_a_grant_says() {
        let schema = Schema::parse(
            r#"{ "catalogue": { "access": "read", "document_bytes_max": 9, "collections": { "products": {
                 "indexes": { "sku": { "paths": ["sku", "_id"], "unique": true }, "tags": { "paths": ["tags"], "each": true } },
                 "search": { "name": 10 } }, "others": {} } } }"#,
        );
        let schema = schema.expect("it is a schema");
        let grant = schema.store("catalogue").expect("it is declared");
        assert_eq!(grant.access, Access::Read);
        assert_eq!(grant.document_bytes_max, Some(9));
        let products = &grant.collections["products"];
        assert!(products.indexes["sku"].unique && products.indexes["tags"].each);
        assert_eq!(products.search["name"], 10);
        assert_eq!(grant.collections["others"], Collection::default());
        assert_eq!(schema.store("nobody"), Err(Error::NoSuchStore));
    }
}
