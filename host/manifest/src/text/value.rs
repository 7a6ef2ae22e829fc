//! A value that is about to become a type.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::de::{DeInteger, DeValue};

use super::{Mistake, Report, Span, Spanned, Table, all, nearest};

/// A TOML value that is being read. Each conversion answers `None` after it has added a mistake.
pub struct Value<'t> {
    /// As messages name it: `` `route` in `[[trigger.http]]` ``.
    label: String,
    path: String,
    span: Span,
    value: DeValue<'t>,
    report: &'t Report,
}

/// What a value is, for fields that may be one of several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `"text"`
    String,
    /// `1`
    Integer,
    /// `true`
    Boolean,
    /// `[…]`, or tables in `[[…]]`
    Array,
    /// `{…}`, or a table in `[…]`
    Table,
    /// A float or a date: nothing of ours is one.
    Other,
}

impl<'t> Value<'t> {
    pub(super) fn new(
        label: String,
        path: String,
        value: toml::Spanned<DeValue<'t>>,
        report: &'t Report,
    ) -> Self {
        Self {
            label,
            path,
            span: value.span().into(),
            value: value.into_inner(),
            report,
        }
    }

    /// Where the value is written.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where mistakes go that only the caller can see.
    pub fn report(&self) -> &'t Report {
        self.report
    }

    /// What the value is.
    pub fn shape(&self) -> Shape {
        match self.value {
            DeValue::String(_) => Shape::String,
            DeValue::Integer(_) => Shape::Integer,
            DeValue::Boolean(_) => Shape::Boolean,
            DeValue::Array(_) => Shape::Array,
            DeValue::Table(_) => Shape::Table,
            DeValue::Float(_) | DeValue::Datetime(_) => Shape::Other,
        }
    }

    /// Adds the mistake that this should be something else, with its article: `a string`.
    pub fn refuse<T>(&self, expected: &str) -> Option<T> {
        self.report.refuse(self.mistyped(expected))
    }

    /// A string.
    pub fn string(self) -> Option<String> {
        self.spanned_string().map(|string| string.value)
    }

    /// A string and its place, for checks that come later.
    pub fn spanned_string(self) -> Option<Spanned<String>> {
        match &self.value {
            DeValue::String(string) => Some(Spanned::new(self.span, string.to_string())),
            _ => self.refuse("a string"),
        }
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(boolean) => Some(boolean),
            _ => self.refuse("a boolean"),
        }
    }

    /// A whole number within a range.
    pub fn integer(self, range: RangeInclusive<u64>) -> Option<u64> {
        let DeValue::Integer(written) = &self.value else {
            return self.refuse("an integer");
        };
        match number(written).filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => self.report.refuse(self.out_of_range(written, &range)),
        }
    }

    /// One of a few words.
    pub fn choice<T: Clone>(self, choices: &[(&str, T)]) -> Option<T> {
        let (label, report) = (self.label.clone(), self.report);
        let written = self.spanned_string()?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == written.value) {
            return Some(choice.clone());
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "{label} must be `{}`, found `{}`",
            names.join("` or `"),
            written.value
        );
        report.refuse(
            Mistake::new(written.span, message).did_you_mean(nearest(&written.value, names)),
        )
    }

    /// A list of strings.
    pub fn strings(self) -> Option<Vec<String>> {
        all(self.items()?.into_iter().map(Value::string))
    }

    /// A list of strings and their places.
    pub fn spanned_strings(self) -> Option<Vec<Spanned<String>>> {
        all(self.items()?.into_iter().map(Value::spanned_string))
    }

    /// A list of anything.
    pub fn items(self) -> Option<Vec<Value<'t>>> {
        match self.value {
            DeValue::Array(items) => {
                let label = self.label;
                let item = |(index, value): (usize, toml::Spanned<DeValue<'t>>)| {
                    Value::new(
                        format!("item {} of {label}", index + 1),
                        self.path.clone(),
                        value,
                        self.report,
                    )
                };
                Some(items.into_iter().enumerate().map(item).collect())
            }
            _ => self.refuse("an array"),
        }
    }

    /// A table, read by `build`.
    pub fn table<T>(self, build: impl FnOnce(&mut Table<'t>) -> Option<T>) -> Option<T> {
        let shown = format!("[{}]", self.path);
        self.shown_table(shown, build)
    }

    /// A list of tables, each read by `build`. A single table in its place is reported, and then read as the only one,
    /// so that it hides no mistake.
    pub fn tables<T>(self, mut build: impl FnMut(&mut Table<'t>) -> Option<T>) -> Option<Vec<T>> {
        let shown = format!("[[{}]]", self.path);
        if self.shape() == Shape::Table {
            let mistake = self.mistyped("an array of tables");
            self.report.add(mistake.hint(format!("write `{shown}`")));
            return all([self.shown_table(shown, build)]);
        }
        all(self
            .items()?
            .into_iter()
            .map(|item| item.shown_table(shown.clone(), &mut build)))
    }

    /// A table whose names are the user's to choose, sorted by them.
    pub fn entries(self) -> Option<Vec<(Spanned<String>, Value<'t>)>> {
        self.table(|table| Some(table.entries()))
    }

    /// A table of strings.
    pub fn string_map(self) -> Option<BTreeMap<String, String>> {
        let entries = self.entries()?.into_iter();
        let strings = all(entries.map(|(name, value)| Some((name.value, value.string()?))));
        strings.map(BTreeMap::from_iter)
    }

    fn shown_table<T>(
        self,
        shown: String,
        build: impl FnOnce(&mut Table<'t>) -> Option<T>,
    ) -> Option<T> {
        match self.value {
            DeValue::Table(fields) => {
                Table::new(self.path, shown, self.span, fields, self.report).read(build)
            }
            _ => self.refuse("a table"),
        }
    }

    fn mistyped(&self, expected: &str) -> Mistake {
        let message = format!(
            "{} must be {expected}, found {}",
            self.label,
            article(&self.value)
        );
        Mistake::new(self.span, message)
    }

    fn out_of_range(&self, written: &DeInteger<'_>, range: &RangeInclusive<u64>) -> Mistake {
        let (least, most) = (range.start(), range.end());
        let message = format!(
            "{} must be between {least} and {most}, found {written}",
            self.label
        );
        Mistake::new(self.span, message)
    }
}

fn number(written: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(written.as_str(), written.radix()).ok()
}

fn article(value: &DeValue<'_>) -> String {
    let article = match value {
        DeValue::Integer(_) | DeValue::Array(_) => "an",
        _ => "a",
    };
    format!("{article} {}", value.type_str())
}
