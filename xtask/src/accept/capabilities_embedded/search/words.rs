//! What people type into a search field: words, the start of one, two words, and words with a letter wrong.

use crate::accept::shop::generated::{QUALITIES, THINGS};

/// Kinds of searches that follow each other.
const KINDS: usize = 5;
/// Letters of a word that is not typed to its end.
const START_LETTERS: usize = 4;

/// The text of one search after the other. Each finds something among the generated products.
pub(super) fn search(number: usize) -> String {
    let (kind, turn) = (number % KINDS, number / KINDS);
    let thing = THINGS[turn % THINGS.len()];
    let quality = QUALITIES[turn % QUALITIES.len()];
    match kind {
        0 => thing.to_owned(),
        1 => thing[..START_LETTERS].to_owned(),
        2 => format!("{quality} {thing}"),
        3 => with_typo(thing, turn),
        _ => format!("{} {}", with_typo(quality, turn), &thing[..START_LETTERS]),
    }
}

/// One letter is missing, doubled or swapped with the next: not the first, which people get right.
fn with_typo(word: &str, turn: usize) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let place = 1 + turn % (letters.len() - 2);
    match turn % 3 {
        0 => {
            letters.remove(place);
        }
        1 => letters.insert(place, letters[place]),
        _ => letters.swap(place, place + 1),
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_of_every_kind() {
        let searches: Vec<String> = (0..KINDS).map(search).collect();
        assert_eq!(
            searches,
            ["anorak", "anor", "alpine anorak", "aorak", "apine anor"]
        );
    }

    #[test]
    fn a_typo_is_one_edit() {
        assert_eq!(with_typo("anorak", 0), "aorak");
        assert_eq!(with_typo("anorak", 1), "anoorak");
        assert_eq!(with_typo("anorak", 2), "anoark");
    }
}
