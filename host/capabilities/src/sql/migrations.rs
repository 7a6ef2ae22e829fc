//! Migrations of a database: which are to be applied, and why a set of them is refused. No file is read here.
//!
//! Revisions run side by side, so a migration may only add, unless it is flagged; a backend tells what it took away by
//! looking at the schema, not at the text.

use aws_lc_rs::digest;

/// One file of a component's migrations. They are applied in the order of their names, each once for a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The file's name, `0001-orders.sql`.
    pub name: String,
    /// SQL statements, run in one transaction.
    pub text: String,
    /// Whether it may take away what revisions that run now may use.
    pub contracts: bool,
}

/// What is done with migrations that take something away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contracting {
    /// Those that are flagged are applied: nothing else uses the schema, or it is known not to need what goes.
    Allowed,
    /// All are refused, flagged or not: an older release uses the schema.
    Refused,
}

impl Contracting {
    fn advice(self) -> &'static str {
        match self {
            Self::Allowed => "if no revision that runs needs it, list the file under `contracting`",
            Self::Refused => "an older release still uses the schema",
        }
    }
}

impl Migration {
    /// SHA-256 of the text, in hexadecimal digits: what tells whether an applied file was changed.
    pub fn checksum(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.text.as_bytes());
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}

/// A migration that a database has recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The file's name.
    pub name: String,
    /// Its checksum when it was applied.
    pub checksum: String,
}

/// Why migrations were not applied. Those before the named file were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two files have one name.
    #[error("the migration `{name}` is given twice")]
    Twice {
        /// The file.
        name: String,
    },
    /// An applied file is not what it was.
    #[error("the migration `{name}` was changed after it was applied; add a new file instead")]
    Changed {
        /// The file.
        name: String,
    },
    /// A file was applied that is not given, although later ones are.
    #[error("the migration `{name}` was applied, but is missing")]
    Missing {
        /// The file.
        name: String,
    },
    /// A file that was not applied comes before one that was.
    #[error("the migration `{name}` comes before `{applied}`, which was applied already")]
    Late {
        /// The file.
        name: String,
        /// The last file that was applied.
        applied: String,
    },
    /// It takes something away and is not flagged, or may not even so.
    #[error("the migration `{name}` contracts {what}; {}", contracting.advice())]
    Contracts {
        /// The file.
        name: String,
        /// Where it does, and what it takes away.
        what: String,
        /// What was to be done with such files.
        contracting: Contracting,
    },
    /// The database rejects a statement.
    #[error("the migration `{name}` fails in its statement {statement}")]
    Rejected {
        /// The file.
        name: String,
        /// Which statement of the file, from 1.
        statement: usize,
        /// Why.
        #[source]
        source: super::Error,
    },
    /// The database could not be reached, or failed.
    #[error("the database failed")]
    Database(#[from] super::Error),
}

/// The migrations that are still to be applied, in order.
///
/// A set that ends before the last applied one is that of an older revision and in order: later files only added.
///
/// # Errors
/// The first file, in the order of names, that speaks against the whole set.
pub fn plan(applied: &[Applied], mut given: Vec<Migration>) -> Result<Vec<Migration>, Error> {
    given.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in given.windows(2) {
        if pair[0].name == pair[1].name {
            let name = pair[0].name.clone();
            return Err(Error::Twice { name });
        }
    }
    let Some(last) = given.last().map(|migration| migration.name.clone()) else {
        return Ok(given);
    };
    for applied in applied.iter().filter(|applied| applied.name <= last) {
        unchanged(applied, &given)?;
    }
    let newest = applied.iter().map(|applied| &applied.name).max();
    given.retain(|migration| applied.iter().all(|applied| applied.name != migration.name));
    match (given.first(), newest) {
        (Some(first), Some(newest)) if first.name < *newest => Err(Error::Late {
            name: first.name.clone(),
            applied: newest.clone(),
        }),
        _ => Ok(given),
    }
}

fn unchanged(applied: &Applied, given: &[Migration]) -> Result<(), Error> {
    let name = applied.name.clone();
    match given.iter().find(|migration| migration.name == name) {
        None => Err(Error::Missing { name }),
        Some(migration) if migration.checksum() != applied.checksum => Err(Error::Changed { name }),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Migration {
        Migration {
            name: name.into(),
            text: format!("CREATE TABLE \"{name}\" (id BIGINT)"),
            contracts: false,
        }
    }

    fn applied(names: &[&str]) -> Vec<Applied> {
        let files = names.iter().map(|name| Applied {
            name: (*name).into(),
            checksum: file(name).checksum(),
        });
        files.collect()
    }

    fn planned(before: &[&str], given: &[&str]) -> Result<Vec<String>, Error> {
        let given = given.iter().map(|name| file(name)).collect();
        let plan = plan(&applied(before), given)?;
        Ok(plan.into_iter().map(|migration| migration.name).collect())
    }

    #[test]
    fn a_changed_file_is_refused_by_its_name() {
        let mut changed = file("1");
        changed.text.push(' ');
        let outcome = plan(&applied(&["1"]), vec![changed, file("2")]);
        assert_eq!(outcome, Err(Error::Changed { name: "1".into() }));
    }

    #[test]
    fn a_missing_file_is_refused_by_its_name() {
        let outcome = planned(&["1", "2"], &["2", "3"]);
        assert_eq!(outcome, Err(Error::Missing { name: "1".into() }));
    }

    #[test]
    fn a_file_before_an_applied_one_is_refused() {
        let late = Error::Late {
            name: "1".into(),
            applied: "2".into(),
        };
        assert_eq!(planned(&["2"], &["1", "2"]), Err(late));
    }

    #[test]
    fn a_name_that_is_given_twice_is_refused() {
        let outcome = planned(&[], &["1", "1"]);
        assert_eq!(outcome, Err(Error::Twice { name: "1".into() }));
    }

    #[test]
    fn what_was_not_applied_is_planned_in_the_order_of_names() {
        assert_eq!(
            planned(&["1"], &["3", "1", "2"]),
            Ok(vec!["2".into(), "3".into()])
        );
    }

    #[test]
    fn an_older_revision_has_nothing_to_apply() {
        assert_eq!(planned(&["1", "2"], &["1"]), Ok(vec![]));
        assert_eq!(planned(&["1", "2"], &[]), Ok(vec![]));
    }

    #[test]
    fn the_checksum_is_sha_256() {
        let empty = Migration {
            text: String::new(),
            ..file("1")
        };
        assert_eq!(
            empty.checksum(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
