//! `.env` files: lines of `NAME=value`, in the notation that Spin's library for them has.
//!
//! Written out here because that library puts variables of its own process in the place of `$NAME`, and because its
//! errors quote the line. A value with `$` is refused when it is asked for, so that no file means one thing here and
//! another under Spin; lines for other programs may have it.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Unanswered, file};
use crate::variables::{Problem, Secret};

const NAME: &str = "a name starts with a letter or `_` and has letters, digits, `_` and `.`";
const EQUALS: &str = "there is no `=` behind the name";
const REFERENCE: &str =
    "`$` stands for no variable here: write `\\$`, or put the value in single quotes";
const ESCAPE: &str = "a backslash stands before `\\`, `'`, `\"`, `$`, a space or `n`";
const QUOTE: &str = "a quote is not closed";
const BEHIND: &str = "behind a value comes only a comment: put a value with blanks in quotes";

/// The values of a file by name, or why one cannot be used.
pub(super) type Lines = BTreeMap<String, Result<Secret, Unanswered>>;

/// Reads a file; of two values with one name the later one counts.
pub(super) fn read(path: &Path) -> Result<Lines, Vec<Problem>> {
    let text = file::read(path).map_err(|problem| vec![problem])?;
    let file = path.display().to_string();
    let unusable = |line: usize| Unanswered(format!("`{file}`, line {line}: {REFERENCE}"));
    let flawed = |(line, why): Flaw| Problem::Line {
        file: file.clone(),
        line,
        why: why.to_owned(),
    };
    match parse(&text) {
        Ok(values) => Ok(values
            .into_iter()
            .map(|(name, value)| (name, value.map_err(unusable)))
            .collect()),
        Err(flaws) => Err(flaws.into_iter().map(flawed).collect()),
    }
}

/// A line's number, counted from 1, and what is wrong with it.
type Flaw = (usize, &'static str);

/// The values by name; of one with `$`, the number of its line.
fn parse(text: &str) -> Result<BTreeMap<String, Result<Secret, usize>>, Vec<Flaw>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut values, mut flaws) = (BTreeMap::new(), Vec::new());
    let mut reader = Reader { rest: text };
    let line = |start: usize| 1 + text[..start].matches('\n').count();
    while !reader.rest.is_empty() {
        let start = text.len() - reader.rest.len();
        match reader.entry() {
            Ok(None) => {}
            Ok(Some((name, value))) => {
                values.insert(name.to_owned(), value.ok_or_else(|| line(start)));
            }
            Err(why) => flaws.push((line(start), why)),
        }
        reader.skip(|c| c != '\n');
        reader.take('\n');
    }
    match flaws.is_empty() {
        true => Ok(values),
        false => Err(flaws),
    }
}

/// What is not read yet.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    /// The entry of a line, which a quoted value may continue on the next; `None` where there is none in it.
    fn entry(&mut self) -> Result<Option<(&'t str, Option<Secret>)>, &'static str> {
        self.skip(blank);
        if self.ended() {
            return Ok(None);
        }
        let mut name = self.name()?;
        self.skip(blank);
        // As in a shell script; but `export` may also be the name itself.
        if name == "export" && !self.rest.starts_with('=') {
            name = self.name()?;
            self.skip(blank);
        }
        if !self.take('=') {
            return Err(EQUALS);
        }
        self.skip(blank);
        Ok(Some((name, self.value()?)))
    }

    fn name(&mut self) -> Result<&'t str, &'static str> {
        let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !self.rest.starts_with(starts) {
            return Err(NAME);
        }
        Ok(self.skip(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.'))
    }

    /// `None` where a `$` asks for more than there is here.
    fn value(&mut self) -> Result<Option<Secret>, &'static str> {
        // Room for a whole line: a text that grows leaves copies of itself behind.
        let line = self.rest.find('\n').unwrap_or(self.rest.len());
        let mut value = String::with_capacity(line);
        let mut complete = true;
        if self.ended() {
            return Ok(Some(Secret::new(value)));
        }
        while let Some(c) = self.bump_unless('\n') {
            match c {
                '\'' => self.literal(&mut value)?,
                '"' => complete &= self.quoted(&mut value)?,
                '\\' => value.push(self.escaped()?),
                '$' => complete = false,
                c if blank(c) => {
                    self.skip(blank);
                    if !self.ended() {
                        return Err(BEHIND);
                    }
                    break;
                }
                c => value.push(c),
            }
        }
        Ok(complete.then(|| Secret::new(value)))
    }

    /// Up to the closing single quote, as it is.
    fn literal(&mut self, value: &mut String) -> Result<(), &'static str> {
        let (text, rest) = self.rest.split_once('\'').ok_or(QUOTE)?;
        value.push_str(text);
        self.rest = rest;
        Ok(())
    }

    /// Up to the closing double quote, with escapes; whether there was no `$` in it.
    fn quoted(&mut self, value: &mut String) -> Result<bool, &'static str> {
        let mut complete = true;
        loop {
            match self.bump().ok_or(QUOTE)? {
                '"' => return Ok(complete),
                '\\' => value.push(self.escaped()?),
                '$' => complete = false,
                c => value.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, &'static str> {
        match self.bump_unless('\n').ok_or(ESCAPE)? {
            'n' => Ok('\n'),
            c @ ('\\' | '\'' | '"' | '$' | ' ') => Ok(c),
            _ => Err(ESCAPE),
        }
    }

    /// Whether nothing more of the line counts.
    fn ended(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(['\n', '#'])
    }

    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    fn bump_unless(&mut self, end: char) -> Option<char> {
        if self.rest.starts_with(end) {
            return None;
        }
        self.bump()
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Passes over all that fits, and answers it.
    fn skip(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let end = self
            .rest
            .find(|c: char| !fits(c))
            .unwrap_or(self.rest.len());
        let (skipped, rest) = self.rest.split_at(end);
        self.rest = rest;
        skipped
    }
}

/// Carriage returns are blanks too: some editors put one at each line's end.
fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

#[cfg(test)]
mod tests;
