//! Migrations: the host changes schemas on behalf of a component, whatever the component itself may do with them.

use std::collections::BTreeMap;

use stoa_manifest::Label;
use stoa_manifest::grants::sql::Grant;
use stoa_manifest::grants::{Access, Grants};
use stoa_manifest::migration::Migrations;

use super::found::{Scope, pairs, quoted};

pub(super) fn compare(
    scope: &mut Scope<'_>,
    old: &BTreeMap<Label, Migrations>,
    new: &BTreeMap<Label, Migrations>,
    granted: &Grants,
) {
    for (label, before, after) in pairs(old, new) {
        let database = format!("database {}", quoted(label.as_str()));
        match (before, after) {
            (Some(before), Some(after)) => changed(scope, &database, before, after),
            (None, Some(_)) if granted.sql.get(label).is_some_and(may_do_all) => {
                scope.other(format_args!("has migrations for {database}"));
            }
            (None, Some(_)) => {
                scope.wider(format_args!(
                    "changes the schema of {database} by migrations"
                ));
            }
            (Some(_), None) => {
                scope.narrower(format_args!(
                    "no longer changes the schema of {database} by migrations"
                ));
            }
            (None, None) => {}
        }
    }
}

/// Whether migrations can do nothing that the component itself could not.
fn may_do_all(grant: &Grant) -> bool {
    let Grant {
        access,
        tables,
        schema,
        quota: _,
    } = grant;
    *access == Access::ReadWrite && tables.is_none() && *schema
}

/// What may take something away is asked for by itself when a release is deployed.
fn changed(scope: &mut Scope<'_>, database: &str, old: &Migrations, new: &Migrations) {
    let Migrations {
        folder,
        contracting,
    } = new;
    if *folder != old.folder {
        let folder = quoted(folder);
        scope.other(format_args!("has the migrations of {database} in {folder}"));
    }
    for file in contracting
        .iter()
        .filter(|file| !old.contracting.contains(file))
    {
        let file = quoted(file);
        scope.other(format_args!(
            "has a migration of {database} that may take something away: {file}"
        ));
    }
    for file in old
        .contracting
        .iter()
        .filter(|file| !contracting.contains(file))
    {
        let file = quoted(file);
        scope.other(format_args!(
            "has a migration of {database} that may no longer take anything away: {file}"
        ));
    }
}
