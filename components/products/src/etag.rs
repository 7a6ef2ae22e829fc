//! Entity tags: a product's version, and the conditions that requests make of it.

/// The strong entity tag of a version.
pub(crate) fn of(version: u64) -> String {
    format!("\"{version}\"")
}

/// Whether `If-None-Match` names this version. Weak comparison: `W/` does not matter.
pub(crate) fn is_named_weakly(header: &str, version: u64) -> bool {
    is_star(header) || tags(header).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == of(version))
}

/// Whether `If-Match` names this version. Strong comparison: a weak tag never does.
pub(crate) fn is_named_strongly(header: &str, version: u64) -> bool {
    is_star(header) || tags(header).any(|tag| tag == of(version))
}

// Alone in its header: within a list it is a part of a foreign tag.
fn is_star(header: &str) -> bool {
    header.trim() == "*"
}

// Ours hold no comma, so it does not matter that a foreign tag may be cut in two here.
fn tags(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_list_is_enough() {
        assert!(is_named_weakly("\"1\", \"7\"", 7));
        assert!(is_named_strongly("\"1\",\"7\"", 7));
        assert!(!is_named_weakly("\"1\", \"70\"", 7));
    }

    #[test]
    fn a_star_names_every_version() {
        assert!(is_named_weakly("*", 7));
        assert!(is_named_strongly(" * ", 7));
    }

    #[test]
    fn a_star_within_a_tag_or_a_list_names_none() {
        for header in ["\"a,*,b\"", "*, \"1\"", "\"*\""] {
            assert!(!is_named_weakly(header, 7), "{header}");
            assert!(!is_named_strongly(header, 7), "{header}");
        }
    }

    #[test]
    fn a_weak_tag_only_matches_weakly() {
        assert!(is_named_weakly("W/\"7\"", 7));
        assert!(!is_named_strongly("W/\"7\"", 7));
    }

    #[test]
    fn a_version_without_quotes_is_no_tag() {
        assert!(!is_named_weakly("7", 7));
    }
}
