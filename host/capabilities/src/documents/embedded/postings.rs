//! Changes of the search index, gathered and then written in the order of the terms: one call's documents share terms,
//! and neighbours in the table are written together.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::schema::Collection;
use crate::documents::search::{self, Posting, Terms};

/// Gathered changes are written when there are so many.
const GATHERED_MAX: usize = 100_000;

/// What changed since the last time it was written.
#[derive(Default)]
pub(super) struct Postings {
    terms: BTreeMap<String, Term>,
    gathered: usize,
}

/// Changes of one term.
#[derive(Default)]
struct Term {
    /// Documents more or less.
    documents: i64,
    /// What each document has of it in the end; `None` where it has it no longer.
    postings: BTreeMap<i64, Option<Posting>>,
}

impl Postings {
    /// A document has these terms.
    pub(super) fn add(&mut self, document: i64, terms: Terms) {
        let words = terms.words;
        for (term, weight) in terms.weights {
            let posting = Posting { weight, words };
            self.change(term, document, 1, Some(posting));
        }
    }

    /// A document has these terms no longer.
    pub(super) fn remove(&mut self, document: i64, terms: Terms) {
        for term in terms.weights.into_keys() {
            self.change(term, document, -1, None);
        }
    }

    fn change(&mut self, term: String, document: i64, by: i64, posting: Option<Posting>) {
        let term = self.terms.entry(term).or_default();
        term.documents += by;
        term.postings.insert(document, posting);
        self.gathered += 1;
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.gathered >= GATHERED_MAX
    }

    /// Writes what was gathered, and starts anew.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        collection: &Collection,
    ) -> rusqlite::Result<()> {
        self.gathered = 0;
        for (term, change) in std::mem::take(&mut self.terms) {
            let number = count(connection, collection, &term, change.documents)?;
            for (document, posting) in change.postings {
                put(connection, collection, number, document, posting)?;
            }
            if change.documents < 0 {
                forget_if_unused(connection, collection, number, &term)?;
            }
        }
        Ok(())
    }
}

/// Counts the documents of a term, and answers its number.
fn count(
    connection: &Connection,
    collection: &Collection,
    term: &str,
    documents: i64,
) -> rusqlite::Result<i64> {
    let terms = collection.table("terms");
    let known: Option<i64> = connection
        .prepare_cached(&format!(
            "UPDATE {terms} SET documents = documents + ?2 WHERE term = ?1 RETURNING number"
        ))?
        .query_row((term, documents), |row| row.get(0))
        .optional()?;
    match known {
        Some(number) => Ok(number),
        None => learn(connection, collection, term, documents),
    }
}

fn learn(
    connection: &Connection,
    collection: &Collection,
    term: &str,
    documents: i64,
) -> rusqlite::Result<i64> {
    let (terms, variants) = (collection.table("terms"), collection.table("variants"));
    connection
        .prepare_cached(&format!(
            "INSERT INTO {terms} (term, documents) VALUES (?1, ?2)"
        ))?
        .execute((term, documents))?;
    let number = connection.last_insert_rowid();
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO {variants} (variant, term) VALUES (?1, ?2)"
    ))?;
    for variant in search::variants(term) {
        statement.execute((variant, number))?;
    }
    Ok(number)
}

fn put(
    connection: &Connection,
    collection: &Collection,
    term: i64,
    document: i64,
    posting: Option<Posting>,
) -> rusqlite::Result<()> {
    let postings = collection.table("postings");
    match posting {
        Some(Posting { weight, words }) => connection
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO {postings} (term, document, weight, words) VALUES (?1, ?2, ?3, ?4)"
            ))?
            .execute((term, document, weight, words))?,
        None => connection
            .prepare_cached(&format!(
                "DELETE FROM {postings} WHERE term = ?1 AND document = ?2"
            ))?
            .execute((term, document))?,
    };
    Ok(())
}

/// A term without documents goes, with its variants.
fn forget_if_unused(
    connection: &Connection,
    collection: &Collection,
    number: i64,
    term: &str,
) -> rusqlite::Result<()> {
    let (terms, variants) = (collection.table("terms"), collection.table("variants"));
    let gone = connection
        .prepare_cached(&format!(
            "DELETE FROM {terms} WHERE number = ?1 AND documents <= 0"
        ))?
        .execute([number])?;
    if gone == 0 {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(&format!(
        "DELETE FROM {variants} WHERE variant = ?1 AND term = ?2"
    ))?;
    for variant in search::variants(term) {
        statement.execute((variant, number))?;
    }
    Ok(())
}
