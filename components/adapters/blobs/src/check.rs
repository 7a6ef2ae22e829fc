//! What a name and the rest that a guest says of a blob may look like: the same as in the host.

use std::collections::BTreeSet;

use crate::blob::{ENTRIES_PER_PAGE_MAX, Options, Range};
use crate::error::Error;

/// A name holds at most so many bytes of UTF-8.
const NAME_BYTES_MAX: usize = 1024;
/// A content type holds at most so many bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 255;
/// A blob has at most so many entries of metadata.
const METADATA_ENTRIES_MAX: usize = 32;
/// Keys and values of a blob's metadata hold at most so many bytes together.
const METADATA_BYTES_MAX: usize = 2048;

/// Segments between `/`, none of them empty, `.` or `..`; no backslashes and no control characters.
pub(crate) fn name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Error::Invalid(format!(
            "a name has 1 to {NAME_BYTES_MAX} bytes"
        )));
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

/// A prefix and a cursor are texts to compare with, not names: any that could be of use is taken.
pub(crate) fn range(range: &Range) -> Result<(), Error> {
    if !(1..=ENTRIES_PER_PAGE_MAX).contains(&range.limit) {
        return Err(Error::Invalid(format!(
            "a page lists 1 to {ENTRIES_PER_PAGE_MAX} blobs"
        )));
    }
    let after = range.after.as_ref().map_or(0, String::len);
    match range.prefix.len().max(after) <= NAME_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::TooLarge(NAME_BYTES_MAX as u64)),
    }
}

/// What a writer says of its blob, which may hold at most `bytes_max`.
pub(crate) fn options(options: &Options, bytes_max: u64) -> Result<(), Error> {
    content_type(&options.content_type)?;
    metadata(&options.metadata)?;
    match options.size {
        Some(size) if size > bytes_max => Err(Error::TooLarge(bytes_max)),
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

/// Browsers take the last of several types between commas. A comma between quotes is none of these.
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
        return Err(Error::Invalid(format!(
            "a blob has at most {METADATA_ENTRIES_MAX} entries of metadata"
        )));
    }
    let bytes: usize = entries
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(Error::TooLarge(METADATA_BYTES_MAX as u64));
    }
    let mut keys = BTreeSet::new();
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

    fn refused(outcome: &Result<(), Error>) -> bool {
        matches!(outcome, Err(Error::Invalid(_)))
    }

    #[test]
    fn names_that_are_paths_to_somewhere_else_are_refused() {
        for trick in [
            "", "/", ".", "..", "../x", "a/../b", "a/..", "./a", "a/./b", "/a", "a/", "a//b",
            "a\\b", "a\0b", "a\nb", "\u{7f}", "a\u{85}b",
        ] {
            assert!(refused(&name(trick)), "{trick:?}");
        }
        assert!(refused(&name(&"a".repeat(NAME_BYTES_MAX + 1))));
        for plain in [
            "a",
            "%2e%2e/x",
            "...",
            "a..b/c",
            "🗝️/ключ",
            "'; DROP TABLE x",
        ] {
            assert_eq!(name(plain), Ok(()), "{plain:?}");
        }
        assert_eq!(name(&"a".repeat(NAME_BYTES_MAX)), Ok(()));
    }

    #[test]
    fn a_content_type_is_one_and_smuggles_no_header() {
        for text in [
            "",
            "text",
            "/plain",
            "text/",
            "text/plain\r\nx: y",
            "té/xt",
            "image/png,text/html",
            "image/png;a=\"b\",text/html",
            "image /png",
        ] {
            assert!(refused(&content_type(text)), "{text:?}");
        }
        for text in [
            "text/plain",
            "text/html; charset=utf-8",
            "video/mp4; codecs=\"avc1.42E01E, mp4a.40.2\"",
        ] {
            assert_eq!(content_type(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn metadata_is_bounded_and_its_keys_are_there_once() {
        let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(metadata(&[entry("a-1", "any"), entry("b", "")]), Ok(()));
        for (key, value) in [("", "x"), ("A", "x"), ("a", "x\ny"), ("a", "é")] {
            assert!(
                refused(&metadata(&[entry(key, value)])),
                "{key:?} {value:?}"
            );
        }
        assert!(refused(&metadata(&[entry("a", "1"), entry("a", "2")])));
        let many: Vec<_> = (0..=METADATA_ENTRIES_MAX)
            .map(|at| entry(&format!("k{at}"), ""))
            .collect();
        assert!(refused(&metadata(&many)));
        let large = entry("a", &"x".repeat(METADATA_BYTES_MAX));
        let limit = METADATA_BYTES_MAX as u64;
        assert_eq!(metadata(&[large]), Err(Error::TooLarge(limit)));
    }
}
