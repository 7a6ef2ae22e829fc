//! How much a call may bring and get: what the interface says.

use crate::error::Error;
use crate::source::Value;

/// A statement's text has at most so many bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 256 * 1024;
/// A statement has at most so many parameters.
pub(crate) const PARAMETERS_MAX: usize = 32_766;
/// A call has at most so many statements.
pub(crate) const STATEMENTS_MAX: usize = 1000;
/// A value holds at most so many bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The text and the values of one call hold at most so many bytes together.
const CALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A whole result has at most so many rows; so has a part of one.
pub(crate) const ROWS_MAX: usize = 10_000;
/// A whole result holds at most so many bytes.
pub(crate) const RESULT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A part of a result ends early when it has grown to this.
pub(crate) const PART_BYTES_MAX: usize = 1024 * 1024;
/// Cursors that an instance has open on one database: each holds its result.
pub(crate) const OPEN_MAX: usize = 4;

/// Whether a call brings no more than it may.
pub(crate) fn call(text: &str, parameters: &[Value]) -> Result<(), Error> {
    within(text.len(), TEXT_BYTES_MAX)?;
    if parameters.len() > PARAMETERS_MAX {
        return Err(Error::invalid(format!(
            "a statement has at most {PARAMETERS_MAX} parameters"
        )));
    }
    let mut total = text.len();
    for value in parameters {
        within(value.bytes(), VALUE_BYTES_MAX)?;
        total += value.bytes();
        within(total, CALL_BYTES_MAX)?;
    }
    Ok(())
}

/// Whether a result is no larger than one may be.
pub(crate) fn result(rows: &[Vec<Value>]) -> Result<(), Error> {
    within(rows.len(), ROWS_MAX)?;
    let bytes = rows.iter().map(|row| held(row)).sum();
    within(bytes, RESULT_BYTES_MAX)
}

/// What a row holds in memory, about.
pub(crate) fn held(row: &[Value]) -> usize {
    row.iter().map(Value::bytes).sum()
}

fn within(count: usize, limit: usize) -> Result<(), Error> {
    match count <= limit {
        true => Ok(()),
        false => Err(Error::TooLarge(limit as u64)),
    }
}
