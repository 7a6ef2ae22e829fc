//! Databases.

use stoa_manifest::grants::sql::Grant;

use super::{Noun, compare_access, compare_quota, verbs};
use crate::deploy::differences::found::{Scope, listed, quoted};

impl Noun for Grant {
    const STORE: &'static str = "database";

    fn powers(&self, store: &str) -> Vec<String> {
        let Self {
            access,
            tables,
            schema,
            quota: _,
        } = self;
        let verbs = verbs(*access);
        let rows = match tables {
            None => format!("{verbs} {store}"),
            Some(tables) => format!("{verbs} the tables {} of {store}", listed(tables)),
        };
        let schema = schema.then(|| format!("change the schema of {store}"));
        [Some(rows), schema].into_iter().flatten().collect()
    }

    fn compare(scope: &mut Scope<'_>, store: &str, old: &Self, new: &Self) {
        let Self {
            access,
            tables,
            schema,
            quota,
        } = new;
        compare_access(scope, store, old.access, *access);
        compare_tables(scope, store, old.tables.as_deref(), tables.as_deref());
        match (old.schema, *schema) {
            (false, true) => scope.gained(format_args!("change the schema of {store}")),
            (true, false) => scope.lost(format_args!("change the schema of {store}")),
            (true, true) | (false, false) => {}
        }
        compare_quota(scope, store, old.quota, *quota);
    }
}

fn compare_tables(
    scope: &mut Scope<'_>,
    store: &str,
    old: Option<&[String]>,
    new: Option<&[String]>,
) {
    match (old, new) {
        (None, None) => {}
        (Some(old), None) => scope.gained(format_args!(
            "use every table of {store}, not only {}",
            listed(old)
        )),
        (None, Some(new)) => scope.lost(format_args!(
            "use other tables of {store} than {}",
            listed(new)
        )),
        (Some(old), Some(new)) => scope.sets(old, new, |table| {
            format!("use the table {} of {store}", quoted(table))
        }),
    }
}
