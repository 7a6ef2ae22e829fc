//! Statements with their parameters.

use super::Value;

/// One statement with the values of `$1`, `$2` and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// At most 256 KiB.
    pub text: String,
    /// Exactly as many as the text names, at most 32766.
    pub parameters: Vec<Value>,
}

/// A statement whose parameters are still to be bound.
///
/// ```
/// use stoa_sdk::sql::{Value, sql};
///
/// let statement = sql("UPDATE orders SET note = $2 WHERE id = $1").bind(7_i64).bind(None::<String>);
/// assert_eq!(statement.parameters, [Value::Integer(7), Value::Null]);
/// ```
pub fn sql(text: impl Into<String>) -> Statement {
    Statement {
        text: text.into(),
        parameters: Vec::new(),
    }
}

impl Statement {
    /// Gives the next parameter its value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }
}

impl From<&str> for Statement {
    fn from(text: &str) -> Self {
        sql(text)
    }
}
