//! All categories of which something is said, and what must hold for them.

use super::asked::Said;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use stoa_sdk::clock::Timestamp;

/// There are at most so many, so that all of them are one document.
const CATEGORIES_MAX: usize = 1000;
/// A category, its parent, its parent's parent and one more.
const LEVELS_MAX: usize = 4;

/// The categories by their slugs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Tree {
    categories: BTreeMap<String, Category>,
}

/// What is said of a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parent: Option<String>,
    pub(super) position: u64,
    pub(super) created: String,
    pub(super) updated: String,
}

/// Why the tree stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoParent,
    Cycle,
    TooDeep,
    Full,
    HasChildren,
}

impl Tree {
    pub(super) fn get(&self, slug: &str) -> Option<&Category> {
        self.categories.get(slug)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Category)> {
        self.categories.iter()
    }

    /// Adds or replaces one. Where it is refused, the tree is of no more use.
    pub(super) fn put(&mut self, slug: &str, category: Category) -> Result<(), Refusal> {
        if let Some(parent) = &category.parent
            && parent != slug
            && !self.categories.contains_key(parent)
        {
            return Err(Refusal::NoParent);
        }
        self.categories.insert(slug.to_owned(), category);
        if self.categories.len() > CATEGORIES_MAX {
            return Err(Refusal::Full);
        }
        self.check(slug)?;
        // All of them: whatever is below this one moved with it.
        self.categories.keys().try_for_each(|slug| self.check(slug))
    }

    /// Removes one that has no children.
    pub(super) fn remove(&mut self, slug: &str) -> Result<(), Refusal> {
        let mut others = self.categories.values();
        if others.any(|other| other.parent.as_deref() == Some(slug)) {
            return Err(Refusal::HasChildren);
        }
        self.categories.remove(slug);
        Ok(())
    }

    /// Follows the parents of one.
    fn check(&self, slug: &str) -> Result<(), Refusal> {
        let mut above = self.parent(slug);
        for _ in 1..LEVELS_MAX {
            match above {
                None => return Ok(()),
                Some(parent) if parent == slug => return Err(Refusal::Cycle),
                Some(parent) => above = self.parent(parent),
            }
        }
        match above {
            None => Ok(()),
            Some(parent) if parent == slug => Err(Refusal::Cycle),
            Some(_) => Err(Refusal::TooDeep),
        }
    }

    fn parent(&self, slug: &str) -> Option<&str> {
        self.categories.get(slug)?.parent.as_deref()
    }
}

impl Category {
    /// What is said now. What was said before leaves the time of its creation.
    pub(super) fn of(said: Said, before: Option<&Self>, now: Timestamp) -> Self {
        let now = now.to_string();
        Self {
            name: said.name,
            description: said.description,
            parent: said.parent,
            position: said.position,
            created: before.map_or_else(|| now.clone(), |before| before.created.clone()),
            updated: now,
        }
    }

    /// Whether nothing else is said.
    pub(super) fn is_said_by(&self, said: &Said) -> bool {
        self.name == said.name
            && self.description == said.description
            && self.parent == said.parent
            && self.position == said.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(parent: Option<&str>) -> Category {
        let said = Said {
            name: "Any".to_owned(),
            description: String::new(),
            parent: parent.map(str::to_owned),
            position: 0,
        };
        Category::of(said, None, Timestamp::from_unix_ms(0))
    }

    /// Each below the one before.
    fn line(slugs: &[&str]) -> Tree {
        let mut tree = Tree::default();
        let mut parent: Option<&str> = None;
        for &slug in slugs {
            tree.put(slug, below(parent)).expect("it fits");
            parent = Some(slug);
        }
        tree
    }

    #[test]
    fn refused_when_there_is_no_such_parent() {
        let refused = Tree::default().put("a", below(Some("z")));
        assert_eq!(refused, Err(Refusal::NoParent));
    }

    #[test]
    fn refused_when_it_would_be_its_own_ancestor() {
        for ancestor in ["a", "b", "c", "d"] {
            let mut tree = line(&["a", "b", "c", "d"]);
            let refused = tree.put("a", below(Some(ancestor)));
            assert_eq!(refused, Err(Refusal::Cycle), "{ancestor}");
        }
    }

    #[test]
    fn refused_when_it_or_what_is_below_it_would_be_too_deep() {
        let refused = line(&["a", "b", "c", "d"]).put("e", below(Some("d")));
        assert_eq!(refused, Err(Refusal::TooDeep));
        let mut tree = line(&["a", "b", "c"]);
        tree.put("x", below(None)).expect("it fits");
        tree.put("y", below(Some("x"))).expect("it fits");
        let refused = tree.put("x", below(Some("c")));
        assert_eq!(refused, Err(Refusal::TooDeep));
    }

    #[test]
    fn refused_when_there_are_as_many_as_there_may_be() {
        let mut tree = Tree::default();
        for number in 0..CATEGORIES_MAX {
            tree.put(&number.to_string(), below(None)).expect("it fits");
        }
        tree.put("0", below(Some("1"))).expect("it was there");
        assert_eq!(tree.put("one-more", below(None)), Err(Refusal::Full));
    }

    #[test]
    fn refused_when_another_is_below_it() {
        let mut tree = line(&["a", "b"]);
        assert_eq!(tree.remove("a"), Err(Refusal::HasChildren));
        assert_eq!(tree.remove("b"), Ok(()));
        assert_eq!(tree.remove("a"), Ok(()));
    }
}
