//! `grants.sql.<label>`: what a component may do with a database.

use super::quota::{self, Quota};
use super::{Access, read_access};
use crate::text::{Table, Value};

/// What a component may do with one database. Default: read and change all rows, but not the schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Whether it may change anything. Default: [`Access::ReadWrite`].
    pub access: Access,
    /// `tables`: the tables and views it may name; it cannot tell others from missing ones. Default: all.
    pub tables: Option<Vec<String>>,
    /// `schema`: whether it may create, alter and drop, as applications of Spin do. Default: `false` with a table under
    /// `grants.sql`, `true` for a database that only `sqlite_databases` names.
    pub schema: bool,
    /// How often and how much.
    pub quota: Quota,
}

impl Grant {
    /// What Spin grants with `sqlite_databases` alone: everything.
    pub fn full() -> Self {
        Self {
            schema: true,
            ..Self::default()
        }
    }
}

pub(crate) fn read(table: &mut Table<'_>) -> Option<Grant> {
    let access = table.or_default("access", read_access);
    let tables = table.optional("tables", Value::strings);
    let schema = table.or_default("schema", Value::boolean);
    let quota = quota::read(table);
    Some(Grant {
        access: access?,
        tables: tables?,
        schema: schema?,
        quota: quota?,
    })
}
