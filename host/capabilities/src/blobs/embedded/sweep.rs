//! What a crash or a power cut left behind goes when the store is opened. Bounded: nothing walks through all files.

use std::fs;
use std::io;

use rusqlite::Connection;
use tracing::{info, warn};

use super::files::{self, Layout};
use super::index;
use crate::Durability;

/// Files that are removed at one opening; the rest goes at the next.
const FILES_MAX: u32 = 100_000;
/// Blobs whose files are looked at: those that were written last. A power cut takes what the system had not written back,
/// which is half a minute's worth; whatever is broken beyond them is found when it is read.
const NEWEST_MAX: u32 = 10_000;

pub(super) fn run(
    layout: &Layout,
    connection: &mut Connection,
    durability: Durability,
) -> rusqlite::Result<()> {
    let unsettled = index::unsettled(connection, FILES_MAX)?;
    let gone: Vec<String> = unsettled
        .into_iter()
        .filter(|content| removed(files::remove(layout, content)))
        .collect();
    let transaction = connection.transaction()?;
    for content in &gone {
        index::settle(&transaction, content)?;
    }
    transaction.commit()?;
    let unlisted = remove_incoming(layout);
    if gone.len() + unlisted > 0 {
        let files = gone.len() + unlisted;
        info!(files, "removed what an earlier run left in a blob store");
    }
    match durability {
        Durability::Process => lose_broken(layout, connection),
        // No power cut does that here. A file that is missing is damage, and its blob's name is what people can look for.
        Durability::Power => Ok(()),
    }
}

/// A power cut may take the list and leave the files.
fn remove_incoming(layout: &Layout) -> usize {
    let entries = match fs::read_dir(layout.incoming()) {
        Ok(entries) => entries,
        Err(error) => {
            warn!(%error, "blobs that never arrived could not be looked for");
            return 0;
        }
    };
    entries
        .take(FILES_MAX as usize)
        .filter_map(Result::ok)
        .filter(|entry| removed(fs::remove_file(entry.path())))
        .count()
}

fn removed(outcome: io::Result<()>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(error) => {
            warn!(%error, "a file of a blob store could not be removed");
            false
        }
    }
}

/// In class `process`, a row may have reached the disk before a power cut and its bytes not.
fn lose_broken(layout: &Layout, connection: &mut Connection) -> rusqlite::Result<()> {
    for (content, size) in index::newest(connection, NEWEST_MAX)? {
        if !whole(layout, &content, size) {
            let blobs = index::lose(connection, &content)?;
            if removed(files::remove(layout, &content)) {
                index::settle(connection, &content)?;
            }
            warn!(
                blobs,
                content, "a blob did not survive a power cut and is gone"
            );
        }
    }
    Ok(())
}

/// A file that cannot be looked at may be there.
fn whole(layout: &Layout, content: &str, size: u64) -> bool {
    match fs::metadata(layout.placed(content)) {
        Ok(metadata) => metadata.len() == size,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}
