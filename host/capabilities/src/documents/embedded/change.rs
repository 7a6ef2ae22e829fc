//! Writing documents, with all that is derived from them, in the transaction of the thread that writes.
//!
//! Whatever can be refused is refused before the first row is written: a refused write leaves nothing to take back.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde_json::{Map, Value};

use super::find;
use super::postings::Postings;
use super::schema::{Collection, Derived};
use super::session::{Failure, Session, parse};
use crate::documents::key::{self, Key, Subject, is_unique_value};
use crate::documents::{
    DOCUMENT_BYTES_MAX, Document, Error, Filter, Moment, Precondition, Update, Version, Write,
    body, operator, search,
};

/// Different elements of an array that is indexed by element: each is a row.
const ELEMENTS_MAX: usize = 10_000;

/// What is stored of a document, without its body.
struct Stored {
    number: i64,
    version: i64,
    bytes: i64,
    words: i64,
}

/// What one call adds up to, written at its end.
#[derive(Default)]
struct Batch {
    postings: Postings,
    documents: i64,
    bytes: i64,
    words: i64,
}

impl Batch {
    fn write(mut self, connection: &Connection, collection: &Collection) -> rusqlite::Result<()> {
        self.postings.write(connection, collection)?;
        connection
            .prepare_cached(
                "UPDATE collections SET documents = documents + ?2, bytes = bytes + ?3, words = words + ?4
                 WHERE name = ?1",
            )?
            .execute((&collection.name, self.documents, self.bytes, self.words))?;
        Ok(())
    }
}

/// Writes each document on its own.
pub(super) fn put(
    session: &Session,
    collection: &Collection,
    version: &mut i64,
    writes: &[Write],
) -> Result<Vec<Result<Version, Error>>, Failure> {
    let mut batch = Batch::default();
    let mut results = Vec::with_capacity(writes.len());
    for write in writes {
        results.push(
            match put_one(session, collection, &mut batch, version, write) {
                Ok(version) => Ok(version),
                Err(Failure::Call(error)) => Err(error),
                Err(Failure::Database(error)) => return Err(Failure::Database(error)),
            },
        );
        if batch.postings.is_full() {
            batch.postings.write(session.connection(), collection)?;
        }
    }
    batch.write(session.connection(), collection)?;
    Ok(results)
}

fn put_one(
    session: &Session,
    collection: &Collection,
    batch: &mut Batch,
    version: &mut i64,
    write: &Write,
) -> Result<Version, Failure> {
    let body = body::parse(&write.body)?;
    let stored = stored(session.connection(), collection, &write.id)?;
    check(&write.id, write.precondition, stored.as_ref())?;
    let document = Incoming::new(collection, &write.id, body)?;
    document.store(session, batch, version, stored)
}

fn check(id: &str, precondition: Precondition, stored: Option<&Stored>) -> Result<(), Error> {
    let holds = match precondition {
        Precondition::Always => true,
        Precondition::Absent => stored.is_none(),
        Precondition::Present => stored.is_some(),
        Precondition::Version(version) => {
            stored.is_some_and(|stored| stored.version.cast_unsigned() == version)
        }
    };
    match holds {
        true => Ok(()),
        false => Err(Error::Conflict(id.to_owned())),
    }
}

fn stored(
    connection: &Connection,
    collection: &Collection,
    id: &str,
) -> rusqlite::Result<Option<Stored>> {
    let documents = collection.table("documents");
    connection
        .prepare_cached(&format!(
            "SELECT number, version, bytes, words FROM {documents} WHERE id = ?1"
        ))?
        .query_row([id.as_bytes()], |row| {
            Ok(Stored {
                number: row.get(0)?,
                version: row.get(1)?,
                bytes: row.get(2)?,
                words: row.get(3)?,
            })
        })
        .optional()
}

/// A document on its way in.
struct Incoming<'w> {
    collection: &'w Collection,
    id: &'w str,
    body: Value,
    text: String,
}

impl<'w> Incoming<'w> {
    /// The text is written anew, so that what is stored is what was understood.
    fn new(
        collection: &'w Collection,
        id: &'w str,
        body: Map<String, Value>,
    ) -> Result<Self, Error> {
        let body = Value::Object(body);
        let text = body.to_string();
        let limit = DOCUMENT_BYTES_MAX;
        match text.len() > limit {
            true => Err(Error::TooLarge { limit }),
            false => Ok(Self {
                collection,
                id,
                body,
                text,
            }),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            id: Some(self.id),
            body: &self.body,
        }
    }

    fn store(
        &self,
        session: &Session,
        batch: &mut Batch,
        version: &mut i64,
        stored: Option<Stored>,
    ) -> Result<Version, Failure> {
        let connection = session.connection();
        let keys = self.collection.keys(self.subject());
        let number = match &stored {
            Some(stored) => Some(stored.number),
            None => self.collection.next_number(connection)?,
        };
        self.check_uniques(connection, number)?;
        self.check_elements()?;
        if let Some(stored) = &stored {
            take_out(session, self.collection, batch, stored)?;
        }
        *version += 1;
        let terms = search::terms(self.collection.search_of(number), &self.body);
        let words = i64::from(terms.words);
        self.collection.note(connection, self.subject())?;
        let number = self.write(connection, number, *version, words, keys)?;
        for elements in &self.collection.elements {
            add_elements(
                connection,
                self.collection,
                elements,
                number,
                self.subject(),
            )?;
        }
        batch.postings.add(number, terms);
        batch.documents += 1;
        batch.bytes += self.bytes();
        batch.words += words;
        Ok(version.cast_unsigned())
    }

    fn bytes(&self) -> i64 {
        i64::try_from(self.id.len() + self.text.len()).unwrap_or(i64::MAX)
    }

    /// Writes the rows and answers the document's number.
    fn write(
        &self,
        connection: &Connection,
        number: Option<i64>,
        version: i64,
        words: i64,
        keys: Vec<Key>,
    ) -> rusqlite::Result<i64> {
        let columns = self.collection.columns.values();
        let columns: Vec<_> = columns
            .map(|column| format!("k{}", column.number))
            .collect();
        let mut values = vec![
            SqlValue::from(number),
            SqlValue::Blob(self.id.as_bytes().to_vec()),
            version.into(),
            self.bytes().into(),
            words.into(),
        ];
        values.extend(keys.into_iter().map(sql_key));
        connection
            .prepare_cached(&upsert(&self.collection.table("documents"), &columns))?
            .execute(params_from_iter(values))?;
        let number = number.unwrap_or_else(|| connection.last_insert_rowid());
        let bodies = self.collection.table("bodies");
        connection
            .prepare_cached(&format!(
                "INSERT INTO {bodies} (number, body) VALUES (?1, ?2)
                 ON CONFLICT (number) DO UPDATE SET body = excluded.body"
            ))?
            .execute((number, &self.text))?;
        Ok(number)
    }

    /// Whether another document has the values of this one in a unique index.
    fn check_uniques(&self, connection: &Connection, number: Option<i64>) -> Result<(), Failure> {
        for (index, paths) in &self.collection.uniques {
            let keys: Vec<_> = paths.iter().map(|path| self.subject().key(path)).collect();
            if !keys.iter().all(is_unique_value) {
                continue;
            }
            if keys.iter().flatten().any(|key| key::is_cut(key)) {
                let limit = key::TEXT_BYTES_MAX;
                return Err(Error::Invalid(format!(
                    "a text in the unique index `{index}` has at most {limit} bytes"
                ))
                .into());
            }
            if self.is_taken(connection, paths, keys, number)? {
                return Err(Error::Conflict(index.clone()).into());
            }
        }
        Ok(())
    }

    fn is_taken(
        &self,
        connection: &Connection,
        paths: &[String],
        keys: Vec<Key>,
        number: Option<i64>,
    ) -> rusqlite::Result<bool> {
        let equal: Vec<_> = paths
            .iter()
            .filter_map(|path| self.collection.column(path))
            .map(|column| format!("{column} = ?"))
            .collect();
        // An id is in its column as it is, and its key has the kind before it.
        let mut values: Vec<_> = std::iter::zip(paths, keys)
            .map(|(path, key)| match path == crate::documents::ID_PATH {
                true => SqlValue::Blob(self.id.as_bytes().to_vec()),
                false => sql_key(key),
            })
            .collect();
        // No document has the number -1.
        values.push(number.unwrap_or(-1).into());
        let documents = self.collection.table("documents");
        connection
            .prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM {documents} AS d WHERE {} AND d.number != ?)",
                equal.join(" AND ")
            ))?
            .query_row(params_from_iter(values), |row| row.get(0))
    }

    fn check_elements(&self) -> Result<(), Error> {
        for path in self.collection.elements.keys() {
            let count = key::occurrences(self.subject(), path).len();
            if count > ELEMENTS_MAX {
                return Err(too_many(path));
            }
        }
        Ok(())
    }
}

fn too_many(path: &str) -> Error {
    Error::Invalid(format!(
        "the array at `{path}` is indexed by element and has more than {ELEMENTS_MAX} different ones"
    ))
}

fn upsert(documents: &str, columns: &[String]) -> String {
    let names = columns.iter().map(|column| format!(", {column}"));
    let places = ", ?".repeat(columns.len());
    let sets = columns
        .iter()
        .map(|column| format!(", {column} = excluded.{column}"));
    format!(
        "INSERT INTO {documents} (number, id, version, bytes, words{}) VALUES (?, ?, ?, ?, ?{places})
         ON CONFLICT (number) DO UPDATE SET
         version = excluded.version, bytes = excluded.bytes, words = excluded.words{}",
        names.collect::<String>(),
        sets.collect::<String>()
    )
}

pub(super) fn sql_key(key: Key) -> SqlValue {
    key.map_or(SqlValue::Null, SqlValue::Blob)
}

/// Writes the elements of a document at one path. What is missing is there, too, and occurs nowhere: it equals null.
pub(super) fn add_elements(
    connection: &Connection,
    collection: &Collection,
    (path, derived): (&String, &Derived),
    number: i64,
    subject: Subject<'_>,
) -> Result<(), Failure> {
    let mut keys = key::occurrences(subject, path);
    if keys.len() > ELEMENTS_MAX {
        return Err(too_many(path).into());
    }
    if subject.at(path).is_none() {
        keys.insert(None, 0);
    }
    let table = collection.elements_table(derived);
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO {table} (number, value, occurrences) VALUES (?1, ?2, ?3)"
    ))?;
    for (key, occurrences) in keys {
        statement.execute((number, sql_key(key), occurrences.cast_signed()))?;
    }
    Ok(())
}

/// Removes the elements of a document at one path.
pub(super) fn remove_elements(
    connection: &Connection,
    collection: &Collection,
    derived: &Derived,
    number: i64,
) -> rusqlite::Result<()> {
    let table = collection.elements_table(derived);
    connection
        .prepare_cached(&format!("DELETE FROM {table} WHERE number = ?1"))?
        .execute([number])?;
    Ok(())
}

/// Takes what is derived from a stored document out again, before it is replaced or removed.
fn take_out(
    session: &Session,
    collection: &Collection,
    batch: &mut Batch,
    stored: &Stored,
) -> rusqlite::Result<()> {
    for derived in collection.elements.values() {
        remove_elements(session.connection(), collection, derived, stored.number)?;
    }
    let fields = collection.search_of(Some(stored.number));
    if !fields.is_empty() {
        let body = parse(find::body(session, collection, stored.number)?.as_bytes())?;
        batch
            .postings
            .remove(stored.number, search::terms(fields, &body));
        // Of what was not searched, the words may be those of another time.
        batch.words -= stored.words;
    }
    batch.documents -= 1;
    batch.bytes -= stored.bytes;
    Ok(())
}

/// Finds one document and changes it.
pub(super) fn update(
    session: &Session,
    collection: &Collection,
    version: &mut i64,
    update: &Update,
) -> Result<Option<Document>, Failure> {
    let found =
        session.look(|session| find::first(session, collection, &update.filter, &update.sort))?;
    let Some(number) = found else {
        return Ok(None);
    };
    let id = id_of(session, collection, number)?;
    let before = find::body(session, collection, number)?;
    let mut body = match parse(before.as_bytes())? {
        Value::Object(body) => body,
        _ => Map::new(),
    };
    operator::apply(&update.operators, &mut body)?;
    let document = Incoming::new(collection, &id, body)?;
    let limit = update.document_bytes_max;
    if document.text.len() > limit {
        return Err(Error::TooLarge { limit }.into());
    }
    let stored = stored(session.connection(), collection, &id)?;
    let was = stored.as_ref().map_or(0, |stored| stored.version);
    let mut batch = Batch::default();
    let became = document.store(session, &mut batch, version, stored)?;
    batch.write(session.connection(), collection)?;
    let (version, body) = match update.answer {
        Moment::Before => (was.cast_unsigned(), before),
        Moment::After => (became, document.text),
    };
    Ok(Some(Document { id, version, body }))
}

fn id_of(session: &Session, collection: &Collection, number: i64) -> rusqlite::Result<String> {
    let documents = collection.table("documents");
    session
        .connection()
        .prepare_cached(&format!("SELECT id FROM {documents} WHERE number = ?1"))?
        .query_row([number], |row| find::id(row, 0))
}

/// Removes one document.
pub(super) fn delete(
    session: &Session,
    collection: &Collection,
    id: &str,
    precondition: Precondition,
) -> Result<bool, Failure> {
    let stored = stored(session.connection(), collection, id)?;
    check(id, precondition, stored.as_ref())?;
    let Some(stored) = stored else {
        return Ok(false);
    };
    let mut batch = Batch::default();
    remove(session, collection, &mut batch, &stored)?;
    batch.write(session.connection(), collection)?;
    Ok(true)
}

/// Removes some documents that fulfil a filter.
pub(super) fn delete_matching(
    session: &Session,
    collection: &Collection,
    filter: &Filter,
    limit: usize,
) -> Result<usize, Failure> {
    let numbers = session.look(|session| find::some(session, collection, filter, limit))?;
    let mut batch = Batch::default();
    for number in &numbers {
        let id = id_of(session, collection, *number)?;
        if let Some(stored) = stored(session.connection(), collection, &id)? {
            remove(session, collection, &mut batch, &stored)?;
        }
        if batch.postings.is_full() {
            batch.postings.write(session.connection(), collection)?;
        }
    }
    batch.write(session.connection(), collection)?;
    Ok(numbers.len())
}

fn remove(
    session: &Session,
    collection: &Collection,
    batch: &mut Batch,
    stored: &Stored,
) -> rusqlite::Result<()> {
    take_out(session, collection, batch, stored)?;
    for table in ["documents", "bodies"] {
        let table = collection.table(table);
        session
            .connection()
            .prepare_cached(&format!("DELETE FROM {table} WHERE number = ?1"))?
            .execute([stored.number])?;
    }
    Ok(())
}
