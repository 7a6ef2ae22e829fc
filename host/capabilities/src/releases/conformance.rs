//! What every release history must do, whatever stands behind it.

mod changes;
mod files;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::changes::{
    a_change_of_an_unknown_release_is_refused, a_change_that_names_a_new_release_needs_one,
    a_new_history_is_empty, a_refused_change_leaves_nothing,
    a_stale_change_is_told_what_came_first, any_text_is_taken,
    bundles_and_plans_come_back_byte_for_byte, newer_answers_at_once, newer_can_be_given_up,
    newer_wakes, numbers_are_never_repeated, of_many_at_once_one_wins, pages_are_newest_first,
    the_audit_log_is_newest_first, what_was_published_is_there_after_reopening,
};
use self::files::{
    a_change_to_a_release_whose_files_are_gone_is_refused, a_file_put_twice_is_one,
    a_release_with_a_missing_file_leaves_nothing, bytes_of_another_digest_are_refused,
    files_are_any_bytes, files_over_the_limit_are_refused, fresh_uploads_are_not_pruned,
    missing_files_are_named_once_and_in_order, pruning_keeps_the_newest_releases,
    pruning_keeps_the_stable_release_before, pruning_keeps_what_serves,
    what_is_not_there_is_missing,
};
use super::{Cause, Change, Digest, NewChange, NewRelease, Store, Which};

/// A place where one history lies, empty at first.
#[async_trait::async_trait]
pub trait Site: Send + Sync {
    /// Opens the history; each time the same one.
    async fn open(&self) -> Arc<dyn Store>;

    /// Makes all files look as if they were uploaded two hours ago.
    async fn age(&self);
}

/// A case at work.
pub type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A fact about a history that starts empty. It panics where the fact does not hold.
pub struct Case {
    /// The fact.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(Arc<dyn Site>) -> Trial,
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All facts, to be tried one by one, each on a fresh site.
        pub const CASES: &[Case] = &[$(Case { name: stringify!($name), run: |site| Box::pin($name(site)) }),*];
    };
}

cases![
    a_new_history_is_empty,
    a_change_of_an_unknown_release_is_refused,
    a_change_that_names_a_new_release_needs_one,
    a_stale_change_is_told_what_came_first,
    a_refused_change_leaves_nothing,
    of_many_at_once_one_wins,
    numbers_are_never_repeated,
    bundles_and_plans_come_back_byte_for_byte,
    any_text_is_taken,
    what_was_published_is_there_after_reopening,
    newer_answers_at_once,
    newer_wakes,
    newer_can_be_given_up,
    pages_are_newest_first,
    the_audit_log_is_newest_first,
    what_is_not_there_is_missing,
    bytes_of_another_digest_are_refused,
    files_over_the_limit_are_refused,
    a_release_with_a_missing_file_leaves_nothing,
    files_are_any_bytes,
    a_file_put_twice_is_one,
    missing_files_are_named_once_and_in_order,
    fresh_uploads_are_not_pruned,
    pruning_keeps_the_newest_releases,
    pruning_keeps_what_serves,
    pruning_keeps_the_stable_release_before,
    a_change_to_a_release_whose_files_are_gone_is_refused,
];

/// What is waited for comes well within this.
const SOON: Duration = Duration::from_secs(30);

fn release(files: &[Digest]) -> NewRelease {
    NewRelease {
        bundle: "{}".into(),
        files: files.to_vec(),
        by: "ada".into(),
        note: "a note".into(),
    }
}

fn change(stable: Which, candidate: Option<Which>) -> NewChange {
    NewChange {
        stable,
        candidate,
        plan: "{}".into(),
        cause: Cause::Deploy,
        reason: "a reason".into(),
        by: "ada".into(),
    }
}

/// Stores a file.
async fn put(store: &Arc<dyn Store>, bytes: &'static [u8]) -> Digest {
    let digest = Digest::of(bytes);
    let put = store.put(digest, Bytes::from_static(bytes)).await;
    put.expect("the file can be stored");
    digest
}

/// Publishes a release of these files, which serves alone.
async fn deploy(store: &Arc<dyn Store>, expected: u64, files: &[Digest]) -> Change {
    let published = store
        .publish(expected, Some(release(files)), change(Which::New, None))
        .await;
    published.expect("it is published")
}

async fn current(store: &Arc<dyn Store>) -> Option<Change> {
    store.current().await.expect("it can be read")
}

/// The numbers of all releases, newest first.
async fn numbers(store: &Arc<dyn Store>) -> Vec<u64> {
    let releases = store.releases(None, 100).await.expect("they can be read");
    releases.iter().map(|release| release.number).collect()
}

/// Those of these files that are there.
async fn held(store: &Arc<dyn Store>, files: &[Digest]) -> Vec<Digest> {
    let missing = store.missing(files).await.expect("they can be looked for");
    super::absent(files, |digest| missing.contains(digest))
}
