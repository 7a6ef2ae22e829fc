//! What a search finds, and what each document is worth. There is no index of words: all documents of the collection are
//! read, with the same words and the same worth as in the host.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use stoa_documents::Error as Documents;
use stoa_documents::search::{self, EXPANSIONS_MAX, Meeting, Posting, Statistics, Wanted};
use stoa_manifest::grants::documents::Collection;

use crate::error::Error;
use crate::look::Stored;

/// What a search asks for; nothing where none was asked for, or for no words, which every document has.
pub(crate) fn wanted(
    collection: &Collection,
    text: Option<&str>,
) -> Result<Option<Vec<Wanted>>, Error> {
    let Some(text) = text else {
        return Ok(None);
    };
    if collection.search.is_empty() {
        return Err(Documents::invalid("no field of this collection is searched").into());
    }
    let words = search::wanted(text);
    Ok((!words.is_empty()).then_some(words))
}

/// What each document is worth that has every word, by its place among all.
pub(crate) fn rank(
    collection: &Collection,
    words: &[Wanted],
    documents: &[Stored],
) -> Result<BTreeMap<usize, f64>, Error> {
    let mut vocabulary = Vocabulary::new(words);
    let mut met = Vec::new();
    for (place, document) in documents.iter().enumerate() {
        let terms = search::terms(&collection.search, &document.json()?);
        vocabulary.words += u64::from(terms.words);
        let postings = vocabulary.postings(&terms);
        if !postings.is_empty() {
            met.push((place, postings));
        }
    }
    let statistics = Statistics {
        documents: documents.len() as u64,
        words: vocabulary.words,
    };
    let words: Vec<_> = (0..words.len())
        .map(|word| Word::new(&vocabulary, word))
        .collect();
    Ok(met
        .into_iter()
        .filter_map(|(place, postings)| Some((place, worth(statistics, &words, &postings)?)))
        .collect())
}

/// A term of a document that meets a word.
struct Met {
    term: usize,
    posting: Posting,
}

/// A term that meets a word of the search.
struct Term {
    text: String,
    /// The words that it meets.
    meetings: Vec<(usize, Meeting)>,
    documents: u64,
}

/// The terms of a collection. Of those that meet no word, only that they do not.
struct Vocabulary<'w> {
    wanted: &'w [Wanted],
    known: HashMap<String, Option<usize>>,
    terms: Vec<Term>,
    /// Of all documents.
    words: u64,
}

impl<'w> Vocabulary<'w> {
    fn new(wanted: &'w [Wanted]) -> Self {
        Self {
            wanted,
            known: HashMap::new(),
            terms: Vec::new(),
            words: 0,
        }
    }

    /// The terms of one document that meet a word.
    fn postings(&mut self, document: &search::Terms) -> Vec<Met> {
        let mut postings = Vec::new();
        for (text, weight) in &document.weights {
            let Some(term) = self.term(text) else {
                continue;
            };
            self.terms[term].documents += 1;
            let posting = Posting {
                weight: *weight,
                words: document.words,
            };
            postings.push(Met { term, posting });
        }
        postings
    }

    /// The number of a term that meets a word.
    fn term(&mut self, text: &str) -> Option<usize> {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let words = self.wanted.iter().enumerate();
        let meetings: Vec<_> = words
            .filter_map(|(word, wanted)| Some((word, Meeting::of(text, wanted)?)))
            .collect();
        let number = (!meetings.is_empty()).then_some(self.terms.len());
        if number.is_some() {
            self.terms.push(Term {
                text: text.to_owned(),
                meetings,
                documents: 0,
            });
        }
        self.known.insert(text.to_owned(), number);
        number
    }
}

/// A word with all that it stands for.
struct Word {
    expansions: HashMap<usize, Meeting>,
    /// The documents of all its terms; those that have two of them count twice.
    found: u64,
}

impl Word {
    /// The terms that a word stands for: whole words first, then the most frequent ones.
    fn new(vocabulary: &Vocabulary<'_>, word: usize) -> Self {
        let terms = vocabulary.terms.iter().enumerate();
        let mut met: Vec<_> = terms
            .filter_map(|(number, term)| {
                let meeting = term.meetings.iter().find(|(met, _)| *met == word)?.1;
                Some((number, term, meeting))
            })
            .collect();
        met.sort_by(|(_, left, left_meeting), (_, right, right_meeting)| {
            let rank = |term: &Term, meeting: Meeting| {
                (meeting != Meeting::Whole, Reverse(term.documents))
            };
            rank(left, *left_meeting)
                .cmp(&rank(right, *right_meeting))
                .then_with(|| left.text.cmp(&right.text))
        });
        met.truncate(EXPANSIONS_MAX);
        Self {
            found: met.iter().map(|(_, term, _)| term.documents).sum(),
            expansions: met
                .into_iter()
                .map(|(number, _, meeting)| (number, meeting))
                .collect(),
        }
    }

    /// What a document is worth that has it: that of its best term.
    fn worth(&self, statistics: Statistics, postings: &[Met]) -> Option<f64> {
        let scores = postings.iter().filter_map(|met| {
            let meeting = *self.expansions.get(&met.term)?;
            Some(search::score(statistics, self.found, meeting, met.posting))
        });
        scores.reduce(f64::max)
    }
}

fn worth(statistics: Statistics, words: &[Word], postings: &[Met]) -> Option<f64> {
    let worth = words
        .iter()
        .map(|word| word.worth(statistics, postings))
        .sum::<Option<f64>>()?;
    // What the order of adding makes of the last digits is no difference.
    Some((worth * 1e6).round() / 1e6)
}
