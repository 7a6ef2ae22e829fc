//! What a search finds, and what each document is worth.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};

use super::schema::Collection;
use crate::documents::search::{self, EXPANSIONS_MAX, Meeting, Posting, Statistics, Wanted};

/// A document that has every word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) number: i64,
    pub(super) rank: f64,
}

/// A term that a word stands for.
struct Expansion {
    term: i64,
    documents: u64,
    meeting: Meeting,
}

/// A word with all it stands for.
struct Word {
    expansions: Vec<Expansion>,
    /// The documents of all its terms; those that have two of them count twice.
    found: u64,
}

/// Documents with what they are worth so far.
type Worth = HashMap<i64, f64>;

/// The documents that have all words, by number.
pub(super) fn rank(
    connection: &Connection,
    collection: &Collection,
    wanted: &[Wanted],
) -> rusqlite::Result<Vec<Ranked>> {
    let statistics = statistics(connection, collection)?;
    let words = wanted
        .iter()
        .map(|word| expand(connection, collection, word));
    let mut words = words.collect::<rusqlite::Result<Vec<_>>>()?;
    // The rarest word leaves the fewest documents to look at.
    words.sort_by_key(|word| word.found);
    let mut known: Option<Worth> = None;
    for word in &words {
        let worth = meet(connection, collection, statistics, word, known.as_ref())?;
        known = Some(match known {
            None => worth,
            Some(known) => added(worth, &known),
        });
    }
    let ranked = known.unwrap_or_default().into_iter();
    let mut ranked: Vec<_> = ranked
        .map(|(number, rank)| Ranked {
            number,
            // What the order of adding makes of the last digits is no difference.
            rank: (rank * 1e6).round() / 1e6,
        })
        .collect();
    ranked.sort_unstable_by_key(|ranked| ranked.number);
    Ok(ranked)
}

/// What all documents of a collection are together.
pub(super) fn statistics(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<Statistics> {
    connection
        .prepare_cached("SELECT documents, words FROM collections WHERE name = ?1")?
        .query_row([&collection.name], |row| {
            Ok(Statistics {
                documents: row.get::<_, i64>(0)?.cast_unsigned(),
                words: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })
}

/// The documents of a word that have the words before it, too.
fn added(worth: Worth, known: &Worth) -> Worth {
    let both = worth.into_iter();
    both.filter_map(|(number, worth)| Some((number, worth + known.get(&number)?)))
        .collect()
}

/// The terms that a word stands for: whole words first, then the most frequent ones.
fn expand(
    connection: &Connection,
    collection: &Collection,
    wanted: &Wanted,
) -> rusqlite::Result<Word> {
    let mut terms = BTreeMap::new();
    let mut add = |number: i64, term: &str, documents: i64| {
        if let Some(meeting) = Meeting::of(term, wanted) {
            let documents = documents.cast_unsigned();
            terms.insert(
                number,
                Expansion {
                    term: number,
                    documents,
                    meeting,
                },
            );
        }
    };
    starting(connection, collection, wanted, &mut add)?;
    if search::has_typos(&wanted.word) {
        near(connection, collection, &wanted.word, &mut add)?;
    }
    let mut expansions: Vec<_> = terms.into_values().collect();
    expansions.sort_by_key(|expansion| {
        let is_whole = expansion.meeting == Meeting::Whole;
        (!is_whole, std::cmp::Reverse(expansion.documents))
    });
    expansions.truncate(EXPANSIONS_MAX);
    let found = expansions.iter().map(|expansion| expansion.documents).sum();
    Ok(Word { expansions, found })
}

/// The word itself, and those that start with it where it is the start of a word.
fn starting(
    connection: &Connection,
    collection: &Collection,
    wanted: &Wanted,
    add: &mut impl FnMut(i64, &str, i64),
) -> rusqlite::Result<()> {
    let terms = collection.table("terms");
    // No word has the last character there is.
    let end = match wanted.is_start {
        true => format!("{}\u{10ffff}", wanted.word),
        false => wanted.word.clone(),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT number, term, documents FROM {terms} WHERE term BETWEEN ?1 AND ?2
         ORDER BY term != ?1, documents DESC, number LIMIT ?3"
    ))?;
    let mut rows = statement.query((&wanted.word, &end, EXPANSIONS_MAX as i64))?;
    while let Some(row) = rows.next()? {
        add(row.get(0)?, row.get_ref(1)?.as_str()?, row.get(2)?);
    }
    Ok(())
}

/// Terms that share a variant with the word.
fn near(
    connection: &Connection,
    collection: &Collection,
    word: &str,
    add: &mut impl FnMut(i64, &str, i64),
) -> rusqlite::Result<()> {
    let (terms, variants) = (collection.table("terms"), collection.table("variants"));
    let mut statement = connection.prepare_cached(&format!(
        "SELECT t.number, t.term, t.documents FROM {variants} AS v JOIN {terms} AS t ON t.number = v.term
         WHERE v.variant = ?1"
    ))?;
    for variant in search::variants(word) {
        let mut rows = statement.query([variant])?;
        while let Some(row) = rows.next()? {
            add(row.get(0)?, row.get_ref(1)?.as_str()?, row.get(2)?);
        }
    }
    Ok(())
}

/// The documents that have a word, with what it is worth: that of its best term. Of documents that are known to have the
/// words before, only those count; where they are few, they are looked up one by one.
fn meet(
    connection: &Connection,
    collection: &Collection,
    statistics: Statistics,
    word: &Word,
    known: Option<&Worth>,
) -> rusqlite::Result<Worth> {
    let mut worth = Worth::new();
    let mut add = |expansion: &Expansion, number: i64, posting: Posting| {
        if known.is_none_or(|known| known.contains_key(&number)) {
            let score = search::score(statistics, word.found, expansion.meeting, posting);
            let best = worth.entry(number).or_insert(score);
            *best = best.max(score);
        }
    };
    let look_ups = known.map(|known| known.len().saturating_mul(word.expansions.len()) as u64);
    for expansion in &word.expansions {
        match known {
            Some(known) if look_ups.is_some_and(|count| count < word.found) => {
                for number in known.keys() {
                    if let Some(posting) = posting(connection, collection, expansion, *number)? {
                        add(expansion, *number, posting);
                    }
                }
            }
            _ => scan(connection, collection, expansion, &mut add)?,
        }
    }
    Ok(worth)
}

fn posting(
    connection: &Connection,
    collection: &Collection,
    expansion: &Expansion,
    number: i64,
) -> rusqlite::Result<Option<Posting>> {
    let postings = collection.table("postings");
    connection
        .prepare_cached(&format!(
            "SELECT weight, words FROM {postings} WHERE term = ?1 AND document = ?2"
        ))?
        .query_row((expansion.term, number), |row| {
            Ok(Posting {
                weight: row.get(0)?,
                words: row.get(1)?,
            })
        })
        .optional()
}

fn scan(
    connection: &Connection,
    collection: &Collection,
    expansion: &Expansion,
    add: &mut impl FnMut(&Expansion, i64, Posting),
) -> rusqlite::Result<()> {
    let postings = collection.table("postings");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT document, weight, words FROM {postings} WHERE term = ?1"
    ))?;
    let mut rows = statement.query([expansion.term])?;
    while let Some(row) = rows.next()? {
        let posting = Posting {
            weight: row.get(1)?,
            words: row.get(2)?,
        };
        add(expansion, row.get(0)?, posting);
    }
    Ok(())
}
