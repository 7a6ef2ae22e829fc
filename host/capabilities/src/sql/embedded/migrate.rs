//! Applies migrations: each in one write transaction, which is the lock, with a look at the schema after each statement.
//! Or tries them, all in one that is undone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator;
use stoa_manifest::grants::Access;

use super::codec::{self, Room};
use super::failure::Failure;
use super::guarded::Guarded;
use crate::sql::migrations::{Applied, Contracting, Error, Migration, plan};
use crate::sql::{self, Rules};

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stoa_migrations (
        name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, applied_at TEXT NOT NULL
    );
";

/// A migration may change the schema and all rows, but nothing that no guest may.
pub(super) fn rules() -> Rules {
    Rules {
        access: Access::ReadWrite,
        tables: None,
        schema: true,
        bytes_max: None,
    }
}

/// Applies what is to be applied, and answers the names.
pub(super) fn apply(
    connection: &Guarded,
    rules: &Arc<Rules>,
    given: &[Migration],
    contracting: Contracting,
) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    loop {
        match apply_next(connection, rules, given, contracting) {
            Ok(Some(name)) => names.push(name),
            Ok(None) => return Ok(names),
            Err(error) => {
                connection.rollback();
                return Err(error);
            }
        }
    }
}

/// Answers the names of what is to be applied, after running it and undoing that, within `limit`.
pub(super) fn check(
    connection: &Guarded,
    rules: &Arc<Rules>,
    given: &[Migration],
    contracting: Contracting,
    limit: Duration,
) -> Result<Vec<String>, Error> {
    connection.end(Some(Instant::now() + limit));
    let outcome = run_all(connection, rules, given, contracting);
    connection.end(None);
    connection.rollback();
    match outcome {
        // Whoever waits for this has not gone, so it is the time that was up.
        Err(Error::Rejected {
            source: sql::Error::TransactionOver,
            ..
        }) => Err(Error::Database(sql::Error::Deadline { limit })),
        outcome => outcome,
    }
}

fn run_all(
    connection: &Guarded,
    rules: &Rules,
    given: &[Migration],
    contracting: Contracting,
) -> Result<Vec<String>, Error> {
    let left = begin(connection, rules, given)?;
    for migration in &left {
        run(connection, rules, migration, contracting)?;
    }
    Ok(left.into_iter().map(|migration| migration.name).collect())
}

/// Begins the transaction that is the lock, and answers what is left to be applied: it is found out under the lock.
fn begin(
    connection: &Guarded,
    rules: &Rules,
    given: &[Migration],
) -> Result<Vec<Migration>, Error> {
    let failed = |failure: Failure| Error::Database(connection.explain(failure, rules));
    connection.begin(Access::ReadWrite).map_err(failed)?;
    let applied = connection.as_host(applied).map_err(Failure::from);
    plan(&applied.map_err(failed)?, given.to_vec())
}

/// Applies one migration, the first that is left.
fn apply_next(
    connection: &Guarded,
    rules: &Rules,
    given: &[Migration],
    contracting: Contracting,
) -> Result<Option<String>, Error> {
    let failed = |failure: Failure| Error::Database(connection.explain(failure, rules));
    let left = begin(connection, rules, given)?;
    let Some(migration) = left.into_iter().next() else {
        connection.rollback();
        return Ok(None);
    };
    run(connection, rules, &migration, contracting)?;
    let recorded = connection.as_host(|connection| record(connection, &migration));
    recorded.map_err(Failure::from).map_err(failed)?;
    connection.commit().map_err(failed)?;
    Ok(Some(migration.name))
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let mut statement = connection.prepare("SELECT name, checksum FROM stoa_migrations")?;
    let rows = statement.query_map([], |row| {
        Ok(Applied {
            name: row.get(0)?,
            checksum: row.get(1)?,
        })
    })?;
    rows.collect()
}

fn record(connection: &Connection, migration: &Migration) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO stoa_migrations VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))",
        (&migration.name, migration.checksum()),
    )?;
    Ok(())
}

/// Runs the statements of a file.
fn run(
    connection: &Guarded,
    rules: &Rules,
    migration: &Migration,
    contracting: Contracting,
) -> Result<(), Error> {
    let contracts = |what: String| Error::Contracts {
        name: migration.name.clone(),
        what,
        contracting,
    };
    if migration.contracts && contracting == Contracting::Refused {
        return Err(contracts("as `contracting` says".into()));
    }
    let mut watch = Watch::new(connection)
        .map_err(|error| Error::Database(connection.explain(Failure::from(error), rules)))?;
    let mut statements = connection.statements(&migration.text);
    let mut number = 0;
    loop {
        number += 1;
        let rejected = |failure: Failure| Error::Rejected {
            name: migration.name.clone(),
            statement: number,
            source: connection.explain(failure, rules),
        };
        connection.next_statement();
        let statement = statements.next().map_err(Failure::from);
        let Some(mut statement) = statement.map_err(rejected)? else {
            return Ok(());
        };
        if statement.parameter_count() > 0 {
            let message = "a migration has no parameters".into();
            return Err(rejected(Failure::Own(sql::Error::Invalid(message))));
        }
        codec::collect(&mut statement, &mut Room::whole()).map_err(rejected)?;
        drop(statement);
        if migration.contracts {
            continue;
        }
        let taken = watch.look(connection).map_err(Failure::from);
        if let Some(what) = taken.map_err(rejected)? {
            return Err(contracts(format!("in its statement {number}: {what}")));
        }
    }
}

/// Sees what a statement takes away from revisions that run, whatever its text.
struct Watch {
    /// Tables and views before the file.
    first: BTreeSet<String>,
    objects: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
    unique: BTreeSet<(String, String)>,
}

const OBJECTS: &str = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')";
const COLUMNS: &str = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_xinfo(t.name) c WHERE t.type = 'table'";
const UNIQUE: &str = "SELECT t.name, i.name FROM sqlite_schema t, pragma_index_list(t.name) i
    WHERE t.type = 'table' AND i.\"unique\" = 1";

impl Watch {
    fn new(connection: &Guarded) -> rusqlite::Result<Self> {
        let objects = connection.as_host(objects)?;
        Ok(Self {
            first: objects.clone(),
            objects,
            columns: connection.as_host(|connection| pairs(connection, COLUMNS))?,
            unique: connection.as_host(|connection| pairs(connection, UNIQUE))?,
        })
    }

    /// What was taken away since the last look.
    fn look(&mut self, connection: &Guarded) -> rusqlite::Result<Option<String>> {
        let objects = connection.as_host(objects)?;
        // First, because a view on a table that is gone cannot be looked at.
        if let Some(name) = self.objects.difference(&objects).next() {
            return Ok(Some(format!("`{name}` is dropped or renamed")));
        }
        self.objects = objects;
        let columns = connection.as_host(|connection| pairs(connection, COLUMNS))?;
        if let Some((table, column)) = self.columns.difference(&columns).next() {
            let what = format!("the column `{column}` of `{table}` is dropped or renamed");
            return Ok(Some(what));
        }
        self.columns = columns;
        let unique = connection.as_host(|connection| pairs(connection, UNIQUE))?;
        let narrowed = |(table, index): &&(String, String)| {
            self.first.contains(table) && !self.unique.contains(&(table.clone(), index.clone()))
        };
        let what = unique.iter().find(narrowed).map(|(table, index)| {
            format!("the unique index `{index}` forbids rows of `{table}` that were allowed")
        });
        self.unique = unique;
        Ok(what)
    }
}

fn objects(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = connection.prepare(OBJECTS)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

fn pairs(connection: &Connection, text: &str) -> rusqlite::Result<BTreeSet<(String, String)>> {
    let mut statement = connection.prepare(text)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
