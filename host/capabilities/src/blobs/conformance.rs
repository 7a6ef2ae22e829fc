//! What every blob store must do, whatever stands behind it. The embedded store passes it too, which is why it may stand
//! in for the others in tests.

use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::digest;

use super::presign::hexadecimal;
use super::{
    BLOB_BYTES_MAX, CHUNK_BYTES_MAX, CONTENT_TYPE_DEFAULT, Condition, Error, Info, NAME_BYTES_MAX,
    Options, Part, Place, Range, Sink, Source, Store,
};

/// A case at work.
pub type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A fact about a store that starts empty. It panics where the fact does not hold.
pub struct Case {
    /// The fact.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(Arc<dyn Store>) -> Trial,
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All facts, to be tried one by one, each on a fresh store.
        pub const CASES: &[Case] = &[$(Case { name: stringify!($name), run: |store| Box::pin($name(store)) }),*];
    };
}

cases![
    missing_blobs_are_not_found,
    what_was_put_is_read,
    names_are_any_unicode,
    containers_are_apart,
    info_tells_what_the_writer_said,
    the_etag_is_the_hash_of_the_bytes,
    parts_are_cut_to_what_there_is,
    nothing_is_seen_before_it_is_finished,
    an_aborted_blob_leaves_nothing,
    a_reader_reads_what_it_opened,
    conditions_are_checked,
    a_condition_holds_when_the_blob_becomes_visible,
    of_parallel_writers_the_last_is_seen_whole,
    a_size_that_is_not_kept_is_refused,
    more_than_allowed_is_refused_midway,
    listings_are_in_byte_order_and_paged,
    listings_stay_inside_their_prefix,
    copies_are_blobs_of_their_own,
    a_copy_keeps_to_its_limits,
    deletes_tell_whether_there_was_a_blob,
    stored_bytes_are_added_up,
];

fn place(name: &str) -> Place {
    within("first", name)
}

fn within(container: &str, name: &str) -> Place {
    Place {
        container: container.to_owned(),
        name: name.to_owned(),
    }
}

fn on(condition: Condition) -> Options {
    Options {
        condition,
        ..Options::default()
    }
}

/// Bytes without a period that a mistake in an offset could hide in.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

async fn begin(store: &Arc<dyn Store>, name: &str) -> Box<dyn Sink> {
    let sink = store.put(place(name), Options::default()).await;
    sink.expect("a blob can be begun")
}

/// Writes a whole blob; a condition may be refused at either end.
async fn put(
    store: &Arc<dyn Store>,
    place: Place,
    content: &[u8],
    options: Options,
) -> Result<Info, Error> {
    let mut sink = store.put(place, options).await?;
    for piece in content.chunks(CHUNK_BYTES_MAX) {
        sink.write(piece.to_vec()).await?;
    }
    sink.finish().await
}

async fn stored(store: &Arc<dyn Store>, name: &str, content: &[u8]) -> Info {
    let info = put(store, place(name), content, Options::default()).await;
    info.expect("the blob can be stored")
}

async fn rest(mut source: Box<dyn Source>) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let piece = source.read(CHUNK_BYTES_MAX).await;
        let piece = piece.expect("the blob can be read");
        if piece.is_empty() {
            return all;
        }
        assert!(piece.len() <= CHUNK_BYTES_MAX);
        all.extend(piece);
    }
}

async fn read(store: &Arc<dyn Store>, place: Place, part: Part) -> Result<Vec<u8>, Error> {
    Ok(rest(store.get(place, part).await?).await)
}

async fn content(store: &Arc<dyn Store>, name: &str) -> Option<Vec<u8>> {
    match read(store, place(name), Part::Whole).await {
        Ok(content) => Some(content),
        Err(error) => {
            assert_eq!(error, Error::NotFound { name: name.into() });
            None
        }
    }
}

async fn names(store: &Arc<dyn Store>, prefix: &str, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let range = Range {
            prefix: prefix.into(),
            after,
            limit,
        };
        let page = store.list("first".into(), range).await;
        let page = page.expect("the container can be listed");
        assert!(page.entries.len() <= limit);
        all.extend(page.entries.into_iter().map(|info| info.name));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn conflict(name: &str) -> Error {
    Error::Conflict { name: name.into() }
}

async fn missing_blobs_are_not_found(store: Arc<dyn Store>) {
    assert_eq!(store.head(place("nowhere")).await, Ok(None));
    assert_eq!(content(&store, "nowhere").await, None);
    assert_eq!(names(&store, "", 10).await, [""; 0]);
}

async fn what_was_put_is_read(store: Arc<dyn Store>) {
    let lengths = [0, 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX + 1, 1 << 20];
    for length in lengths {
        let sent = bytes(length);
        let info = stored(&store, "a", &sent).await;
        assert_eq!(info.size, length as u64);
        assert!(content(&store, "a").await.is_some_and(|read| read == sent));
    }
}

async fn names_are_any_unicode(store: Arc<dyn Store>) {
    let longest = "ü".repeat(NAME_BYTES_MAX / 2);
    let strange = [
        "ключ/🗝️.png",
        "a b?c#d",
        "%2e%2e/x",
        "...",
        "'; DROP TABLE blobs; --",
        "a:b",
        "CON",
        longest.as_str(),
    ];
    for name in strange {
        stored(&store, name, name.as_bytes()).await;
    }
    for name in strange {
        let read = content(&store, name).await;
        assert_eq!(read.as_deref(), Some(name.as_bytes()), "{name:?}");
        assert_eq!(names(&store, name, 10).await, [name]);
    }
}

async fn containers_are_apart(store: Arc<dyn Store>) {
    stored(&store, "a", b"first").await;
    let second = within("second", "a");
    assert_eq!(store.head(second.clone()).await, Ok(None));
    let put = put(&store, second.clone(), b"second", Options::default()).await;
    put.expect("the blob can be stored");
    assert_eq!(content(&store, "a").await.as_deref(), Some(&b"first"[..]));
    assert_eq!(store.delete(second).await, Ok(true));
    assert_eq!(names(&store, "", 10).await, ["a"]);
}

async fn info_tells_what_the_writer_said(store: Arc<dyn Store>) {
    let metadata = vec![
        ("width".to_owned(), "640".to_owned()),
        ("alt".to_owned(), "a boot: brown".to_owned()),
        ("empty".to_owned(), String::new()),
    ];
    let options = Options {
        content_type: "image/png".into(),
        metadata: metadata.clone(),
        ..Options::default()
    };
    let info = put(&store, place("a"), b"1234", options).await;
    let info = info.expect("the blob can be stored");
    assert_eq!((&*info.name, info.size), ("a", 4));
    assert_eq!(
        (&*info.content_type, &info.metadata),
        ("image/png", &metadata)
    );
    assert!(info.modified > 1_600_000_000_000, "in milliseconds");
    assert_eq!(store.head(place("a")).await, Ok(Some(info.clone())));
    let source = store.get(place("a"), Part::Whole).await;
    assert_eq!(*source.expect("it can be opened").info(), info);
    let replaced = stored(&store, "a", b"").await;
    assert_eq!(replaced.content_type, CONTENT_TYPE_DEFAULT);
    assert!(replaced.metadata.is_empty());
}

async fn the_etag_is_the_hash_of_the_bytes(store: Arc<dyn Store>) {
    for length in [0, 3, CHUNK_BYTES_MAX * 2 + 7] {
        let sent = bytes(length);
        let info = stored(&store, "a", &sent).await;
        let hash = digest::digest(&digest::SHA256, &sent);
        assert_eq!(info.etag, hexadecimal(hash.as_ref()));
    }
}

async fn parts_are_cut_to_what_there_is(store: Arc<dyn Store>) {
    let sent = bytes(CHUNK_BYTES_MAX + 1000);
    let size = sent.len() as u64;
    stored(&store, "a", &sent).await;
    let from = |offset, length| Part::From { offset, length };
    let parts = [
        (Part::Whole, 0..size),
        (from(0, Some(1)), 0..1),
        (from(10, Some(0)), 10..10),
        (from(999, None), 999..size),
        (from(size - 1, Some(100)), size - 1..size),
        (from(size, None), size..size),
        (from(size + 1, Some(u64::MAX)), size..size),
        (from(u64::MAX, Some(u64::MAX)), size..size),
        (
            from(5, Some(CHUNK_BYTES_MAX as u64 + 5)),
            5..CHUNK_BYTES_MAX as u64 + 10,
        ),
        (Part::Last(0), size..size),
        (Part::Last(7), size - 7..size),
        (Part::Last(u64::MAX), 0..size),
    ];
    for (part, span) in parts {
        let source = store.get(place("a"), part).await;
        let source = source.expect("the blob can be opened");
        assert_eq!(source.span(), span, "{part:?}");
        let wanted = &sent[span.start as usize..span.end as usize];
        assert!(rest(source).await == wanted, "{part:?}");
    }
}

async fn nothing_is_seen_before_it_is_finished(store: Arc<dyn Store>) {
    let mut sink = begin(&store, "a").await;
    sink.write(b"1".to_vec()).await.expect("it can be written");
    assert_eq!(store.head(place("a")).await, Ok(None));
    assert_eq!(names(&store, "", 10).await, [""; 0]);
    sink.finish().await.expect("it can be finished");
    assert_eq!(content(&store, "a").await.as_deref(), Some(&b"1"[..]));
}

async fn an_aborted_blob_leaves_nothing(store: Arc<dyn Store>) {
    stored(&store, "b", b"old").await;
    for name in ["a", "b"] {
        let mut sink = begin(&store, name).await;
        sink.write(b"new".to_vec())
            .await
            .expect("it can be written");
        drop(sink);
    }
    assert_eq!(names(&store, "", 10).await, ["b"]);
    assert_eq!(content(&store, "b").await.as_deref(), Some(&b"old"[..]));
}

async fn a_reader_reads_what_it_opened(store: Arc<dyn Store>) {
    let old = bytes(CHUNK_BYTES_MAX * 3);
    for replaced in [true, false] {
        stored(&store, "a", &old).await;
        let source = store.get(place("a"), Part::Whole).await;
        let mut source = source.expect("the blob can be opened");
        let mut read = source.read(10).await.expect("it can be read");
        match replaced {
            true => drop(stored(&store, "a", b"new").await),
            false => assert_eq!(store.delete(place("a")).await, Ok(true)),
        }
        read.extend(rest(source).await);
        assert!(read == old, "replaced: {replaced}");
        let new = replaced.then(|| b"new".to_vec());
        assert_eq!(content(&store, "a").await, new);
    }
}

async fn conditions_are_checked(store: Arc<dyn Store>) {
    let attempt = |condition, text: &'static str| {
        let store = Arc::clone(&store);
        async move { put(&store, place("a"), text.as_bytes(), on(condition)).await }
    };
    let none = Condition::Etag("0".repeat(64));
    assert_eq!(attempt(none.clone(), "1").await, Err(conflict("a")));
    let first = attempt(Condition::Absent, "1").await;
    let first = first.expect("there is no blob yet");
    assert_eq!(attempt(Condition::Absent, "2").await, Err(conflict("a")));
    assert_eq!(attempt(none, "2").await, Err(conflict("a")));
    assert_eq!(content(&store, "a").await.as_deref(), Some(&b"1"[..]));
    let seen = Condition::Etag(first.etag);
    assert!(attempt(seen.clone(), "2").await.is_ok());
    assert_eq!(attempt(seen, "3").await, Err(conflict("a")));
    assert_eq!(content(&store, "a").await.as_deref(), Some(&b"2"[..]));
}

async fn a_condition_holds_when_the_blob_becomes_visible(store: Arc<dyn Store>) {
    let sink = store.put(place("a"), on(Condition::Absent)).await;
    let late = sink.expect("there is no blob yet");
    stored(&store, "a", b"in between").await;
    assert_eq!(late.finish().await, Err(conflict("a")));
    let read = content(&store, "a").await;
    assert_eq!(read.as_deref(), Some(&b"in between"[..]));
}

async fn of_parallel_writers_the_last_is_seen_whole(store: Arc<dyn Store>) {
    let writer = |fill: u8| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let content = vec![fill; CHUNK_BYTES_MAX * 2 + usize::from(fill)];
            stored(&store, "a", &content).await
        })
    };
    let writers: Vec<_> = (1..=8).map(writer).collect();
    for writer in writers {
        writer.await.expect("a writer does not panic");
    }
    let read = content(&store, "a").await.expect("one was seen");
    let fill = read[0];
    assert_eq!(read.len(), CHUNK_BYTES_MAX * 2 + usize::from(fill));
    assert!(read.iter().all(|byte| *byte == fill));
    let (first, last) = (begin(&store, "a").await, begin(&store, "a").await);
    let mut last = last;
    last.write(b"2".to_vec()).await.expect("it can be written");
    last.finish().await.expect("it can be finished");
    first.finish().await.expect("it can be finished");
    assert_eq!(content(&store, "a").await, Some(Vec::new()));
}

async fn a_size_that_is_not_kept_is_refused(store: Arc<dyn Store>) {
    let announced = |size| Options {
        size: Some(size),
        ..Options::default()
    };
    for (size, sent) in [(4, "123"), (2, "123"), (0, "1"), (1, "")] {
        let outcome = put(&store, place("a"), sent.as_bytes(), announced(size)).await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{size}");
    }
    assert_eq!(content(&store, "a").await, None);
    for sent in ["", "123"] {
        let size = sent.len() as u64;
        let outcome = put(&store, place("a"), sent.as_bytes(), announced(size)).await;
        assert!(outcome.is_ok(), "{size}");
    }
}

async fn more_than_allowed_is_refused_midway(store: Arc<dyn Store>) {
    let options = Options {
        bytes_max: 10,
        ..Options::default()
    };
    let sink = store.put(place("a"), options).await;
    let mut sink = sink.expect("a blob can be begun");
    sink.write(vec![1; 10]).await.expect("as much is allowed");
    let limit = 10;
    let outcome = sink.write(vec![1]).await;
    assert_eq!(outcome, Err(Error::TooLarge { limit }));
    assert!(sink.finish().await.is_err(), "it cannot be finished");
    assert_eq!(content(&store, "a").await, None);
}

async fn listings_are_in_byte_order_and_paged(store: Arc<dyn Store>) {
    let mut all: Vec<String> = (0..150)
        .map(|n| format!("k{n}"))
        .chain(["é", "z", "Z", "~"].map(String::from))
        .collect();
    for name in &all {
        stored(&store, name, b"").await;
    }
    all.sort_unstable();
    for limit in [1, 7, 1000] {
        assert_eq!(names(&store, "", limit).await, all, "pages of {limit}");
    }
    assert_eq!(names(&store, "", all.len()).await, all);
}

async fn listings_stay_inside_their_prefix(store: Arc<dyn Store>) {
    for name in ["a", "a/1", "a/2", "a0", "b", "%_", "\u{10ffff}x"] {
        stored(&store, name, b"").await;
    }
    assert_eq!(names(&store, "a/", 1).await, ["a/1", "a/2"]);
    assert_eq!(names(&store, "a", 2).await, ["a", "a/1", "a/2", "a0"]);
    assert_eq!(names(&store, "%", 2).await, ["%_"]);
    assert_eq!(names(&store, "\u{10ffff}", 2).await, ["\u{10ffff}x"]);
    assert_eq!(names(&store, "c", 2).await, [""; 0]);
    for (after, count) in [("", 2), ("a/1", 1), ("a/2", 0), ("b", 0)] {
        let range = Range {
            prefix: "a/".into(),
            after: Some(after.into()),
            limit: 5,
        };
        let page = store.list("first".into(), range).await;
        let page = page.expect("the container can be listed");
        assert_eq!((page.entries.len(), page.next), (count, None), "{after:?}");
    }
}

async fn copies_are_blobs_of_their_own(store: Arc<dyn Store>) {
    let options = Options {
        content_type: "text/plain".into(),
        metadata: vec![("a".into(), "b".into())],
        ..Options::default()
    };
    let put = put(&store, place("a"), b"1", options).await;
    let source = put.expect("the blob can be stored");
    let target = within("second", "b");
    let copy = |from: Place, to: Place| store.copy(from, to, BLOB_BYTES_MAX, Condition::Always);
    let copied = copy(place("a"), target.clone()).await;
    let copied = copied.expect("it can be copied");
    assert_eq!((&*copied.name, copied.size), ("b", 1));
    assert_eq!(copied.content_type, source.content_type);
    assert_eq!(copied.metadata, source.metadata);
    assert_eq!(copied.etag, source.etag);
    assert!(copy(place("a"), place("a")).await.is_ok(), "onto itself");
    stored(&store, "a", b"2").await;
    assert_eq!(store.delete(place("a")).await, Ok(true));
    let read = read(&store, target, Part::Whole).await;
    assert_eq!(read, Ok(b"1".to_vec()));
}

async fn a_copy_keeps_to_its_limits(store: Arc<dyn Store>) {
    stored(&store, "a", b"12").await;
    stored(&store, "b", b"").await;
    let copy = |from: &str, bytes_max, condition| {
        store.copy(place(from), place("b"), bytes_max, condition)
    };
    let name = "nowhere".to_owned();
    assert_eq!(
        copy("nowhere", 2, Condition::Always).await,
        Err(Error::NotFound { name })
    );
    let limit = 1;
    assert_eq!(
        copy("a", limit, Condition::Always).await,
        Err(Error::TooLarge { limit })
    );
    assert_eq!(copy("a", 2, Condition::Absent).await, Err(conflict("b")));
    assert_eq!(content(&store, "b").await, Some(Vec::new()));
    assert!(copy("a", 2, Condition::Always).await.is_ok());
    assert_eq!(content(&store, "b").await.as_deref(), Some(&b"12"[..]));
}

async fn deletes_tell_whether_there_was_a_blob(store: Arc<dyn Store>) {
    assert_eq!(store.delete(place("a")).await, Ok(false));
    stored(&store, "a", b"1").await;
    assert_eq!(store.delete(place("a")).await, Ok(true));
    assert_eq!(store.delete(place("a")).await, Ok(false));
    assert_eq!(content(&store, "a").await, None);
}

async fn stored_bytes_are_added_up(store: Arc<dyn Store>) {
    let containers = || vec!["first".to_owned(), "second".to_owned()];
    assert_eq!(store.stored(containers()).await, Ok(0));
    stored(&store, "a", b"123").await;
    stored(&store, "a", b"12").await;
    let second = put(&store, within("second", "b"), b"1", Options::default()).await;
    second.expect("the blob can be stored");
    let third = put(&store, within("third", "c"), b"1", Options::default()).await;
    third.expect("the blob can be stored");
    assert_eq!(store.stored(containers()).await, Ok(3));
    assert_eq!(store.delete(place("a")).await, Ok(true));
    assert_eq!(store.stored(containers()).await, Ok(1));
}
