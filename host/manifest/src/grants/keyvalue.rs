//! `grants.keyvalue.<label>`: what a component may do with a key-value store.

use crate::text::{Table, Value};

/// What a component may do with one store. Default: everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Whether it may change anything. Default: [`Access::ReadWrite`].
    pub access: Access,
    /// What every key it touches must start with; the component does not see other keys. Default: empty, all keys.
    pub prefix: String,
}

/// What may be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// `"read"`: get, list, exists.
    Read,
    /// `"read-write"`: everything.
    #[default]
    ReadWrite,
}

pub(crate) fn read(table: &mut Table<'_>) -> Option<Grant> {
    let access = table.or_default("access", read_access);
    let prefix = table.or_default("prefix", Value::string);
    Some(Grant {
        access: access?,
        prefix: prefix?,
    })
}

fn read_access(value: Value<'_>) -> Option<Access> {
    value.choice(&[("read", Access::Read), ("read-write", Access::ReadWrite)])
}
