//! What is no blob's: bytes of writers that were not heard of again, and of blobs that were replaced or deleted. Whoever
//! writes removes what was kept long enough, a bounded amount each time.

use crate::database::Database;
use crate::error::Error;
use crate::schema::now;

/// One look removes so many pieces, at most: 16 MiB.
macro_rules! pieces_max {
    () => {
        "64"
    };
}

/// Removes some of it, if there is any.
pub(crate) fn sweep(database: &impl Database) -> Result<(), Error> {
    let any = database.execute(
        concat!(
            "SELECT 1 FROM \"blobs/loose\" WHERE until < ",
            now!(),
            " LIMIT 1"
        ),
        Vec::new(),
    )?;
    if any.is_empty() {
        return Ok(());
    }
    for statement in STEPS {
        database.execute(statement, Vec::new())?;
    }
    Ok(())
}

/// A line that ran out is marked before its pieces go, and a marked one never counts again: were the clock set back, a
/// writer would else make a blob of what is left.
const STEPS: [&str; 3] = [
    concat!(
        "UPDATE \"blobs/loose\" SET until = 0 WHERE until > 0 AND until < ",
        now!(),
        " AND NOT EXISTS (SELECT 1 FROM \"blobs/index\" WHERE \"blobs/index\".content = \"blobs/loose\".content)"
    ),
    concat!(
        "DELETE FROM \"blobs/pieces\" WHERE rowid IN (\
         SELECT \"blobs/pieces\".rowid FROM \"blobs/loose\" \
         JOIN \"blobs/pieces\" ON \"blobs/pieces\".content = \"blobs/loose\".content \
         WHERE \"blobs/loose\".until = 0 LIMIT ",
        pieces_max!(),
        ")"
    ),
    "DELETE FROM \"blobs/loose\" WHERE until = 0 AND NOT EXISTS (\
     SELECT 1 FROM \"blobs/pieces\" WHERE \"blobs/pieces\".content = \"blobs/loose\".content)",
];
