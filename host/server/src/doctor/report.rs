//! What is told in the end: sorted, each thing once, as text or as JSON.

use serde::Serialize;
use stoa_manifest::text::{Mistake, Source, Span};

use super::words::Words;
use super::{Found, Severity, Text};
use crate::client::show;

/// All that was found, in the order of the texts; what has no place comes last.
pub(crate) struct Report {
    manifest: Source,
    configuration: Source,
    told: Vec<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    words: Words,
    component: Option<String>,
    at: Option<(Text, Span)>,
}

/// A finding for programs.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    severity: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    /// Both counted from 1, the column in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    manifest: &'a str,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<Entry<'a>>,
}

// === impl Report ===

impl Report {
    pub(super) fn new(manifest: Source, configuration: Source, found: Vec<Found>) -> Self {
        let mut told: Vec<Told> = found.into_iter().map(Told::new).collect();
        told.sort_by(|a, b| a.order().cmp(&b.order()));
        // A component that answers behind middleware is looked at twice.
        told.dedup();
        Self {
            manifest,
            configuration,
            told,
        }
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        let of = |told: &&Told| told.words.severity == severity;
        self.told.iter().filter(of).count()
    }

    /// For people: every finding with its line, and how many there are.
    pub(crate) fn text(&self) -> String {
        let findings = self.told.iter().map(|told| self.shown(told));
        let mut shown: Vec<String> = findings.collect();
        shown.push(self.summary());
        show::plain_lines(&shown.join("\n\n"))
    }

    /// For programs.
    ///
    /// # Errors
    /// None that anybody has seen: all of it is text and numbers.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let findings = self.told.iter().map(|told| self.entry(told));
        serde_json::to_string_pretty(&Document {
            manifest: &self.manifest.name,
            errors: self.count(Severity::Error),
            warnings: self.count(Severity::Warning),
            notes: self.count(Severity::Note),
            findings: findings.collect(),
        })
    }

    /// `2 errors and 1 warning in spin.toml`.
    pub(crate) fn summary(&self) -> String {
        let counted = |severity: Severity| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {}", severity.name())),
            count => Some(format!("{count} {}s", severity.name())),
        };
        let all = [Severity::Error, Severity::Warning, Severity::Note];
        let counts: Vec<String> = all.into_iter().filter_map(counted).collect();
        let counts = match counts.is_empty() {
            true => "nothing to change".to_owned(),
            false => counts.join(", "),
        };
        format!("{counts} in {}", self.manifest.name)
    }

    fn shown(&self, told: &Told) -> String {
        let Words {
            severity,
            code,
            message,
            hint,
        } = &told.words;
        let kind = format!("{}[{code}]", severity.name());
        let mut mistake = Mistake::new(Span::default(), message.clone());
        mistake.hint = hint.clone();
        if let Some((text, span)) = told.at {
            mistake.span = span;
            return mistake.shown(&kind, self.source(text));
        }
        let message = match &told.component {
            // Some texts name it themselves.
            Some(id) if !message.contains(&format!("`{id}`")) => {
                format!("component `{id}`: {message}")
            }
            _ => message.clone(),
        };
        match hint {
            Some(hint) => format!("{kind}: {message}\n  = hint: {hint}"),
            None => format!("{kind}: {message}"),
        }
    }

    fn entry<'a>(&'a self, told: &'a Told) -> Entry<'a> {
        let place = told.at.map(|(text, span)| {
            let source = self.source(text);
            (source, source.position(span))
        });
        Entry {
            severity: told.words.severity.name(),
            code: told.words.code,
            component: told.component.as_deref(),
            file: place.map(|(source, _)| source.name.as_str()),
            line: place.map(|(_, (line, _))| line),
            column: place.map(|(_, (_, column))| column),
            message: &told.words.message,
            hint: told.words.hint.as_deref(),
        }
    }

    fn source(&self, text: Text) -> &Source {
        match text {
            Text::Manifest => &self.manifest,
            Text::Configuration => &self.configuration,
        }
    }
}

// === impl Told ===

impl Told {
    fn new(found: Found) -> Self {
        Self {
            words: found.finding.words(),
            component: found.component.map(|id| id.to_string()),
            at: found.at,
        }
    }

    fn order(&self) -> (bool, Option<(Text, usize)>, Severity, &str, &str) {
        let at = self.at.map(|(text, span)| (text, span.start));
        let Words {
            severity,
            code,
            message,
            ..
        } = &self.words;
        (at.is_none(), at, *severity, *code, message.as_str())
    }
}

// === impl Severity ===

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

#[cfg(test)]
impl Report {
    /// A line per finding: `error[code] 3: message`, for tests.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |told: &Told| {
            let Words {
                severity,
                code,
                message,
                ..
            } = &told.words;
            let place = match told.at {
                Some((text, span)) => self.source(text).position(span).0.to_string(),
                None => "-".to_owned(),
            };
            format!("{}[{code}] {place}: {message}", severity.name())
        };
        self.told.iter().map(line).collect()
    }
}
