//! Facts about releases, changes and the audit log.

use std::sync::Arc;

use tokio::time::timeout;

use super::{SOON, Site, change, current, deploy, numbers, release};
use crate::releases::{Cause, Error, NewAudit, NewChange, NewRelease, Which};

pub(super) async fn a_new_history_is_empty(site: Arc<dyn Site>) {
    let store = site.open().await;
    assert_eq!(current(&store).await, None);
    assert_eq!(store.release(1).await.expect("it can be read"), None);
    assert_eq!(store.release(u64::MAX).await.expect("it can be read"), None);
    assert_eq!(numbers(&store).await, [0; 0]);
    assert_eq!(store.changes(None, 10).await.expect("it can be read"), []);
    assert_eq!(store.audit(None, 10).await.expect("it can be read"), []);
}

pub(super) async fn a_change_of_an_unknown_release_is_refused(site: Arc<dyn Site>) {
    let store = site.open().await;
    deploy(&store, 0, &[]).await;
    for unknown in [0, 2, u64::MAX] {
        let unknown = Which::Number(unknown);
        let of = [
            change(unknown, None),
            change(Which::Number(1), Some(unknown)),
        ];
        for change in of {
            let refused = store.publish(1, None, change).await;
            assert!(
                matches!(refused, Err(Error::UnknownRelease(_))),
                "{refused:?}"
            );
        }
    }
}

pub(super) async fn a_change_that_names_a_new_release_needs_one(site: Arc<dyn Site>) {
    let store = site.open().await;
    let refused = store.publish(0, None, change(Which::New, None)).await;
    assert!(matches!(refused, Err(Error::NothingNew)), "{refused:?}");
    assert_eq!(current(&store).await, None);
}

pub(super) async fn a_stale_change_is_told_what_came_first(site: Arc<dyn Site>) {
    let store = site.open().await;
    let early = store
        .publish(1, Some(release(&[])), change(Which::New, None))
        .await;
    assert!(
        matches!(early, Err(Error::Conflict { current: None })),
        "{early:?}"
    );
    let first = deploy(&store, 0, &[]).await;
    for expected in [0, 2, u64::MAX] {
        let stale = store
            .publish(expected, None, change(Which::Number(1), None))
            .await;
        match stale {
            Err(Error::Conflict { current }) => assert_eq!(current.as_deref(), Some(&first)),
            other => panic!("expected a conflict, found {other:?}"),
        }
    }
}

pub(super) async fn a_refused_change_leaves_nothing(site: Arc<dyn Site>) {
    let store = site.open().await;
    let first = deploy(&store, 0, &[]).await;
    let unknown = change(Which::New, Some(Which::Number(7)));
    let refused = store.publish(1, Some(release(&[])), unknown).await;
    assert!(
        matches!(refused, Err(Error::UnknownRelease(7))),
        "{refused:?}"
    );
    let stale = store
        .publish(0, Some(release(&[])), change(Which::New, None))
        .await;
    assert!(stale.is_err(), "{stale:?}");
    assert_eq!(numbers(&store).await, [1]);
    assert_eq!(current(&store).await, Some(first));
}

pub(super) async fn of_many_at_once_one_wins(site: Arc<dyn Site>) {
    const WRITERS: usize = 8;
    let store = site.open().await;
    for version in 0..3 {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let change = change(Which::New, None);
                    store.publish(version, Some(release(&[])), change).await
                })
            })
            .collect();
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.expect("it does not panic") {
                Ok(change) => winners.push(change),
                Err(Error::Conflict { current }) => {
                    let current = current.expect("another came first");
                    assert_eq!(current.version, version + 1);
                }
                Err(other) => panic!("expected a conflict, found {other:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(current(&store).await.as_ref(), winners.first());
    }
    assert_eq!(numbers(&store).await, [3, 2, 1]);
}

pub(super) async fn numbers_are_never_repeated(site: Arc<dyn Site>) {
    for expected in 0..3 {
        let store = site.open().await;
        let change = deploy(&store, expected, &[]).await;
        assert_eq!(
            (change.version, change.stable),
            (expected + 1, expected + 1)
        );
        let gone = store.prune(0).await.expect("it can be pruned");
        assert_eq!(gone, 0);
    }
    let store = site.open().await;
    let back = store
        .publish(3, None, change(Which::Number(1), None))
        .await
        .expect("it is published");
    assert_eq!((back.version, back.stable), (4, 1));
    assert_eq!(deploy(&store, 4, &[]).await.stable, 4);
}

pub(super) async fn bundles_and_plans_come_back_byte_for_byte(site: Arc<dyn Site>) {
    let store = site.open().await;
    // Spaces, order and repeated keys of JSON, an escaped zero, text beyond the basic plane, and a long one.
    let text = format!(
        "{{ \"b\":1,\r\n\t\"a\" : 1.0, \"a\":\"\\u0000 ä \u{1f980}\", \"c\":\"{}\" }}\n",
        "x".repeat(200_000)
    );
    let new = NewRelease {
        bundle: text.clone(),
        ..release(&[])
    };
    let plan = NewChange {
        plan: text.clone(),
        ..change(Which::New, Some(Which::New))
    };
    let published = store
        .publish(0, Some(new), plan)
        .await
        .expect("it is published");
    assert_eq!(published.plan, text);
    assert_eq!(
        (published.stable, published.candidate, published.cause),
        (1, Some(1), Cause::Deploy)
    );
    assert_eq!(current(&store).await, Some(published));
    let release = store.release(1).await.expect("it can be read");
    let release = release.expect("it is there");
    assert_eq!(release.bundle, text);
    assert_eq!(
        (release.by.as_str(), release.note.as_str()),
        ("ada", "a note")
    );
    assert!(release.at_ms > 0);
}

pub(super) async fn any_text_is_taken(site: Arc<dyn Site>) {
    let store = site.open().await;
    let text = || "a\0b \u{1f980} '; DROP TABLE changes; --".to_owned();
    let new = NewRelease {
        by: text(),
        note: text(),
        ..release(&[])
    };
    let change = NewChange {
        reason: text(),
        by: text(),
        ..change(Which::New, None)
    };
    let published = store.publish(0, Some(new), change).await;
    let published = published.expect("it is published");
    assert!(published.reason.starts_with('a') && published.reason.ends_with("--"));
    assert_eq!(current(&store).await, Some(published));
    let entry = NewAudit {
        by: text(),
        from: text(),
        action: text(),
        outcome: text(),
    };
    store.record(entry).await.expect("it is recorded");
}

pub(super) async fn what_was_published_is_there_after_reopening(site: Arc<dyn Site>) {
    let store = site.open().await;
    let file = super::put(&store, b"code").await;
    let first = deploy(&store, 0, &[file]).await;
    let candidate = NewChange {
        cause: Cause::Guard,
        ..change(Which::Number(1), Some(Which::New))
    };
    let second = store.publish(1, Some(release(&[file])), candidate).await;
    let second = second.expect("it is published");
    let releases = store.releases(None, 10).await.expect("they can be read");
    drop(store);
    let store = site.open().await;
    assert_eq!(current(&store).await.as_ref(), Some(&second));
    let changes = store.changes(None, 10).await.expect("they can be read");
    assert_eq!(changes, [second, first]);
    assert_eq!(
        store.releases(None, 10).await.expect("they can be read"),
        releases
    );
    assert_eq!(store.get(file).await.expect("it is there"), &b"code"[..]);
    let newer = timeout(SOON, store.newer(1)).await;
    newer.expect("it answers").expect("it is known");
}

pub(super) async fn newer_answers_at_once(site: Arc<dyn Site>) {
    let store = site.open().await;
    deploy(&store, 0, &[]).await;
    let newer = timeout(SOON, store.newer(0)).await;
    newer.expect("it answers").expect("it is known");
}

pub(super) async fn newer_wakes(site: Arc<dyn Site>) {
    let store = site.open().await;
    for version in 0..3 {
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.newer(version).await })
            })
            .collect();
        deploy(&store, version, &[]).await;
        for waiting in waiting {
            let woken = timeout(SOON, waiting).await.expect("it wakes");
            woken.expect("it does not panic").expect("it is known");
        }
    }
}

pub(super) async fn newer_can_be_given_up(site: Arc<dyn Site>) {
    let store = site.open().await;
    // Polled, and dropped without an answer.
    let early = tokio::select! {
        biased;
        newer = store.newer(0) => Some(newer),
        () = tokio::task::yield_now() => None,
    };
    assert!(early.is_none(), "{early:?}");
    deploy(&store, 0, &[]).await;
    let newer = timeout(SOON, store.newer(0)).await;
    newer.expect("it answers").expect("it is known");
}

pub(super) async fn pages_are_newest_first(site: Arc<dyn Site>) {
    let store = site.open().await;
    for expected in 0..5 {
        deploy(&store, expected, &[]).await;
    }
    let mut before = None;
    for page in [&[5, 4][..], &[3, 2], &[1], &[]] {
        let releases = store.releases(before, 2).await.expect("they can be read");
        let changes = store.changes(before, 2).await.expect("they can be read");
        let numbers: Vec<u64> = releases.iter().map(|release| release.number).collect();
        let versions: Vec<u64> = changes.iter().map(|change| change.version).collect();
        assert_eq!((&*numbers, &*versions), (page, page));
        before = page.last().copied();
    }
    assert_eq!(store.changes(None, 0).await.expect("it can be read"), []);
    let all = store.changes(Some(u64::MAX), usize::MAX).await;
    assert_eq!(all.expect("they can be read").len(), 5);
}

pub(super) async fn the_audit_log_is_newest_first(site: Arc<dyn Site>) {
    let store = site.open().await;
    for action in ["deploy", "promote", "rollback"] {
        let entry = NewAudit {
            by: "ada".into(),
            from: "127.0.0.1".into(),
            action: action.into(),
            outcome: "refused: conflict".into(),
        };
        store.record(entry).await.expect("it is recorded");
    }
    let page = store.audit(None, 2).await.expect("it can be read");
    let actions: Vec<&str> = page.iter().map(|entry| &*entry.action).collect();
    assert_eq!(actions, ["rollback", "promote"]);
    assert!(page[0].number > page[1].number && page[0].at_ms > 0);
    let rest = store.audit(Some(page[1].number), 2).await;
    let rest = rest.expect("it can be read");
    let [entry] = &rest[..] else {
        panic!("expected one entry, found {rest:?}");
    };
    assert_eq!(
        [&*entry.by, &*entry.from, &*entry.action, &*entry.outcome],
        ["ada", "127.0.0.1", "deploy", "refused: conflict"]
    );
    store.prune(1).await.expect("it can be pruned");
    let all = store.audit(None, 10).await.expect("it can be read");
    assert_eq!(all.len(), 3, "so few are kept");
}
