//! Promoting a candidate and going back: changes between releases that are recorded already. And what is told of them.

use std::sync::Arc;
use std::time::Instant;

use stoa_capabilities::releases::{Cause, Change, NewChange, Store, Which};
use stoa_capabilities::sql::Contracting;
use stoa_runtime::Pace;

use super::plan::Plan;
use super::prepare::Linking;
use super::prepared::Prepared;
use super::serving::{Candidate, Serving};
use super::{Host, Power, Refused, differences, milliseconds, since};
use crate::admin::messages::{Bundle, Difference, Move, Moved, Status};

/// How many changes are read at once when the stable release before this one is looked for.
const CHANGES_PER_LOOK: usize = 100;

impl Host {
    /// Makes the candidate the stable release.
    pub(crate) async fn promote(&self, to: Move, by: &str) -> Result<Moved, Refused> {
        let turn = self.turn().await?;
        let begun = Instant::now();
        let serving = self.latest(&turn).await?;
        serving.expect(to.expected)?;
        let nothing = || Refused::Nothing("there is no candidate to promote");
        let candidate = serving.candidate.as_ref().ok_or_else(nothing)?;
        if to
            .release
            .is_some_and(|release| release != candidate.release.number)
        {
            return Err(Refused::Nothing("that release is not the candidate"));
        }
        self.promote_to(&serving, candidate, (Cause::Promote, &to.note, by), begun)
            .await
    }

    pub(super) async fn promote_to(
        &self,
        serving: &Serving,
        candidate: &Candidate,
        why: (Cause, &str, &str),
        begun: Instant,
    ) -> Result<Moved, Refused> {
        // A mirror's candidate may change nothing: for clients it is linked anew.
        let release = self.obtain(candidate.release.number, Power::Full).await?;
        self.settle(serving, release, why, begun).await
    }

    /// Takes the candidate away; without one, makes an earlier release the stable one again.
    pub(crate) async fn rollback(&self, to: Move, by: &str) -> Result<Moved, Refused> {
        let turn = self.turn().await?;
        let begun = Instant::now();
        let serving = self.latest(&turn).await?;
        serving.expect(to.expected)?;
        let number = match (to.release, &serving.candidate) {
            (Some(number), None) if number == serving.stable.number => {
                return Err(Refused::Nothing("that release serves already"));
            }
            (Some(number), Some(candidate)) if number == candidate.release.number => {
                return Err(Refused::Nothing(
                    "that release is the candidate: promote it, or name another one",
                ));
            }
            (Some(number), _) => number,
            (None, Some(_)) => serving.stable.number,
            (None, None) => self.before(&serving).await?,
        };
        let release = self.obtain(number, Power::Full).await?;
        self.settle(&serving, release, (Cause::Rollback, &to.note, by), begun)
            .await
    }

    /// Records that one release serves everybody, then lets it.
    pub(super) async fn settle(
        &self,
        serving: &Serving,
        release: Arc<Prepared>,
        (cause, reason, by): (Cause, &str, &str),
        begun: Instant,
    ) -> Result<Moved, Refused> {
        let mut timings = since(begun);
        let place = self.place_early().await?;
        let change = NewChange {
            stable: Which::Number(release.number),
            candidate: None,
            plan: Plan::NONE.into(),
            cause,
            reason: reason.to_owned(),
            by: by.to_owned(),
        };
        let begun = Instant::now();
        let change = self.record(serving.version, None, change).await?;
        timings.record_ms = milliseconds(begun);
        let begun = Instant::now();
        let stable = release.number;
        self.swap(Serving::stable(&change, release, serving), Some(place));
        timings.swap_ms = milliseconds(begun);
        Ok(Moved {
            version: change.version,
            stable,
            timings,
        })
    }

    /// The candidate under another plan.
    pub(super) async fn step(
        &self,
        serving: &Serving,
        candidate: Candidate,
    ) -> Result<(), Refused> {
        let change = NewChange {
            stable: Which::Number(serving.stable.number),
            candidate: Some(Which::Number(candidate.release.number)),
            plan: candidate.plan.text(),
            cause: Cause::Step,
            reason: match candidate.plan.percent() {
                Some(percent) => format!("{percent} percent"),
                None => String::new(),
            },
            by: super::guard::BY.to_owned(),
        };
        let change = self.record(serving.version, None, change).await?;
        // Both releases go on, so nothing drains.
        self.swap(serving.with(&change, candidate), None);
        Ok(())
    }

    /// The stable release before this one: the last that served everybody and is older. Whoever goes back twice goes back
    /// further, and not to what was wrong.
    async fn before(&self, serving: &Serving) -> Result<u64, Refused> {
        let mut page = None;
        loop {
            let changes = self.0.store.changes(page, CHANGES_PER_LOOK).await?;
            if let Some(number) = older(&changes, serving.stable.number) {
                return Ok(number);
            }
            page = match changes.last() {
                Some(change) if changes.len() == CHANGES_PER_LOOK => Some(change.version),
                _ => return Err(Refused::Nothing("there is no release to go back to")),
            };
        }
    }

    /// A recorded release, ready to serve: one that does already, or made so.
    pub(super) async fn obtain(&self, number: u64, power: Power) -> Result<Arc<Prepared>, Refused> {
        let serving = self.serving();
        if let Some(release) = serving.ready(number, power) {
            return Ok(Arc::clone(release));
        }
        let bundle = self.bundle(number).await?;
        self.verified(&bundle)?;
        let files = self.kept_files(&bundle).await?;
        let live = serving.releases();
        let linking = Linking {
            files: &files,
            power,
            pace: Pace::Niced,
            live: &live,
        };
        let read = self.0.machine.read(bundle).await?;
        let mut release = self.0.machine.link(read, &linking)?;
        // It was decided when the release was deployed whether its migrations may contract.
        let stores = self
            .0
            .machine
            .prepare_stores(&release, &files, Contracting::Allowed);
        stores.await?;
        self.asked(&release, &live).await?;
        release.number = number;
        Ok(Arc::new(release))
    }

    pub(super) async fn bundle(&self, number: u64) -> Result<Bundle, Refused> {
        let release = self.0.store.release(number).await?;
        let release = release.ok_or(Refused::Unknown(number))?;
        let damaged = |error| Refused::Unavailable(format!("release {number}: {error}"));
        serde_json::from_str(&release.bundle).map_err(damaged)
    }

    /// What the release `to` may do that `from` may not. Without numbers: the candidate and the stable release.
    pub(crate) async fn differences(
        &self,
        from: Option<u64>,
        to: Option<u64>,
    ) -> Result<Vec<Difference>, Refused> {
        let (stable, candidate) = {
            let serving = self.serving();
            let candidate = serving.candidate.as_ref();
            let candidate = candidate.map(|candidate| candidate.release.number);
            (serving.stable.number, candidate)
        };
        let nothing = || Refused::Nothing("there is no candidate: name two releases");
        let (from, to) = (
            from.unwrap_or(stable),
            to.or(candidate).ok_or_else(nothing)?,
        );
        let (from, to) = (self.looked_at(from).await?, self.looked_at(to).await?);
        Ok(differences::differences(&from.side(), &to.side()))
    }

    /// A recorded release, linked and not run.
    async fn looked_at(&self, number: u64) -> Result<Arc<Prepared>, Refused> {
        if let Some(release) = self.serving().release(number) {
            return Ok(release);
        }
        // It may have to be compiled, as for a deploy.
        let _prepares = self.prepares().await?;
        let serving = self.serving();
        let bundle = self.bundle(number).await?;
        let files = self.kept_files(&bundle).await?;
        let live = serving.releases();
        let linking = Linking {
            files: &files,
            power: Power::Full,
            pace: Pace::Niced,
            live: &live,
        };
        let read = self.0.machine.read(bundle).await?;
        Ok(Arc::new(self.0.machine.link(read, &linking)?))
    }

    /// What serves, in a line.
    pub(crate) fn words(&self) -> String {
        self.serving().words()
    }

    /// The stable release.
    pub(crate) fn stable(&self) -> Arc<Prepared> {
        Arc::clone(&self.serving().stable)
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// All that is known of what serves.
    pub(crate) async fn status(&self) -> Status {
        let latest = self.0.store.current().await;
        let serving = self.serving();
        let behind = self.0.behind.lock().expect("noting does not panic").clone();
        let (latest, behind) = match latest {
            Ok(change) => (change.map(|change| change.version), behind),
            Err(error) => (None, behind.or(Some(Refused::from(error).to_string()))),
        };
        let candidate = serving.candidate.as_ref();
        let app = &serving.stable.app;
        let (drained, cut_off) = self.0.drains.counted();
        Status {
            application: format!("{} {}", app.name, app.version)
                .trim_end()
                .to_owned(),
            version: serving.version,
            latest,
            behind,
            stable: serving.lane(),
            candidate: candidate.map(Candidate::lane),
            strategy: candidate.map(|candidate| candidate.plan.strategy.clone()),
            percent: candidate.and_then(|candidate| candidate.plan.percent()),
            key: candidate.map(|candidate| candidate.plan.key.clone()),
            mirrored: candidate.and_then(Candidate::mirrored),
            draining: self.0.drains.list(),
            drained,
            cut_off,
        }
    }
}

/// The newest of these changes, newest first, whose stable release is older than this one.
fn older(changes: &[Change], stable: u64) -> Option<u64> {
    let mut stables = changes.iter().map(|change| change.stable);
    stables.find(|number| *number < stable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(stables: &[u64]) -> Vec<Change> {
        let change = |(version, stable): (u64, &u64)| Change {
            version,
            stable: *stable,
            candidate: None,
            plan: String::new(),
            cause: Cause::Deploy,
            reason: String::new(),
            at_ms: 0,
            by: String::new(),
        };
        let mut changes: Vec<_> = (1..).zip(stables).map(change).collect();
        changes.reverse();
        changes
    }

    #[test]
    fn the_first_release_has_none_before_it() {
        assert_eq!(older(&changes(&[]), 1), None);
        assert_eq!(older(&changes(&[1, 2, 1]), 1), None);
    }

    #[test]
    fn the_way_back_never_leads_to_what_was_gone_back_from() {
        assert_eq!(older(&changes(&[1, 2, 3]), 3), Some(2));
        // 3 was wrong; who asks again is not sent there.
        assert_eq!(older(&changes(&[1, 2, 3, 2]), 2), Some(1));
        // 2 was wrong; 3 came after it.
        assert_eq!(older(&changes(&[1, 2, 1, 3]), 3), Some(1));
        // The steps of a candidate beside a stable release.
        assert_eq!(older(&changes(&[1, 2, 2, 2]), 2), Some(1));
    }
}
