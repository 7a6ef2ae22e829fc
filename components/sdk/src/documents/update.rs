//! Changes inside a document, in one step.

use super::write::encode;
use super::{Direction, Error, Filter, Order};
use serde::Serialize;

/// Which document to change, and how: in one step, whoever else writes. Up to 64 changes, made in the order they are
/// named; missing objects on the way are made.
///
/// ```
/// use stoa_sdk::documents::{Moment, Update, field};
///
/// let update = Update::of(field("_id").equals("p1") & field("available").at_least(3))
///     .increment("available", -3)
///     .push("reservations", &serde_json::json!({ "id": "r1", "count": 3 }))
///     .pull("reservations", field("expires").below("2026-01-01"))
///     .answering(Moment::Before);
/// # drop(update);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    filter: Filter,
    sort: Vec<Order>,
    /// The first error of a value that cannot be JSON, kept until the update is made.
    operators: Result<Vec<Operator>, Error>,
    answer: Moment,
}

/// Which state of a changed document is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// As it was.
    Before,
    /// As it became.
    #[default]
    After,
}

/// One change inside a document. Values are JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operator {
    Set {
        path: String,
        value: String,
    },
    Unset(String),
    Increment {
        path: String,
        by: i64,
    },
    Push {
        path: String,
        value: String,
        keep_last: Option<u32>,
    },
    Pull {
        path: String,
        filter: Filter,
    },
}

/// An update that can be handed on.
pub(crate) struct Encoded {
    pub(crate) filter: Filter,
    pub(crate) sort: Vec<Order>,
    pub(crate) operators: Vec<Operator>,
    pub(crate) answer: Moment,
}

impl Update {
    /// Changes the first document, by id unless sorted, that fulfils this filter, and answers what it became.
    pub fn of(filter: Filter) -> Self {
        Self {
            filter,
            sort: Vec::new(),
            operators: Ok(Vec::new()),
            answer: Moment::After,
        }
    }

    /// Takes the document with the least value at this path, after the paths before.
    #[must_use]
    pub fn ascending(self, path: impl Into<String>) -> Self {
        self.order(path.into(), Direction::Ascending)
    }

    /// Takes the document with the greatest value at this path, after the paths before.
    #[must_use]
    pub fn descending(self, path: impl Into<String>) -> Self {
        self.order(path.into(), Direction::Descending)
    }

    /// Gives the value at this path another.
    #[must_use]
    pub fn set(self, path: impl Into<String>, value: &(impl Serialize + ?Sized)) -> Self {
        let path = path.into();
        self.operator(encode(value).map(|value| Operator::Set { path, value }))
    }

    /// Takes the value at this path away. It is no error if there was none.
    #[must_use]
    pub fn unset(self, path: impl Into<String>) -> Self {
        self.operator(Ok(Operator::Unset(path.into())))
    }

    /// Adds to a 64-bit integer; a missing one counts as 0. [`Error::Invalid`] where it is no integer or does not fit.
    #[must_use]
    pub fn increment(self, path: impl Into<String>, by: i64) -> Self {
        let path = path.into();
        self.operator(Ok(Operator::Increment { path, by }))
    }

    /// Adds an element at the end of an array; a missing array is made.
    #[must_use]
    pub fn push(self, path: impl Into<String>, value: &(impl Serialize + ?Sized)) -> Self {
        self.add(path.into(), encode(value), None)
    }

    /// Adds an element at the end of an array, of which the last so many are kept, 1 to 10000.
    #[must_use]
    pub fn push_keeping(
        self,
        path: impl Into<String>,
        value: &(impl Serialize + ?Sized),
        keep_last: u32,
    ) -> Self {
        self.add(path.into(), encode(value), Some(keep_last))
    }

    /// Removes the elements of an array that fulfil this filter, whose paths start in the element. The value of an
    /// element that is no object is that of [`element`](super::element).
    #[must_use]
    pub fn pull(self, path: impl Into<String>, filter: Filter) -> Self {
        let path = path.into();
        self.operator(Ok(Operator::Pull { path, filter }))
    }

    /// Which state of the document to answer: [`Moment::After`] unless said otherwise.
    #[must_use]
    pub fn answering(self, moment: Moment) -> Self {
        Self {
            answer: moment,
            ..self
        }
    }

    pub(crate) fn encoded(self) -> Result<Encoded, Error> {
        Ok(Encoded {
            filter: self.filter,
            sort: self.sort,
            operators: self.operators?,
            answer: self.answer,
        })
    }

    fn add(self, path: String, value: Result<String, Error>, keep_last: Option<u32>) -> Self {
        self.operator(value.map(|value| Operator::Push {
            path,
            value,
            keep_last,
        }))
    }

    fn order(mut self, path: String, direction: Direction) -> Self {
        self.sort.push(Order { path, direction });
        self
    }

    fn operator(self, operator: Result<Operator, Error>) -> Self {
        let operators = self.operators.and_then(|mut operators| {
            operators.push(operator?);
            Ok(operators)
        });
        Self { operators, ..self }
    }
}
