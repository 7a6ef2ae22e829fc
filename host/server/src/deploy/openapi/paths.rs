//! `paths` and `webhooks`: operations, and the parameters of their paths.

use std::collections::{BTreeMap, BTreeSet};
use std::ptr;

use serde_json::{Map, Value};

use super::{Check, NAME_BYTES_MAX, child, is_extension, short};

/// The methods that a path item has a field for.
const METHODS: [&str; 8] = [
    "delete", "get", "head", "options", "patch", "post", "put", "trace",
];
/// Its other fields.
const FIELDS: [&str; 5] = ["$ref", "description", "parameters", "servers", "summary"];
/// Where a parameter may be.
const PLACES: [&str; 4] = ["cookie", "header", "path", "query"];

/// A parameter of a path item or an operation: its name and where it is.
type Parameter<'d> = (&'d str, &'d str);

impl<'d> Check<'d> {
    pub(super) fn paths(&mut self, paths: &'d Value, place: &str) {
        let Some(paths) = self.object(paths, place) else {
            return;
        };
        let mut shapes: BTreeMap<String, &str> = BTreeMap::new();
        for (template, item) in paths.iter().filter(|(name, _)| !is_extension(name)) {
            let place = child(place, template);
            match names(template) {
                Ok(names) => {
                    if let Some(other) = shapes.insert(shape(template), template) {
                        let other = short(other);
                        self.problem(&place, format!("takes the same paths as `{other}`"));
                    }
                    self.path_item(item, &place, Some(&names));
                }
                Err(problem) => {
                    self.problem(&place, problem);
                    self.path_item(item, &place, None);
                }
            }
        }
    }

    /// Path items under names of any kind.
    pub(super) fn webhooks(&mut self, webhooks: &'d Value, place: &str) {
        let Some(webhooks) = self.object(webhooks, place) else {
            return;
        };
        for (name, item) in webhooks.iter().filter(|(name, _)| !is_extension(name)) {
            if !self.step() {
                return;
            }
            self.path_item(item, &child(place, name), None);
        }
    }

    /// `names` are those in its path, where it has one that can be read.
    fn path_item(&mut self, item: &'d Value, place: &str, names: Option<&BTreeSet<&str>>) {
        if !self.step() {
            return;
        }
        let Some((item, place)) = self.resolved(item, place) else {
            return;
        };
        // Without a path it says the same wherever it is used; and its own callbacks may lead back to it.
        if names.is_none() && !self.seen.insert(ptr::from_ref(item)) {
            return;
        }
        let Some(item) = self.object(item, &place) else {
            return;
        };
        let shared = self.parameters(item, &place);
        self.check_surplus(&shared, &place, names);
        for (field, value) in item {
            let place = child(&place, field);
            match field.as_str() {
                method if METHODS.contains(&method) => {
                    self.operation(value, &place, &shared, names);
                }
                other if FIELDS.contains(&other) || is_extension(other) => {}
                _ => self.problem(&place, "neither a method nor a field of a path"),
            }
        }
    }

    fn operation(
        &mut self,
        operation: &'d Value,
        place: &str,
        shared: &BTreeSet<Parameter<'d>>,
        names: Option<&BTreeSet<&str>>,
    ) {
        let Some(fields) = self.object(operation, place) else {
            return;
        };
        self.operations += usize::from(names.is_some());
        self.id(operation, place);
        self.responses(fields, place);
        let own = self.parameters(fields, place);
        self.check_surplus(&own, place, names);
        let declared =
            |name: &str| own.contains(&(name, "path")) || shared.contains(&(name, "path"));
        for name in names.into_iter().flatten() {
            if self.step() && !declared(name) {
                let name = short(name);
                self.problem(
                    place,
                    format!("the path parameter `{name}` is not declared"),
                );
            }
        }
        self.callbacks(fields, place);
    }

    fn id(&mut self, operation: &'d Value, place: &str) {
        match operation.get("operationId") {
            Some(Value::String(id)) if id.len() > NAME_BYTES_MAX => {
                let problem = format!("longer than {NAME_BYTES_MAX} bytes");
                self.problem(&child(place, "operationId"), problem);
            }
            Some(Value::String(id)) => match self.ids.get(id.as_str()) {
                // A path item that two paths refer to.
                Some((same, _)) if ptr::eq(*same, operation) => {}
                Some((_, other)) => {
                    let id = short(id);
                    let problem = format!("its `operationId` {id:?} is that of `{other}` too");
                    self.problem(place, problem);
                }
                None => {
                    self.ids.insert(id, (operation, place.to_owned()));
                }
            },
            Some(_) => self.problem(&child(place, "operationId"), "not a string"),
            None => {}
        }
    }

    fn responses(&mut self, operation: &'d Map<String, Value>, place: &str) {
        let Some(responses) = operation.get("responses") else {
            if self.old {
                self.problem(place, "`responses` is missing");
            }
            return;
        };
        let place = child(place, "responses");
        let Some(responses) = self.object(responses, &place) else {
            return;
        };
        if responses.is_empty() {
            self.problem(&place, "there is no response in it");
        }
        for (status, response) in responses.iter().filter(|(name, _)| !is_extension(name)) {
            if !self.step() {
                return;
            }
            let place = child(&place, status);
            if !is_status(status) {
                self.problem(&place, "not a status, such as `200`, `2XX` or `default`");
            }
            self.object(response, &place);
        }
    }

    fn callbacks(&mut self, operation: &'d Map<String, Value>, place: &str) {
        let Some(callbacks) = operation.get("callbacks") else {
            return;
        };
        let place = child(place, "callbacks");
        let Some(callbacks) = self.object(callbacks, &place) else {
            return;
        };
        for (name, callback) in callbacks {
            // One that is shared is nobody's in particular.
            if self.step() && callback.get("$ref").is_none() {
                self.callbacks.push((callback, child(&place, name)));
            }
        }
    }

    /// The parameters that an object declares.
    fn parameters(
        &mut self,
        object: &'d Map<String, Value>,
        place: &str,
    ) -> BTreeSet<Parameter<'d>> {
        let mut declared = BTreeSet::new();
        let Some(parameters) = object.get("parameters") else {
            return declared;
        };
        let place = child(place, "parameters");
        let Some(parameters) = parameters.as_array() else {
            self.problem(&place, "not an array");
            return declared;
        };
        for (number, parameter) in parameters.iter().enumerate() {
            if !self.step() {
                break;
            }
            let place = child(&place, &number.to_string());
            let Some(parameter) = self.parameter(parameter, &place) else {
                continue;
            };
            if !declared.insert(parameter) {
                let (name, within) = parameter;
                let name = short(name);
                self.problem(&place, format!("`{name}` in `{within}` is declared twice"));
            }
        }
        declared
    }

    /// What is wrong with one that is shared is told where it stands.
    fn parameter(&mut self, parameter: &'d Value, place: &str) -> Option<Parameter<'d>> {
        let (parameter, place) = self.resolved(parameter, place)?;
        let parameter = self.object(parameter, &place)?;
        let (Some(name), Some(within)) = (
            parameter.get("name").and_then(Value::as_str),
            parameter.get("in").and_then(Value::as_str),
        ) else {
            self.problem(&place, "a parameter has a `name` and an `in`");
            return None;
        };
        if name.len() > NAME_BYTES_MAX {
            let problem = format!("its name is longer than {NAME_BYTES_MAX} bytes");
            self.problem(&place, problem);
            return None;
        }
        if !PLACES.contains(&within) {
            let within = short(within);
            self.problem(&place, format!("a parameter is not in {within:?}"));
            return None;
        }
        if within == "path" && parameter.get("required") != Some(&Value::Bool(true)) {
            self.problem(
                &place,
                format!("the path parameter `{}` is not required", short(name)),
            );
        }
        Some((name, within))
    }

    fn check_surplus(
        &mut self,
        declared: &BTreeSet<Parameter<'d>>,
        place: &str,
        names: Option<&BTreeSet<&str>>,
    ) {
        let Some(names) = names else {
            return;
        };
        for (name, _) in declared
            .iter()
            .filter(|(name, within)| *within == "path" && !names.contains(name))
        {
            self.problem(
                place,
                format!("the path parameter `{}` is not in the path", short(name)),
            );
        }
    }
}

/// The names in a template, or why it is none.
fn names(template: &str) -> Result<BTreeSet<&str>, String> {
    if !template.starts_with('/') {
        return Err("a path starts with `/`".to_owned());
    }
    let mut names = BTreeSet::new();
    let mut rest = template;
    while let Some((before, opened)) = rest.split_once('{') {
        let (name, behind) = opened.split_once('}').ok_or("a `{` has no `}`")?;
        if before.contains('}') || name.contains('{') {
            return Err("its braces do not match".to_owned());
        }
        if name.is_empty() || name.contains('/') {
            return Err(format!("`{{{}}}` is not a parameter", short(name)));
        }
        if !names.insert(name) {
            let name = short(name);
            return Err(format!("the path parameter `{name}` is in it twice"));
        }
        rest = behind;
    }
    match rest.contains('}') {
        true => Err("its braces do not match".to_owned()),
        false => Ok(names),
    }
}

/// A template without its names: two of one shape take the same paths.
fn shape(template: &str) -> String {
    let mut parts = template.split('{');
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('}').map_or(part, |(_, behind)| behind));
    let parts: Vec<&str> = std::iter::once(first).chain(rest).collect();
    parts.join("{}")
}

/// `200`, `2XX` or `default`.
fn is_status(status: &str) -> bool {
    let class = |byte: u8| (b'1'..=b'5').contains(&byte);
    match status.as_bytes() {
        [first, b'X', b'X'] => class(*first),
        [first, rest @ ..] if rest.len() == 2 => {
            class(*first) && rest.iter().all(u8::is_ascii_digit)
        }
        _ => status == "default",
    }
}
