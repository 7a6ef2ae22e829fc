//! `grants.keyvalue.<label>`: what a component may do with a key-value store.

use super::quota::{self, Quota};
use super::{Access, read_access};
use crate::text::{Table, Value};

/// What a component may do with one store. Default: everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Whether it may change anything. Default: [`Access::ReadWrite`].
    pub access: Access,
    /// What every key it touches must start with; the component does not see other keys. Default: empty, all keys.
    pub prefix: String,
    /// `value_bytes_max`: the size of one value, 1 byte to 4 MiB. Default: 4 MiB.
    pub value_bytes_max: Option<u64>,
    /// How often and how much.
    pub quota: Quota,
}

pub(crate) fn read(table: &mut Table<'_>) -> Option<Grant> {
    let access = table.or_default("access", read_access);
    let prefix = table.or_default("prefix", Value::string);
    let value_bytes = table.optional("value_bytes_max", |value| value.integer(1..=4 << 20));
    let quota = quota::read(table);
    Some(Grant {
        access: access?,
        prefix: prefix?,
        value_bytes_max: value_bytes?,
        quota: quota?,
    })
}
