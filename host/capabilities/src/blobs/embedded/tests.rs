//! What only an embedded store can go through: its files, and the crashes between them.

use std::fs::{self, File};
use std::sync::Mutex;
use std::time::Duration;

use super::*;

fn signer() -> Arc<Signer> {
    Arc::new(Signer::new(&[7; super::super::presign::KEY_BYTES]))
}

fn open(root: &Path) -> Arc<Embedded> {
    Embedded::open(root, Durability::Process, signer()).expect("it opens")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn place(name: &str) -> Place {
    Place {
        container: "first".into(),
        name: name.into(),
    }
}

async fn begin(store: &Embedded, name: &str) -> Box<dyn Sink> {
    let sink = store.put(place(name), Options::default()).await;
    let mut sink = sink.expect("a blob can be begun");
    sink.write(b"123".to_vec())
        .await
        .expect("it can be written");
    sink
}

async fn put(store: &Embedded, name: &str) -> Info {
    let sink = begin(store, name).await;
    sink.finish().await.expect("it can be finished")
}

/// A connection beside the store's own.
fn aside(root: &Path) -> Connection {
    let connection = Connection::open(Layout::new(root).index()).expect("it opens");
    let waiting = connection.busy_timeout(Duration::from_secs(5));
    waiting.expect("it can wait");
    connection
}

fn count(root: &Path, table: &str) -> usize {
    let query = format!("SELECT count(*) FROM {table}");
    let rows = aside(root).query_row(&query, [], |row| row.get::<_, i64>(0));
    usize::try_from(rows.expect("the table is there")).expect("it is a count")
}

/// Names of all files below a folder.
fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let below = entries.flat_map(|entry| {
        let entry = entry.expect("the folder can be read");
        match entry.path().is_dir() {
            true => files_in(&entry.path()),
            false => vec![entry.file_name().to_string_lossy().into_owned()],
        }
    });
    below.collect()
}

fn make(path: &Path) {
    let folder = path.parent().expect("it is in a folder");
    fs::create_dir_all(folder).expect("the folder can be made");
    fs::write(path, b"left").expect("the file can be made");
}

#[tokio::test]
async fn no_name_becomes_a_path() {
    let root = folder();
    let store = open(root.path());
    let names = ["index.db", "incoming/x", "%2e%2e/x", "~", "content"];
    for name in names {
        put(&store, name).await;
    }
    let content = files_in(&root.path().join("content"));
    assert_eq!(content.len(), names.len());
    for file in content {
        let random = file.len() == 32 && file.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(random, "{file}");
    }
}

#[tokio::test]
async fn a_crash_in_an_upload_leaves_nothing() {
    let root = folder();
    let store = open(root.path());
    put(&store, "kept").await;
    // The process is gone: nobody aborts.
    std::mem::forget(begin(&store, "lost").await);
    let incoming = root.path().join("incoming");
    assert_eq!(files_in(&incoming).len(), 1);
    assert_eq!(count(root.path(), "unsettled"), 1);
    let store = open(root.path());
    assert_eq!(files_in(&incoming), [""; 0]);
    assert_eq!(count(root.path(), "unsettled"), 0);
    assert_eq!(store.head(place("lost")).await, Ok(None));
    assert!(matches!(store.head(place("kept")).await, Ok(Some(_))));
}

#[tokio::test]
async fn a_crash_before_the_row_or_before_the_removal_leaves_no_file() {
    let root = folder();
    drop(open(root.path()));
    let content = "00ff".repeat(8);
    let path = Layout::new(root.path()).placed(&content);
    make(&path);
    aside(root.path())
        .execute("INSERT INTO unsettled VALUES (?1)", [&content])
        .expect("it can be listed");
    drop(open(root.path()));
    assert!(!path.exists());
    assert_eq!(count(root.path(), "unsettled"), 0);
}

#[tokio::test]
async fn arriving_files_that_nothing_lists_are_removed() {
    let root = folder();
    drop(open(root.path()));
    let path = Layout::new(root.path()).arriving("unlisted");
    make(&path);
    drop(open(root.path()));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_blob_that_lost_its_bytes_is_gone_after_opening() {
    let root = folder();
    let store = open(root.path());
    put(&store, "whole").await;
    put(&store, "broken").await;
    let found = store.0.find(place("broken")).await;
    let found = found.expect("it can be found").expect("it is there");
    let path = store.0.layout.placed(&found.content);
    File::create(path).expect("the file can be emptied");
    let outcome = store.get(place("broken"), Part::Whole).await;
    assert_eq!(outcome.err(), Some(Error::Unavailable));
    let store = open(root.path());
    assert_eq!(store.head(place("broken")).await, Ok(None));
    assert!(matches!(store.head(place("whole")).await, Ok(Some(_))));
}

#[tokio::test]
async fn class_power_keeps_the_name_of_a_blob_that_lost_its_bytes() {
    let root = folder();
    let power = || Embedded::open(root.path(), Durability::Power, signer()).expect("it opens");
    let store = power();
    put(&store, "damaged").await;
    for file in files_in(&root.path().join("content")) {
        let path = store.0.layout.placed(&file);
        fs::remove_file(path).expect("the file can be removed");
    }
    let store = power();
    assert!(matches!(store.head(place("damaged")).await, Ok(Some(_))));
    let outcome = store.get(place("damaged"), Part::Whole).await;
    assert_eq!(outcome.err(), Some(Error::Unavailable));
}

#[tokio::test]
async fn a_crash_after_a_broken_blob_was_found_leaves_no_file() {
    let root = folder();
    let store = open(root.path());
    put(&store, "broken").await;
    let found = store.0.find(place("broken")).await;
    let content = found
        .expect("it can be found")
        .expect("it is there")
        .content;
    let lost = index::lose(&mut aside(root.path()), &content);
    assert_eq!(lost, Ok(1));
    let path = store.0.layout.placed(&content);
    assert!(path.exists());
    drop(open(root.path()));
    assert!(!path.exists());
    assert_eq!(count(root.path(), "unsettled"), 0);
}

#[tokio::test]
async fn files_of_replaced_deleted_and_aborted_blobs_are_removed() {
    for durability in [Durability::Process, Durability::Power] {
        let root = folder();
        let store = Embedded::open(root.path(), durability, signer()).expect("it opens");
        put(&store, "kept").await;
        put(&store, "kept").await;
        put(&store, "deleted").await;
        assert_eq!(store.delete(place("deleted")).await, Ok(true));
        drop(begin(&store, "aborted").await);
        let left = || {
            files_in(&root.path().join("content")).len()
                + files_in(&root.path().join("incoming")).len()
        };
        let removed = async {
            while left() > 1 || count(root.path(), "unsettled") > 0 {
                tokio::task::yield_now().await;
            }
        };
        let removed = tokio::time::timeout(Duration::from_secs(30), removed).await;
        assert!(removed.is_ok(), "{durability:?}: {} files are left", left());
        assert!(matches!(store.head(place("kept")).await, Ok(Some(_))));
    }
}

/// Notes what had happened at each sync.
struct Watch {
    root: PathBuf,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    fn note(&self, what: &str) {
        let placed = files_in(&self.root.join("content")).len();
        let index = Layout::new(&self.root).index();
        let visible = if index.exists() {
            count(&self.root, "blobs")
        } else {
            0
        };
        let line = format!("{what}: {placed} placed, {visible} visible");
        self.seen.lock().expect("no test panicked").push(line);
    }
}

impl Syncs for Watch {
    fn file(&self, file: &File) -> std::io::Result<()> {
        let size = file.metadata()?.len();
        self.note(&format!("file of {size}"));
        Ok(())
    }

    fn folder(&self, folder: &Path) -> std::io::Result<()> {
        let below = folder.strip_prefix(&self.root).expect("it is ours");
        self.note(&format!("folder {}", below.components().count()));
        Ok(())
    }
}

/// A store of class `power`, and what it syncs.
fn watched(root: &Path) -> (Arc<Embedded>, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Watch {
        root: root.to_owned(),
        seen: Arc::clone(&seen),
    };
    let store = Embedded::open_with(root, Durability::Power, signer(), Box::new(watch));
    (store.expect("it opens"), seen)
}

/// Notes which folders are synced.
struct Folders(Arc<Mutex<Vec<PathBuf>>>);

impl Syncs for Folders {
    fn file(&self, _: &File) -> std::io::Result<()> {
        Ok(())
    }

    fn folder(&self, folder: &Path) -> std::io::Result<()> {
        let mut seen = self.0.lock().expect("no test panicked");
        seen.push(folder.to_owned());
        Ok(())
    }
}

#[test]
fn a_folder_that_is_made_lasts_in_the_one_above_it() {
    let above = folder();
    let root = above.path().join("blobs/images");
    let folders = Arc::new(Mutex::new(Vec::new()));
    let open = || {
        let syncs = Box::new(Folders(Arc::clone(&folders)));
        let store = Embedded::open_with(&root, Durability::Power, signer(), syncs);
        drop(store.expect("it opens"));
        std::mem::take(&mut *folders.lock().expect("no test panicked"))
    };
    let made = [
        root.clone(),
        above.path().join("blobs"),
        above.path().to_owned(),
    ];
    assert_eq!(open(), made);
    assert_eq!(open(), std::slice::from_ref(&root));
}

#[tokio::test]
async fn a_large_blob_is_synced_while_it_arrives() {
    let root = folder();
    let (store, seen) = watched(root.path());
    let mut sink = begin(&store, "a").await;
    let chunk = crate::blobs::CHUNK_BYTES_MAX;
    // One more than it takes for a sync.
    let chunks = (16 << 20) / chunk + 1;
    for _ in 0..chunks {
        let written = sink.write(vec![1; chunk]).await;
        written.expect("it can be written");
    }
    sink.finish().await.expect("it can be finished");
    let seen = seen.lock().expect("no test panicked").clone();
    let (early, all) = (3 + (16 << 20), 3 + chunks * chunk);
    assert_eq!(seen[1], format!("file of {early}: 0 placed, 0 visible"));
    assert_eq!(seen[2], format!("file of {all}: 0 placed, 0 visible"));
}

#[tokio::test]
async fn bytes_then_folders_are_synced_before_a_blob_is_seen() {
    let root = folder();
    let (store, seen) = watched(root.path());
    put(&store, "a").await;
    assert_eq!(count(root.path(), "blobs"), 1);
    let seen = seen.lock().expect("no test panicked").clone();
    let order = [
        "folder 0: 0 placed, 0 visible",
        "file of 3: 0 placed, 0 visible",
        "folder 3: 1 placed, 0 visible",
        "folder 2: 1 placed, 0 visible",
        "folder 1: 1 placed, 0 visible",
    ];
    assert_eq!(seen, order);
}

#[test]
fn nothing_counts_as_settled_that_a_reader_keeps_from_the_disk() {
    let root = folder();
    let layout = Layout::new(root.path());
    layout.create().expect("the folders can be made");
    let (mut writer, reader) = connect(&layout, Durability::Process).expect("it opens");
    let impatient = writer.busy_timeout(Duration::ZERO);
    impatient.expect("it can be told not to wait");
    let reading = reader.execute_batch("BEGIN; SELECT * FROM unsettled;");
    reading.expect("it reads");
    let begun = index::begin(&mut writer, &place("a"), "00ff", &Condition::Always);
    assert!(begun.is_ok());
    assert!(index::checkpoint(&writer).is_err());
    reader.execute_batch("COMMIT").expect("it has read");
    assert!(index::checkpoint(&writer).is_ok());
}

#[test]
fn class_power_syncs_every_commit_of_the_index() {
    for (durability, full) in [(Durability::Process, 1), (Durability::Power, 2)] {
        let root = folder();
        let layout = Layout::new(root.path());
        layout.create().expect("the folders can be made");
        let (writer, _) = connect(&layout, durability).expect("it opens");
        let level = writer.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
        assert_eq!(level.expect("SQLite tells"), full, "{durability:?}");
    }
}
