//! What a name and the rest that a guest says of a blob may look like: the same behind every backend.

use std::collections::HashSet;

use super::{
    BLOB_BYTES_MAX, CONTENT_TYPE_BYTES_MAX, Error, METADATA_BYTES_MAX, METADATA_ENTRIES_MAX,
    NAME_BYTES_MAX, Options,
};

/// A name of a blob: 1 to [`NAME_BYTES_MAX`] bytes in segments between `/`, none of them empty, `.` or `..`; no
/// backslashes and no control characters. `%2e` is three plain characters: names are never decoded.
pub fn name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let message = format!("a name has 1 to {NAME_BYTES_MAX} bytes");
        return Err(Error::Invalid(message));
    }
    if name.contains(|char: char| char.is_control() || char == '\\') {
        return Err(invalid(
            "a name has no backslashes and no control characters",
        ));
    }
    match name
        .split('/')
        .all(|segment| !matches!(segment, "" | "." | ".."))
    {
        true => Ok(()),
        false => Err(invalid("no segment of a name is empty, `.` or `..`")),
    }
}

/// What a writer says of its blob. `bytes_max` is the host's to say and only has to be possible.
pub fn options(options: &Options) -> Result<(), Error> {
    content_type(&options.content_type)?;
    metadata(&options.metadata)?;
    let limit = options.bytes_max.min(BLOB_BYTES_MAX);
    match options.size {
        Some(size) if size > limit => Err(Error::TooLarge { limit }),
        _ => Ok(()),
    }
}

fn content_type(text: &str) -> Result<(), Error> {
    let fits = text.len() <= CONTENT_TYPE_BYTES_MAX && text.bytes().all(printable);
    let essence = text.split(';').next().unwrap_or_default();
    let (kind, of) = essence.split_once('/').unwrap_or_default();
    match fits && is_token(kind) && is_token(of.trim_end()) && is_one(text) {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "a content type has at most {CONTENT_TYPE_BYTES_MAX} printable ASCII characters, one `/` and no list"
        ))),
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// Browsers take the last of several types between commas: one that looks like a picture could end as a page. A comma
/// between quotes, such as in a list of codecs, is none of these.
fn is_one(text: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return false,
            _ => {}
        }
    }
    !quoted
}

fn metadata(entries: &[(String, String)]) -> Result<(), Error> {
    if entries.len() > METADATA_ENTRIES_MAX {
        let message = format!("a blob has at most {METADATA_ENTRIES_MAX} entries of metadata");
        return Err(Error::Invalid(message));
    }
    let bytes: usize = entries
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(Error::TooLarge {
            limit: METADATA_BYTES_MAX as u64,
        });
    }
    let mut keys = HashSet::with_capacity(entries.len());
    for (key, value) in entries {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if key.is_empty() || !key.bytes().all(fits) || !keys.insert(key) {
            return Err(invalid(
                "a key of metadata has lower-case letters, digits and `-`, and is there once",
            ));
        }
        if !value.bytes().all(printable) {
            return Err(invalid("a value of metadata is printable ASCII"));
        }
    }
    Ok(())
}

fn printable(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

fn invalid(message: &str) -> Error {
    Error::Invalid(message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(outcome: Result<T, Error>) -> bool {
        matches!(outcome, Err(Error::Invalid(_)))
    }

    #[test]
    fn names_that_are_paths_to_somewhere_else_are_refused() {
        let tricks = [
            "", "/", ".", "..", "../x", "a/../b", "a/..", "./a", "a/./b", "a/.", "/a", "//a", "a/",
            "a//b", "a\\b", "..\\x", "\\", "a\0b", "\0", "a\nb", "a\rb", "a\tb", "\u{7f}",
            "a\u{85}b",
        ];
        for trick in tricks {
            assert!(refused(name(trick)), "{trick:?}");
        }
        assert!(refused(name(&"a".repeat(NAME_BYTES_MAX + 1))));
    }

    #[test]
    fn names_that_only_look_like_tricks_are_names() {
        let plain = [
            "a",
            "%2e%2e/x",
            "%2e%2e%2fx",
            "...",
            ".hidden",
            "a..b/c",
            "~root",
            "C:x",
            "con",
            "a b",
            "?a=b#c",
            "🗝️/ключ",
            "'; DROP TABLE blobs; --",
        ];
        for text in plain {
            assert_eq!(name(text), Ok(()), "{text:?}");
        }
        assert_eq!(name(&"a".repeat(NAME_BYTES_MAX)), Ok(()));
    }

    #[test]
    fn a_content_type_cannot_smuggle_a_header() {
        let bad = ["", "text", "/plain", "text/", "text/plain\r\nx: y", "té/xt"];
        for text in bad {
            assert!(refused(content_type(text)), "{text:?}");
        }
        assert!(refused(content_type(&format!("a/{}", "b".repeat(254)))));
        let good = [
            "text/plain",
            "text/html; charset=utf-8",
            "a/b;c=\"d/e\"",
            "video/mp4; codecs=\"avc1.42E01E, mp4a.40.2\"",
            "a/b;c=\"\\\",\"",
        ];
        for text in good {
            assert_eq!(content_type(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn a_content_type_is_one() {
        let lists = [
            "image/png,text/html",
            "image/png;,text/html",
            "image/png;a=\"b\",text/html",
            "image/png;a=\"\\\\\",text/html",
            "image/png;a=\",text/html",
            "image/png text/html",
            "image /png",
        ];
        for text in lists {
            assert!(refused(content_type(text)), "{text:?}");
        }
    }

    #[test]
    fn metadata_is_bounded_and_its_keys_are_there_once() {
        let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            metadata(&[entry("a-1", "any text"), entry("b", "")]),
            Ok(())
        );
        for (key, value) in [
            ("", "x"),
            ("A", "x"),
            ("a:b", "x"),
            ("a", "x\ny"),
            ("a", "é"),
        ] {
            assert!(refused(metadata(&[entry(key, value)])), "{key:?} {value:?}");
        }
        assert!(refused(metadata(&[entry("a", "1"), entry("a", "2")])));
        let many: Vec<_> = (0..=METADATA_ENTRIES_MAX)
            .map(|at| entry(&format!("k{at}"), ""))
            .collect();
        assert!(refused(metadata(&many)));
        let limit = METADATA_BYTES_MAX as u64;
        let large = entry("a", &"x".repeat(METADATA_BYTES_MAX));
        assert_eq!(metadata(&[large]), Err(Error::TooLarge { limit }));
    }

    #[test]
    fn a_size_over_the_limit_is_told_before_a_byte_is_sent() {
        let announced = |size| Options {
            size: Some(size),
            bytes_max: 10,
            ..Options::default()
        };
        assert_eq!(options(&announced(10)), Ok(()));
        assert_eq!(options(&announced(11)), Err(Error::TooLarge { limit: 10 }));
    }
}
