//! Sizes and counts of requests: what a backend may rely on. Whoever stands before one asks here.

use stoa_manifest::grants::documents::is_path;

use crate::filter::no_path;
use crate::{
    CALL_BYTES_MAX, CURSOR_BYTES_MAX, DOCUMENT_BYTES_MAX, DOCUMENTS_PER_CALL_MAX, Error,
    FACETS_MAX, FIELDS_MAX, Facet, ID_BYTES_MAX, KEEP_LAST_MAX, OPERATORS_MAX, Operator, Order,
    Query, SEARCH_BYTES_MAX, SORT_PATHS_MAX, Update, Version, Write, body,
};

/// What is written around each key of a path, at most: quotes, a colon, a comma, the brackets of what it holds.
const AROUND_KEY_BYTES: usize = 8;
/// The digits and the sign of an integer, at most.
const INTEGER_BYTES_MAX: usize = 20;

/// Whether a document can have this id.
///
/// # Errors
/// [`Error::Invalid`] for an empty one, [`Error::TooLarge`] for one over [`ID_BYTES_MAX`].
pub fn id(id: &str) -> Result<(), Error> {
    match id.len() {
        0 => Err(Error::invalid("an id needs at least one byte")),
        1..=ID_BYTES_MAX => Ok(()),
        _ => Err(Error::TooLarge {
            limit: ID_BYTES_MAX,
        }),
    }
}

/// A number of documents, buckets or writes.
///
/// # Errors
/// [`Error::Invalid`] for none and for more than [`DOCUMENTS_PER_CALL_MAX`].
pub fn documents(count: usize) -> Result<(), Error> {
    match count {
        1..=DOCUMENTS_PER_CALL_MAX => Ok(()),
        _ => Err(Error::Invalid(format!(
            "a call speaks of 1 to {DOCUMENTS_PER_CALL_MAX} documents"
        ))),
    }
}

/// Counts, sizes and paths of a query.
///
/// # Errors
/// [`Error::Invalid`] or [`Error::TooLarge`] for what is out of bounds or no path.
pub fn query(query: &Query) -> Result<(), Error> {
    documents(query.limit)?;
    search(query.search.as_deref())?;
    sort(&query.sort)?;
    let fields = query.fields.as_deref().unwrap_or_default();
    at_most(fields.len(), FIELDS_MAX, "fields")?;
    fields.iter().try_for_each(|field| path(field))?;
    match query.after.as_ref().map_or(0, String::len) <= CURSOR_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::TooLarge {
            limit: CURSOR_BYTES_MAX,
        }),
    }
}

/// The size of a search text.
///
/// # Errors
/// [`Error::TooLarge`] over [`SEARCH_BYTES_MAX`].
pub fn search(text: Option<&str>) -> Result<(), Error> {
    match text.map_or(0, str::len) <= SEARCH_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::TooLarge {
            limit: SEARCH_BYTES_MAX,
        }),
    }
}

/// Counts and paths of facets.
///
/// # Errors
/// [`Error::Invalid`] for what is out of bounds or no path.
pub fn facets(facets: &[Facet]) -> Result<(), Error> {
    at_most(facets.len(), FACETS_MAX, "facets")?;
    for facet in facets {
        path(&facet.path)?;
        documents(facet.limit)?;
    }
    Ok(())
}

/// The bytes of an update. A value that is no JSON is refused before it gets a place in a queue.
///
/// # Errors
/// [`Error::Invalid`] or [`Error::TooLarge`] for what is out of bounds, no path or no JSON.
pub fn update(update: &Update) -> Result<usize, Error> {
    sort(&update.sort)?;
    at_most(update.operators.len(), OPERATORS_MAX, "operators")?;
    let (bytes, limit) = (update.bytes(), CALL_BYTES_MAX);
    if bytes > limit {
        return Err(Error::TooLarge { limit });
    }
    update.operators.iter().try_for_each(operator)?;
    Ok(bytes)
}

fn operator(operator: &Operator) -> Result<(), Error> {
    path(operator.path())?;
    match operator {
        Operator::Push {
            keep_last: Some(keep),
            ..
        } if !(1..=KEEP_LAST_MAX).contains(keep) => Err(Error::Invalid(format!(
            "a push keeps the last 1 to {KEEP_LAST_MAX} elements"
        ))),
        Operator::Set { value, .. } | Operator::Push { value, .. } => {
            body::parse_value(value).map(drop)
        }
        Operator::Unset(_) | Operator::Increment { .. } | Operator::Pull { .. } => Ok(()),
    }
}

/// By how many bytes an update makes its document grow, at most.
pub fn growth(update: &Update) -> usize {
    update.operators.iter().map(growth_of).sum()
}

/// A path that is not there is made, key by key.
fn growth_of(operator: &Operator) -> usize {
    let value = match operator {
        Operator::Set { value, .. } | Operator::Push { value, .. } => body::written_bytes(value),
        Operator::Increment { .. } => INTEGER_BYTES_MAX,
        Operator::Unset(_) | Operator::Pull { .. } => return 0,
    };
    let path = operator.path();
    path.len() + AROUND_KEY_BYTES * path.split('.').count() + value
}

fn sort(sort: &[Order]) -> Result<(), Error> {
    at_most(sort.len(), SORT_PATHS_MAX, "paths to sort by")?;
    sort.iter().try_for_each(|order| path(&order.path))
}

fn path(text: &str) -> Result<(), Error> {
    match is_path(text) {
        true => Ok(()),
        false => Err(no_path(text)),
    }
}

fn at_most(count: usize, limit: usize, what: &str) -> Result<(), Error> {
    match count <= limit {
        true => Ok(()),
        false => Err(Error::Invalid(format!("a call has at most {limit} {what}"))),
    }
}

/// The bytes of a batch.
///
/// # Errors
/// [`Error::TooLarge`] over [`CALL_BYTES_MAX`].
pub fn batch(writes: &[Write]) -> Result<usize, Error> {
    let sizes = writes.iter().map(|write| write.id.len() + write.body.len());
    let bytes: usize = sizes.sum();
    let limit = CALL_BYTES_MAX;
    match bytes <= limit {
        true => Ok(bytes),
        false => Err(Error::TooLarge { limit }),
    }
}

/// What is wrong with each write, without a look at the store.
pub fn writes(writes: &[Write], document_bytes_max: usize) -> Vec<Result<(), Error>> {
    let check = |write: &Write| {
        id(&write.id)?;
        match fits(&write.body, document_bytes_max) {
            true => Ok(()),
            false => Err(Error::TooLarge {
                limit: document_bytes_max,
            }),
        }
    };
    writes.iter().map(check).collect()
}

/// A store holds what it writes against the limit of all documents, but not against that of a grant.
fn fits(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max
        && (bytes_max == DOCUMENT_BYTES_MAX || body::written_bytes(text) <= bytes_max)
}

/// The writes that nothing is wrong with.
pub fn good(writes: Vec<Write>, checked: &[Result<(), Error>]) -> Vec<Write> {
    writes
        .into_iter()
        .zip(checked)
        .filter_map(|(write, checked)| checked.is_ok().then_some(write))
        .collect()
}

/// The answers of all writes, in their order: of those that were checked and of those that the store was given.
pub fn merged(
    checked: Vec<Result<(), Error>>,
    written: Vec<Result<Version, Error>>,
) -> Vec<Result<Version, Error>> {
    let mut written = written.into_iter();
    checked
        .into_iter()
        .map(|checked| checked.and_then(|()| written.next().unwrap_or(Err(Error::Unavailable))))
        .collect()
}
