//! Between the generated types and ours, which exist without a host too.

use super::bindings::stoa::documents::types;
use crate::documents::filter::{Comparison, Condition};
use crate::documents::update::{self, Operator};
use crate::documents::{
    Bucket, Direction, Document, Error, Facet, Filter, Moment, Order, Page, Precondition, Query,
    Scalar, write,
};

pub(super) fn filter(filter: Filter) -> types::Filter {
    let conditions = filter.flatten().into_iter();
    conditions.map(types::Condition::from).collect()
}

fn sort(sort: Vec<Order>) -> Vec<types::Order> {
    sort.into_iter().map(types::Order::from).collect()
}

fn scalars(scalars: Vec<Scalar>) -> Vec<types::Scalar> {
    scalars.into_iter().map(types::Scalar::from).collect()
}

// === what is answered ===

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::NoSuchStore => Self::NoSuchStore,
            types::Error::Denied(what) => Self::Denied(what),
            types::Error::Invalid(what) => Self::Invalid(what),
            types::Error::TooLarge(limit) => Self::TooLarge { limit },
            types::Error::Conflict(what) => Self::Conflict(what),
            types::Error::Quota(which) => Self::Quota(which),
            types::Error::Deadline => Self::Deadline,
            types::Error::Unavailable => Self::Unavailable,
            types::Error::Other(failure) => Self::Other {
                code: failure.code,
                message: failure.message,
            },
        }
    }
}

impl From<types::Document> for Document<String> {
    fn from(document: types::Document) -> Self {
        Self {
            id: document.id,
            version: document.version,
            body: document.body,
        }
    }
}

impl From<types::Page> for Page<String> {
    fn from(page: types::Page) -> Self {
        Self {
            documents: page.documents.into_iter().map(Document::from).collect(),
            next: page.next,
        }
    }
}

impl From<types::Bucket> for Bucket {
    fn from(bucket: types::Bucket) -> Self {
        Self {
            value: bucket.value.into(),
            count: bucket.count,
        }
    }
}

impl From<types::Scalar> for Scalar {
    fn from(scalar: types::Scalar) -> Self {
        match scalar {
            types::Scalar::Null => Self::Null,
            types::Scalar::Boolean(value) => Self::Boolean(value),
            types::Scalar::Integer(value) => Self::Integer(value),
            types::Scalar::Number(value) => Self::Number(value),
            types::Scalar::Text(value) => Self::Text(value),
        }
    }
}

// === what is asked ===

impl From<Scalar> for types::Scalar {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Boolean(value) => Self::Boolean(value),
            Scalar::Integer(value) => Self::Integer(value),
            Scalar::Number(value) => Self::Number(value),
            Scalar::Text(value) => Self::Text(value),
        }
    }
}

impl From<Comparison> for types::Comparison {
    fn from(comparison: Comparison) -> Self {
        match comparison {
            Comparison::Equal => Self::Equal,
            Comparison::NotEqual => Self::NotEqual,
            Comparison::Less => Self::Less,
            Comparison::LessOrEqual => Self::LessOrEqual,
            Comparison::Greater => Self::Greater,
            Comparison::GreaterOrEqual => Self::GreaterOrEqual,
        }
    }
}

impl From<Condition> for types::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::AllOf(indices) => Self::AllOf(indices),
            Condition::AnyOf(indices) => Self::AnyOf(indices),
            Condition::NoneOf(indices) => Self::NoneOf(indices),
            Condition::Compare {
                path,
                comparison,
                value,
            } => Self::Compare(types::Compare {
                path,
                comparison: comparison.into(),
                value: value.into(),
            }),
            Condition::OneOf { path, values } => Self::OneOf(types::Membership {
                path,
                values: scalars(values),
            }),
            Condition::Exists { path, exists } => Self::Exists(types::Presence { path, exists }),
            Condition::StartsWith { path, start } => Self::StartsWith(types::Start { path, start }),
            Condition::Element { path, condition } => {
                Self::Element(types::Element { path, condition })
            }
        }
    }
}

impl From<Order> for types::Order {
    fn from(order: Order) -> Self {
        let direction = match order.direction {
            Direction::Ascending => types::Direction::Ascending,
            Direction::Descending => types::Direction::Descending,
        };
        Self {
            path: order.path,
            direction,
        }
    }
}

impl From<Query> for types::Query {
    fn from(query: Query) -> Self {
        Self {
            filter: filter(query.filter),
            search: query.search,
            sort: sort(query.sort),
            fields: query.fields,
            after: query.after,
            limit: query.limit,
        }
    }
}

impl From<Facet> for types::Facet {
    fn from(facet: Facet) -> Self {
        Self {
            path: facet.path,
            limit: facet.limit,
        }
    }
}

impl From<Precondition> for types::Precondition {
    fn from(precondition: Precondition) -> Self {
        match precondition {
            Precondition::Always => Self::Always,
            Precondition::Absent => Self::Absent,
            Precondition::Present => Self::Present,
            Precondition::Version(version) => Self::Version(version),
        }
    }
}

impl From<write::Encoded> for types::Write {
    fn from(write: write::Encoded) -> Self {
        Self {
            id: write.id,
            body: write.body,
            precondition: write.precondition.into(),
        }
    }
}

impl From<update::Encoded> for types::Update {
    fn from(update: update::Encoded) -> Self {
        let answer = match update.answer {
            Moment::Before => types::Moment::Before,
            Moment::After => types::Moment::After,
        };
        let operators = update.operators.into_iter().map(types::Operator::from);
        Self {
            filter: filter(update.filter),
            sort: sort(update.sort),
            operators: operators.collect(),
            answer,
        }
    }
}

impl From<Operator> for types::Operator {
    fn from(operator: Operator) -> Self {
        match operator {
            Operator::Set { path, value } => Self::Set(types::Assignment { path, value }),
            Operator::Unset(path) => Self::Unset(path),
            Operator::Increment { path, by } => Self::Increment(types::Addition { path, by }),
            Operator::Push {
                path,
                value,
                keep_last,
            } => Self::Push(types::Push {
                path,
                value,
                keep_last,
            }),
            Operator::Pull { path, filter: of } => Self::Pull(types::Pull {
                path,
                filter: filter(of),
            }),
        }
    }
}
