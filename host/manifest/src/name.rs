//! Names that people choose: component ids, labels, variables.

use std::borrow::Borrow;
use std::fmt;

use crate::text::{Mistake, Spanned, Value};

/// How many characters a [`Label`] may have. Labels become file names, metric labels and parts of URLs.
pub const LABEL_CHARS_MAX: usize = 64;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// A label is longer than [`LABEL_CHARS_MAX`].
    #[error("it is longer than {max} characters")]
    Long {
        /// How many are allowed.
        max: usize,
    },
    /// A character that such a name cannot have.
    #[error("it contains {0:?}")]
    Character(char),
    /// `snake_case` where `kebab-case` is wanted, or the other way round.
    #[error("its words are separated by `{wanted}`, not `{found}`")]
    Separator {
        /// What separates words here.
        wanted: char,
        /// What was written.
        found: char,
    },
    /// Two separators in a row, or one at an end.
    #[error("it has an empty word")]
    EmptyWord,
    /// A name starts with a letter; its later words may start with a digit.
    #[error("a word of it starts with {0:?}")]
    FirstCharacter(char),
    /// Each word is in lower case or in upper case.
    #[error("a word of it mixes lower and upper case")]
    MixedCase,
    /// Names of variables are in lower case.
    #[error("it is not in lower case")]
    UpperCase,
}

/// The name of a component, unique in an application: words separated by `-`, by Spin's rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId(String);

/// The name of something that an application is granted (a store, a database); the runtime configuration says what is
/// behind it. Words separated by `-` or by `_`, by Spin's rules, and at most [`LABEL_CHARS_MAX`] characters: it is safe
/// as the name of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

// === impl ComponentId ===

impl ComponentId {
    /// Checks an id.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        words(&text, '-')?;
        Ok(Self(text))
    }

    pub(crate) fn read(value: Value<'_>) -> Option<Spanned<Self>> {
        let report = value.report();
        let written = value.spanned_string()?;
        match Self::new(&*written.value) {
            Ok(id) => Some(Spanned::new(written.span, id)),
            Err(error) => report.refuse(unfit(&written, "a component id", &error)),
        }
    }
}

// === impl Label ===

impl Label {
    /// Checks a label.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let separator = if text.contains('_') { '_' } else { '-' };
        words(&text, separator)?;
        if text.len() > LABEL_CHARS_MAX {
            return Err(Error::Long {
                max: LABEL_CHARS_MAX,
            });
        }
        Ok(Self(text))
    }
}

macro_rules! text_traits {
    ($($name:ident),*) => {$(
        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        // So that maps can be asked with a `&str`.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_traits!(ComponentId, Label);

// === functions ===

/// The mistake that a text is not `what` it should be.
pub(crate) fn unfit(written: &Spanned<String>, what: &str, error: &Error) -> Mistake {
    Mistake::new(
        written.span,
        format!("`{}` is not {what}: {error}", written.value),
    )
}

/// The name of a variable: words in lower case separated by `_`.
pub(crate) fn check_variable(text: &str) -> Result<(), Error> {
    words(text, '_')?;
    if text.chars().any(|c| c.is_ascii_uppercase()) {
        Err(Error::UpperCase)
    } else {
        Ok(())
    }
}

/// Spin's rule for both kinds of names. It allows `:` inside a word, which the component model does not.
pub(crate) fn words(text: &str, separator: char) -> Result<(), Error> {
    let other = if separator == '-' { '_' } else { '-' };
    if text.is_empty() {
        return Err(Error::Empty);
    }
    if text.contains(other) {
        return Err(Error::Separator {
            wanted: separator,
            found: other,
        });
    }
    text.split(separator)
        .enumerate()
        .try_for_each(|(position, text)| word(position, text))
}

fn word(position: usize, text: &str) -> Result<(), Error> {
    let mut chars = text.chars();
    let first = chars.next().ok_or(Error::EmptyWord)?;
    let fits = first.is_ascii_alphabetic() || (position > 0 && first.is_ascii_digit());
    if !fits {
        return Err(Error::FirstCharacter(first));
    }
    chars.try_for_each(|c| match c {
        ':' | '0'..='9' => Ok(()),
        c if !c.is_ascii_alphabetic() => Err(Error::Character(c)),
        c if c.is_ascii_uppercase() != first.is_ascii_uppercase() => Err(Error::MixedCase),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_ids_are_words_with_hyphens() {
        for id in ["a", "hello", "hello-world", "v-2", "HTTP-api", "a:b"] {
            assert_eq!(
                ComponentId::new(id).map(|id| id.to_string()),
                Ok(id.to_owned())
            );
        }
    }

    #[test]
    fn other_component_ids_are_refused_with_the_reason() {
        assert_eq!(ComponentId::new(""), Err(Error::Empty));
        assert_eq!(
            ComponentId::new("a_b"),
            Err(Error::Separator {
                wanted: '-',
                found: '_'
            })
        );
        assert_eq!(ComponentId::new("a--b"), Err(Error::EmptyWord));
        assert_eq!(ComponentId::new("2-a"), Err(Error::FirstCharacter('2')));
        assert_eq!(ComponentId::new("aB"), Err(Error::MixedCase));
        assert_eq!(ComponentId::new("a.b"), Err(Error::Character('.')));
        assert_eq!(ComponentId::new("größe"), Err(Error::Character('ö')));
    }

    #[test]
    fn labels_are_safe_as_file_names() {
        assert_eq!(Label::new(""), Err(Error::Empty));
        assert_eq!(Label::new("../x"), Err(Error::FirstCharacter('.')));
        assert_eq!(Label::new("a/b"), Err(Error::Character('/')));
        assert_eq!(Label::new("a.db"), Err(Error::Character('.')));
        assert!(Label::new("a".repeat(LABEL_CHARS_MAX)).is_ok());
        assert_eq!(
            Label::new("a".repeat(LABEL_CHARS_MAX + 1)),
            Err(Error::Long {
                max: LABEL_CHARS_MAX
            })
        );
    }

    #[test]
    fn labels_are_words_with_hyphens_or_underscores() {
        for label in ["default", "shop-v1-eu", "shop_v1_eu", "SHOP_2"] {
            assert!(Label::new(label).is_ok(), "{label}");
        }
        let mixed = Error::Separator {
            wanted: '_',
            found: '-',
        };
        assert_eq!(Label::new("shop_v1-eu"), Err(mixed));
        assert_eq!(Label::new("1st"), Err(Error::FirstCharacter('1')));
    }

    #[test]
    fn variables_are_in_lower_snake_case() {
        assert_eq!(check_variable("api_host_2"), Ok(()));
        assert_eq!(
            check_variable("api-host"),
            Err(Error::Separator {
                wanted: '_',
                found: '-'
            })
        );
        assert_eq!(check_variable("API_HOST"), Err(Error::UpperCase));
    }
}
