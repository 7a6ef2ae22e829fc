//! Which documents: conditions on fields, joined by `&`, `|` and `!`.

#[cfg(test)]
mod tests;

use super::Scalar;
use std::ops::{BitAnd, BitOr, Not};

/// Which documents are meant. Made by [`field`], joined by `&`, `|` and `!`; at most 128 conditions in all.
///
/// ```
/// use stoa_sdk::documents::{Filter, field};
///
/// fn offered(category: Option<&str>) -> Filter {
///     let live = field("price.amount").at_least(100) & !field("discontinued").exists();
///     match category {
///         Some(category) => live & field("category").equals(category),
///         None => live,
///     }
/// }
/// # offered(None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node);

/// A place in a document that conditions speak of.
#[derive(Clone, Debug)]
pub struct Field(String);

/// How the value at a path is held against another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// A missing value equals null.
    Equal,
    /// The opposite of `Equal`: it holds for a missing value, too.
    NotEqual,
    /// Only between values of one kind, as all that follow.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    None(Vec<Node>),
    Compare(String, Comparison, Scalar),
    OneOf(String, Vec<Scalar>),
    Exists(String, bool),
    StartsWith(String, String),
    Element(String, Box<Node>),
}

/// One condition of a filter as the interface has it: a list in which each names others before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    AllOf(Vec<u32>),
    AnyOf(Vec<u32>),
    NoneOf(Vec<u32>),
    Compare {
        path: String,
        comparison: Comparison,
        value: Scalar,
    },
    OneOf {
        path: String,
        values: Vec<Scalar>,
    },
    Exists {
        path: String,
        exists: bool,
    },
    StartsWith {
        path: String,
        start: String,
    },
    Element {
        path: String,
        condition: u32,
    },
}

/// The value at a path, such as `price.amount`; the id is at `_id`.
pub fn field(path: impl Into<String>) -> Field {
    Field(path.into())
}

/// An element that is no object, where elements are spoken of: [`Update::pull`](super::Update::pull).
pub fn element() -> Field {
    Field(String::new())
}

impl Field {
    /// It equals this. A missing value equals null.
    pub fn equals(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Equal, value)
    }

    /// It does not equal this: the opposite of [`Field::equals`].
    pub fn differs_from(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::NotEqual, value)
    }

    /// It is less than this, and of the same kind.
    pub fn below(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Less, value)
    }

    /// It is less than or equal to this, and of the same kind.
    pub fn at_most(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::LessOrEqual, value)
    }

    /// It is greater than this, and of the same kind.
    pub fn above(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::Greater, value)
    }

    /// It is greater than or equal to this, and of the same kind.
    pub fn at_least(self, value: impl Into<Scalar>) -> Filter {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    /// It equals one of these, of which there are at most 1000.
    pub fn one_of<V: Into<Scalar>>(self, values: impl IntoIterator<Item = V>) -> Filter {
        let values = values.into_iter().map(Into::into).collect();
        Filter(Node::OneOf(self.0, values))
    }

    /// There is a value, null included.
    pub fn exists(self) -> Filter {
        Filter(Node::Exists(self.0, true))
    }

    /// It is a text that starts with this.
    pub fn starts_with(self, start: impl Into<String>) -> Filter {
        Filter(Node::StartsWith(self.0, start.into()))
    }

    /// It is an array of which one element is an object that fulfils this filter, whose paths start in that element.
    pub fn any_element(self, filter: Filter) -> Filter {
        Filter(Node::Element(self.0, Box::new(filter.0)))
    }

    fn compare(self, comparison: Comparison, value: impl Into<Scalar>) -> Filter {
        Filter(Node::Compare(self.0, comparison, value.into()))
    }
}

impl Filter {
    /// Every document.
    pub fn everything() -> Self {
        Self(Node::All(Vec::new()))
    }

    /// The tree as the list that the interface takes: children first, the whole last, nothing for everything.
    pub(crate) fn flatten(self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        if self != Self::everything() {
            self.0.flatten_into(&mut conditions);
        }
        conditions
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::everything()
    }
}

impl BitAnd for Filter {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        let mut all = self.0.into_all();
        all.extend(other.0.into_all());
        match all.len() {
            1 => Self(all.remove(0)),
            _ => Self(Node::All(all)),
        }
    }
}

impl BitOr for Filter {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        let mut any = self.0.into_any();
        any.extend(other.0.into_any());
        Self(Node::Any(any))
    }
}

impl Not for Filter {
    type Output = Self;

    fn not(self) -> Self {
        match self.0 {
            Node::Exists(path, exists) => Self(Node::Exists(path, !exists)),
            node => Self(Node::None(node.into_any())),
        }
    }
}

// === impl Node ===

impl Node {
    fn into_all(self) -> Vec<Self> {
        match self {
            Self::All(nodes) => nodes,
            node => vec![node],
        }
    }

    fn into_any(self) -> Vec<Self> {
        match self {
            Self::Any(nodes) => nodes,
            node => vec![node],
        }
    }

    /// Adds this node after all below it; answers its index.
    fn flatten_into(self, conditions: &mut Vec<Condition>) -> u32 {
        let condition = match self {
            Self::All(nodes) => Condition::AllOf(flatten_all(nodes, conditions)),
            Self::Any(nodes) => Condition::AnyOf(flatten_all(nodes, conditions)),
            Self::None(nodes) => Condition::NoneOf(flatten_all(nodes, conditions)),
            Self::Compare(path, comparison, value) => Condition::Compare {
                path,
                comparison,
                value,
            },
            Self::OneOf(path, values) => Condition::OneOf { path, values },
            Self::Exists(path, exists) => Condition::Exists { path, exists },
            Self::StartsWith(path, start) => Condition::StartsWith { path, start },
            Self::Element(path, node) => {
                let condition = node.flatten_into(conditions);
                Condition::Element { path, condition }
            }
        };
        conditions.push(condition);
        u32::try_from(conditions.len() - 1).expect("a filter in memory has few conditions")
    }
}

fn flatten_all(nodes: Vec<Node>, conditions: &mut Vec<Condition>) -> Vec<u32> {
    nodes
        .into_iter()
        .map(|node| node.flatten_into(conditions))
        .collect()
}
