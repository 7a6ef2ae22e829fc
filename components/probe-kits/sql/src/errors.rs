//! How an error of an interface is answered.

/// Makes answers of errors: the case, and what it says. `of` names the type of what a query fails with, where it is no
/// text.
///
/// ```text
/// errors!(Error for Answer);
/// errors!(Error of QueryError for Refusal);
/// ```
#[macro_export]
macro_rules! errors {
    ($error:ident for $answer:ident) => {
        $crate::errors!($error for $answer, |what| what);
    };
    ($error:ident of $query:ident for $answer:ident) => {
        $crate::errors!($error for $answer, |what| match what {
            $query::Text(what) => what,
            $query::DbError(error) => format!("{error:?}"),
        });
    };
    ($error:ident for $answer:ident, |$failure:ident| $said:expr) => {
        impl From<$error> for $answer {
            fn from(error: $error) -> Self {
                match error {
                    $error::ConnectionFailed(what) => Self::failed("connection-failed", &what),
                    $error::BadParameter(what) => Self::failed("bad-parameter", &what),
                    $error::QueryFailed($failure) => Self::failed("query-failed", &$said),
                    $error::ValueConversionFailed(what) => {
                        Self::failed("value-conversion-failed", &what)
                    }
                    $error::Other(what) => Self::failed("other", &what),
                }
            }
        }
    };
}
