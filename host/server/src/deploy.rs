//! What this host serves, and how it comes to serve something else.
//!
//! A deploy makes a release ready beside the one that serves, records it, and exchanges the snapshot. The record comes
//! before the exchange: whatever ends the host in between, the next start serves what was recorded. Every change is
//! appended under the condition that the last one is still the last, so two at once are one winner and one conflict, on
//! one host and in a fleet. What was served before drains.
//!
//! There are two kinds of turns. A release is made ready in one, which may take minutes; what serves is changed in the
//! other. So nobody who goes back, and no host that follows its fleet, waits for a compiler or for a drain: the deploy
//! that they overtook is the one that is refused.

mod config;
mod differences;
mod drain;
mod follow;
mod guard;
pub(crate) mod history;
mod machine;
mod moves;
mod openapi;
mod partial;
mod plan;
mod prepare;
mod prepared;
mod record;
mod refused;
mod reuse;
mod serving;
mod shadow;
pub(crate) mod signature;
mod start;
mod turns;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use stoa_capabilities::releases::{Cause, Change, Digest, NewChange, NewRelease, Store, Which};
use stoa_capabilities::sql::Contracting;
use stoa_gateway::traffic::Front;
use stoa_runtime::Pace;
use tokio::sync::watch;
use tracing::{info, warn};

pub(crate) use config::Config;
pub(crate) use machine::{Machine, Values};
pub(crate) use prepared::{Prepared, Service};
pub(crate) use refused::Refused;
pub(crate) use reuse::Reach;
pub(crate) use start::{First, start};

use crate::admin::messages::{Bundle, Deploy, Deployed, Difference, Direction, Strategy, Timings};
use crate::blobs::AnswerBody;
use crate::bundle::Files;
use drain::{Drains, Place};
use plan::Plan;
use prepare::Linking;
use serving::{Candidate, Serving};
use shadow::Power;
use signature::Keys;
use turns::{Turn, Turns};

/// All files of a release together hold at most so many bytes: they are in memory while it is made ready.
const RELEASE_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Why there is no place for what would have to drain.
const DRAINING: Refused =
    Refused::Busy("three sets of old revisions still drain: try again when one is done");

/// The deployments of this host. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Host(Arc<Inner>);

struct Inner {
    machine: Machine,
    store: Arc<dyn Store>,
    config: Config,
    /// Whose signatures count, where any are asked for.
    keys: Keys,
    front: Front<AnswerBody>,
    serving: ArcSwap<Serving>,
    /// The version that serves, for whoever waits for another.
    changes: watch::Sender<u64>,
    drains: Arc<Drains>,
    /// One deploy at a time. Taken before a turn to change something, where both are.
    preparing: Turns,
    /// One change of what serves at a time.
    changing: Turns,
    /// Why this host does not serve the latest change.
    behind: Mutex<Option<String>>,
    /// Where it is remembered which folder was published last.
    marker: PathBuf,
    /// When files were last looked through for what nobody needs.
    pruned: Mutex<Instant>,
}

/// What is published: a release that is ready, and how.
struct Publication<'a> {
    release: Prepared,
    plan: Option<Plan>,
    cause: Cause,
    by: &'a str,
    note: String,
}

impl Host {
    /// What the gateway serves.
    pub(crate) fn front(&self) -> Front<AnswerBody> {
        self.0.front.clone()
    }

    /// How many cores serve.
    pub(crate) fn cores(&self) -> usize {
        self.0.machine.cores.len()
    }

    /// Tells when something else serves: the version of it.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Checks a release and publishes it. A caller that goes away changes nothing about it.
    ///
    /// # Errors
    /// See [`Refused`]; what served before serves on.
    pub(crate) async fn deploy(&self, deploy: Deploy, by: &str) -> Result<Deployed, Refused> {
        let _prepares = self.prepares().await?;
        let begun = Instant::now();
        let serving = {
            let turn = self.turn().await?;
            self.latest(&turn).await?
        };
        serving.expect(deploy.expected)?;
        serving.expect_no_candidate()?;
        serving.expect_something_beside(&deploy.strategy)?;
        self.signed(&deploy.bundle, !deploy.components.is_empty())?;
        let bundle = partial::whole(deploy.bundle, &deploy.components, &serving.stable)?;
        let plan = match deploy.strategy {
            Strategy::AllAtOnce => None,
            strategy => Some(Plan::new(strategy)?),
        };
        let power = plan.as_ref().map_or(Power::Full, Plan::power);
        // Where nothing serves there is no older release that would miss what goes.
        let contracting = match deploy.allow_contracting || serving.version == 0 {
            true => Contracting::Allowed,
            false => Contracting::Refused,
        };
        let files = self.files(&bundle).await?;
        let live = [&*serving.stable];
        let linking = Linking {
            files: &files,
            power,
            pace: Pace::Niced,
            live: &live,
        };
        let release = self.0.machine.read(bundle).await?;
        let release = self.0.machine.link(release, &linking)?;
        let differences = differences::differences(&serving.stable.side(), &release.side());
        self.allowed(&differences, deploy.allow_new_grants)?;
        let checked = self
            .0
            .machine
            .check(&release, &files, &live, contracting)
            .await?;
        let mut checks = checked.checks;
        if deploy.dry_run {
            match checked.changes_stores {
                // It would meet a store without what the release brings.
                true => checks.push("no instance was asked: the stores would change first".into()),
                false => checks.extend(self.asked(&release, &live).await?),
            }
            return Ok(Deployed {
                release: None,
                version: serving.version,
                differences,
                checks,
                key: None,
                timings: since(begun),
            });
        }
        // Whoever was overtaken meanwhile changes no store.
        self.still(&serving)?;
        let stores = self.0.machine.prepare_stores(&release, &files, contracting);
        stores.await?;
        // All of them were read by now.
        drop(files);
        checks.extend(self.asked(&release, &live).await?);
        let key = plan.as_ref().map(|plan| plan.key.clone());
        let timings = since(begun);
        let publication = Publication {
            release,
            plan,
            cause: Cause::Deploy,
            by,
            note: deploy.note,
        };
        // A candidate takes nobody's place. What is replaced drains; the place for that is waited for before the turn.
        let place = match publication.plan {
            None => Some(self.place().await?),
            Some(_) => None,
        };
        let _turn = self.turn().await?;
        // What was made ready shares revisions with what served then, and was compared with that.
        self.still(&serving)?;
        let (number, change, timings) = self
            .publish_after(serving.version, publication, place, timings)
            .await?;
        Ok(Deployed {
            release: Some(number),
            version: change.version,
            differences,
            checks,
            key,
            timings,
        })
    }

    /// Deploys what lies in the folder that this host was started with.
    pub(crate) async fn deploy_folder(
        &self,
        deploy: Deploy,
        files: &Files,
        by: &str,
    ) -> Result<Deployed, Refused> {
        self.keep(files).await?;
        let digest = deploy.bundle.digest();
        let deployed = self.deploy(deploy, by).await?;
        // Without it, the next start finds the folder among the releases since the last one that is remembered.
        if let Some(release) = deployed.release
            && let Err(error) = start::remember(&self.0.marker, digest, release)
        {
            warn!(%error, "cannot remember which folder was published");
        }
        Ok(deployed)
    }

    /// Records a new release after the change `version`, then serves it. The caller has the turn, or is the only one.
    async fn publish_after(
        &self,
        version: u64,
        publication: Publication<'_>,
        place: Option<Place>,
        mut timings: Timings,
    ) -> Result<(u64, Change, Timings), Refused> {
        let Publication {
            mut release,
            plan,
            cause,
            by,
            note,
        } = publication;
        let serving = self.serving();
        let begun = Instant::now();
        let (stable, candidate) = match plan {
            None => (Which::New, None),
            Some(_) => (Which::Number(serving.stable.number), Some(Which::New)),
        };
        let record = NewRelease {
            bundle: serde_json::to_string(&release.bundle).expect("a bundle has text keys only"),
            files: release.bundle.files.values().copied().collect(),
            by: by.to_owned(),
            note: note.clone(),
        };
        let change = NewChange {
            stable,
            candidate,
            plan: plan.as_ref().map_or(Plan::NONE.into(), Plan::text),
            cause,
            reason: note,
            by: by.to_owned(),
        };
        let change = self.record(version, Some(record), change).await?;
        timings.record_ms = milliseconds(begun);
        let begun = Instant::now();
        let number = record::written_with(&change);
        release.number = number;
        let release = Arc::new(release);
        match plan {
            None => self.swap(Serving::stable(&change, release, &serving), place),
            Some(plan) => {
                let candidate = Candidate::new(release, plan);
                self.swap(serving.with(&change, candidate), place);
            }
        }
        timings.swap_ms = milliseconds(begun);
        self.prune();
        Ok((number, change, timings))
    }

    /// Appends a change, if nobody else did since.
    async fn record(
        &self,
        version: u64,
        release: Option<NewRelease>,
        change: NewChange,
    ) -> Result<Change, Refused> {
        record::record(&*self.0.store, version, release, change).await
    }

    /// Serves something else from now on. What nothing names any longer drains, for which there is a place.
    fn swap(&self, next: Serving, place: Option<Place>) {
        let before = self.serving();
        self.0.front.publish(next.snapshot(&self.0.machine));
        let retired = retired(&before, &next);
        info!(version = next.version, "{}", next.words());
        let version = next.version;
        self.0.serving.store(Arc::new(next));
        self.0.changes.send_replace(version);
        drop(before);
        self.keeps_up();
        self.0.drains.begin(place, retired);
    }

    /// The right to be the one who makes a release ready.
    async fn prepares(&self) -> Result<Turn<'_>, Refused> {
        let turn = self.0.preparing.take().await;
        turn.ok_or(Refused::Busy("too many deploys wait for each other"))
    }

    /// The right to be the one who changes what serves.
    async fn turn(&self) -> Result<Turn<'_>, Refused> {
        let turn = self.0.changing.take().await;
        turn.ok_or(Refused::Busy("too many changes wait for each other"))
    }

    /// What serves, once that is the latest change. The caller has the turn, and shows it.
    async fn latest(&self, _turn: &Turn<'_>) -> Result<Arc<Serving>, Refused> {
        self.catch_up().await.map_err(Refused::while_following)?;
        Ok(self.serving())
    }

    /// Whether nothing came between.
    fn still(&self, serving: &Serving) -> Result<(), Refused> {
        self.serving().expect(Some(serving.version))
    }

    async fn place(&self) -> Result<Place, Refused> {
        self.0.drains.place().await.ok_or(DRAINING)
    }

    async fn place_early(&self) -> Result<Place, Refused> {
        self.0.drains.place_early().await.ok_or(DRAINING)
    }

    fn serving(&self) -> Arc<Serving> {
        self.0.serving.load_full()
    }

    /// Whether everybody is served just that.
    pub(crate) fn serves(&self, bundle: &Bundle) -> bool {
        let serving = self.serving();
        serving.candidate.is_none() && serving.stable.is_of(bundle)
    }

    fn signed(&self, bundle: &Bundle, partial: bool) -> Result<(), Refused> {
        if !self.0.config.signatures_required {
            return Ok(());
        }
        if partial {
            let why = "a signature covers a whole application: deploy without `--component`";
            return Err(Refused::Unsigned(why.into()));
        }
        self.verified(bundle)
    }

    fn verified(&self, bundle: &Bundle) -> Result<(), Refused> {
        verified(&self.0.config, &self.0.keys, bundle)
    }

    fn allowed(&self, differences: &[Difference], asked: bool) -> Result<(), Refused> {
        let wider = |difference: &&Difference| difference.direction == Direction::Wider;
        let wider: Vec<Difference> = differences.iter().filter(wider).cloned().collect();
        match wider.is_empty() || asked || self.0.config.allow_new_grants {
            true => Ok(()),
            false => Err(Refused::NewGrants(wider)),
        }
    }

    async fn asked(&self, release: &Prepared, live: &[&Prepared]) -> Result<Vec<String>, Refused> {
        match self.0.config.probe {
            true => self.0.machine.probe(release, live).await,
            false => Ok(Vec::new()),
        }
    }

    async fn files(&self, bundle: &Bundle) -> Result<Files, Refused> {
        files(&*self.0.store, bundle).await
    }

    /// Those of a release that is recorded already: once there were all of them.
    async fn kept_files(&self, bundle: &Bundle) -> Result<Files, Refused> {
        match self.files(bundle).await {
            Err(Refused::Missing(_)) => Err(Refused::Nothing(
                "the files of that release are kept no longer: `releases_kept` says for how many they are",
            )),
            outcome => outcome,
        }
    }

    /// Looks through the files now and then, beside everything else.
    fn prune(&self) {
        const EVERY: Duration = Duration::from_secs(60);
        let mut pruned = self.0.pruned.lock().expect("noting does not panic");
        if pruned.elapsed() < EVERY {
            return;
        }
        *pruned = Instant::now();
        let (store, kept) = (Arc::clone(&self.0.store), self.0.config.releases_kept);
        tokio::spawn(async move {
            match store.prune(kept).await {
                Ok(0) => {}
                Ok(files) => info!(files, "files of old releases removed"),
                Err(error) => warn!(%error, "files of old releases could not be removed"),
            }
        });
    }
}

/// The services of `before` that `next` does not name, each once.
fn retired(before: &Serving, next: &Serving) -> Vec<Arc<Service>> {
    let names = next.releases();
    let mut retired: Vec<Arc<Service>> = Vec::new();
    for release in before.releases() {
        for service in release.missing_from(&names) {
            if !retired.iter().any(|known| Arc::ptr_eq(known, &service)) {
                retired.push(service);
            }
        }
    }
    retired
}

/// Holds a bundle against the keys that this host asks for, if it does.
fn verified(config: &Config, keys: &Keys, bundle: &Bundle) -> Result<(), Refused> {
    if !config.signatures_required {
        return Ok(());
    }
    let missing =
        || Refused::Unsigned("it has no signature; sign it with `stoa deploy --sign`".into());
    let signature = bundle.signature.as_ref().ok_or_else(missing)?;
    match keys.verify(signature, &bundle.signed()) {
        Ok(_) => Ok(()),
        Err(why) => Err(Refused::Unsigned(why.to_string())),
    }
}

/// All files of a bundle. Those that have one content share it.
async fn files(store: &dyn Store, bundle: &Bundle) -> Result<Files, Refused> {
    let digests: Vec<_> = bundle.files.values().copied().collect();
    let missing = store.missing(&digests).await?;
    if !missing.is_empty() {
        return Err(Refused::Missing(missing));
    }
    let (mut files, mut read) = (Files::default(), HashMap::<Digest, Bytes>::new());
    let mut total = 0;
    for (path, digest) in &bundle.files {
        let bytes = match read.get(digest) {
            Some(bytes) => bytes.clone(),
            None => store.get(*digest).await?,
        };
        if read.insert(*digest, bytes.clone()).is_none() {
            total += bytes.len();
            fits(total)?;
        }
        files.insert(path.clone(), bytes);
    }
    Ok(files)
}

fn fits(bytes: usize) -> Result<(), Refused> {
    match bytes <= RELEASE_BYTES_MAX {
        true => Ok(()),
        false => Err(Refused::Invalid(vec![format!(
            "the files of the release are together larger than {} MiB",
            RELEASE_BYTES_MAX / 1024 / 1024
        )])),
    }
}

fn since(begun: Instant) -> Timings {
    Timings {
        prepare_ms: milliseconds(begun),
        ..Timings::default()
    }
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1_000.0
}
