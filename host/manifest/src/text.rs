//! TOML read into types, with every mistake pointing at its line.
//!
//! [`read`] parses a [`Source`] and hands its top-level [`Table`] to a closure, which asks for fields by name and
//! builds its type from them. A wrong or missing field adds a [`Mistake`] and answers `None`; reading goes on, so that
//! one run finds every mistake. A field that nobody asked for is a mistake too. Therefore ask for every field first,
//! and only then use `?`:
//!
//! ```
//! use stoa_manifest::text::{self, Source, Value};
//!
//! #[derive(Debug)]
//! struct Store {
//!     path: String,
//!     bytes_max: u64,
//! }
//!
//! let source = Source::new("store.toml", "path = \"data\"\nbytes_mx = 5\n");
//! let mistakes = text::read(&source, |table| {
//!     let path = table.required("path", Value::string);
//!     let bytes_max = table.or("bytes_max", 10, |value| value.integer(1..=1_000));
//!     Some(Store { path: path?, bytes_max: bytes_max? })
//! })
//! .expect_err("`bytes_mx` is no field");
//! assert!(mistakes.to_string().contains("did you mean `bytes_max`?"));
//! ```
//!
//! Text that is not TOML is reported without asking the closure: what a parser guesses after a syntax error would only
//! add mistakes that nobody made. Only a key that is there twice needs no guess: the first one counts.

mod excerpt;
mod mistake;
mod nearest;
mod table;
mod value;

use std::ops::Range;

use toml::de::DeTable;

pub use mistake::{Mistake, Mistakes, Report, Warning};
pub use nearest::nearest;
pub use table::Table;
pub use value::{Shape, Value};

/// What some editors put in front of a text to say that it is Unicode.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What the parser says of a key that is there twice.
const DUPLICATE_KEY: &str = "duplicate key";

/// A text and the name that mistakes call it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What the text is called in messages: usually the path as the user wrote it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A range of bytes in a [`Source`]: `start` is included, `end` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset of the first byte behind the range.
    pub end: usize,
}

/// A value together with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

/// Reads a whole document: the value that `build` makes of it, or every mistake in it.
pub fn read<T>(
    source: &Source,
    build: impl FnOnce(&mut Table<'_>) -> Option<T>,
) -> Result<T, Mistakes> {
    let report = Report::default();
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        report.add(syntax(error));
    }
    let built = if errors.iter().all(|error| error.message() == DUPLICATE_KEY) {
        Table::root(document.into_inner(), &report).read(build)
    } else {
        None
    };
    report.conclude(source, built)
}

/// Collects what was read, `None` if anything was mistaken. Unlike `collect`, it reads all items first.
pub fn all<T>(items: impl IntoIterator<Item = Option<T>>) -> Option<Vec<T>> {
    let read: Vec<Option<T>> = items.into_iter().collect();
    read.into_iter().collect()
}

fn syntax(error: &toml::de::Error) -> Mistake {
    let span = error.span().map(Span::from).unwrap_or_default();
    Mistake::new(span, format!("invalid TOML: {}", error.message()))
}

// === impl Source ===

impl Source {
    /// Names a text. A byte-order mark in front of it is no part of it: it would shift the columns of the first line.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len_utf8());
        }
        Self {
            name: name.into(),
            text,
        }
    }

    /// The line and the column, in characters, that a span begins at; both counted from 1.
    pub fn position(&self, span: Span) -> (usize, usize) {
        excerpt::position(&self.text, span)
    }
}

// === impl Span ===

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

// === impl Spanned ===

impl<T> Spanned<T> {
    /// Remembers where a value was written.
    pub fn new(span: Span, value: T) -> Self {
        Self { value, span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_does_not_shift_the_first_line() {
        let source = Source::new("a.toml", "\u{feff}x = 1");
        assert_eq!(source.text, "x = 1");
        let mistakes = read(&source, |_| Some(())).expect_err("`x` is no field");
        assert!(mistakes.to_string().contains("a.toml:1:1"));
    }

    #[test]
    fn a_key_that_is_there_twice_hides_no_other_mistake() {
        let source = Source::new("a.toml", "x = 1\nx = 2\ny = 3\n");
        let outcome = read(&source, |table| {
            table.required("x", |value| value.integer(1..=1))
        });
        assert_eq!(outcome.map_err(|mistakes| mistakes.count()), Err(2));
    }
}
