//! Results, with typed access.

use super::{Error, FromValue, Value};
use std::rc::Rc;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// The type it was declared with, where the result's column is a column of a table.
    pub declared: Option<String>,
}

/// A whole result.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    columns: Rc<[Column]>,
    rows: Vec<Row>,
}

/// A row of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Rc<[Column]>,
    values: Vec<Value>,
}

/// How a column is named: by its name or by its place, from 0. Of two columns of one name, the name means the first.
pub trait At {
    /// Its place among the columns.
    fn place(&self, columns: &[Column]) -> Option<usize>;

    /// As errors say it.
    fn shown(&self) -> String;
}

impl At for &str {
    fn place(&self, columns: &[Column]) -> Option<usize> {
        columns.iter().position(|column| column.name == *self)
    }

    fn shown(&self) -> String {
        (*self).to_owned()
    }
}

impl At for usize {
    fn place(&self, columns: &[Column]) -> Option<usize> {
        Some(*self).filter(|place| *place < columns.len())
    }

    fn shown(&self) -> String {
        format!("column {self}")
    }
}

impl Rows {
    #[cfg_attr(
        not(any(target_family = "wasm", feature = "sql-testing")),
        expect(dead_code, reason = "there are no rows without a database")
    )]
    pub(super) fn new(columns: Vec<Column>, rows: Vec<Vec<Value>>) -> Self {
        let columns: Rc<[Column]> = columns.into();
        let row = |values| Row::new(Rc::clone(&columns), values);
        let rows = rows.into_iter().map(row).collect();
        Self { columns, rows }
    }

    /// What the values are.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, in the statement's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Row> {
        self.rows.iter()
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<&Row> {
        self.rows.first()
    }

    /// The only row.
    pub fn one(&self) -> Result<&Row, Error> {
        match self.rows.as_slice() {
            [row] => Ok(row),
            rows => Err(Error::Malformed {
                column: "the result".to_owned(),
                message: format!("{} rows in place of one", rows.len()),
            }),
        }
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a Row;
    type IntoIter = std::slice::Iter<'a, Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Row {
    pub(super) fn new(columns: Rc<[Column]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The value of a column as what is asked for.
    ///
    /// ```
    /// use stoa_sdk::sql::{Database, Error};
    ///
    /// # stoa_sdk::testing::block_on(async {
    /// let rows = Database::open("any")?.query("SELECT 7 AS id, NULL AS note").await?;
    /// let row = rows.one()?;
    /// assert_eq!(row.get::<i64>("id")?, 7);
    /// assert_eq!(row.get::<Option<String>>(1)?, None);
    /// assert!(matches!(row.get::<String>("note"), Err(Error::Malformed { .. })));
    /// # Ok::<(), Error>(())
    /// # }).expect("nothing is refused");
    /// ```
    pub fn get<T: FromValue>(&self, column: impl At) -> Result<T, Error> {
        let place = column.place(&self.columns);
        let value = place.and_then(|place| self.values.get(place));
        let message = match value {
            None => "there is no such column".to_owned(),
            Some(value) => match T::from_value(value) {
                Some(read) => return Ok(read),
                None => format!("{} in place of {}", value.kind(), T::KIND),
            },
        };
        Err(Error::Malformed {
            column: column.shown(),
            message,
        })
    }

    /// The values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: Vec<Vec<Value>>) -> Rows {
        let columns = ["id", "note"].map(|name| Column {
            name: name.to_owned(),
            declared: None,
        });
        Rows::new(columns.into(), rows)
    }

    #[test]
    fn what_was_not_selected_is_named() {
        let rows = rows(vec![vec![Value::Integer(1), Value::Null]]);
        let row = rows.one().expect("there is one row");
        for (missing, shown) in [
            (row.get::<i64>("price"), "price"),
            (row.get(2), "column 2"),
            (row.get("note"), "note"),
        ] {
            match missing {
                Err(Error::Malformed { column, .. }) => assert_eq!(column, shown),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn one_row_is_neither_none_nor_two() {
        let row = vec![Value::Integer(1), Value::Null];
        assert!(rows(Vec::new()).one().is_err());
        assert!(rows(vec![row.clone(), row]).one().is_err());
    }
}
