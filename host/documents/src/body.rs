//! Bodies as text: what is a document, and what is not.

use serde_json::{Map, Value};

use crate::{DOCUMENT_LEVELS_MAX, Error, ID_PATH};

/// A document's body. The id is no part of it.
///
/// # Errors
/// [`Error::Invalid`] for what is no JSON object, is too deep, has an integer of more than 64 bits or a key `_id`.
pub fn parse(text: &str) -> Result<Map<String, Value>, Error> {
    match parse_value(text)? {
        Value::Object(body) if !body.contains_key(ID_PATH) => Ok(body),
        Value::Object(_) => Err(Error::invalid("the key `_id` is not part of a body")),
        _ => Err(Error::invalid("a body is a JSON object")),
    }
}

/// Any JSON that may be part of a document.
///
/// # Errors
/// As [`parse`].
pub fn parse_value(text: &str) -> Result<Value, Error> {
    inspect(text)?;
    let value = serde_json::from_str(text);
    // The parser's words carry a place and no part of the text.
    value.map_err(|error| Error::Invalid(format!("this is no JSON: {error}")))
}

/// How many bytes a body or a value has when it is written anew, at most. Only numbers grow: of `1e9` become all its
/// digits. What is no JSON is refused elsewhere, and has the bytes of its text.
pub fn written_bytes(text: &str) -> usize {
    match inspect(text) {
        Ok(Numbers::Doubles) => {
            serde_json::from_str::<Value>(text).map_or(text.len(), |value| value.to_string().len())
        }
        Ok(Numbers::Integers) | Err(_) => text.len(),
    }
}

/// What kinds of numbers a text has.
enum Numbers {
    /// None, or integers.
    Integers,
    /// Others, too.
    Doubles,
}

/// How many levels a value has: 0 for what has none, else 1 and those of its deepest part.
pub fn levels(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(elements) => elements.iter().map(levels).max(),
        Value::Object(object) => object.values().map(levels).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// Looks at the text itself: the parser would make a double of an integer that does not fit, and lose digits.
fn inspect(text: &str) -> Result<Numbers, Error> {
    let bytes = text.as_bytes();
    let (mut at, mut level) = (0, 0_usize);
    let mut numbers = Numbers::Integers;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = after_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = after_number(text, at)?;
                if is_double(&text[at..end]) {
                    numbers = Numbers::Doubles;
                }
                at = end;
            }
            byte => {
                level = match byte {
                    b'{' | b'[' => level + 1,
                    b'}' | b']' => level.saturating_sub(1),
                    _ => level,
                };
                at += 1;
            }
        }
        if level > DOCUMENT_LEVELS_MAX {
            return Err(too_deep());
        }
    }
    Ok(numbers)
}

/// Whether a number is held as a double. There is no integer for the negative zero.
fn is_double(number: &str) -> bool {
    number == "-0" || number.contains(['.', 'e', 'E'])
}

pub(super) fn too_deep() -> Error {
    Error::Invalid(format!(
        "a document has at most {DOCUMENT_LEVELS_MAX} levels"
    ))
}

/// The place behind the string that starts at `start`.
fn after_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The place behind the number that starts at `start`.
fn after_number(text: &str, start: usize) -> Result<usize, Error> {
    let part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let rest = &text.as_bytes()[start..];
    let length = rest.iter().take_while(|byte| part(**byte)).count();
    let number = &text[start..start + length];
    match !is_double(number) && number.parse::<i64>().is_err() {
        true => Err(Error::invalid(
            "an integer does not fit into 64 bits; write it as a string",
        )),
        false => Ok(start + length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = format!("{}1{}", "{\"a\":".repeat(33), "}".repeat(33));
        let texts = [
            "",
            "1",
            "[]",
            "{",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{\"_id\":\"a\"}",
            "{\"a\":9223372036854775808}",
            "{\"a\":-99999999999999999999}",
            "{\"a\":1e999}",
            "{\"a\":NaN}",
            &deep,
        ];
        for text in texts {
            assert!(matches!(parse(text), Err(Error::Invalid(_))), "{text:?}");
        }
    }

    #[test]
    fn numbers_that_grow_are_counted_as_written() {
        for text in ["[-0]", "[-0,1e15,0.5]", "{\"a\":-0}"] {
            let written = parse_value(text).expect("it is JSON").to_string();
            assert!(written.len() > text.len(), "{written}");
            assert_eq!(written_bytes(text), written.len());
        }
        for text in ["{ \"1e5\": 1 }", "[-0", "[99999999999999999999]"] {
            assert_eq!(written_bytes(text), text.len());
        }
    }

    #[test]
    fn integers_keep_their_64_bits() {
        let text =
            "{\"a\":9223372036854775807,\"b\":-9223372036854775808,\"c\":\"99999999999999999999\"}";
        let body = parse(text).expect("it is a document");
        assert_eq!(body["a"].as_i64(), Some(i64::MAX));
        assert_eq!(body["b"].as_i64(), Some(i64::MIN));
        assert_eq!(Value::Object(body).to_string(), text);
    }

    #[test]
    fn the_deepest_document_has_as_many_levels_as_allowed() {
        let deep = format!("{}1{}", "{\"a\":".repeat(32), "}".repeat(32));
        let body = parse(&deep).expect("it is a document");
        assert_eq!(levels(&Value::Object(body)), DOCUMENT_LEVELS_MAX);
    }
}
