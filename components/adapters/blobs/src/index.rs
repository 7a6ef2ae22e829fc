//! Which blobs there are. Each change is one statement that says what must hold; where it changed nothing, the reason is
//! looked for.

use crate::blob::{Condition, Info, Options, Page, Place, Range};
use crate::database::{Database, Row, Value, malformed, of_name, of_number, of_text};
use crate::error::Error;
use crate::pieces::Content;
use crate::schema::now;

/// How often a copy is tried where its source or target changes while the reason of a refusal is looked for.
const TRIES_MAX: usize = 16;

/// What a row tells, in this order.
macro_rules! columns {
    () => {
        "name, size, content_type, etag, modified, metadata, content"
    };
}
/// Takes the place of the blob that had the name.
macro_rules! or_replaces {
    () => {
        " ON CONFLICT (store, container, name) DO UPDATE SET content = excluded.content, size = excluded.size, \
          content_type = excluded.content_type, etag = excluded.etag, modified = excluded.modified, \
          metadata = excluded.metadata RETURNING "
    };
}

/// A blob and its content.
pub(crate) struct Found {
    pub(crate) info: Info,
    pub(crate) content: Content,
}

/// The rows of one store.
pub(crate) struct Index<'d, D> {
    pub(crate) database: &'d D,
    pub(crate) store: &'d str,
}

impl<D: Database> Index<'_, D> {
    pub(crate) fn find(&self, place: &Place) -> Result<Option<Found>, Error> {
        let rows = self.database.execute(
            concat!(
                "SELECT ",
                columns!(),
                " FROM \"blobs/index\" WHERE store = ?1 AND container = ?2 AND name = ?3"
            ),
            self.key(place),
        )?;
        rows.into_iter().next().map(found).transpose()
    }

    fn key(&self, place: &Place) -> Vec<Value> {
        vec![
            of_text(self.store),
            of_text(&place.container),
            of_name(&place.name),
        ]
    }

    pub(crate) fn page(&self, container: &str, range: &Range) -> Result<Page, Error> {
        let mut parameters = vec![of_text(self.store), of_text(container)];
        let mut conditions = vec!["store = ?1 AND container = ?2".to_owned()];
        let mut bound = |compare: &str, bytes: Vec<u8>| {
            parameters.push(Value::Blob(bytes));
            conditions.push(format!("name {compare} ?{}", parameters.len()));
        };
        bound(">=", range.prefix.as_bytes().to_vec());
        if let Some(after) = &range.after {
            bound(">", after.as_bytes().to_vec());
        }
        if let Some(end) = behind(&range.prefix) {
            bound("<", end);
        }
        let statement = format!(
            "SELECT {} FROM \"blobs/index\" WHERE {} ORDER BY name LIMIT {}",
            columns!(),
            conditions.join(" AND "),
            // One more than is answered, to know whether there are more.
            u64::from(range.limit) + 1
        );
        let rows = self.database.execute(&statement, parameters)?;
        let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let entries = rows.into_iter().take(limit);
        let entries = entries.map(|row| Ok(found(row)?.info));
        let entries = entries.collect::<Result<Vec<_>, Error>>()?;
        let next = entries
            .last()
            .filter(|_| more)
            .map(|info| info.name.clone());
        Ok(Page { entries, next })
    }

    /// Whether a condition holds now.
    pub(crate) fn check(&self, place: &Place, condition: &Condition) -> Result<(), Error> {
        let etag = match condition {
            Condition::Always => return Ok(()),
            Condition::Absent => None,
            Condition::Etag(etag) => Some(etag),
        };
        let found = self.find(place)?.map(|found| found.info.etag);
        match found.as_ref() == etag {
            true => Ok(()),
            false => Err(Error::Conflict(place.name.clone())),
        }
    }

    /// Makes a content a blob: from here on it is seen. False where the content was given up.
    pub(crate) fn commit(
        &self,
        container: &str,
        blob: &Found,
        condition: &Condition,
    ) -> Result<bool, Error> {
        let Info {
            name,
            size,
            content_type,
            etag,
            modified,
            metadata,
        } = &blob.info;
        let (holds, wanted) = demand(condition, 10);
        let statement = format!(
            "INSERT INTO \"blobs/index\" \
             (store, container, name, content, size, content_type, etag, modified, metadata) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 \
             WHERE EXISTS (SELECT 1 FROM \"blobs/loose\" WHERE content = ?4 AND until >= {now}) AND {holds}{replaces}1",
            now = now!(),
            replaces = or_replaces!(),
        );
        let mut parameters = vec![
            of_text(self.store),
            of_text(container),
            of_name(name),
            blob.content.value(),
            of_number(*size),
            of_text(content_type),
            of_text(etag),
            of_number(*modified),
            Value::Text(metadata_text(metadata)),
        ];
        parameters.extend(wanted);
        if !self.database.execute(&statement, parameters)?.is_empty() {
            return Ok(true);
        }
        match blob.content.is_leased(self.database)? {
            true => Err(Error::Conflict(name.clone())),
            false => Ok(false),
        }
    }

    /// A second row for one content: no byte is moved.
    pub(crate) fn copy(
        &self,
        source: &Place,
        target: &Place,
        bytes_max: u64,
        condition: &Condition,
    ) -> Result<Info, Error> {
        let (holds, wanted) = demand(condition, 8);
        let statement = format!(
            "INSERT INTO \"blobs/index\" \
             (store, container, name, content, size, content_type, etag, modified, metadata) \
             SELECT ?1, ?2, ?3, content, size, content_type, etag, ?7, metadata FROM \"blobs/index\" \
             WHERE store = ?1 AND container = ?4 AND name = ?5 AND size <= ?6 AND {holds}{replaces}{columns}",
            replaces = or_replaces!(),
            columns = columns!(),
        );
        let mut parameters = self.key(target);
        parameters.extend([
            of_text(&source.container),
            of_name(&source.name),
            of_number(bytes_max),
            of_number(self.database.now_ms()),
        ]);
        parameters.extend(wanted);
        for _ in 0..TRIES_MAX {
            let rows = self.database.execute(&statement, parameters.clone())?;
            if let Some(row) = rows.into_iter().next() {
                return Ok(found(row)?.info);
            }
            let found = self.find(source)?;
            let size = found.map(|found| found.info.size);
            match size.ok_or_else(|| Error::NotFound(source.name.clone()))? {
                size if size > bytes_max => return Err(Error::TooLarge(bytes_max)),
                _ => self.check(target, condition)?,
            }
        }
        Err(Error::Unavailable)
    }

    /// Whether there was one.
    pub(crate) fn delete(&self, place: &Place) -> Result<bool, Error> {
        let deleted = self.database.execute(
            "DELETE FROM \"blobs/index\" WHERE store = ?1 AND container = ?2 AND name = ?3 RETURNING 1",
            self.key(place),
        )?;
        Ok(!deleted.is_empty())
    }
}

/// What must hold of the blob at `?1`, `?2`, `?3`, with the parameter that it needs, which is number `next`.
fn demand(condition: &Condition, next: usize) -> (String, Option<Value>) {
    let there =
        "EXISTS (SELECT 1 FROM \"blobs/index\" WHERE store = ?1 AND container = ?2 AND name = ?3";
    match condition {
        Condition::Always => ("1".to_owned(), None),
        Condition::Absent => (format!("NOT {there})"), None),
        Condition::Etag(etag) => (format!("{there} AND etag = ?{next})"), Some(of_text(etag))),
    }
}

/// The first bytes that are greater than all that start with this. No byte of UTF-8 is the greatest, so one more is
/// always one byte.
fn behind(prefix: &str) -> Option<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    *bytes.last_mut()? += 1;
    Some(bytes)
}

fn found(row: Row) -> Result<Found, Error> {
    let [name, size, content_type, etag, modified, metadata, content] =
        <[Value; 7]>::try_from(row).map_err(|_| malformed())?;
    let text = |value: Value| value.into_text().ok_or_else(malformed);
    let number = |value: &Value| value.integer().ok_or_else(malformed);
    let unsigned = |value: &Value| u64::try_from(number(value)?).map_err(|_| malformed());
    let metadata = serde_json::from_str(&text(metadata)?).map_err(|_| malformed())?;
    Ok(Found {
        info: Info {
            name: text(name)?,
            size: unsigned(&size)?,
            content_type: text(content_type)?,
            etag: text(etag)?,
            modified: unsigned(&modified)?,
            metadata,
        },
        content: Content(number(&content)?),
    })
}

fn metadata_text(metadata: &[(String, String)]) -> String {
    serde_json::to_string(metadata).expect("pairs of texts are JSON")
}

/// The options of a writer and what came of them.
pub(crate) fn info(name: &str, options: Options, size: u64, etag: String, modified: u64) -> Info {
    Info {
        name: name.to_owned(),
        size,
        content_type: options.content_type,
        etag,
        modified,
        metadata: options.metadata,
    }
}
