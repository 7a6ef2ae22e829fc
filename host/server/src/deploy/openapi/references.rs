//! `$ref`: each leads to something in the same document.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Check, NAME_BYTES_MAX, child, is_extension, short};

/// Fields whose names are the author's to choose, so that they mean nothing by themselves: a property may be called
/// `example` or `$ref`.
const NAMED: [&str; 22] = [
    "$defs",
    "callbacks",
    "content",
    "definitions",
    "dependentSchemas",
    "encoding",
    "examples",
    "headers",
    "links",
    "mapping",
    "parameters",
    "pathItems",
    "paths",
    "patternProperties",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "scopes",
    "securitySchemes",
    "variables",
    "webhooks",
];

/// Fields that hold data, in which nothing refers to anything.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "value"];

/// One step down a document.
#[derive(Clone, Copy)]
enum Step<'d> {
    Field(&'d str),
    Item(usize),
}

/// Who chose the names of an object's fields.
#[derive(Clone, Copy)]
enum Names {
    /// The specification: they mean something.
    Fixed,
    /// The document's author.
    Chosen,
}

/// What a walk through a document finds.
enum Found<'d> {
    Reference(&'d str),
    Anchor(&'d str),
}

impl<'d> Check<'d> {
    /// In two walks: an anchor may come after what refers to it, and to remember where all references are would take
    /// far more than the document.
    pub(super) fn references(&mut self) {
        let (document, mut anchors) = (self.document, BTreeSet::new());
        let mut collect = |found: Found<'d>, _: &[Step<'d>]| {
            if let Found::Anchor(name) = found {
                anchors.insert(name);
            }
        };
        walk(document, &mut Vec::new(), Names::Fixed, &mut collect);
        let mut check = |found: Found<'d>, place: &[Step<'d>]| {
            if let Found::Reference(target) = found {
                self.reference(target, place, &anchors);
            }
        };
        walk(document, &mut Vec::new(), Names::Fixed, &mut check);
    }

    fn reference(&mut self, target: &str, place: &[Step<'_>], anchors: &BTreeSet<&str>) {
        if let Some(problem) = self.dangling(target, anchors) {
            // A place takes longer to write than to skip.
            let place = match self.is_full() {
                true => String::new(),
                false => shown(place),
            };
            self.problem(&place, problem);
        }
    }

    fn dangling(&self, target: &str, anchors: &BTreeSet<&str>) -> Option<String> {
        if !target.starts_with('#') {
            return Some(format!("{:?} is not in this document", short(target)));
        }
        let there = match pointer(target) {
            Some(pointer) => self.document.pointer(&pointer).is_some(),
            None => anchors.contains(&target[1..]),
        };
        (!there).then(|| format!("{:?} leads nowhere", short(target)))
    }
}

/// The JSON pointer that a reference into the same document is; `None` if it is none, or longer than any that is used.
pub(super) fn pointer(target: &str) -> Option<String> {
    if target.len() > NAME_BYTES_MAX {
        return None;
    }
    let fragment = target.strip_prefix('#')?;
    let pointer = decoded(fragment)?;
    (pointer.is_empty() || pointer.starts_with('/')).then_some(pointer)
}

/// A fragment without its `%` and two digits each.
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => (digit(rest.next()?)? << 4) | digit(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// Calls `found` with each reference and anchor, and where it is. As deep as the parser lets documents be.
fn walk<'d, F>(value: &'d Value, place: &mut Vec<Step<'d>>, names: Names, found: &mut F)
where
    F: FnMut(Found<'d>, &[Step<'d>]),
{
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                step(item, place, Step::Item(number), Names::Fixed, found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                field(name, value, place, names, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn field<'d, F>(
    field: &'d str,
    value: &'d Value,
    place: &mut Vec<Step<'d>>,
    names: Names,
    found: &mut F,
) where
    F: FnMut(Found<'d>, &[Step<'d>]),
{
    match (field, value) {
        _ if matches!(names, Names::Chosen) => {
            step(value, place, Step::Field(field), Names::Fixed, found);
        }
        ("$ref", Value::String(target)) => found(Found::Reference(target), place),
        ("$anchor" | "$dynamicAnchor", Value::String(name)) => found(Found::Anchor(name), place),
        // Those of a schema are data; those of a media type have names.
        ("examples", Value::Array(_)) => {}
        _ if DATA.contains(&field) => {}
        _ if NAMED.contains(&field) => step(value, place, Step::Field(field), Names::Chosen, found),
        _ if is_extension(field) => {}
        _ => step(value, place, Step::Field(field), Names::Fixed, found),
    }
}

fn step<'d, F>(
    value: &'d Value,
    place: &mut Vec<Step<'d>>,
    step: Step<'d>,
    names: Names,
    found: &mut F,
) where
    F: FnMut(Found<'d>, &[Step<'d>]),
{
    place.push(step);
    walk(value, place, names, found);
    place.pop();
}

/// A place as a JSON pointer.
fn shown(place: &[Step<'_>]) -> String {
    place.iter().fold(String::new(), |place, step| match step {
        Step::Field(field) => child(&place, field),
        Step::Item(number) => child(&place, &number.to_string()),
    })
}
