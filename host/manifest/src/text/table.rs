//! A table whose fields are taken out by name; what is left over at the end was not meant.

use toml::de::{DeString, DeTable, DeValue};

use super::{Mistake, Report, Span, Spanned, Value, nearest};

/// A TOML table that is being read.
///
/// Each method takes a field out. `None` always means that a mistake was added; the caller goes on with the next field
/// and gives up, with `?`, after the last.
pub struct Table<'t> {
    /// Where the table is: `trigger.http`; empty for the document itself.
    path: String,
    /// As messages name it: `[[trigger.http]]`; empty for the document itself.
    shown: String,
    span: Span,
    fields: DeTable<'t>,
    /// The names that were asked for: what an unknown field may have been meant to be.
    asked: Vec<String>,
    report: &'t Report,
}

impl<'t> Table<'t> {
    pub(super) fn root(fields: DeTable<'t>, report: &'t Report) -> Self {
        Self::new(
            String::new(),
            String::new(),
            Span::default(),
            fields,
            report,
        )
    }

    pub(super) fn new(
        path: String,
        shown: String,
        span: Span,
        fields: DeTable<'t>,
        report: &'t Report,
    ) -> Self {
        Self {
            path,
            shown,
            span,
            fields,
            asked: Vec::new(),
            report,
        }
    }

    /// Lets `build` take the fields out, then reports those that are left.
    pub(super) fn read<T>(mut self, build: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let built = build(&mut self);
        self.finish();
        built
    }

    /// Where the table is written: its header, or its braces.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where mistakes go that only the caller can see.
    pub fn report(&self) -> &'t Report {
        self.report
    }

    /// Whether a field is there and was not taken yet. It does not count as asking for it.
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Takes a field as it is; here, `None` means that it is not there.
    pub fn take(&mut self, name: &str) -> Option<Value<'t>> {
        self.asked.push(name.to_owned());
        let (key, value) = self.fields.remove_entry(name)?;
        Some(self.value(&key, value))
    }

    /// Takes a field that must be there.
    pub fn required<T>(
        &mut self,
        name: &str,
        convert: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> Option<T> {
        match self.take(name) {
            Some(value) => convert(value),
            None => self.missing(name),
        }
    }

    /// Takes a field that may be absent: `Some(None)` then.
    pub fn optional<T>(
        &mut self,
        name: &str,
        convert: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.take(name) {
            Some(value) => convert(value).map(Some),
            None => Some(None),
        }
    }

    /// Takes a field that has a default.
    pub fn or<T>(
        &mut self,
        name: &str,
        default: T,
        convert: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> Option<T> {
        match self.take(name) {
            Some(value) => convert(value),
            None => Some(default),
        }
    }

    /// Takes a field whose default is that of its type: an empty text, list or map.
    pub fn or_default<T: Default>(
        &mut self,
        name: &str,
        convert: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> Option<T> {
        self.or(name, T::default(), convert)
    }

    /// Takes every field that is left, sorted by name: for tables whose names are the user's to choose.
    pub fn entries(&mut self) -> Vec<(Spanned<String>, Value<'t>)> {
        let fields = std::mem::take(&mut self.fields);
        fields
            .into_iter()
            .map(|(key, value)| (named(&key), self.value(&key, value)))
            .collect()
    }

    /// Drops every field that is left: for tables that are somebody else's.
    pub fn ignore_rest(&mut self) {
        self.fields = DeTable::default();
    }

    /// Drops every field that is left, each of which has to be a table: for what other tools keep here.
    pub fn ignore_tables(&mut self) {
        for (_, value) in self.entries() {
            value.table(|table| {
                table.ignore_rest();
                Some(())
            });
        }
    }

    fn finish(mut self) {
        for (name, _) in self.entries() {
            let message = format!("unknown field `{}`{}", name.value, self.within());
            let meant = nearest(&name.value, self.asked.iter().map(String::as_str));
            self.report
                .add(Mistake::new(name.span, message).did_you_mean(meant));
        }
    }

    fn missing<T>(&self, name: &str) -> Option<T> {
        self.report.refuse(Mistake::new(
            self.span,
            format!("missing field `{name}`{}", self.within()),
        ))
    }

    fn value(
        &self,
        key: &toml::Spanned<DeString<'t>>,
        value: toml::Spanned<DeValue<'t>>,
    ) -> Value<'t> {
        let key = shown_key(key.get_ref());
        let path = if self.path.is_empty() {
            key.clone()
        } else {
            format!("{}.{key}", self.path)
        };
        Value::new(
            format!("`{key}`{}", self.within()),
            path,
            value,
            self.report,
        )
    }

    fn within(&self) -> String {
        if self.shown.is_empty() {
            String::new()
        } else {
            format!(" in `{}`", self.shown)
        }
    }
}

fn named(key: &toml::Spanned<DeString<'_>>) -> Spanned<String> {
    Spanned::new(key.span().into(), key.get_ref().to_string())
}

/// A key as it is written in a path: quoted where TOML needs quotes.
fn shown_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}
