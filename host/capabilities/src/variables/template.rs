//! Templates: `{{ name }}` in a text stands for the value of a variable of the application.

use std::collections::BTreeMap;

use super::{Secret, VALUE_BYTES_MAX, Value};

/// Why a template cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A `{{` without its `}}`.
    #[error("a template is not closed with `}}}}`")]
    Open,
    /// The application has no such variable.
    #[error("there is no variable `{0}` in `[variables]`")]
    Unknown(String),
    /// It would be larger than [`VALUE_BYTES_MAX`].
    #[error("with its variables it is larger than {} bytes", VALUE_BYTES_MAX)]
    TooLarge,
}

/// Puts values into a text. What a secret went into is a secret. Values are not read for templates again.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, Value>) -> Result<Value, Flaw> {
    let mut parts = Vec::new();
    let mut secret = false;
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("{{") {
        let (name, behind) = opened.split_once("}}").ok_or(Flaw::Open)?;
        let value = named(name.trim(), variables)?;
        secret |= value.is_secret();
        parts.extend([before, value.expose()]);
        rest = behind;
    }
    parts.push(rest);
    if parts.iter().map(|part| part.len()).sum::<usize>() > VALUE_BYTES_MAX {
        return Err(Flaw::TooLarge);
    }
    // In one piece: a text that grows leaves copies of itself behind.
    let text = parts.concat();
    Ok(match secret {
        true => Value::Secret(Secret::new(text)),
        false => Value::Plain(text),
    })
}

fn named<'v>(name: &str, variables: &'v BTreeMap<String, Value>) -> Result<&'v Value, Flaw> {
    variables
        .get(name)
        .ok_or_else(|| Flaw::Unknown(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<Value, Flaw> {
        let plain = |text: &str| Value::Plain(text.to_owned());
        let variables = [
            ("host", plain("example.com")),
            ("nested", plain("{{ host }}")),
            ("large", plain(&"x".repeat(VALUE_BYTES_MAX / 2))),
            ("token", Value::Secret(Secret::new("hunter2"))),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        super::expand(text, &BTreeMap::from(variables))
    }

    fn plain(text: &str) -> Result<Value, Flaw> {
        Ok(Value::Plain(text.to_owned()))
    }

    #[test]
    fn an_unknown_name_is_refused_and_named() {
        assert_eq!(
            expand("a {{ nobody }} b"),
            Err(Flaw::Unknown("nobody".into()))
        );
        assert_eq!(expand("{{}}"), Err(Flaw::Unknown(String::new())));
    }

    #[test]
    fn a_template_that_is_not_closed_is_refused() {
        assert_eq!(expand("{{ host }} {{ host"), Err(Flaw::Open));
    }

    #[test]
    fn what_grows_beyond_the_limit_is_refused() {
        assert!(expand("{{large}}{{large}}").is_ok());
        assert_eq!(expand("{{large}}{{large}}x"), Err(Flaw::TooLarge));
    }

    #[test]
    fn values_take_the_place_of_names() {
        assert_eq!(expand("plain"), plain("plain"));
        assert_eq!(expand(""), plain(""));
        assert_eq!(expand("}} {"), plain("}} {"));
        assert_eq!(
            expand("http://{{ host }}:80/{{host}}"),
            plain("http://example.com:80/example.com")
        );
    }

    #[test]
    fn values_are_not_read_for_templates() {
        assert_eq!(expand("{{ nested }}"), plain("{{ host }}"));
    }

    #[test]
    fn what_a_secret_went_into_is_a_secret() {
        let value = expand("{{ host }} {{ token }}").expect("both are known");
        assert_eq!(value.expose(), "example.com hunter2");
        assert!(value.is_secret());
        assert_eq!(format!("{value} {value:?}"), "*** Secret(***)");
    }
}
