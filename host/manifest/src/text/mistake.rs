//! What is wrong with a text, and how it is said.

use std::cell::RefCell;
use std::fmt;

use super::{Source, Span, excerpt};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The bytes to underline.
    pub span: Span,
    /// What is wrong: lower case, no full stop, names the field.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// Everything that is wrong with one text, in the order of its lines. There is always at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    source: Source,
    list: Vec<Mistake>,
}

/// Something that is allowed but probably not meant, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    mistake: Mistake,
    shown: String,
}

/// Where the readers of one text put what they find. Shared by reference, so that any of them can add to it.
#[derive(Debug, Default)]
pub struct Report {
    mistakes: RefCell<Vec<Mistake>>,
    warnings: RefCell<Vec<Mistake>>,
}

// === impl Mistake ===

impl Mistake {
    /// A mistake without a hint.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            hint: None,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message with the line it is about, as a message of a kind: `note`, `error[code]`.
    pub fn shown(&self, kind: &str, source: &Source) -> String {
        excerpt::render(kind, source, self)
    }

    /// Proposes the name that was probably meant, if there is one; see [`nearest`](super::nearest()).
    #[must_use]
    pub fn did_you_mean(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

// === impl Mistakes ===

impl Mistakes {
    /// What was found wrong with a text after it was read. `list` is not empty.
    pub fn new(source: &Source, list: Vec<Mistake>) -> Self {
        Self {
            source: source.clone(),
            list: in_order(list),
        }
    }

    /// The mistakes, first line first.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.list.iter()
    }

    /// How many there are: at least one.
    pub fn count(&self) -> usize {
        self.list.len()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.list {
            writeln!(f, "{}\n", excerpt::render("error", &self.source, mistake))?;
        }
        let plural = if self.count() == 1 { "" } else { "s" };
        write!(
            f,
            "{} mistake{plural} in {}",
            self.count(),
            self.source.name
        )
    }
}

impl std::error::Error for Mistakes {}

// === impl Warning ===

impl Warning {
    /// The message with the line it is about, as it is shown to people.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// What it is about, and where.
    pub fn mistake(&self) -> &Mistake {
        &self.mistake
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

// === impl Report ===

impl Report {
    /// Adds a mistake: the text will be refused.
    pub fn add(&self, mistake: Mistake) {
        self.mistakes.borrow_mut().push(mistake);
    }

    /// Adds a mistake and answers `None`, which is what a reader returns then.
    pub fn refuse<T>(&self, mistake: Mistake) -> Option<T> {
        self.add(mistake);
        None
    }

    /// Adds a warning: the text stays good.
    pub fn warn(&self, warning: Mistake) {
        self.warnings.borrow_mut().push(warning);
    }

    /// Takes the warnings that were added so far, first line first.
    pub fn take_warnings(&self, source: &Source) -> Vec<Warning> {
        let warnings = in_order(self.warnings.take());
        let warning = |mistake: Mistake| Warning {
            shown: mistake.shown("warning", source),
            mistake,
        };
        warnings.into_iter().map(warning).collect()
    }

    pub(super) fn conclude<T>(self, source: &Source, built: Option<T>) -> Result<T, Mistakes> {
        let mut mistakes = self.mistakes.into_inner();
        if let (Some(value), true) = (built, mistakes.is_empty()) {
            return Ok(value);
        }
        if mistakes.is_empty() {
            // A reader gave up without saying why: its bug, but no reason to panic on somebody's input.
            mistakes.push(Mistake::new(Span::default(), "this text cannot be used"));
        }
        Err(Mistakes::new(source, mistakes))
    }
}

/// Sorts by position, and drops what was said twice: the parser reports some errors once per pass.
fn in_order(mut list: Vec<Mistake>) -> Vec<Mistake> {
    list.sort_by(|a, b| {
        (a.span.start, a.span.end, &a.message).cmp(&(b.span.start, b.span.end, &b.message))
    });
    list.dedup();
    list
}
