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
    /// What each document had of it, and has in the end.
    postings: BTreeMap<i64, Change>,
}

/// What became of one term in one document; `None` where it does not have it.
#[derive(Default)]
struct Change {
    was: Option<Posting>,
    is: Option<Posting>,
}

impl Postings {
    /// A document has these terms.
    pub(super) fn add(&mut self, document: i64, terms: Terms) {
        let words = terms.words;
        for (term, weight) in terms.weights {
            let posting = Posting { weight, words };
            let term = self.term(term);
            term.documents += 1;
            term.postings.entry(document).or_default().is = Some(posting);
        }
    }

    /// A document has these terms no longer. What it had before the first change is what is stored.
    pub(super) fn remove(&mut self, document: i64, terms: Terms) {
        let words = terms.words;
        for (term, weight) in terms.weights {
            let was = Some(Posting { weight, words });
            let term = self.term(term);
            term.documents -= 1;
            let change = term.postings.entry(document);
            change.or_insert(Change { was, is: None }).is = None;
        }
    }

    fn term(&mut self, term: String) -> &mut Term {
        self.gathered += 1;
        self.terms.entry(term).or_default()
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
        for (term, mut changed) in std::mem::take(&mut self.terms) {
            // Most changes of a document leave its words as they are: what is stored of them already is not written again.
            changed.postings.retain(|_, change| change.was != change.is);
            if changed.postings.is_empty() {
                continue;
            }
            let number = count(connection, collection, &term, changed.documents)?;
            let is_lost = changed.postings.values().all(|change| change.is.is_none());
            for (document, change) in changed.postings {
                put(connection, collection, number, document, change.is)?;
            }
            if is_lost {
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
