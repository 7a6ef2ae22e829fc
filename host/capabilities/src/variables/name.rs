//! Spin's rule for names that a guest may ask for.

use super::NAME_BYTES_MAX;

/// Words of lower-case letters and digits, separated by `_`; the first one starts with a letter. Says what is wrong in
/// words that follow "a variable's name".
pub(super) fn check(name: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match name.as_bytes() {
        [] => Err("is not empty"),
        bytes if bytes.len() > NAME_BYTES_MAX => Err("has at most 128 bytes"),
        bytes if !bytes.iter().copied().all(fits) => {
            Err("has only lower-case letters, digits and underscores")
        }
        [first, ..] if !first.is_ascii_lowercase() => Err("starts with a letter"),
        [.., b'_'] => Err("does not end with an underscore"),
        _ if name.contains("__") => Err("has single underscores only"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_are_refused() {
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for name in [
            "", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y", "ä", &long,
        ] {
            assert!(check(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_are_words_in_lower_case() {
        let longest = "a".repeat(NAME_BYTES_MAX);
        for name in ["a", "abc", "a1b2c3", "a_1", "a_1_b_3", &longest] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn the_limit_is_told_as_it_is() {
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        let why = check(&long).expect_err("it is too long");
        assert!(why.contains(&NAME_BYTES_MAX.to_string()), "{why}");
    }
}
