//! How values stand in a request, and in an answer.
//!
//! A value is `null`, or its kind and what it is: `b:true`, `i32:5` (and `i8`, `i16`, `i64`, `u8` …), `f64:1.5`, `t:text`,
//! or `x:bytes`. In an answer they are as Rust shows them, without the names of their types.

use std::fmt::Debug;
use std::str::FromStr;

use probe_kit_02::Answer;

/// The kind of a written value and the rest; `null` is only a kind.
pub(crate) fn split(written: &str) -> (&str, &str) {
    written.split_once(':').unwrap_or((written, ""))
}

pub(crate) fn unknown(written: &str) -> Answer {
    Answer::bad(format!("no such value: {written}"))
}

pub(crate) fn number<T: FromStr>(written: &str) -> Result<T, Answer> {
    written.parse().map_err(|_| unknown(written))
}

/// The lines of a result: the columns with their types, then the rows.
pub(crate) fn table<C: Debug, V: Debug>(
    columns: impl IntoIterator<Item = (String, C)>,
    rows: impl IntoIterator<Item = Vec<V>>,
) -> Vec<String> {
    let columns = columns.into_iter();
    let columns: Vec<_> = columns
        .map(|(name, ty)| format!("{name} {}", shown(&ty)))
        .collect();
    let row = |row: Vec<V>| row.iter().map(shown).collect::<Vec<_>>().join("|");
    let head = std::iter::once(columns.join("|"));
    head.chain(rows.into_iter().map(row)).collect()
}

fn shown(value: &impl Debug) -> String {
    let types = ["DbDataType::", "DbValue::"];
    let shown = format!("{value:?}");
    types
        .iter()
        .fold(shown, |shown, name| shown.replace(name, ""))
}
