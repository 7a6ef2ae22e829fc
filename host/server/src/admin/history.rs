//! What was: releases, changes and the audit log, newest first and in pages.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use stoa_capabilities::releases::{self, PAGE_MAX, Store};
use tracing::error;

use super::Behind;
use super::api::Api;
use super::messages::{AuditEntry, AuditLog, Bundle, Change, Changes, Release, Releases};
use super::refusal::Refusal;
use super::routes::{Answer, json};

/// Entries of a page that says nothing else.
const LIMIT: usize = 50;
/// Entries that may be asked for at once.
const LIMIT_MAX: usize = PAGE_MAX;
/// Releases that are read at once: each comes with its bundle, which a list does not show.
const READ_MAX: usize = 32;

/// A part of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    before: Option<u64>,
    limit: Option<usize>,
}

type Asked = Result<Query<Page>, QueryRejection>;

impl Page {
    fn read(asked: Asked) -> Result<(Option<u64>, usize), Refusal> {
        let Query(Self { before, limit }) = asked?;
        let limit = limit.unwrap_or(LIMIT);
        match (1..=LIMIT_MAX).contains(&limit) {
            // One less than the store gives at most, because one more is read than shown.
            true => Ok((before, limit.min(PAGE_MAX - 1))),
            false => Err(Refusal::malformed(format!(
                "`limit` must be between 1 and {LIMIT_MAX}, found {limit}"
            ))),
        }
    }
}

/// Takes off the entry that was read to see whether there is another page, and answers where that begins.
fn next<T>(entries: &mut Vec<T>, limit: usize, number: impl Fn(&T) -> u64) -> Option<u64> {
    if entries.len() <= limit {
        return None;
    }
    entries.truncate(limit);
    entries.last().map(number)
}

pub(super) async fn releases<B: Behind>(State(api): State<Api<B>>, asked: Asked) -> Answer {
    let (before, limit) = Page::read(asked)?;
    let store = api.behind().store();
    let current = store.current().await?;
    let mut releases = listed(&**store, before, limit + 1, current.as_ref()).await?;
    let next = next(&mut releases, limit, |release| release.number);
    Ok(json(&Releases { releases, next }))
}

/// Without their bundles, of which only a few are in memory at a time.
async fn listed(
    store: &dyn Store,
    mut before: Option<u64>,
    limit: usize,
    current: Option<&releases::Change>,
) -> Result<Vec<Release>, Refusal> {
    let mut listed = Vec::new();
    loop {
        let wanted = (limit - listed.len()).min(READ_MAX);
        let found = store.releases(before, wanted).await?;
        let is_end = found.len() < wanted;
        listed.extend(found.into_iter().map(|release| shown(release, current)));
        if is_end || listed.len() == limit {
            return Ok(listed);
        }
        before = listed.last().map(|release| release.number);
    }
}

pub(super) async fn release<B: Behind>(
    State(api): State<Api<B>>,
    number: Result<Path<u64>, PathRejection>,
) -> Answer {
    let Path(number) = number?;
    let store = api.behind().store();
    let Some(release) = store.release(number).await? else {
        return Err(Refusal::unknown_release(number));
    };
    let current = store.current().await?;
    let bundle: Bundle = serde_json::from_str(&release.bundle).map_err(|error| {
        error!(release = number, %error, "a release of the history cannot be read");
        Refusal::broken()
    })?;
    Ok(json(&Release {
        bundle: Some(bundle),
        ..shown(release, current.as_ref())
    }))
}

fn shown(release: releases::Release, current: Option<&releases::Change>) -> Release {
    let role = current.and_then(|current| match release.number {
        number if number == current.stable => Some("stable"),
        number if Some(number) == current.candidate => Some("candidate"),
        _ => None,
    });
    Release {
        number: release.number,
        at_ms: release.at_ms,
        by: release.by,
        note: release.note,
        role: role.map(str::to_owned),
        bundle: None,
    }
}

pub(super) async fn changes<B: Behind>(State(api): State<Api<B>>, asked: Asked) -> Answer {
    let (before, limit) = Page::read(asked)?;
    let mut found = api.behind().store().changes(before, limit + 1).await?;
    let next = next(&mut found, limit, |change| change.version);
    let shown = found.into_iter().map(|change| Change {
        version: change.version,
        stable: change.stable,
        candidate: change.candidate,
        cause: change.cause.as_str().to_owned(),
        reason: change.reason,
        at_ms: change.at_ms,
        by: change.by,
    });
    let changes = shown.collect();
    Ok(json(&Changes { changes, next }))
}

pub(super) async fn audit<B: Behind>(State(api): State<Api<B>>, asked: Asked) -> Answer {
    let (before, limit) = Page::read(asked)?;
    let mut found = api.behind().store().audit(before, limit + 1).await?;
    let next = next(&mut found, limit, |entry| entry.number);
    let shown = found.into_iter().map(|entry| AuditEntry {
        number: entry.number,
        at_ms: entry.at_ms,
        by: entry.by,
        from: entry.from,
        action: entry.action,
        outcome: entry.outcome,
    });
    let entries = shown.collect();
    Ok(json(&AuditLog { entries, next }))
}
