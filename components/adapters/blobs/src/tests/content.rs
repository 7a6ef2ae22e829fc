//! What was put is read, as it was when it was opened.

use super::*;
use crate::pieces::PIECE_BYTES;

#[test]
fn missing_blobs_are_not_found() {
    let store = open(Sqlite::new());
    assert_eq!(store.head(&place("nowhere")), Ok(None));
    assert_eq!(content(&store, "nowhere"), None);
}

#[test]
fn what_was_put_is_read() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let piece = PIECE_BYTES as usize;
    for length in [0, 1, piece - 1, piece, piece + 1, 4 * piece + 7] {
        let sent = bytes(length);
        let info = stored(&store, "a", &sent);
        assert_eq!(info.size, length as u64);
        // As another instance reads it.
        let read = content(&open(database.clone()), "a");
        assert!(read.is_some_and(|read| read == sent), "{length}");
    }
}

#[test]
fn pieces_are_of_one_size_however_the_bytes_came() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let sent = bytes(PIECE_BYTES as usize * 2 + 5);
    let writer = store.put(place("a"), options()).expect("it begins");
    for chunk in sent.chunks(100_003) {
        writer.write(chunk).expect("it can be written");
    }
    writer.write(b"").expect("nothing can be written");
    writer.finish().expect("it can be finished");
    assert!(content(&store, "a").is_some_and(|read| read == sent));
    let pieces = database.run(
        "SELECT length(bytes) FROM \"blobs/pieces\" ORDER BY number",
        Vec::new(),
    );
    let sizes: Vec<_> = pieces
        .expect("they can be read")
        .iter()
        .filter_map(|row| row[0].integer())
        .collect();
    assert_eq!(sizes, [PIECE_BYTES as i64, PIECE_BYTES as i64, 5]);
}

#[test]
fn the_etag_is_the_hash_of_the_bytes() {
    let store = open(Sqlite::new());
    let info = stored(&store, "a", b"abc");
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(info.etag, expected);
}

#[test]
fn info_tells_what_the_writer_said() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let metadata = vec![
        ("width".to_owned(), "640".to_owned()),
        ("alt".to_owned(), "a \"boot\": brown".to_owned()),
        ("empty".to_owned(), String::new()),
    ];
    let said = Options::new(
        Some("image/png".to_owned()),
        metadata.clone(),
        None,
        Condition::Always,
    );
    let info = put(&store, place("a"), b"1234", said).expect("it can be stored");
    assert_eq!((&*info.name, info.size), ("a", 4));
    assert_eq!(
        (&*info.content_type, &info.metadata),
        ("image/png", &metadata)
    );
    assert_eq!(info.modified, STARTED_MS);
    assert_eq!(store.head(&place("a")), Ok(Some(info.clone())));
    let reader = store.get(&place("a"), Part::default());
    assert!(reader.is_ok_and(|reader| *reader.info() == info));
    database.pass_ms(5);
    let replaced = stored(&store, "a", b"");
    assert_eq!(replaced.content_type, "application/octet-stream");
    assert!(replaced.metadata.is_empty());
    assert_eq!(replaced.modified, STARTED_MS + 5);
}

#[test]
fn parts_are_cut_to_what_there_is() {
    let store = open(Sqlite::new());
    let piece = PIECE_BYTES;
    let sent = bytes(piece as usize + 1000);
    let size = sent.len() as u64;
    stored(&store, "a", &sent);
    for (offset, length, span) in [
        (0, None, 0..size),
        (0, Some(1), 0..1),
        (10, Some(0), 10..10),
        (999, None, 999..size),
        (size - 1, Some(100), size - 1..size),
        (size, None, size..size),
        (u64::MAX, Some(u64::MAX), size..size),
        (5, Some(piece + 5), 5..piece + 10),
        (piece, Some(1), piece..piece + 1),
    ] {
        let read = part(&store, &place("a"), Part { offset, length });
        let expected = &sent[span.start as usize..span.end as usize];
        assert!(read.is_ok_and(|read| read == expected), "{span:?}");
    }
}

#[test]
fn a_piece_is_as_small_as_is_asked_for() {
    let store = open(Sqlite::new());
    stored(&store, "a", b"abc");
    let reader = store.get(&place("a"), Part::default());
    let reader = reader.expect("it can be opened");
    assert!(matches!(reader.read(0), Err(Error::Invalid(_))));
    assert_eq!(reader.read(2), Ok(b"ab".to_vec()));
    assert_eq!(reader.remaining(), 1);
    assert_eq!(reader.read(usize::MAX), Ok(b"c".to_vec()));
    assert_eq!(reader.read(1), Ok(Vec::new()));
}

#[test]
fn a_reader_reads_what_it_opened() {
    let database = Sqlite::new();
    let store = open(database.clone());
    let old = bytes(PIECE_BYTES as usize * 3);
    for replaced in [true, false] {
        stored(&store, "a", &old);
        let reader = store.get(&place("a"), Part::default());
        let reader = reader.expect("it can be opened");
        let mut read = reader.read(10).expect("it can be read");
        let other = open(database.clone());
        match replaced {
            true => drop(stored(&other, "a", b"new")),
            false => assert_eq!(other.delete(&place("a")), Ok(true)),
        }
        // Whoever writes sweeps.
        stored(&other, "b", b"");
        while reader.remaining() > 0 {
            read.extend(reader.read(CHUNK_BYTES_MAX).expect("it can be read"));
        }
        assert!(read == old, "replaced: {replaced}");
        let new = replaced.then(|| b"new".to_vec());
        assert_eq!(content(&store, "a"), new);
    }
}
