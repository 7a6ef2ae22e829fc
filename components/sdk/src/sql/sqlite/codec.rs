//! Values on their way into SQLite and out of it: what has no type there is told by how its column was declared.

use super::super::{Column, Error, Value};
use super::failure::translate;
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// Binds the parameters by the number in their names: `$2` is the second value, wherever it comes first.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), Error> {
    let mut highest = 0;
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index);
        let number = name.and_then(|name| name.strip_prefix('$')?.parse().ok());
        let number: usize = number.unwrap_or(index);
        highest = highest.max(number);
        let value = number.checked_sub(1).and_then(|place| values.get(place));
        let value = value.ok_or_else(|| counted(number, values))?;
        let stored = stored(value)?;
        statement
            .raw_bind_parameter(index, stored)
            .map_err(translate)?;
    }
    match values.len() == highest {
        true => Ok(()),
        false => Err(counted(highest, values)),
    }
}

fn counted(named: usize, values: &[Value]) -> Error {
    let given = values.len();
    invalid(&format!("the statement names ${named}, {given} are given"))
}

fn invalid(message: &str) -> Error {
    Error::Invalid(message.to_owned())
}

fn stored(value: &Value) -> Result<ToSqlOutput<'_>, Error> {
    Ok(match value {
        Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        Value::Boolean(truth) => ToSqlOutput::from(*truth),
        Value::Integer(integer) => ToSqlOutput::from(*integer),
        Value::Real(real) if real.is_nan() => return Err(invalid("a real is a number")),
        Value::Real(real) => ToSqlOutput::from(*real),
        Value::Decimal(text) => text_of(decimal(text), "a decimal has digits")?,
        Value::Text(text) => ToSqlOutput::from(text.as_str()),
        Value::Blob(bytes) => ToSqlOutput::from(bytes.as_slice()),
        Value::Timestamp(text) => text_of(moment(text), "in a test, a timestamp is in UTC")?,
    })
}

fn text_of(text: Option<String>, otherwise: &str) -> Result<ToSqlOutput<'static>, Error> {
    text.map(ToSqlOutput::from)
        .ok_or_else(|| invalid(otherwise))
}

fn decimal(text: &str) -> Option<String> {
    let plain = |character: char| character.is_ascii_digit() || "-.".contains(character);
    let number = text.chars().all(plain) && text.parse::<f64>().is_ok();
    number.then(|| text.to_owned())
}

/// `2026-03-01T12:00:00.5Z` with six digits of a second.
fn moment(text: &str) -> Option<String> {
    let text = text.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 6 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let shape = b"0000-00-00T00:00:00";
    let shaped = seconds.len() == shape.len()
        && shape
            .iter()
            .zip(seconds.bytes())
            .all(|(shape, byte)| *shape == byte || (*shape == b'0' && byte.is_ascii_digit()));
    (digits && shaped).then(|| format!("{seconds}.{fraction:0<6}Z"))
}

/// Runs a statement and collects what it answers.
pub(super) fn collect(
    statement: &mut Statement<'_>,
) -> Result<(Vec<Column>, Vec<Vec<Value>>), Error> {
    let columns = columns(statement);
    let mut rows = Vec::new();
    let mut answer = statement.raw_query();
    while let Some(row) = answer.next().map_err(translate)? {
        let value = |(index, column): (usize, &Column)| {
            read(column, row.get_ref(index).map_err(translate)?)
        };
        rows.push(
            columns
                .iter()
                .enumerate()
                .map(value)
                .collect::<Result<_, _>>()?,
        );
    }
    Ok((columns, rows))
}

fn columns(statement: &Statement<'_>) -> Vec<Column> {
    let columns = statement.columns();
    let column = |column: &rusqlite::Column<'_>| Column {
        name: column.name().to_owned(),
        declared: column.decl_type().map(str::to_owned),
    };
    columns.iter().map(column).collect()
}

fn read(column: &Column, stored: ValueRef<'_>) -> Result<Value, Error> {
    let declared = column.declared.as_deref().unwrap_or("");
    let declared = declared.to_ascii_uppercase();
    let plain = plain(stored)?;
    Ok(match plain {
        Value::Integer(truth @ 0..=1) if declared.starts_with("BOOL") => Value::Boolean(truth == 1),
        Value::Integer(integer) if is_decimal(&declared) => Value::Decimal(integer.to_string()),
        Value::Real(real) if is_decimal(&declared) && real.is_finite() => {
            Value::Decimal(rounded(real))
        }
        Value::Text(text) if declared.starts_with("TIMESTAMP") => {
            match moment(&text).or_else(|| moment(&format!("{}Z", text.replace(' ', "T")))) {
                Some(moment) => Value::Timestamp(moment),
                None => Value::Text(text),
            }
        }
        plain => plain,
    })
}

fn is_decimal(declared: &str) -> bool {
    declared.starts_with("DEC") || declared.starts_with("NUMERIC")
}

/// With 15 significant digits: more would be noise of the double.
fn rounded(real: f64) -> String {
    let digits = format!("{real:.14e}");
    let rounded: f64 = digits.parse().expect("it was written as a number");
    rounded.to_string()
}

fn plain(stored: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return Err(invalid("the result has a text that is not UTF-8")),
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}
