//! Reads the members of a JSON object one by one and notes everything that is wrong, so that a client learns all of it.

use super::rules::Rule;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A client learns of so many things at most: a small document can have a great many.
const VIOLATIONS_MAX: usize = 100;

/// One thing that is wrong with a document, and where: a JSON pointer as a URI fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

/// Reads one object. What is wrong or missing is noted and read as an empty value.
pub(crate) struct Reader<'a> {
    members: &'a Map<String, Value>,
    pointer: String,
    violations: Vec<Violation>,
}

impl<'a> Reader<'a> {
    /// Reads the object at `pointer`. Anything else than an object is noted.
    pub(crate) fn new(document: &'a Value, pointer: &str) -> Result<Self, Violation> {
        let pointer = pointer.to_owned();
        match document {
            Value::Object(members) => Ok(Self {
                members,
                pointer,
                violations: Vec::new(),
            }),
            _ => Err(Violation {
                pointer,
                detail: "must be an object".to_owned(),
            }),
        }
    }

    /// Everything that was wrong.
    pub(crate) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Notes what is wrong with a member.
    pub(crate) fn note(&mut self, name: &str, detail: impl Into<String>) {
        // As RFC 6901 has it, so that a name with a slash is one step.
        let name = name.replace('~', "~0").replace('/', "~1");
        let pointer = format!("{}/{name}", self.pointer);
        let detail = detail.into();
        self.adopt(vec![Violation { pointer, detail }]);
    }

    /// Notes every member that is not one of these.
    pub(crate) fn only(&mut self, known: &[&str]) {
        let members = self.members;
        for name in members
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
        {
            self.note(name, "is not known");
        }
    }

    /// A member that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Option<&'a Value> {
        let value = self.optional(name);
        if value.is_none() {
            self.note(name, "is required");
        }
        value
    }

    /// A member that may be missing.
    pub(crate) fn optional(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// The text of a member; empty if there is none.
    pub(crate) fn text(&mut self, name: &str, value: Option<&Value>, rule: Rule) -> String {
        let Some(value) = value else {
            return String::new();
        };
        let Some(text) = value.as_str() else {
            self.note(name, "must be a text");
            return String::new();
        };
        if let Err(detail) = rule(text) {
            self.note(name, detail);
        }
        text.to_owned()
    }

    /// The number of a member, 0 to `max`; 0 if there is none. `2.0` is no integer: money is never a fraction.
    pub(crate) fn integer(&mut self, name: &str, value: Option<&Value>, max: u64) -> u64 {
        self.within(name, value, 0..=max)
    }

    /// The number of a member within a range; 0 if there is none.
    pub(crate) fn within(
        &mut self,
        name: &str,
        value: Option<&Value>,
        range: RangeInclusive<u64>,
    ) -> u64 {
        let Some(value) = value else {
            return 0;
        };
        match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let (min, max) = range.into_inner();
                self.note(name, format!("must be an integer from {min} to {max}"));
                0
            }
        }
    }

    /// The texts of a member, each of them once; none if it is missing.
    pub(crate) fn texts(
        &mut self,
        name: &str,
        value: Option<&Value>,
        count_max: usize,
        rule: Rule,
    ) -> Vec<String> {
        let Some(value) = value else {
            return Vec::new();
        };
        let Some(items) = value.as_array() else {
            self.note(name, "must be a list");
            return Vec::new();
        };
        if items.len() > count_max {
            self.note(name, format!("must have at most {count_max} items"));
            return Vec::new();
        }
        items
            .iter()
            .enumerate()
            .map(|(at, item)| self.item(name, item, &items[..at], rule))
            .collect()
    }

    /// The text behind those before it.
    fn item(&mut self, name: &str, item: &Value, before: &[Value], rule: Rule) -> String {
        let verdict = match item.as_str() {
            None => Err("must be a text".to_owned()),
            Some(_) if before.contains(item) => Err("is there already".to_owned()),
            Some(text) => rule(text),
        };
        if let Err(detail) = verdict {
            let pointer = format!("{}/{name}/{}", self.pointer, before.len());
            self.adopt(vec![Violation { pointer, detail }]);
        }
        item.as_str().unwrap_or("").to_owned()
    }

    /// Adds what was wrong inside a member.
    pub(crate) fn adopt(&mut self, violations: Vec<Violation>) {
        let room = VIOLATIONS_MAX.saturating_sub(self.violations.len());
        self.violations.extend(violations.into_iter().take(room));
    }
}
