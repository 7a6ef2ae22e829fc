//! What a database says, as what a component can act on. Spin passes on SQLite's own words; Stoa's words are those of
//! its own databases.

use crate::error::{ConstraintKind, Error};
use crate::limits::VALUE_BYTES_MAX;
use crate::source::Failure;

/// What SQLite says before the name of a constraint that does not hold.
const CONSTRAINTS: [(&str, ConstraintKind); 4] = [
    ("UNIQUE constraint failed", ConstraintKind::Unique),
    ("NOT NULL constraint failed", ConstraintKind::NotNull),
    ("CHECK constraint failed", ConstraintKind::Check),
    ("FOREIGN KEY constraint failed", ConstraintKind::ForeignKey),
];
/// What Stoa says behind it.
const OURS: [(&str, ConstraintKind); 4] = [
    ("unique", ConstraintKind::Unique),
    ("not null", ConstraintKind::NotNull),
    ("check", ConstraintKind::Check),
    ("foreign key", ConstraintKind::ForeignKey),
];
/// How SQLite begins to say that a statement is wrong. Whatever is not among it may tell of the machine.
const WRONG: [&str; 22] = [
    "near ",
    "no such ",
    "incomplete input",
    "unrecognized token",
    "ambiguous column",
    "duplicate column",
    "wrong number of arguments",
    "misuse of ",
    "datatype mismatch",
    "integer overflow",
    "malformed JSON",
    "bad JSON path",
    "aggregate functions",
    "sub-select returns",
    "row value misused",
    "there is already ",
    "table ",
    "index ",
    "view ",
    "all VALUES must",
    "ON CONFLICT clause",
    "cannot ",
];

impl Failure {
    /// What the component is told of a statement that failed.
    pub(crate) fn explain(self, statement: &str) -> Error {
        match self {
            Self::Denied => Error::Denied("the grant does not allow this".to_owned()),
            Self::Full => Error::Quota("bytes_max"),
            Self::Said(said) => said_by(&said, statement),
        }
    }
}

fn said_by(said: &str, statement: &str) -> Error {
    if let Some(rejected) = said.strip_prefix("statement rejected: ") {
        return Error::invalid(rejected);
    }
    if let Some(limit) = limit(said) {
        return Error::TooLarge(limit);
    }
    // Where SQLite knows the place of a mistake, the whole statement follows.
    let told = said
        .split_once(&format!(" in {statement} at offset "))
        .map_or(said, |(told, _)| told);
    // Other databases that speak SQLite's words put some of their own before them.
    let told = told.strip_prefix("SQLite error: ").unwrap_or(told);
    if let Some(broken) = constraint(told) {
        return broken;
    }
    match told {
        "another transaction was in the way"
        | "database is locked"
        | "database table is locked"
        | "database schema has changed" => Error::Conflict,
        "string or blob too big" => Error::TooLarge(VALUE_BYTES_MAX as u64),
        "attempt to write a readonly database" => {
            Error::Denied("the database may only be read".to_owned())
        }
        _ if told.starts_with("no answer within ") => Error::Deadline,
        _ if WRONG.iter().any(|start| told.starts_with(start)) => Error::invalid(told),
        _ if told.ends_with("may not be modified") => Error::Denied(told.to_owned()),
        _ => {
            eprintln!("the database failed: {said}");
            Error::Unavailable
        }
    }
}

/// The limit that an answer or a value was over.
fn limit(said: &str) -> Option<u64> {
    let ours = said.strip_prefix("larger than the limit of ");
    let spins = || {
        said.strip_prefix("query result exceeds limit of ")?
            .strip_suffix(" bytes")
    };
    ours.or_else(spins)?.parse().ok()
}

fn constraint(told: &str) -> Option<Error> {
    let sqlites = CONSTRAINTS.iter().find_map(|(start, kind)| {
        let name = told.strip_prefix(start)?;
        Some((*kind, name.strip_prefix(": ").unwrap_or_default()))
    });
    let ours = || {
        let said = told.strip_prefix("the constraint `")?;
        let (name, kind) = said.strip_suffix(") does not hold")?.rsplit_once("` (")?;
        let (_, kind) = OURS.iter().find(|(word, _)| *word == kind)?;
        Some((*kind, name))
    };
    let (kind, name) = sqlites.or_else(ours)?;
    Some(Error::Constraint {
        kind,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &str) -> Error {
        Failure::Said(said.to_owned()).explain("SELECT x")
    }

    #[test]
    fn what_may_tell_of_the_machine_is_not_told() {
        for said in [
            "unable to open database file: /srv/app/.spin/sqlite_db.db",
            "disk I/O error",
            "HTTP status 401 from https://db.example/v2",
            "the database is unavailable",
            "",
        ] {
            assert_eq!(told(said), Error::Unavailable, "{said}");
        }
        assert_eq!(Failure::Full.explain(""), Error::Quota("bytes_max"));
    }

    #[test]
    fn constraints_have_their_names() {
        use ConstraintKind::{Check, ForeignKey, NotNull, Unique};
        for (said, kind, name) in [
            ("UNIQUE constraint failed: t.a, t.b", Unique, "t.a, t.b"),
            ("NOT NULL constraint failed: t.a", NotNull, "t.a"),
            ("CHECK constraint failed: a >= 0", Check, "a >= 0"),
            ("FOREIGN KEY constraint failed", ForeignKey, ""),
            ("SQLite error: UNIQUE constraint failed: t.a", Unique, "t.a"),
            ("the constraint `t.a` (unique) does not hold", Unique, "t.a"),
            (
                "the constraint `a > (0)` (check) does not hold",
                Check,
                "a > (0)",
            ),
            (
                "the constraint `` (foreign key) does not hold",
                ForeignKey,
                "",
            ),
            (
                "the constraint `t.a` (not null) does not hold",
                NotNull,
                "t.a",
            ),
        ] {
            let name = name.to_owned();
            assert_eq!(told(said), Error::Constraint { kind, name }, "{said}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_statement() {
        let expected = Error::invalid("no such column: x");
        assert_eq!(told("no such column: x in SELECT x at offset 7"), expected);
        assert_eq!(told("no such column: x"), expected);
        assert_eq!(told("statement rejected: no such column: x"), expected);
    }

    #[test]
    fn limits_and_others_have_their_words() {
        assert_eq!(
            told("larger than the limit of 10000"),
            Error::TooLarge(10_000)
        );
        let spins = "query result exceeds limit of 134217728 bytes";
        assert_eq!(told(spins), Error::TooLarge(134_217_728));
        assert_eq!(told("string or blob too big"), Error::TooLarge(4_194_304));
        assert_eq!(told("database is locked"), Error::Conflict);
        assert_eq!(told("no answer within 10s"), Error::Deadline);
    }
}
