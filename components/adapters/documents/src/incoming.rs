//! A document on its way in: what is stored is what was understood, and unique indexes hold only what SQLite tells apart.

use serde_json::{Map, Value as Json};
use stoa_documents::key::{self, Subject};
use stoa_documents::{DOCUMENT_BYTES_MAX, Error as Documents, Version};
use stoa_manifest::grants::documents::Index;

use crate::database::{Database, Value, of_count, of_id, of_version};
use crate::error::Error;
use crate::table::{Table, is_exact, parameter, unique_value};

/// A document that can be written.
pub(crate) struct Incoming<'w> {
    pub(crate) id: &'w str,
    pub(crate) text: String,
    pub(crate) version: Version,
    body: Json,
}

impl<'w> Incoming<'w> {
    /// The text is written anew, with a version that never was.
    pub(crate) fn new(
        database: &impl Database,
        table: &Table<'_>,
        id: &'w str,
        body: Map<String, Json>,
        bytes_max: usize,
    ) -> Result<Self, Error> {
        let body = Json::Object(body);
        let text = body.to_string();
        let limit = bytes_max.min(DOCUMENT_BYTES_MAX);
        if text.len() > limit {
            return Err(Documents::TooLarge { limit }.into());
        }
        let incoming = Self {
            id,
            text,
            // A number that SQLite has too, and shifts without a sign.
            version: database.random() >> 1,
            body,
        };
        for (name, index) in table.uniques() {
            incoming.check(name, index)?;
        }
        Ok(incoming)
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            id: Some(self.id),
            body: &self.body,
        }
    }

    /// Its id, version, size and body, for a statement.
    pub(crate) fn columns(&self) -> [Value; 4] {
        let [version, bytes, body] = self.changes();
        [of_id(self.id), version, bytes, body]
    }

    /// Its version, size and body.
    pub(crate) fn changes(&self) -> [Value; 3] {
        [
            of_version(self.version),
            of_count(self.id.len() + self.text.len()),
            Value::Text(self.text.clone()),
        ]
    }

    /// Whether it has a value at each path of an index, and so can share them with another.
    fn is_in(&self, index: &Index) -> bool {
        let mut keys = index.paths.iter().map(|path| self.subject().key(path));
        keys.all(|key| key::is_unique_value(&key))
    }

    fn check(&self, name: &str, index: &Index) -> Result<(), Error> {
        if !self.is_in(index) {
            return Ok(());
        }
        for path in &index.paths {
            let found = self.subject().at(path);
            let key = key::of_value(found.as_deref());
            if key.as_deref().is_some_and(key::is_cut) {
                let limit = key::TEXT_BYTES_MAX;
                return Err(Documents::Invalid(format!(
                    "a text in the unique index `{name}` has at most {limit} bytes"
                ))
                .into());
            }
            // Ids are bytes, and exact as they are.
            let exact = path == stoa_documents::ID_PATH || found.as_deref().is_none_or(is_exact);
            if !exact {
                return Err(Error::not_portable(&format!(
                    "a fraction, a number beyond 2^53 that is no integer, or a NUL in the unique index `{name}`"
                )));
            }
        }
        Ok(())
    }

    /// The unique index in which another document has the values of this one.
    pub(crate) fn taken(
        &self,
        database: &impl Database,
        table: &Table<'_>,
    ) -> Result<Option<String>, Error> {
        for (name, index) in table.uniques().filter(|(_, index)| self.is_in(index)) {
            let equal = index.paths.iter().map(|path| unique_value(path) + " = ?");
            let statement = format!(
                "SELECT 1 FROM {} WHERE {} AND id != ? LIMIT 1",
                table.quoted(),
                equal.collect::<Vec<_>>().join(" AND ")
            );
            let values = index.paths.iter().map(|path| {
                let found = self.subject().at(path);
                found.map_or(Value::Null, |value| parameter(path, &value))
            });
            let parameters = values.chain([of_id(self.id)]).collect();
            if !database.execute(&statement, parameters)?.is_empty() {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }
}
