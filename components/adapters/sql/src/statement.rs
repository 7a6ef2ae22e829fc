//! What a statement does, by its first words, and its parameters in a form that SQLite counts as the interface does.
//!
//! Nothing is allowed here because of what it does further on: SQLite decides that. What is read here is only what the
//! host's guard knows and Spin does not tell: whether it reads, and whether any component may do it.

use crate::error::Error;
use crate::limits::PARAMETERS_MAX;
use crate::scanner::{Piece, Scanner};

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Reads, and cannot do anything else.
    Reads,
    Inserts,
    /// Updates or deletes.
    Changes,
    /// Creates, alters or drops.
    Defines,
}

/// One statement, ready for SQLite.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) deed: Deed,
    /// With `?1` where `$1` was.
    pub(crate) text: String,
}

/// What no component may begin a statement with.
const FORBIDDEN: [&str; 14] = [
    "ANALYZE",
    "ATTACH",
    "BEGIN",
    "COMMIT",
    "DETACH",
    "END",
    "EXPLAIN",
    "PRAGMA",
    "REINDEX",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
    "VACUUM",
];

impl Statement {
    /// Reads exactly one statement that takes `given` parameters.
    pub(crate) fn read(text: &str, given: usize) -> Result<Self, Error> {
        if text.contains('\0') {
            // SQLite ends there, and would leave out the rest.
            return Err(Error::invalid(
                "a statement has no character with the number 0",
            ));
        }
        let pieces: Vec<_> = Scanner::new(text).collect();
        let words: Vec<_> = pieces.iter().filter(|piece| !is_blank(piece)).collect();
        let first = words.iter().take_while(|piece| !is_end(piece)).count();
        if first == 0 {
            return Err(Error::invalid("there is no statement in it"));
        }
        let deed = deed(&words[..first])?;
        if !words[first..].iter().all(|piece| is_end(piece)) {
            return Err(Error::invalid("one call runs one statement"));
        }
        let text = numbered(&pieces, given)?;
        Ok(Self { deed, text })
    }
}

fn is_blank(piece: &Piece<'_>) -> bool {
    matches!(piece, Piece::Blank(_))
}

fn is_end(piece: &Piece<'_>) -> bool {
    *piece == Piece::Sign(';')
}

fn is(piece: Option<&&Piece<'_>>, word: &str) -> bool {
    matches!(piece, Some(Piece::Word(found)) if found.eq_ignore_ascii_case(word))
}

fn is_any(piece: Option<&&Piece<'_>>, words: &[&str]) -> bool {
    words.iter().any(|word| is(piece, word))
}

fn deed(words: &[&Piece<'_>]) -> Result<Deed, Error> {
    let first = words.first();
    if is_any(first, &FORBIDDEN) {
        return Err(Error::Denied("no component may do this".to_owned()));
    }
    if is_any(first, &["CREATE", "DROP", "ALTER"]) {
        return definition(words);
    }
    let main = match is(first, "WITH") {
        true => behind_tables(words),
        false => first,
    };
    match main {
        _ if is_any(main, &["SELECT", "VALUES"]) => Ok(Deed::Reads),
        _ if is_any(main, &["INSERT", "REPLACE"]) => Ok(Deed::Inserts),
        _ if is_any(main, &["UPDATE", "DELETE"]) => Ok(Deed::Changes),
        Some(Piece::Word(word)) => {
            // As much as helps: it is the component's own text.
            let word: String = word.chars().take(40).collect();
            Err(Error::invalid(format!("near \"{word}\": syntax error")))
        }
        _ => Err(Error::invalid("a statement begins with a word")),
    }
}

fn definition(words: &[&Piece<'_>]) -> Result<Deed, Error> {
    let kind = words.get(1);
    if is_any(kind, &["TEMP", "TEMPORARY", "VIRTUAL"]) {
        return Err(Error::Denied("no component may do this".to_owned()));
    }
    // Its body has statements of its own, whose end is not the end.
    match is(words.first(), "CREATE") && is(kind, "TRIGGER") {
        true => Err(Error::not_portable("a trigger")),
        false => Ok(Deed::Defines),
    }
}

/// The word behind `WITH [RECURSIVE] name [(…)] AS [[NOT] MATERIALIZED] (…), …`.
fn behind_tables<'w, 't>(words: &'w [&'w Piece<'t>]) -> Option<&'w &'w Piece<'t>> {
    let mut at = 1 + usize::from(is(words.get(1), "RECURSIVE"));
    loop {
        // Its name.
        words.get(at)?;
        at = behind_group(words, at + 1).unwrap_or(at + 1);
        if !is(words.get(at), "AS") {
            return None;
        }
        at += 1;
        at += usize::from(is(words.get(at), "NOT"));
        at += usize::from(is(words.get(at), "MATERIALIZED"));
        at = behind_group(words, at)?;
        match words.get(at) {
            Some(Piece::Sign(',')) => at += 1,
            main => return main,
        }
    }
}

/// Where it goes on behind parentheses that begin here.
fn behind_group(words: &[&Piece<'_>], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, piece) in words.iter().enumerate().skip(start) {
        match piece {
            Piece::Sign('(') => depth += 1,
            Piece::Sign(')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > start).then_some(at + 1);
        }
    }
    None
}

/// The text with each parameter as SQLite counts it, if as many are given as it names.
fn numbered(pieces: &[Piece<'_>], given: usize) -> Result<String, Error> {
    let (mut text, mut highest) = (String::new(), 0);
    for piece in pieces {
        match piece {
            Piece::Parameter(name) => {
                let number = number(name)
                    .ok_or_else(|| Error::invalid("parameters are written `$1`, `$2` and so on"))?;
                if number > given {
                    return Err(Error::invalid(format!(
                        "there is no parameter ${number}, {given} are given"
                    )));
                }
                highest = highest.max(number);
                text.push('?');
                text.push_str(&number.to_string());
            }
            Piece::Blank(part) | Piece::Word(part) | Piece::Quoted(part) => text.push_str(part),
            Piece::Sign(sign) => text.push(*sign),
        }
    }
    match highest == given {
        true => Ok(text),
        false => Err(Error::invalid(format!(
            "the statement has {highest} parameters, {given} are given"
        ))),
    }
}

fn number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix('$')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| plain)?;
    (1..=PARAMETERS_MAX).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed_of(text: &str) -> Result<Deed, Error> {
        Statement::read(text, 0).map(|statement| statement.deed)
    }

    #[test]
    fn what_no_component_may_do_is_denied() {
        for word in FORBIDDEN {
            for text in [
                format!("{word} x"),
                format!("/* SELECT */ {}", word.to_lowercase()),
            ] {
                assert!(matches!(deed_of(&text), Err(Error::Denied(_))), "{text}");
            }
        }
        for text in [
            "CREATE TEMP TABLE t (a)",
            "create temporary view v as select 1",
            "CREATE VIRTUAL TABLE t USING fts5(a)",
        ] {
            assert!(matches!(deed_of(text), Err(Error::Denied(_))), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_statement_is_invalid() {
        for text in [
            "",
            " -- nothing",
            ";",
            "SELECT 1; SELECT 2",
            "SELECT 1;; DROP TABLE t",
            "SELEC 1",
            "(SELECT 1)",
            "WITH",
            "WITH t",
            "WITH t AS SELECT 1",
            "WITH t AS (SELECT 1",
            "WITH t AS (SELECT 1)",
            "WITH t AS (SELECT 1) DROP TABLE t",
            "SELECT 1\0; DROP TABLE t",
        ] {
            assert!(matches!(deed_of(text), Err(Error::Invalid(_))), "{text}");
        }
        assert_eq!(deed_of("SELECT 1 ; -- done\n;"), Ok(Deed::Reads));
        assert_eq!(deed_of("SELECT ';' /*;*/"), Ok(Deed::Reads));
    }

    #[test]
    fn what_changes_something_never_reads() {
        for (text, deed) in [
            ("SELECT 1", Deed::Reads),
            ("values (1)", Deed::Reads),
            ("/* a */ -- b\n select 1", Deed::Reads),
            ("INSERT INTO t VALUES (1) RETURNING a", Deed::Inserts),
            ("REPLACE INTO t VALUES (1)", Deed::Inserts),
            ("update t SET a = (SELECT 1)", Deed::Changes),
            ("DELETE FROM t", Deed::Changes),
            ("WITH t AS (SELECT 1) SELECT * FROM t", Deed::Reads),
            (
                "WITH RECURSIVE t(a, b) AS NOT MATERIALIZED (SELECT (1), ')'), u AS (VALUES (1)) SELECT 1",
                Deed::Reads,
            ),
            ("WITH \"select\" AS (SELECT 1) DELETE FROM t", Deed::Changes),
            (
                "WITH t AS (SELECT 1) INSERT INTO u SELECT * FROM t",
                Deed::Inserts,
            ),
            (
                "WITH t AS MATERIALIZED (SELECT 1) UPDATE u SET a = 1",
                Deed::Changes,
            ),
            ("CREATE TABLE t (a)", Deed::Defines),
            ("DROP TRIGGER t", Deed::Defines),
            ("ALTER TABLE t ADD COLUMN b", Deed::Defines),
        ] {
            assert_eq!(deed_of(text), Ok(deed), "{text}");
        }
    }

    #[test]
    fn triggers_are_refused() {
        let text = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END";
        let refused = deed_of(text);
        assert!(matches!(
            refused,
            Err(Error::Other {
                code: "not-portable",
                ..
            })
        ));
    }

    #[test]
    fn parameters_are_those_that_are_given() {
        let read = |text: &str, given| Statement::read(text, given).map(|read| read.text);
        let several = read("SELECT $2, $1, '$3', $2 -- $4", 2);
        assert_eq!(several, Ok("SELECT ?2, ?1, '$3', ?2 -- $4".to_owned()));
        for (text, given) in [
            ("SELECT $1", 0),
            ("SELECT $1", 2),
            ("SELECT 1", 1),
            ("SELECT $2", 1),
            ("SELECT $0", 0),
            ("SELECT $1a", 1),
            ("SELECT $", 1),
            ("SELECT ?", 1),
            ("SELECT ?1", 1),
            ("SELECT :a", 1),
            ("SELECT @a", 1),
            ("SELECT $99999999999999999999", 1),
            ("SELECT $32767", 32_767),
        ] {
            assert!(
                matches!(read(text, given), Err(Error::Invalid(_))),
                "{text}"
            );
        }
    }
}
