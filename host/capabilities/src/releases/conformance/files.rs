//! Facts about files, and about what becomes of them.

use std::sync::Arc;

use bytes::Bytes;

use super::{Site, change, current, deploy, held, numbers, put, release};
use crate::releases::{Digest, Error, FILE_BYTES_MAX, Which};

pub(super) async fn what_is_not_there_is_missing(site: Arc<dyn Site>) {
    let store = site.open().await;
    let nowhere = Digest::of(b"nowhere");
    match store.get(nowhere).await {
        Err(Error::Missing(missing)) => assert_eq!(missing, [nowhere]),
        other => panic!("expected a missing file, found {other:?}"),
    }
    let missing = store.missing(&[nowhere]).await;
    assert_eq!(missing.expect("it can be looked for"), [nowhere]);
}

pub(super) async fn bytes_of_another_digest_are_refused(site: Arc<dyn Site>) {
    let store = site.open().await;
    let (claimed, actual) = (Digest::of(b"claimed"), Digest::of(b"actual"));
    match store.put(claimed, Bytes::from_static(b"actual")).await {
        Err(Error::Mismatch {
            claimed: told,
            actual: found,
        }) => assert_eq!((told, found), (claimed, actual)),
        other => panic!("expected a mismatch, found {other:?}"),
    }
    assert_eq!(held(&store, &[claimed, actual]).await, []);
}

pub(super) async fn files_over_the_limit_are_refused(site: Arc<dyn Site>) {
    let store = site.open().await;
    let bytes = Bytes::from(vec![0; FILE_BYTES_MAX + 1]);
    let refused = store.put(Digest::of(b"large"), bytes).await;
    assert!(
        matches!(
            refused,
            Err(Error::TooLarge {
                limit: FILE_BYTES_MAX
            })
        ),
        "{refused:?}"
    );
}

pub(super) async fn a_release_with_a_missing_file_leaves_nothing(site: Arc<dyn Site>) {
    let store = site.open().await;
    let there = put(&store, b"there").await;
    let [b, a] = [Digest::of(b"b"), Digest::of(b"a")];
    let new = release(&[b, there, a, b]);
    match store.publish(0, Some(new), change(Which::New, None)).await {
        Err(Error::Missing(missing)) => assert_eq!(missing, [b, a]),
        other => panic!("expected missing files, found {other:?}"),
    }
    assert_eq!(current(&store).await, None);
    assert_eq!(numbers(&store).await, [0; 0]);
    assert_eq!(deploy(&store, 0, &[there]).await.stable, 1);
}

pub(super) async fn files_are_any_bytes(site: Arc<dyn Site>) {
    let store = site.open().await;
    // Nothing, one byte, and more than any piece that a backend may cut files into.
    let large: Vec<u8> = (0..5 * 1024 * 1024 + 7_u32)
        .map(|at| at.to_le_bytes()[at as usize % 3])
        .collect();
    for bytes in [Vec::new(), vec![0], vec![0xff; 1024 * 1024], large] {
        let (digest, bytes) = (Digest::of(&bytes), Bytes::from(bytes));
        let put = store.put(digest, bytes.clone()).await;
        put.expect("the file can be stored");
        let got = store.get(digest).await.expect("it is there");
        assert!(
            got == bytes,
            "{} bytes came back as {}",
            bytes.len(),
            got.len()
        );
    }
}

pub(super) async fn a_file_put_twice_is_one(site: Arc<dyn Site>) {
    let store = site.open().await;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { put(&store, b"twice").await })
        })
        .collect();
    let mut digest = put(&store, b"twice").await;
    for writer in writers {
        digest = writer.await.expect("it can be stored");
    }
    assert_eq!(store.get(digest).await.expect("it is there"), &b"twice"[..]);
    site.age().await;
    assert_eq!(store.prune(0).await.expect("it can be pruned"), 1);
    assert_eq!(held(&store, &[digest]).await, []);
}

pub(super) async fn missing_files_are_named_once_and_in_order(site: Arc<dyn Site>) {
    let store = site.open().await;
    let there = put(&store, b"there").await;
    let [c, a] = [Digest::of(b"c"), Digest::of(b"a")];
    let missing = store.missing(&[c, there, a, c, there]).await;
    assert_eq!(missing.expect("they can be looked for"), [c, a]);
    let missing = store.missing(&[]).await;
    assert_eq!(missing.expect("they can be looked for"), []);
}

pub(super) async fn fresh_uploads_are_not_pruned(site: Arc<dyn Site>) {
    let store = site.open().await;
    let old = put(&store, b"old").await;
    let again = put(&store, b"again").await;
    site.age().await;
    let fresh = put(&store, b"fresh").await;
    put(&store, b"again").await;
    assert_eq!(store.prune(0).await.expect("it can be pruned"), 1);
    assert_eq!(held(&store, &[old, again, fresh]).await, [again, fresh]);
}

pub(super) async fn pruning_keeps_the_newest_releases(site: Arc<dyn Site>) {
    let store = site.open().await;
    let shared = put(&store, b"shared").await;
    let mut own = Vec::new();
    for (expected, bytes) in [&b"1"[..], b"2", b"3", b"4"].into_iter().enumerate() {
        let file = put(&store, bytes).await;
        deploy(&store, expected as u64, &[file, shared]).await;
        own.push(file);
    }
    site.age().await;
    assert_eq!(store.prune(u64::MAX).await.expect("it can be pruned"), 0);
    assert_eq!(store.prune(2).await.expect("it can be pruned"), 2);
    assert_eq!(held(&store, &own).await, own[2..]);
    assert_eq!(held(&store, &[shared]).await, [shared]);
    // What is gone is told by its files; the list stays.
    assert_eq!(numbers(&store).await, [4, 3, 2, 1]);
    let gone = store.get(own[0]).await;
    assert!(matches!(gone, Err(Error::Missing(_))), "{gone:?}");
}

pub(super) async fn pruning_keeps_what_serves(site: Arc<dyn Site>) {
    let store = site.open().await;
    let mut own = Vec::new();
    for (expected, bytes) in [&b"1"[..], b"2", b"3", b"4"].into_iter().enumerate() {
        let file = put(&store, bytes).await;
        deploy(&store, expected as u64, &[file]).await;
        own.push(file);
    }
    let back = change(Which::Number(1), Some(Which::Number(2)));
    store.publish(4, None, back).await.expect("it is published");
    site.age().await;
    assert_eq!(store.prune(0).await.expect("it can be pruned"), 1);
    assert_eq!(held(&store, &own).await, [own[0], own[1], own[3]]);
    let alone = change(Which::Number(2), None);
    store
        .publish(5, None, alone)
        .await
        .expect("it is published");
    assert_eq!(store.prune(0).await.expect("it can be pruned"), 1);
    assert_eq!(held(&store, &own).await, own[..2]);
}

/// However many candidates came and went since.
pub(super) async fn pruning_keeps_the_stable_release_before(site: Arc<dyn Site>) {
    let store = site.open().await;
    let before = put(&store, b"before").await;
    deploy(&store, 0, &[before]).await;
    let mut version = 1;
    for bytes in [&b"2"[..], b"3"] {
        let file = put(&store, bytes).await;
        let candidate = change(Which::Number(1), Some(Which::New));
        let alone = change(Which::Number(1), None);
        for (new, change) in [(Some(release(&[file])), candidate), (None, alone)] {
            let published = store.publish(version, new, change).await;
            version = published.expect("it is published").version;
        }
    }
    let serves = put(&store, b"serves").await;
    deploy(&store, version, &[serves]).await;
    site.age().await;
    assert_eq!(store.prune(1).await.expect("it can be pruned"), 2);
    assert_eq!(held(&store, &[before, serves]).await, [before, serves]);
}

pub(super) async fn a_change_to_a_release_whose_files_are_gone_is_refused(site: Arc<dyn Site>) {
    let store = site.open().await;
    let mut own = Vec::new();
    for (expected, bytes) in [&b"1"[..], b"2", b"3"].into_iter().enumerate() {
        let file = put(&store, bytes).await;
        deploy(&store, expected as u64, &[file]).await;
        own.push(file);
    }
    site.age().await;
    assert_eq!(store.prune(1).await.expect("it can be pruned"), 1);
    let to = [
        change(Which::Number(1), None),
        change(Which::Number(3), Some(Which::Number(1))),
    ];
    for change in to.clone() {
        match store.publish(3, None, change).await {
            Err(Error::Missing(missing)) => assert_eq!(missing, own[..1]),
            other => panic!("expected a missing file, found {other:?}"),
        }
    }
    assert_eq!(current(&store).await.map(|change| change.version), Some(3));
    put(&store, b"1").await;
    for (expected, change) in (3..).zip(to) {
        let published = store.publish(expected, None, change).await;
        published.expect("its files are there again");
    }
}
