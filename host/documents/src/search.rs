//! What text search takes for a word, which words meet, and what a meeting is worth. Host code, the same for every
//! backend: a backend stores terms, their variants and their postings, and looks them up.
//!
//! A typo is found without a look at the vocabulary: of two words that are one edit apart, a variant of one (itself, or
//! with one letter left out) is a variant of the other. Variants are stored as numbers; what they find is held against
//! the words themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::key;

/// Changes when words are made in another way: what was stored before is then made anew.
pub const FORMAT: u32 = 2;
/// A longer word is cut to so many bytes.
pub const WORD_BYTES_MAX: usize = 64;
/// So many words of a document are searched.
pub const DOCUMENT_WORDS_MAX: usize = 2000;
/// So many words of a search text count.
pub const QUERY_WORDS_MAX: usize = 16;
/// A word of a search stands for at most so many terms, the most frequent ones.
pub const EXPANSIONS_MAX: usize = 256;
/// Shorter words of a search have to be right.
pub const TYPO_LETTERS_MIN: usize = 4;

/// The words of a text: lower case, without accents, letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    // What is no letter parts words before it is taken apart: a trade mark sign would become two letters of its word. And
    // the case goes last: some letters are taken apart into capitals.
    let part = |letter: char| match letter.is_alphanumeric() || is_combining_mark(letter) {
        true => letter,
        false => ' ',
    };
    let mut letters = text
        .chars()
        .map(part)
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase);
    std::iter::from_fn(move || {
        let mut word = String::from(letters.find(|letter| letter.is_alphanumeric())?);
        let rest = letters
            .by_ref()
            .take_while(|letter| letter.is_alphanumeric());
        rest.for_each(|letter| {
            if word.len() + letter.len_utf8() <= WORD_BYTES_MAX {
                word.push(letter);
            }
        });
        Some(word)
    })
}

/// A word that a search asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The word.
    pub word: String,
    /// Whether it may be the start of another: it is the last of its text.
    pub is_start: bool,
}

/// What a search asks for, each word once; nothing where the text has no words.
pub fn wanted(text: &str) -> Vec<Wanted> {
    let mut seen = BTreeSet::new();
    let mut wanted: Vec<_> = words(text).take(QUERY_WORDS_MAX).collect();
    let last = wanted.len().saturating_sub(1);
    wanted
        .drain(..)
        .enumerate()
        .filter(|(_, word)| seen.insert(word.clone()))
        .map(|(at, word)| Wanted {
            word,
            is_start: at == last,
        })
        .collect()
}

/// The terms of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Each term, with its occurrences times the weights of their fields.
    pub weights: BTreeMap<String, u32>,
    /// The number of words.
    pub words: u32,
}

/// Reads the searched fields of a body: texts, and the texts of arrays. Heavy fields come first, as the number of words
/// is bounded.
pub fn terms(fields: &BTreeMap<String, u32>, body: &Value) -> Terms {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(_, weight)| std::cmp::Reverse(**weight));
    let texts = fields
        .into_iter()
        .flat_map(|(path, weight)| texts(key::at(body, path)).map(move |text| (text, *weight)));
    let words = texts.flat_map(|(text, weight)| words(text).map(move |word| (word, weight)));
    let mut terms = Terms::default();
    for (word, weight) in words.take(DOCUMENT_WORDS_MAX) {
        *terms.weights.entry(word).or_default() += weight;
        terms.words += 1;
    }
    terms
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let one = value.and_then(Value::as_str);
    let many = value.and_then(Value::as_array).into_iter().flatten();
    one.into_iter().chain(many.filter_map(Value::as_str))
}

/// The variants of a term; none of a word with digits, which is not made of letters alone.
pub fn variants(word: &str) -> Vec<i64> {
    let letters: Vec<char> = word.chars().collect();
    // A word of a search may have one letter more than the term.
    if letters.len() + 1 < TYPO_LETTERS_MIN || word.contains(char::is_numeric) {
        return Vec::new();
    }
    let without = |left_out: usize| {
        let kept = letters.iter().enumerate();
        hash(
            kept.filter(|(at, _)| *at != left_out)
                .map(|(_, letter)| *letter),
        )
    };
    // Leaving out what is behind the last letter leaves the word itself.
    let mut variants: Vec<_> = (0..=letters.len()).map(without).collect();
    variants.sort_unstable();
    variants.dedup();
    variants
}

/// Whether a search may have a typo in this word.
pub fn has_typos(word: &str) -> bool {
    word.chars().count() >= TYPO_LETTERS_MIN && !word.contains(char::is_numeric)
}

/// FNV-1a: a hash that stays the same, because it is stored.
fn hash(letters: impl Iterator<Item = char>) -> i64 {
    let mix = |hash: u64, letter: char| {
        let letter = u64::from(u32::from(letter));
        (hash ^ letter).wrapping_mul(0x0100_0000_01b3)
    };
    letters.fold(0xcbf2_9ce4_8422_2325, mix).cast_signed()
}

/// Whether one letter too many, too few, wrong, or in the place of its neighbour makes one word of the other.
pub fn is_near(left: &str, right: &str) -> bool {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let same = |(left, right): &(&char, &char)| left == right;
    let start = left.iter().zip(&right).take_while(same).count();
    let (left, right) = (&left[start..], &right[start..]);
    match left.len().abs_diff(right.len()) {
        0 => match (left, right) {
            ([], []) => true,
            ([a, b, left @ ..], [c, d, right @ ..]) if a == d && b == c && left == right => true,
            _ => left[1..] == right[1..],
        },
        1 if left.len() > right.len() => left[1..] == *right,
        1 => *left == right[1..],
        _ => false,
    }
}

/// How a term meets a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// It is the word.
    Whole,
    /// It starts with the word.
    Start,
    /// It is one edit away.
    Near,
}

impl Meeting {
    /// How a term meets a word of a search, if it does.
    pub fn of(term: &str, wanted: &Wanted) -> Option<Self> {
        if term == wanted.word {
            Some(Self::Whole)
        } else if wanted.is_start && term.starts_with(&wanted.word) {
            Some(Self::Start)
        } else if has_typos(&wanted.word)
            && !term.contains(char::is_numeric)
            && is_near(term, &wanted.word)
        {
            Some(Self::Near)
        } else {
            None
        }
    }

    /// What it is worth beside the whole word.
    fn worth(self) -> f64 {
        match self {
            Self::Whole => 1.0,
            Self::Start => 0.7,
            Self::Near => 0.4,
        }
    }
}

/// What a collection is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Its documents.
    pub documents: u64,
    /// Their words together.
    pub words: u64,
}

/// One term in one document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posting {
    /// Occurrences times the weights of their fields.
    pub weight: u32,
    /// The words of the document.
    pub words: u32,
}

/// From here on, more occurrences are worth less.
const SATURATION: f64 = 1.2;
/// How much a long document is set back.
const LENGTH: f64 = 0.75;

/// What one term in one document is worth (BM25). `found` is how many documents the word finds, by whichever term, so
/// that a rare misspelling is not worth more than the word.
pub fn score(statistics: Statistics, found: u64, meeting: Meeting, posting: Posting) -> f64 {
    let documents = statistics.documents.max(1) as f64;
    let found = (found as f64).min(documents);
    let rarity = (1.0 + (documents - found + 0.5) / (found + 0.5)).ln();
    let mean = (statistics.words as f64 / documents).max(1.0);
    let length = 1.0 - LENGTH + LENGTH * f64::from(posting.words) / mean;
    let weight = f64::from(posting.weight);
    let frequency = weight * (SATURATION + 1.0) / (weight + SATURATION * length);
    meeting.worth() * rarity * frequency
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn signs_part_words_and_letters_lose_their_form() {
        assert_eq!(all("Gore-Tex™ jackets®"), ["gore", "tex", "jackets"]);
        assert_eq!(all("ℍiking ＢＯＯＴＳ ﬁt"), ["hiking", "boots", "fit"]);
        assert_eq!(all("cafe\u{301} CAFÉ"), ["cafe", "cafe"]);
    }

    #[test]
    fn words_are_folded_and_split() {
        assert_eq!(
            all(" Crème-Brûlée, 2½ ÉTÉ_x "),
            ["creme", "brulee", "21", "2", "ete", "x"]
        );
        assert_eq!(all("\u{fb01}n İstanbul"), ["fin", "istanbul"]);
        assert!(all("--- … ").is_empty());
    }

    #[test]
    fn long_words_are_cut() {
        let words = all(&format!("{} b", "é".repeat(100)));
        assert_eq!(words, ["e".repeat(WORD_BYTES_MAX), "b".to_owned()]);
    }

    #[test]
    fn only_the_last_word_is_a_start() {
        let word = |word: &str, is_start| Wanted {
            word: word.into(),
            is_start,
        };
        assert_eq!(
            wanted("Red red boo"),
            [word("red", false), word("boo", true)]
        );
        assert_eq!(wanted("red Red"), [word("red", false)]);
        assert_eq!(wanted("…"), []);
        let many = (0..20).map(|number| format!("w{number} "));
        assert_eq!(wanted(&many.collect::<String>()).len(), QUERY_WORDS_MAX);
    }

    #[test]
    fn one_edit_is_near() {
        let near = [
            ("hikng", "hiking"),
            ("hikiing", "hiking"),
            ("hikong", "hiking"),
            ("hiikng", "hiking"),
            ("ihking", "hiking"),
            ("hiking", "hiking"),
        ];
        for (typo, word) in near {
            assert!(is_near(typo, word), "{typo}");
            assert!(is_near(word, typo), "{typo}");
            let shared = variants(typo)
                .into_iter()
                .any(|variant| variants(word).contains(&variant));
            assert!(shared, "{typo} is found by its variants");
        }
        for (typo, word) in [("hkng", "hiking"), ("ikhing", "kihign"), ("", "ab")] {
            assert!(!is_near(typo, word), "{typo}");
        }
    }

    #[test]
    fn short_words_and_numbers_have_no_typos() {
        let meets = |term: &str, word: &str| {
            let wanted = Wanted {
                word: word.into(),
                is_start: false,
            };
            Meeting::of(term, &wanted)
        };
        assert_eq!(meets("red", "rad"), None);
        assert_eq!(meets("2024", "2025"), None);
        assert_eq!(meets("read", "reed"), Some(Meeting::Near));
        assert_eq!(meets("reads", "read"), Some(Meeting::Near));
    }

    #[test]
    fn heavy_fields_weigh_and_come_first() {
        let fields = BTreeMap::from([("about".to_owned(), 1), ("title".to_owned(), 10)]);
        let body = json!({ "about": ["red boots", 1], "title": "Boots" });
        let terms = terms(&fields, &body);
        let expected = BTreeMap::from([("boots".to_owned(), 11), ("red".to_owned(), 1)]);
        assert_eq!((terms.weights, terms.words), (expected, 3));
        let long = "a ".repeat(DOCUMENT_WORDS_MAX);
        let terms = super::terms(&fields, &json!({ "about": long, "title": "b" }));
        assert_eq!(terms.weights["b"], 10);
        assert_eq!(terms.words as usize, DOCUMENT_WORDS_MAX);
    }

    #[test]
    fn the_whole_word_is_worth_most() {
        let statistics = Statistics {
            documents: 100,
            words: 1000,
        };
        let posting = Posting {
            weight: 1,
            words: 10,
        };
        let worth = |meeting| score(statistics, 10, meeting, posting);
        assert!(worth(Meeting::Whole) > worth(Meeting::Start));
        assert!(worth(Meeting::Start) > worth(Meeting::Near));
        assert!(worth(Meeting::Near) > 0.0);
    }
}
