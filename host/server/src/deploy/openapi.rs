//! A component's OpenAPI document, before a release with it serves: is it one, and does it hang together?
//!
//! Versions 3.0 and 3.1, as JSON. Checked is what generated clients trip over: that what is referred to is there, that
//! paths do not answer for each other, that their parameters are declared, that no two operations have one name. What a
//! component answers is for its own tests; schemas are not checked for what they say.

mod paths;
mod references;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Bytes of a document.
const BYTES_MAX: usize = 8 << 20;
/// Problems that are told of one document; the others are counted.
const PROBLEMS_MAX: usize = 100;
/// Problems that are kept to be told; whatever is found then is only counted.
const FOUND_MAX: usize = 10 * PROBLEMS_MAX;
/// References from one to the next, after which they count as going round in circles.
const REFERENCES_MAX: usize = 16;
/// Bytes of a reference, of a parameter's name and of an `operationId`.
const NAME_BYTES_MAX: usize = 1024;
/// Characters of one name in what is told.
const SHOWN_CHARS_MAX: usize = 128;
/// Bytes of a place, beyond which it is not told more exactly.
const PLACE_BYTES_MAX: usize = 512;
/// Path items, parameters, responses, callbacks and references that are looked at, each as often as it is used: a few
/// kilobytes that refer to each other can stand for more than anybody waits for.
const STEPS_MAX: usize = 200_000;

/// What is found while a document is read.
struct Check<'d> {
    document: &'d Value,
    /// It is of version 3.0, which asks for more.
    old: bool,
    /// Where and what, in the order in which they were found.
    problems: Vec<(String, String)>,
    /// Problems beyond [`FOUND_MAX`].
    further: usize,
    /// What was looked at, out of [`STEPS_MAX`].
    steps: usize,
    /// Where each `operationId` was found, and with which operation.
    ids: BTreeMap<&'d str, (&'d Value, String)>,
    /// Operations of `paths`.
    operations: usize,
    /// Callbacks and where they are. They wait here for their turn, since one may hold or refer to others without end.
    callbacks: Vec<(&'d Value, String)>,
    /// Path items without a path of their own that were looked at.
    seen: BTreeSet<*const Value>,
}

/// Checks a document; `path` is what it is called. Answers a summary: `openapi.json: 3.1.0, 14 operations`.
///
/// # Errors
/// Everything that is wrong, each with its place as a JSON pointer.
pub(super) fn check(path: &str, bytes: &[u8]) -> Result<String, Vec<String>> {
    let document = parsed(bytes).map_err(|reason| vec![format!("{path}: {reason}")])?;
    let version = version(&document).map_err(|reason| vec![format!("{path}: {reason}")])?;
    let mut check = Check {
        document: &document,
        old: version.starts_with("3.0."),
        problems: Vec::new(),
        further: 0,
        steps: 0,
        ids: BTreeMap::new(),
        operations: 0,
        callbacks: Vec::new(),
        seen: BTreeSet::new(),
    };
    check.whole();
    match check.problems.is_empty() {
        true => Ok(summary(path, version, check.operations)),
        false => Err(told(path, check.problems, check.further)),
    }
}

fn parsed(bytes: &[u8]) -> Result<Value, String> {
    match bytes.len() {
        0..=BYTES_MAX => {
            serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))
        }
        _ => Err(format!("larger than {BYTES_MAX} bytes")),
    }
}

/// Of a document of another version nothing else is worth telling.
fn version(document: &Value) -> Result<&str, String> {
    let version = match document.get("openapi") {
        Some(Value::String(version)) => version,
        Some(_) => return Err("`openapi` is not a string".to_owned()),
        None => return Err("not an OpenAPI document: `openapi` is missing".to_owned()),
    };
    let patch = ["3.0.", "3.1."]
        .iter()
        .find_map(|known| version.strip_prefix(known));
    match patch.is_some_and(|patch| patch.starts_with(|c: char| c.is_ascii_digit())) {
        true => Ok(version),
        false => Err(format!(
            "of version {:?}; 3.0 and 3.1 can be checked",
            short(version)
        )),
    }
}

fn summary(path: &str, version: &str, operations: usize) -> String {
    let plural = if operations == 1 { "" } else { "s" };
    let version = short(version);
    format!("{path}: {version}, {operations} operation{plural}")
}

/// One line each, each once: what several places refer to is found several times.
/// `further` were found and not kept.
fn told(path: &str, problems: Vec<(String, String)>, further: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut lines: Vec<String> = problems
        .into_iter()
        .map(|(place, problem)| format!("{path}#{place}: {problem}"))
        .filter(|line| seen.insert(line.clone()))
        .collect();
    let more = lines.len().saturating_sub(PROBLEMS_MAX) + further;
    if more > 0 {
        lines.truncate(PROBLEMS_MAX);
        lines.push(format!("{path}: and {more} problems more"));
    }
    lines
}

/// The place of a field or an item.
fn child(place: &str, name: &str) -> String {
    if place.len() > PLACE_BYTES_MAX {
        return place.to_owned();
    }
    let name = short(name).replace('~', "~0").replace('/', "~1");
    format!("{place}/{name}")
}

/// A name of the document's as it is told.
fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

fn is_extension(field: &str) -> bool {
    field.starts_with("x-")
}

impl<'d> Check<'d> {
    fn whole(&mut self) {
        self.info();
        let document = self.document;
        match document.get("paths") {
            Some(paths) => self.paths(paths, "/paths"),
            None if self.old => self.problem("", "`paths` is missing"),
            None if document
                .get("components")
                .or(document.get("webhooks"))
                .is_none() =>
            {
                self.problem("", "there is none of `paths`, `components` and `webhooks`");
            }
            None => {}
        }
        if let Some(webhooks) = document.get("webhooks") {
            self.webhooks(webhooks, "/webhooks");
        }
        while let Some((callback, place)) = self.callbacks.pop() {
            self.webhooks(callback, &place);
        }
        if let Some(components) = document.get("components") {
            self.object(components, "/components");
        }
        self.references();
    }

    fn info(&mut self) {
        let Some(info) = self.document.get("info") else {
            return self.problem("", "`info` is missing");
        };
        let Some(info) = self.object(info, "/info") else {
            return;
        };
        for field in ["title", "version"] {
            match info.get(field) {
                Some(Value::String(_)) => {}
                Some(_) => self.problem(&child("/info", field), "not a string"),
                None => self.problem("/info", format!("`{field}` is missing")),
            }
        }
    }

    fn problem(&mut self, place: &str, what: impl Into<String>) {
        match self.is_full() {
            true => self.further += 1,
            false => self.problems.push((place.to_owned(), what.into())),
        }
    }

    /// Whether further problems are only counted.
    fn is_full(&self) -> bool {
        self.problems.len() >= FOUND_MAX
    }

    /// Whether one more thing may be looked at. That there are too many is a problem.
    fn step(&mut self) -> bool {
        self.steps += 1;
        if self.steps == STEPS_MAX + 1 {
            let told =
                format!("so much refers to so much that it is not checked: over {STEPS_MAX} steps");
            self.problem("", told);
        }
        self.steps <= STEPS_MAX
    }

    fn object(&mut self, value: &'d Value, place: &str) -> Option<&'d Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.problem(place, "not an object");
        }
        object
    }

    /// What a reference stands for, and where that is; the value itself if it is none. A reference that leads nowhere is
    /// told elsewhere.
    fn resolved(&mut self, value: &'d Value, place: &str) -> Option<(&'d Value, String)> {
        let (mut value, mut place) = (value, place.to_owned());
        for _ in 0..REFERENCES_MAX {
            let Some(Value::String(target)) = value.get("$ref") else {
                return Some((value, place));
            };
            if !self.step() {
                return None;
            }
            place = references::pointer(target)?;
            value = self.document.pointer(&place)?;
        }
        None
    }
}
