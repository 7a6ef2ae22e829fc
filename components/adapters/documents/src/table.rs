//! One collection is one table, a row for each document; unique and other indexes are SQLite's, over expressions that read
//! the JSON. So whoever writes a row keeps them, whatever it knows of the schema.
//!
//! What an index holds of a value is told apart as the interface tells kinds apart: truth as one byte, numbers and texts
//! as themselves, arrays and objects as one mark each. It is exact for what SQLite reads exactly, and [`is_exact`] says
//! what that is.

use serde_json::Value as Json;
use stoa_documents::ID_PATH;
use stoa_manifest::grants::documents::{Collection, Index};

use crate::database::{Database, Value};
use crate::error::Error;

/// Stands before the names of all tables and indexes: what else lies in the database is not touched.
const PREFIX: &str = "documents";
/// From here on, not every whole number is a double.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// What an index holds for an array: SQLite does not look into it.
pub(crate) const ARRAY: &str = "x'02'";
const OBJECT: &str = "x'03'";

/// A collection in the database.
pub(crate) struct Table<'s> {
    name: String,
    pub(crate) declared: &'s Collection,
}

impl<'s> Table<'s> {
    /// The label and the name were checked when the schema was read: they hold no slash, and differ by more than case.
    pub(crate) fn new(label: &str, collection: &str, declared: &'s Collection) -> Self {
        Self {
            name: format!("{PREFIX}/{label}/{collection}"),
            declared,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For statements.
    pub(crate) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// The unique indexes that are declared.
    pub(crate) fn uniques(&self) -> impl Iterator<Item = (&String, &Index)> {
        let indexes = self.declared.indexes.iter();
        indexes.filter(|(_, index)| index.unique)
    }

    /// Makes the table and its indexes where they are missing. Each is one statement; others may do the same meanwhile.
    pub(crate) fn prepare(&self, database: &impl Database) -> Result<(), Error> {
        let found = self.found(database)?;
        if !found.iter().any(|(name, _)| *name == self.name) {
            let table = self.quoted();
            let statement = format!(
                "CREATE TABLE IF NOT EXISTS {table} \
                 (id BLOB NOT NULL PRIMARY KEY, version INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL)"
            );
            database.execute(&statement, Vec::new())?;
        }
        let wanted: Vec<_> = self.indexes().collect();
        for (name, statement) in &found {
            // What SQLite makes by itself has no statement.
            let Some(statement) = statement.as_deref().filter(|_| *name != self.name) else {
                continue;
            };
            let known = wanted.iter().find(|wanted| wanted.name == *name);
            let fits = match known {
                Some(wanted) => wanted.is(statement),
                // One that only helps to find documents does no harm.
                None => !statement.starts_with("CREATE UNIQUE"),
            };
            if !fits {
                return Err(Error::declared_otherwise(name));
            }
        }
        let missing = wanted
            .iter()
            .filter(|wanted| !found.iter().any(|(name, _)| wanted.name == *name));
        for index in missing {
            self.create(database, index)?;
        }
        Ok(())
    }

    /// The names of the table and of its indexes, with the statements that made them.
    fn found(&self, database: &impl Database) -> Result<Vec<(String, Option<String>)>, Error> {
        let rows = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = ?",
            vec![Value::Text(self.name.clone())],
        )?;
        let pairs = rows.into_iter().filter_map(|row| {
            let [name, statement] = <[Value; 2]>::try_from(row).ok()?;
            Some((name.into_text()?, statement.into_text()))
        });
        Ok(pairs.collect())
    }

    /// The indexes that SQLite keeps. It has none of single elements: those of `each` are looked for in the bodies.
    fn indexes(&self) -> impl Iterator<Item = Wanted> {
        let indexes = self.declared.indexes.iter();
        indexes
            .filter(|(_, index)| !index.each)
            .map(move |(name, index)| {
                let expression = match index.unique {
                    true => unique_value,
                    false => value,
                };
                let columns: Vec<_> = index.paths.iter().map(|path| expression(path)).collect();
                let name = format!("{}/{name}", self.name);
                Wanted {
                    definition: format!(
                        "{} ON {} ({})",
                        quoted(&name),
                        self.quoted(),
                        columns.join(", ")
                    ),
                    columns,
                    name,
                    unique: index.unique,
                }
            })
    }

    fn create(&self, database: &impl Database, index: &Wanted) -> Result<(), Error> {
        let (kind, definition) = (index.kind(), &index.definition);
        let statement = format!("CREATE {kind} IF NOT EXISTS {definition}");
        let created = database.execute(&statement, Vec::new());
        if created.is_err() && index.unique && self.shares(database, index)? {
            return Err(Error::not_unique(&index.name));
        }
        created.map(drop)
    }

    /// Whether two documents have the same values in an index.
    fn shares(&self, database: &impl Database, index: &Wanted) -> Result<bool, Error> {
        let there: Vec<_> = index
            .columns
            .iter()
            .map(|column| format!("{column} IS NOT NULL"))
            .collect();
        let statement = format!(
            "SELECT 1 FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1 LIMIT 1",
            self.quoted(),
            there.join(" AND "),
            index.columns.join(", ")
        );
        Ok(!database.execute(&statement, Vec::new())?.is_empty())
    }
}

/// An index as it is declared.
struct Wanted {
    name: String,
    columns: Vec<String>,
    definition: String,
    unique: bool,
}

impl Wanted {
    fn kind(&self) -> &'static str {
        match self.unique {
            true => "UNIQUE INDEX",
            false => "INDEX",
        }
    }

    /// Whether it is what this statement made, as SQLite keeps it.
    fn is(&self, statement: &str) -> bool {
        statement == format!("CREATE {} {}", self.kind(), self.definition)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A path as SQLite's functions for JSON have it, in quotes of SQL. Keys are letters, digits, `_` and `-`.
pub(crate) fn place(path: &str) -> String {
    let keys: String = path.split('.').map(|key| format!(".\"{key}\"")).collect();
    format!("'${keys}'")
}

/// What an index holds for the value at a path: nothing for what is missing and for null.
pub(crate) fn value(path: &str) -> String {
    told_apart(path, ARRAY, OBJECT)
}

/// As [`value`], but nothing for arrays and objects: they are in no unique index.
pub(crate) fn unique_value(path: &str) -> String {
    told_apart(path, "NULL", "NULL")
}

fn told_apart(path: &str, array: &str, object: &str) -> String {
    if path == ID_PATH {
        return "id".to_owned();
    }
    let place = place(path);
    format!(
        "CASE json_type(body, {place}) WHEN 'true' THEN x'01' WHEN 'false' THEN x'00' \
         WHEN 'array' THEN {array} WHEN 'object' THEN {object} ELSE json_extract(body, {place}) END"
    )
}

/// Whether SQLite tells this value from every other. It ends a text at a NUL, and reads long fractions to its own
/// precision.
pub(crate) fn is_exact(value: &Json) -> bool {
    match value {
        Json::Number(number) => match number.as_f64() {
            _ if number.is_i64() => true,
            Some(double) => double.fract() == 0.0 && double.abs() < WHOLE_MAX,
            None => false,
        },
        Json::String(text) => !text.contains('\0'),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => true,
    }
}

/// What [`unique_value`] makes of a value that is exact; nothing for what is in no unique index.
pub(crate) fn parameter(path: &str, value: &Json) -> Value {
    match value {
        Json::Bool(truth) => Value::Blob(vec![u8::from(*truth)]),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => number.as_f64().map_or(Value::Null, Value::Real),
        },
        Json::String(text) if path == ID_PATH => Value::Blob(text.as_bytes().to_vec()),
        Json::String(text) => Value::Text(text.clone()),
        Json::Null | Json::Array(_) | Json::Object(_) => Value::Null,
    }
}
