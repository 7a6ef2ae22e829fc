//! Between the types of the interface and those that say what they mean.

use stoa_documents as documents;

use crate::bindings::exports::stoa::documents::types::{
    self, Bucket, Comparison, Condition, Direction, Document, Error, Facet, Failure, Moment,
    Operator, Order, Page, Precondition, Query, Scalar, Update, Write,
};
use crate::error;

/// The tree that the list stands for; a number that is not finite is refused here, too.
pub(crate) fn filter(filter: Vec<Condition>) -> Result<documents::Filter, documents::Error> {
    documents::Filter::from_conditions(conditions(filter))
}

fn conditions(filter: Vec<Condition>) -> Vec<documents::Condition> {
    filter.into_iter().map(documents::Condition::from).collect()
}

fn sort(sort: Vec<Order>) -> Vec<documents::Order> {
    sort.into_iter().map(documents::Order::from).collect()
}

/// A count of the interface; what does not fit is over every limit anyway.
pub(crate) fn count(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

// === what is answered ===

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        match error {
            error::Error::NoSuchStore => Self::NoSuchStore,
            error::Error::Documents(error) => error.into(),
            error::Error::Other { code, message } => Self::Other(Failure {
                code: code.to_owned(),
                message,
            }),
        }
    }
}

impl From<documents::Error> for Error {
    fn from(error: documents::Error) -> Self {
        match error {
            documents::Error::Denied(why) => Self::Denied(why),
            documents::Error::Invalid(why) => Self::Invalid(why),
            documents::Error::TooLarge { limit } => Self::TooLarge(limit as u64),
            documents::Error::Conflict(what) => Self::Conflict(what),
            documents::Error::Quota(which) => Self::Quota(which.to_owned()),
            documents::Error::Deadline { .. } => Self::Deadline,
            documents::Error::Unavailable => Self::Unavailable,
        }
    }
}

impl From<documents::Document> for Document {
    fn from(document: documents::Document) -> Self {
        let documents::Document { id, version, body } = document;
        Self { id, version, body }
    }
}

impl From<documents::Page> for Page {
    fn from(page: documents::Page) -> Self {
        Self {
            documents: page.documents.into_iter().map(Document::from).collect(),
            next: page.next,
        }
    }
}

impl From<documents::Bucket> for Bucket {
    fn from(bucket: documents::Bucket) -> Self {
        Self {
            value: bucket.value.into(),
            count: bucket.count,
        }
    }
}

impl From<documents::Scalar> for Scalar {
    fn from(scalar: documents::Scalar) -> Self {
        match scalar {
            documents::Scalar::Null => Self::Null,
            documents::Scalar::Boolean(value) => Self::Boolean(value),
            documents::Scalar::Integer(value) => Self::Integer(value),
            documents::Scalar::Number(value) => Self::Number(value),
            documents::Scalar::Text(value) => Self::Text(value),
        }
    }
}

// === what is asked ===

impl From<Scalar> for documents::Scalar {
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

impl From<Comparison> for documents::Comparison {
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

impl From<Condition> for documents::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::AllOf(indices) => Self::AllOf(indices),
            Condition::AnyOf(indices) => Self::AnyOf(indices),
            Condition::NoneOf(indices) => Self::NoneOf(indices),
            Condition::Compare(types::Compare {
                path,
                comparison,
                value,
            }) => Self::Compare {
                path,
                comparison: comparison.into(),
                value: value.into(),
            },
            Condition::OneOf(types::Membership { path, values }) => Self::OneOf {
                path,
                values: values.into_iter().map(documents::Scalar::from).collect(),
            },
            Condition::Exists(types::Presence { path, exists }) => Self::Exists { path, exists },
            Condition::StartsWith(types::Start { path, start }) => Self::StartsWith { path, start },
            Condition::Element(types::Element { path, condition }) => {
                Self::Element { path, condition }
            }
        }
    }
}

impl From<Order> for documents::Order {
    fn from(order: Order) -> Self {
        let direction = match order.direction {
            Direction::Ascending => documents::Direction::Ascending,
            Direction::Descending => documents::Direction::Descending,
        };
        Self {
            path: order.path,
            direction,
        }
    }
}

impl TryFrom<Query> for documents::Query {
    type Error = documents::Error;

    fn try_from(query: Query) -> Result<Self, documents::Error> {
        Ok(Self {
            filter: filter(query.filter)?,
            search: query.search,
            sort: sort(query.sort),
            fields: query.fields,
            after: query.after,
            limit: count(query.limit),
        })
    }
}

impl From<Facet> for documents::Facet {
    fn from(facet: Facet) -> Self {
        Self {
            path: facet.path,
            limit: count(facet.limit),
        }
    }
}

impl From<Precondition> for documents::Precondition {
    fn from(precondition: Precondition) -> Self {
        match precondition {
            Precondition::Always => Self::Always,
            Precondition::Absent => Self::Absent,
            Precondition::Present => Self::Present,
            Precondition::Version(version) => Self::Version(version),
        }
    }
}

impl From<Write> for documents::Write {
    fn from(write: Write) -> Self {
        Self {
            id: write.id,
            body: write.body,
            precondition: write.precondition.into(),
        }
    }
}

impl TryFrom<Update> for documents::Update {
    type Error = documents::Error;

    fn try_from(update: Update) -> Result<Self, documents::Error> {
        let operators = update.operators.into_iter();
        let answer = match update.answer {
            Moment::Before => documents::Moment::Before,
            Moment::After => documents::Moment::After,
        };
        Ok(Self {
            filter: filter(update.filter)?,
            sort: sort(update.sort),
            operators: operators
                .map(documents::Operator::try_from)
                .collect::<Result<_, _>>()?,
            answer,
            // The store narrows it to what is declared.
            document_bytes_max: documents::DOCUMENT_BYTES_MAX,
        })
    }
}

impl TryFrom<Operator> for documents::Operator {
    type Error = documents::Error;

    fn try_from(operator: Operator) -> Result<Self, documents::Error> {
        Ok(match operator {
            Operator::Set(types::Assignment { path, value }) => Self::Set { path, value },
            Operator::Unset(path) => Self::Unset(path),
            Operator::Increment(types::Addition { path, by }) => Self::Increment { path, by },
            Operator::Push(types::Push {
                path,
                value,
                keep_last,
            }) => Self::Push {
                path,
                value,
                keep_last,
            },
            Operator::Pull(types::Pull { path, filter }) => Self::Pull {
                path,
                filter: documents::Filter::from_pull_conditions(conditions(filter))?,
            },
        })
    }
}
