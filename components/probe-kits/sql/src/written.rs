//! How values stand in a request, and in an answer.
//!
//! A value is `null`, or its kind and what it is: `b:true`, `i32:5` (and `i8`, `i16`, `i64`, `u8` …), `f64:1.5`, `t:text`,
//! `x:bytes`, `date:2024,2,29`, `time:1,2,3,4000`, `datetime:2024,2,29,1,2,3,4000`, `ts:1700000000`, `uuid:…`, `jsonb:…`,
//! `dec:1.50`, `r32:1,5` (from 1 to before 5, either of which may be missing), `a32:1,,3` (the second is null),
//! `interval:1,2,3`. In an answer they are as Rust shows them, without the names of their types.

use std::fmt::Debug;
use std::str::FromStr;

/// The kind of a written value and the rest; `null` is only a kind.
pub fn split(written: &str) -> (&str, &str) {
    written.split_once(':').unwrap_or((written, ""))
}

/// What is said of a value that cannot be read.
pub fn unknown(written: &str) -> String {
    format!("no such value: {written}")
}

/// A number, or anything else that Rust reads by itself.
pub fn number<T: FromStr>(written: &str) -> Result<T, String> {
    written.parse().map_err(|_| unknown(written))
}

/// What stands between commas.
pub fn parts<const N: usize>(written: &str) -> Result<[&str; N], String> {
    let parts: Vec<_> = written.split(',').collect();
    parts.try_into().map_err(|_| unknown(written))
}

/// What may be missing between commas.
pub fn items<T: FromStr>(written: &str) -> Result<Vec<Option<T>>, String> {
    if written.is_empty() {
        return Ok(Vec::new());
    }
    let item = |part: &str| match part {
        "" => Ok(None),
        part => number(part).map(Some),
    };
    written.split(',').map(item).collect()
}

/// Both ends of a range, each with its kind.
pub type Bounds<T, K> = (Option<(T, K)>, Option<(T, K)>);

/// Two bounds, the first of which belongs to the range.
pub fn bounds<T: FromStr, K>(written: &str, first: K, second: K) -> Result<Bounds<T, K>, String> {
    let [lower, upper] = parts(written)?;
    let bound = |part: &str, kind: K| -> Result<Option<(T, K)>, String> {
        match part {
            "" => Ok(None),
            part => Ok(Some((number(part)?, kind))),
        }
    };
    Ok((bound(lower, first)?, bound(upper, second)?))
}

/// The lines of a result: the columns with their types, then the rows.
pub fn table<C: Debug, V: Debug>(
    columns: impl IntoIterator<Item = (String, C)>,
    rows: impl IntoIterator<Item = Vec<V>>,
) -> impl Iterator<Item = Vec<u8>> {
    let columns = columns.into_iter();
    let columns: Vec<_> = columns
        .map(|(name, ty)| format!("{name} {}", shown(&ty)))
        .collect();
    let row = |row: Vec<V>| row.iter().map(shown).collect::<Vec<_>>().join("|");
    let head = std::iter::once(columns.join("|"));
    head.chain(rows.into_iter().map(row))
        .map(String::into_bytes)
}

fn shown(value: &impl Debug) -> String {
    let types = ["DbDataType::", "DbValue::", "RangeBoundKind::"];
    let shown = format!("{value:?}");
    types
        .iter()
        .fold(shown, |shown, name| shown.replace(name, ""))
}
