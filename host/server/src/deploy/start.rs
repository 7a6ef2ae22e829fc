//! The first thing a host serves: what was recorded last, or what lies in the folder it was started with.
//!
//! A folder is published when it is new: when it is neither the one that was published last from here, nor one that was
//! deployed since. So a developer's change is served at the next start, and a host that is started again as it was serves
//! what was deployed into it since, as far as that had come: a canary stays one, and what was rolled back stays away.
//! Where a fleet shares its history, the fleet decides: a folder is published only if there is no release at all.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Context;
use arc_swap::ArcSwap;
use stoa_capabilities::releases::{Cause, Change, Digest, Store};
use stoa_capabilities::sql::Contracting;
use stoa_gateway::traffic::Front;
use stoa_runtime::Pace;
use tokio::sync::watch;

use super::drain::Drains;
use super::history;
use super::machine::Machine;
use super::plan::Plan;
use super::prepare::{Linking, documents};
use super::serving::{Candidate, Serving};
use super::signature::Keys;
use super::turns::Turns;
use super::{Config, Host, Inner, Power, Prepared, Publication, Refused, fits, verified};
use crate::admin::messages::{Bundle, Timings};
use crate::bundle::Files;
use crate::commands::Invalid;
use crate::{output, stores};

/// How many releases are read at once when a folder is looked for among them ...
const RELEASES_PER_LOOK: usize = 100;
/// ... and how often. What was deployed before those is not remembered.
const LOOKS_MAX: usize = 10;
/// Who publishes a folder.
const BY: &str = "stoa up";

/// What a host is started with.
pub(crate) struct First {
    /// The application of a folder, if there is one.
    pub(crate) folder: Option<(Bundle, Files)>,
    /// Where it is remembered which folder was published last.
    pub(crate) marker: PathBuf,
    /// Other hosts follow the same history.
    pub(crate) shared: bool,
}

/// Makes ready what is to be served first. Nothing is served yet.
///
/// # Errors
/// When it cannot be served, or the history cannot be used.
pub(crate) async fn start(
    machine: Machine,
    store: Arc<dyn Store>,
    config: Config,
    first: First,
) -> anyhow::Result<Host> {
    let keys = Keys::load(&config.signature_keys).map_err(Invalid)?;
    let current = history::current(&*store).await?;
    let nothing = Serving::nothing();
    let host = Host(Arc::new(Inner {
        front: Front::new(nothing.snapshot(&machine)),
        serving: ArcSwap::from_pointee(nothing),
        changes: watch::Sender::new(0),
        drains: Drains::new(config.drain_max),
        machine,
        store,
        config,
        keys,
        preparing: Turns::default(),
        changing: Turns::default(),
        behind: Mutex::default(),
        marker: first.marker.clone(),
        pruned: Mutex::new(Instant::now()),
    }));
    host.first(current, first).await?;
    host.0.machine.mounts.settle();
    Ok(host)
}

impl Host {
    async fn first(&self, current: Option<Change>, first: First) -> anyhow::Result<()> {
        let First { folder, shared, .. } = first;
        let Some((bundle, files)) = folder else {
            return self.resume(current).await;
        };
        let digest = bundle.digest();
        let publish = match (&current, shared) {
            (None, _) => true,
            (Some(_), true) => false,
            (Some(_), false) => self.is_new(digest).await?,
        };
        if !publish {
            // What is recorded has files of its own.
            drop(files);
            self.resume(current).await?;
            if !self.serves(&bundle) {
                let serving = self.words();
                output::note(format_args!(
                    "note: {serving}, which is not what is in this folder; `stoa deploy` publishes the folder"
                ));
                return Ok(());
            }
            // Whatever is in the folder at the next start, it is new if it is another.
            return self.remember(digest, self.serving().stable.number);
        }
        match self.publish_folder(bundle, files, current.as_ref()).await {
            // Another host of the fleet was quicker.
            Err(Refused::Conflict { .. }) if shared => {
                let current = self.0.store.current().await;
                self.resume(current.context("cannot read the release history")?)
                    .await
            }
            Err(refused) => Err(worded(refused)),
            Ok(release) => self.remember(digest, release),
        }
    }

    /// Whether a folder was neither published last from here nor deployed since. Whoever deployed it said how far it goes.
    async fn is_new(&self, folder: Digest) -> anyhow::Result<bool> {
        let since = match remembered(&self.0.marker) {
            Some((digest, _)) if digest == folder => return Ok(false),
            Some((_, release)) => release,
            None => 0,
        };
        let mut page = None;
        for _ in 0..LOOKS_MAX {
            let releases = self.0.store.releases(page, RELEASES_PER_LOOK).await;
            let releases = releases.context("cannot read the release history")?;
            let mut later = releases.iter().filter(|release| release.number > since);
            if later.any(|release| is_bundle(&release.bundle, folder)) {
                return Ok(false);
            }
            page = match releases.last() {
                Some(last) if last.number > since => Some(last.number),
                _ => break,
            };
        }
        Ok(true)
    }

    fn remember(&self, folder: Digest, release: u64) -> anyhow::Result<()> {
        let remembered = remember(&self.0.marker, folder, release);
        remembered.context("cannot remember which folder was published")
    }

    /// Serves what was recorded last.
    async fn resume(&self, current: Option<Change>) -> anyhow::Result<()> {
        let Some(change) = current else {
            return Ok(());
        };
        let stable = self.recorded(change.stable, Power::Full, &[]).await;
        let stable = stable.map_err(worded)?;
        let candidate = match change.candidate {
            None => None,
            Some(number) => {
                let plan = Plan::parse(&change.plan).map_err(worded)?;
                let release = self.recorded(number, plan.power(), &[&*stable]).await;
                Some(Candidate::new(release.map_err(worded)?, plan))
            }
        };
        let apps = [Some(&stable), candidate.as_ref().map(|it| &it.release)];
        let apps: Vec<_> = apps.into_iter().flatten().map(|it| &it.app).collect();
        let declared = stores::declare(&apps, &self.0.machine.capabilities).await;
        declared.map_err(|problems| worded(Refused::Invalid(problems)))?;
        let next = Serving::of(&change, stable, candidate, &self.serving());
        // Nothing served before.
        self.swap(next, None);
        Ok(())
    }

    /// A recorded release, made ready at full speed: nothing else is served.
    async fn recorded(
        &self,
        number: u64,
        power: Power,
        live: &[&Prepared],
    ) -> Result<Arc<Prepared>, Refused> {
        let bundle = self.bundle(number).await?;
        self.verified(&bundle)?;
        let files = self.kept_files(&bundle).await?;
        let linking = Linking {
            files: &files,
            power,
            pace: Pace::Start,
            live,
        };
        let mut release = self.fresh(bundle, &linking).await?;
        release.number = number;
        Ok(Arc::new(release))
    }

    /// A release that is linked, and whose migrations are applied: one after the other, as far as they fit. Its collections
    /// are still to be declared.
    async fn fresh(&self, bundle: Bundle, linking: &Linking<'_>) -> Result<Prepared, Refused> {
        let machine = &self.0.machine;
        let release = machine.link(machine.read(bundle).await?, linking)?;
        let (_, problems) = documents(&release, linking.files);
        if !problems.is_empty() {
            return Err(Refused::Invalid(problems));
        }
        stores::migrate(
            &release.app,
            linking.files,
            &machine.capabilities,
            Contracting::Allowed,
        )
        .await
        .map_err(Refused::Invalid)?;
        Ok(release)
    }

    async fn publish_folder(
        &self,
        bundle: Bundle,
        files: Files,
        current: Option<&Change>,
    ) -> Result<u64, Refused> {
        verified(&self.0.config, &self.0.keys, &bundle)?;
        let linking = Linking {
            files: &files,
            power: Power::Full,
            pace: Pace::Start,
            live: &[],
        };
        let release = self.fresh(bundle, &linking).await?;
        stores::declare(&[&release.app], &self.0.machine.capabilities)
            .await
            .map_err(Refused::Invalid)?;
        self.keep(&files).await?;
        drop(files);
        let publication = Publication {
            release,
            plan: None,
            cause: Cause::Up,
            by: BY,
            note: String::new(),
        };
        let version = current.map_or(0, |change| change.version);
        // Nothing served before.
        let published = self.publish_after(version, publication, None, Timings::default());
        let (release, _, _) = published.await?;
        Ok(release)
    }

    /// Puts the files where every release's are.
    pub(super) async fn keep(&self, files: &Files) -> Result<(), Refused> {
        let digests = files.digests();
        let lengths: HashMap<Digest, usize> = digests
            .iter()
            .filter_map(|(path, digest)| Some((*digest, files.get(path)?.len())))
            .collect();
        fits(lengths.values().sum())?;
        let all: Vec<_> = digests.values().copied().collect();
        let missing = self.0.store.missing(&all).await?;
        for (path, digest) in digests {
            if missing.contains(&digest)
                && let Some(bytes) = files.get(&path)
            {
                self.0.store.put(digest, bytes.clone()).await?;
            }
        }
        Ok(())
    }
}

fn worded(refused: Refused) -> anyhow::Error {
    match refused {
        Refused::Invalid(problems) => Invalid::all(&problems).into(),
        Refused::Unsigned(_) => Invalid(format!(
            "{refused}\n  = hint: start with `--deployed`, and deploy a signed bundle"
        ))
        .into(),
        refused => anyhow::anyhow!("{refused}"),
    }
}

/// Whether a release was made of this.
fn is_bundle(recorded: &str, folder: Digest) -> bool {
    serde_json::from_str(recorded).is_ok_and(|bundle: Bundle| bundle.digest() == folder)
}

/// Which folder was published last, and as which release. What cannot be read is as good as nothing.
fn remembered(marker: &Path) -> Option<(Digest, u64)> {
    let text = fs::read_to_string(marker).ok()?;
    let (digest, release) = text.split_once(' ')?;
    Some((digest.parse().ok()?, release.parse().ok()?))
}

/// Whole or not at all: half a digest would be no folder's.
pub(super) fn remember(marker: &Path, folder: Digest, release: u64) -> io::Result<()> {
    let aside = marker.with_extension("new");
    fs::write(&aside, format!("{folder} {release}"))?;
    fs::rename(&aside, marker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::messages::Signature;

    #[test]
    fn what_is_no_memory_of_a_folder_is_none() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let marker = folder.path().join("published");
        assert_eq!(remembered(&marker), None);
        let digest = Digest::of(b"a");
        for text in [
            String::new(),
            "nothing 1".to_owned(),
            digest.to_string(),
            format!("{digest} one"),
        ] {
            fs::write(&marker, &text).expect("it can be written");
            assert_eq!(remembered(&marker), None, "{text}");
        }
        remember(&marker, digest, 7).expect("it can be written");
        assert_eq!(remembered(&marker), Some((digest, 7)));
    }

    #[test]
    fn a_folder_is_known_by_what_is_in_it_and_not_by_who_signed_it() {
        let mut bundle = Bundle::new("manifest", None, &Files::default());
        let folder = bundle.digest();
        bundle.signature = Some(Signature {
            key: "k".into(),
            value: "v".into(),
        });
        let recorded = serde_json::to_string(&bundle).expect("it has text keys only");
        assert!(is_bundle(&recorded, folder));
        assert!(!is_bundle(&recorded, Digest::of(b"another")));
        assert!(!is_bundle("{}", folder));
    }
}
