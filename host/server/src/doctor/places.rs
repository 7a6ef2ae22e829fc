//! Where things stand in a manifest: by the names of tables and fields, whatever they mean.

use std::collections::BTreeMap;

use stoa_manifest::Pattern;
use stoa_manifest::http::{Route, Target};
use stoa_manifest::text::{self, Shape, Source, Span, Value};

/// Tables in tables: deeper ones have no place of their own.
const DEPTH_MAX: usize = 32;

/// The places of all fields. Items of a list are numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<Vec<String>, Node>);

#[derive(Debug)]
struct Node {
    /// Of the name of a field; of an item as a whole.
    span: Span,
    /// What is written, if it is a string or a natural number.
    text: Option<String>,
}

impl Places {
    /// What is wrong with the text is for whoever reads it as a manifest: of one that is no TOML, nothing has a place.
    pub(super) fn of(source: &Source) -> Self {
        let mut places = Self::default();
        let read = text::read(source, |table| {
            for (name, value) in table.entries() {
                places.add(vec![name.value], name.span, value);
            }
            Some(())
        });
        drop(read);
        places
    }

    fn add(&mut self, path: Vec<String>, span: Span, value: Value<'_>) {
        let mut node = Node { span, text: None };
        match value.shape() {
            Shape::String => node.text = value.string(),
            Shape::Integer => {
                node.text = value.integer(0..=u64::MAX).map(|number| number.to_string());
            }
            _ if path.len() >= DEPTH_MAX => {}
            Shape::Table => {
                for (name, inner) in value.entries().unwrap_or_default() {
                    self.add(below(&path, name.value), name.span, inner);
                }
            }
            Shape::Array => {
                let items = value.items().unwrap_or_default();
                for (index, item) in items.into_iter().enumerate() {
                    let span = item.span();
                    self.add(below(&path, index.to_string()), span, item);
                }
            }
            Shape::Boolean | Shape::Other => {}
        }
        self.0.insert(path, node);
    }

    /// The place of a field, or of the nearest table around it that is written.
    pub(super) fn find(&self, path: &[&str]) -> Option<Span> {
        let mut lengths = (1..=path.len()).rev();
        lengths.find_map(|length| self.node(&path[..length]).map(|node| node.span))
    }

    pub(super) fn has(&self, path: &[&str]) -> bool {
        self.node(path).is_some()
    }

    /// What a field says, if it is a string or a natural number.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        self.node(path)?.text.as_deref()
    }

    /// The numbers of a list's items.
    pub(super) fn items(&self, path: &[&str]) -> Vec<String> {
        let has = |index: &String| {
            let item: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            self.has(&item)
        };
        (0_usize..)
            .map(|index| index.to_string())
            .take_while(has)
            .collect()
    }

    /// The item of a list that says this.
    pub(super) fn item(&self, path: &[&str], says: &str) -> Option<Span> {
        let items = self.items(path);
        let mut items = items.iter().map(|index| {
            let item: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            item
        });
        items
            .find(|item| self.text(item) == Some(says))
            .and_then(|item| self.find(&item))
    }

    /// Where a route is written.
    pub(super) fn route(&self, route: &Route) -> Option<Span> {
        let raw = match &route.pattern {
            Pattern::Public(path) => Some(path.raw()),
            Pattern::Private => None,
        };
        let target = match &route.target {
            Target::Component(id) => Some(id.as_str()),
            Target::StaticResponse(_) => None,
        };
        let field = |index: &str, name: &str| self.text(&["trigger", "http", index, name]);
        let is_it = |index: &String| match field(index, "id") {
            Some(id) if !id.is_empty() => id == route.id,
            _ => field(index, "route") == raw && field(index, "component") == target,
        };
        let index = self.items(&["trigger", "http"]).into_iter().find(is_it)?;
        self.find(&["trigger", "http", &index, "route"])
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        let path: Vec<String> = path.iter().map(ToString::to_string).collect();
        self.0.get(&path)
    }
}

fn below(path: &[String], name: String) -> Vec<String> {
    let mut path = path.to_vec();
    path.push(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "x = 1\n[component.a]\nsource = \"a.wasm\"\nallowed = [\"p\", \"q\"]\n";

    fn line(span: Option<Span>) -> Option<usize> {
        span.map(|span| TEXT[..span.start].matches('\n').count() + 1)
    }

    #[test]
    fn what_is_not_written_has_the_place_of_what_is_around_it() {
        let places = Places::of(&Source::new("spin.toml", TEXT));
        assert_eq!(places.find(&["nowhere"]), None);
        assert_eq!(line(places.find(&["component", "a", "build"])), Some(2));
        assert_eq!(line(places.find(&["component", "a", "source"])), Some(3));
    }

    #[test]
    fn items_of_lists_are_found_by_what_they_say() {
        let places = Places::of(&Source::new("spin.toml", TEXT));
        let list = ["component", "a", "allowed"];
        assert_eq!(places.items(&list), ["0", "1"]);
        assert_eq!(line(places.item(&list, "q")), Some(4));
        assert_eq!(places.item(&list, "r"), None);
    }

    #[test]
    fn a_text_that_is_no_toml_has_no_places() {
        let places = Places::of(&Source::new("spin.toml", "x = \n[a]\n"));
        assert!(!places.has(&["a"]));
    }
}
