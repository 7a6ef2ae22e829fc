//! `tool.stoa`: the tables that Spin leaves to other tools, and of those, ours.

use crate::text::{Mistake, Table, Value};

/// The version of our tables that this crate reads.
const SCHEMA: u64 = 1;

/// Reads `tool.stoa` of a table, its default if it is not there or not a table; what other tools keep in tables beside
/// it is not looked at.
pub(crate) fn read<T: Default>(
    table: &mut Table<'_>,
    build: impl FnOnce(&mut Table<'_>) -> T,
) -> T {
    let ours = table.or_default("tool", |value| {
        value.table(|tools| {
            let ours =
                tools.or_default("stoa", |value| value.table(|table| read_ours(table, build)));
            tools.ignore_tables();
            ours
        })
    });
    ours.unwrap_or_default()
}

/// Whatever is wrong with the schema, the names in these tables are worth looking up.
fn read_ours<T>(table: &mut Table<'_>, build: impl FnOnce(&mut Table<'_>) -> T) -> Option<T> {
    table.required("schema", read_schema);
    Some(build(table))
}

fn read_schema(value: Value<'_>) -> Option<()> {
    let (span, report) = (value.span(), value.report());
    match value.integer(0..=u64::MAX)? {
        SCHEMA => Some(()),
        other => report.refuse(
            Mistake::new(span, format!("schema {other} of `tool.stoa` is not known"))
                .hint(format!("this version of stoa reads schema {SCHEMA}")),
        ),
    }
}
