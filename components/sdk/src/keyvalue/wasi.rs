//! Stores of the host, through `stoa:keyvalue/read-async` and `write-async`.

mod bindings;
mod convert;

use super::{Change, Error, Page, Range, Value};
use bindings::stoa::keyvalue::{read_async, types, write_async};

/// A store this component was granted.
pub struct Store(types::Store);

impl Store {
    /// Opens the store that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        Ok(Self(read_async::open(label)?))
    }

    /// The label it was opened under.
    pub fn label(&self) -> String {
        self.0.label()
    }

    /// The value of one key.
    pub async fn get(&self, key: &str) -> Result<Option<Value>, Error> {
        let value = read_async::get(&self.0, key.to_owned()).await?;
        Ok(value.map(Value::from))
    }

    /// The values of up to 1000 keys, in the order of `keys`, all from one moment.
    pub async fn get_many(&self, keys: Vec<String>) -> Result<Vec<Option<Value>>, Error> {
        let values = read_async::get_many(&self.0, keys).await?;
        Ok(values
            .into_iter()
            .map(|value| value.map(Value::from))
            .collect())
    }

    /// One page of keys, with or without their values.
    pub async fn list(&self, range: Range) -> Result<Page, Error> {
        let page = read_async::list(&self.0, range.into()).await?;
        Ok(page.into())
    }

    /// Makes all changes, or none: up to 1000, each key once. Answers the version of every value that it set.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<u64, Error> {
        let changes = changes.into_iter().map(types::Change::from).collect();
        Ok(write_async::apply(&self.0, changes).await?)
    }

    /// Adds to a decimal number, in one step; a key without a value counts as 0. Answers the sum, which
    /// lives as long as the number did.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        Ok(write_async::increment(&self.0, key.to_owned(), delta).await?)
    }
}
