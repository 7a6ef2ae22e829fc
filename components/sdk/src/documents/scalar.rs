//! Values that can be compared.

/// A value that can be compared. Values of different kinds are never equal; in order they come as null, booleans,
/// numbers, texts. Texts compare by their UTF-8 bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Equals a value that is missing, too.
    Null,
    /// `false` comes before `true`.
    Boolean(bool),
    /// Compares to [`Scalar::Number`] by its value.
    Integer(i64),
    /// Finite: the store refuses others.
    Number(f64),
    /// Any text.
    Text(String),
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Scalar {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

// What an integer literal is, unless something says otherwise.
impl From<i32> for Scalar {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Scalar {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Scalar {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Scalar {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Scalar {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Scalar>> From<Option<T>> for Scalar {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
