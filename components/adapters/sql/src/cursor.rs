//! A result that is handed out part by part. It is held as a whole: Spin answers no other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::error::Error;
use crate::limits::{OPEN_MAX, PART_BYTES_MAX, ROWS_MAX, held};
use crate::source::{Answer, Value};

/// A place among the cursors that are open at once. Given back when it is dropped.
pub(crate) struct Taken(Rc<Cell<usize>>);

impl Taken {
    /// More than may be open are told to come again.
    pub(crate) fn of(open: &Rc<Cell<usize>>) -> Result<Self, Error> {
        if open.get() >= OPEN_MAX {
            return Err(Error::Unavailable);
        }
        open.set(open.get() + 1);
        Ok(Self(Rc::clone(open)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A result that is being read.
pub(crate) struct Cursor {
    columns: Vec<String>,
    rows: RefCell<std::vec::IntoIter<Vec<Value>>>,
    _taken: Taken,
}

impl Cursor {
    pub(crate) fn new(answer: Answer, taken: Taken) -> Self {
        Self {
            columns: answer.columns,
            rows: RefCell::new(answer.rows.into_iter()),
            _taken: taken,
        }
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next rows: 1 to `max`, fewer where they grow large, none exactly at the end.
    pub(crate) fn next(&self, max: u32) -> Result<Vec<Vec<Value>>, Error> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        if !(1..=ROWS_MAX).contains(&max) {
            return Err(Error::invalid(format!("a part has 1 to {ROWS_MAX} rows")));
        }
        let (mut part, mut bytes) = (Vec::new(), 0);
        for row in self.rows.borrow_mut().by_ref().take(max) {
            bytes += held(&row);
            part.push(row);
            if bytes >= PART_BYTES_MAX {
                break;
            }
        }
        Ok(part)
    }
}
