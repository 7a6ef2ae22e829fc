//! A database as this adapter needs it: one statement at a time, each of which is atomic.

/// What SQLite stores.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// What a statement answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// Why a statement was not run, as the source says it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The component has no database of this name, or may not run this.
    Denied,
    /// The database is as large as it may become.
    Full,
    /// Anything else, in its own words.
    Said(String),
}

/// Where statements are run.
pub(crate) trait Source {
    /// Runs one statement; `?1` stands for the first parameter.
    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<Answer, Failure>;

    /// How many rows the last statement that inserts, updates or deletes did so to.
    fn changes(&self) -> u64;

    /// The row id of the row that was inserted last.
    fn last_insert_id(&self) -> i64;
}

impl Value {
    /// What it holds in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let heap = match self {
            Self::Null | Self::Integer(_) | Self::Real(_) => 0,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        };
        size_of::<Self>() + heap
    }
}
