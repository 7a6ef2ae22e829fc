//! Values of JSON, written as TOML.

use serde_json::Value;

/// A basic string (TOML 1.0): everything that is not plain is escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                written.push('\\');
                written.push(character);
            }
            character if character.is_control() => {
                written.push_str(&format!("\\U{:08X}", u32::from(character)));
            }
            character => written.push(character),
        }
    }
    written.push('"');
    written
}

/// A key, quoted where it must be.
pub(super) fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !text.is_empty() && text.chars().all(bare) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// Any value but null, on one line.
pub(super) fn value(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Null => return Err("TOML has no null".to_owned()),
        Value::Bool(flag) => flag.to_string(),
        Value::String(text) => quoted(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.to_string(),
            (None, Some(float)) if number.is_f64() => format!("{float:?}"),
            _ => return Err(format!("TOML has no number {number}")),
        },
        Value::Array(items) => {
            let items = items.iter().map(self::value);
            format!("[{}]", items.collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Value::Object(entries) => {
            let entries = entries.iter().map(|(name, entry)| {
                Ok::<_, String>(format!("{} = {}", key(name), self::value(entry)?))
            });
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            match entries.is_empty() {
                true => "{}".to_owned(),
                false => format!("{{ {} }}", entries.join(", ")),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_toml_cannot_say_is_refused() {
        for json in [
            json!(null),
            json!([1, null]),
            json!({ "a": { "b": null } }),
            json!(u64::MAX),
        ] {
            assert!(value(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn no_text_ends_its_string() {
        assert_eq!(
            quoted("a\"\\\n\u{7f}ä"),
            "\"a\\\"\\\\\\U0000000A\\U0000007Fä\""
        );
        assert_eq!(key("a.b"), "\"a.b\"");
        assert_eq!(key(""), "\"\"");
        assert_eq!(key("a]\nb"), "\"a]\\U0000000Ab\"");
        assert_eq!(key("a-b_1"), "a-b_1");
    }

    #[test]
    fn values_stay_what_they_are() {
        let json = json!({ "a": [1, -2, true, "x"], "b.c": {}, "d": 1.5, "e": 1e300 });
        assert_eq!(
            value(&json).as_deref(),
            Ok("{ a = [1, -2, true, \"x\"], \"b.c\" = {}, d = 1.5, e = 1e300 }")
        );
    }
}
