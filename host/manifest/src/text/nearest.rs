//! The name that somebody probably meant.

/// How many letters may be wrong, missing or too many.
const EDITS_MAX: usize = 2;

/// How many letters a name must have to stand for a longer one that starts with it.
const PREFIX_CHARS_MIN: usize = 3;

/// Names longer than this are not compared: the work grows with the product of both lengths.
const CHARS_MAX: usize = 128;

/// The candidate that is most like `name`: two edits away at most, or one a prefix of the other. The first one wins
/// among equals.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let ranked = candidates
        .into_iter()
        .filter_map(|candidate| Some((rank(name, candidate)?, candidate)));
    ranked
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, candidate)| candidate)
}

/// How unlike two names are; `None` if they have nothing to do with each other.
fn rank(name: &str, candidate: &str) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (name.chars().collect(), candidate.chars().collect());
    let (shorter, longer) = (a.len().min(b.len()), a.len().max(b.len()));
    if longer > CHARS_MAX {
        return None;
    }
    // Two edits make a four-letter word into another one: most of a name must be right.
    let edits = edits(&a, &b);
    if edits <= EDITS_MAX && edits * 2 < longer {
        return Some(edits);
    }
    let prefix = name.starts_with(candidate) || candidate.starts_with(name);
    (prefix && shorter >= PREFIX_CHARS_MIN).then_some(EDITS_MAX + longer - shorter)
}

/// The least number of letters to insert, delete or replace (Levenshtein's distance), a row at a time.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str) -> usize {
        edits(
            &a.chars().collect::<Vec<_>>(),
            &b.chars().collect::<Vec<_>>(),
        )
    }

    #[test]
    fn edits_are_counted_in_characters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("größe", "große"), 1);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn unknown_field_suggests_the_nearest_name() {
        assert_eq!(nearest("rout", ["id", "route", "component"]), Some("route"));
        assert_eq!(
            nearest("componnet", ["component", "components"]),
            Some("component")
        );
    }

    #[test]
    fn a_prefix_suggests_the_longer_name() {
        assert_eq!(
            nearest("env", ["files", "environment"]),
            Some("environment")
        );
        assert_eq!(
            nearest("environment_variables", ["files", "environment"]),
            Some("environment")
        );
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(nearest("bat", ["cat", "hat"]), Some("cat"));
    }

    #[test]
    fn short_names_are_not_like_each_other() {
        assert_eq!(nearest("x", ["id"]), None);
        assert_eq!(nearest("ab", ["id"]), None);
        assert_eq!(nearest("", ["id"]), None);
    }

    #[test]
    fn strangers_are_not_suggested() {
        assert_eq!(nearest("colour", ["route", "component"]), None);
        assert_eq!(nearest(&"a".repeat(1_000), ["aaa"]), None);
    }
}
