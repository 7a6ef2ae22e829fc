//! Text search over few documents: every word, in any of the searched fields.

use super::check::too_large;
use super::value::compared;
use crate::documents::Error;
use serde_json::Value;

/// A search text holds at most so many bytes.
const BYTES_MAX: usize = 1024;
/// Of which so many words count.
const WORDS_MAX: usize = 16;
/// A word of so many letters may have one wrong.
const TYPO_LETTERS_MIN: usize = 4;

/// The words that are looked for, in lower case.
pub(super) struct Search(Vec<String>);

impl Search {
    pub(super) fn of(text: &str) -> Result<Self, Error> {
        match text.len() <= BYTES_MAX {
            true => Ok(Self(words(text).take(WORDS_MAX).collect())),
            false => Err(too_large(BYTES_MAX)),
        }
    }

    /// What a document weighs in which every word occurs; none of another.
    pub(super) fn rank(&self, document: &Value, searched: &[(String, u32)]) -> Option<u64> {
        let fields: Vec<_> = searched
            .iter()
            .map(|(path, weight)| (words_at(document, path), u64::from(*weight)))
            .collect();
        let last = self.0.len().saturating_sub(1);
        let weights = self.0.iter().enumerate().map(|(index, wanted)| {
            let hit = |found: &String| matches(found, wanted, index == last);
            let fields = fields.iter().filter(|(words, _)| words.iter().any(hit));
            let weight: u64 = fields.map(|(_, weight)| weight).sum();
            (weight > 0).then_some(weight)
        });
        weights.sum()
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn words_at(document: &Value, path: &str) -> Vec<String> {
    let values = compared(document, path).unwrap_or(&[]);
    values
        .iter()
        .filter_map(Value::as_str)
        .flat_map(words)
        .collect()
}

fn matches(found: &str, wanted: &str, is_last: bool) -> bool {
    found == wanted
        || (is_last && found.starts_with(wanted))
        || (may_be_wrong(wanted) && !has_digits(found) && one_letter_apart(found, wanted))
}

fn may_be_wrong(wanted: &str) -> bool {
    wanted.chars().count() >= TYPO_LETTERS_MIN && !has_digits(wanted)
}

fn has_digits(word: &str) -> bool {
    word.contains(char::is_numeric)
}

/// Whether one letter is another, missing, too much or in the place of its neighbour.
fn one_letter_apart(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let same = left.iter().zip(&right).take_while(|(l, r)| l == r).count();
    let (left, right) = (&left[same..], &right[same..]);
    match left.len().abs_diff(right.len()) {
        0 => left.get(1..) == right.get(1..) || are_swapped(left, right),
        1 if left.len() < right.len() => *left == right[1..],
        1 => left[1..] == *right,
        _ => false,
    }
}

fn are_swapped(left: &[char], right: &[char]) -> bool {
    match (left, right) {
        ([a, b, left @ ..], [c, d, right @ ..]) => a == d && b == c && left == right,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_may_be_wrong_and_no_more() {
        for found in ["boots", "boats", "boot", "bootss", "oots", "botos"] {
            assert!(one_letter_apart(found, "boots"), "{found}");
        }
        for found in ["bats", "bo", "robots", "stoob"] {
            assert!(!one_letter_apart(found, "boots"), "{found}");
        }
    }
}
