//! Makes a release ready: reads its manifest, compiles, links, and tries everything that can be tried before it serves.
//!
//! In this order, because each step trusts the one before: nothing of a release runs before its powers are known and
//! allowed, its stores change before its first instance looks at them, and nothing serves before an instance has answered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use stoa_capabilities::releases::Digest;
use stoa_capabilities::sql::Contracting;
use stoa_capabilities::variables::Variables;
use stoa_capabilities::{Capabilities, Unresolved};
use stoa_manifest::{App, Component, ComponentId};
use stoa_runtime::{Mount, Pace, PrepareError};

use super::machine::Machine;
use super::openapi;
use super::prepared::{self, Beside, MadeOf, Prepared, Service, Shared};
use super::refused::Refused;
use super::reuse;
use super::shadow::Power;
use crate::admin::messages::Bundle;
use crate::bundle::Files;
use crate::progress::Progress;
use crate::{bundle, componentize, compose, fetched, mounts, stores, wiring};

/// A release whose manifest was read and whose variables have values.
pub(super) struct Read {
    bundle: Bundle,
    written: App,
    app: App,
    variables: Variables,
}

/// How a release is linked.
pub(super) struct Linking<'a> {
    pub(super) files: &'a Files,
    pub(super) power: Power,
    pub(super) pace: Pace,
    /// Releases whose revisions are taken over where they are the same.
    pub(super) live: &'a [&'a Prepared],
}

impl Machine {
    /// Reads the manifest, or every mistake in it, and settles its variables.
    pub(super) async fn read(&self, bundle: Bundle) -> Result<Read, Refused> {
        let written = bundle
            .parse()
            .map_err(|mistakes| Refused::Invalid(vec![mistakes.to_string()]))?;
        let mut app = written.clone();
        self.overrides.apply(&mut app).map_err(Refused::Invalid)?;
        let variables = self.values.resolve(&mut app).await;
        let variables = variables.map_err(Refused::Invalid)?;
        wiring::check_supported(&app).map_err(Refused::Invalid)?;
        fetched::check(&bundle.files).map_err(Refused::Invalid)?;
        // After the variables: what is derived has those of the component that it is derived from.
        compose::middleware::derive(&mut app);
        Ok(Read {
            bundle,
            written,
            app,
            variables,
        })
    }

    /// Compiles and links every component, on all cores; nothing of them runs. Tells every problem of every component at
    /// once. Blocks its thread, whose other tasks go to others: the runtime must have several.
    pub(super) fn link(&self, read: Read, linking: &Linking<'_>) -> Result<Prepared, Refused> {
        let Read {
            bundle,
            written,
            app,
            variables,
        } = read;
        let subscriptions = variables.subscriptions().to_vec();
        let capabilities = Capabilities {
            variables: variables.clone(),
            ..self.capabilities.clone()
        };
        let reach = reuse::reach(&app);
        let made_of = made_of(&app, &bundle.files, &variables, linking.power);
        let served: Vec<ComponentId> = made_of.keys().cloned().collect();
        let live = linking.live.iter().map(|live| Beside {
            live,
            app: &app,
            made_of: &made_of,
        });
        let live: Vec<Beside<'_>> = live.collect();
        let taken = reuse::taken_over(&served, &reach, &live);
        let one = OneOf {
            machine: self,
            app: &app,
            digests: &bundle.files,
            capabilities,
            made_of: &made_of,
            taken: &taken,
            linking,
            progress: Progress::start(match linking.pace {
                Pace::Start => app.components.len(),
                Pace::Niced => 0,
            }),
        };
        let services = tokio::task::block_in_place(|| all(&one)).map_err(Refused::Invalid)?;
        let OneOf { progress, .. } = one;
        progress.done();
        let imports = prepared::imports(&app, &services);
        let of = |(id, service): (&ComponentId, &Arc<Service>)| {
            (id.clone(), service.revision().id().to_owned())
        };
        let revisions = services.iter().map(of).collect();
        let siblings = self.siblings(&app, &services, &reach);
        Ok(Prepared {
            number: 0,
            bundle,
            power: linking.power,
            written,
            app,
            reach,
            services,
            siblings,
            subscriptions,
            imports,
            revisions,
        })
    }

    /// Checks what needs no instance: OpenAPI documents, and migrations, which are tried and taken back. Says what was
    /// checked.
    pub(super) async fn check(
        &self,
        release: &Prepared,
        files: &Files,
        live: &[&Prepared],
        contracting: Contracting,
    ) -> Result<Checked, Refused> {
        let mut checks = vec![format!("{} components link", release.services.len())];
        let (documents, mut problems) = documents(release, files);
        checks.extend(documents);
        let pending =
            stores::check_migrations(&release.app, files, &self.capabilities, contracting).await;
        let pending = pending.unwrap_or_else(|told| {
            problems.extend(told);
            Vec::new()
        });
        if contracting == Contracting::Refused {
            let binds =
                |live: &&Prepared| stores::binds(&release.app, &live.app, &self.capabilities);
            problems.extend(live.iter().flat_map(binds));
        }
        if !problems.is_empty() {
            return Err(Refused::Invalid(problems));
        }
        checks.extend(
            pending
                .iter()
                .map(|name| format!("migration {name} applies")),
        );
        let changes_stores =
            !pending.is_empty() || stores::declares_more(&release.app, &self.capabilities);
        Ok(Checked {
            checks,
            changes_stores,
        })
    }

    /// Gives the stores what the release needs of them. Whatever this adds, older releases go on without noticing.
    pub(super) async fn prepare_stores(
        &self,
        release: &Prepared,
        files: &Files,
        contracting: Contracting,
    ) -> Result<(), Refused> {
        stores::migrate(&release.app, files, &self.capabilities, contracting)
            .await
            .map_err(Refused::Invalid)?;
        stores::declare(&[&release.app], &self.capabilities)
            .await
            .map_err(Refused::Invalid)
    }

    /// Asks a fresh instance of every revision that is not live yet. Says what was asked.
    pub(super) async fn probe(
        &self,
        release: &Prepared,
        live: &[&Prepared],
    ) -> Result<Vec<String>, Refused> {
        let fresh: Vec<Arc<Service>> = release.missing_from(live).collect();
        let (mut checks, mut problems) = (Vec::new(), Vec::new());
        for service in fresh {
            let id = service.revision().component();
            let health = service.made_of.component.health.as_deref();
            match service.revision().probe(health).await {
                Ok(()) => checks.push(match health {
                    Some(path) => format!("{id}: a fresh instance answers `{path}`"),
                    None => format!("{id}: a fresh instance starts"),
                }),
                Err(error) => problems.push(match health {
                    Some(path) => {
                        format!("component `{id}`: its health probe `{path}` failed: {error}")
                    }
                    None => format!("component `{id}`: no instance starts: {error}"),
                }),
            }
        }
        match problems.is_empty() {
            true => Ok(checks),
            false => Err(Refused::Invalid(problems)),
        }
    }
}

/// What was checked of a release.
pub(super) struct Checked {
    pub(super) checks: Vec<String>,
    /// Its migrations or declarations are not in the stores yet.
    pub(super) changes_stores: bool,
}

/// What is right and what is wrong with the OpenAPI documents of a release.
pub(super) fn documents(release: &Prepared, files: &Files) -> (Vec<String>, Vec<String>) {
    let (mut checks, mut problems) = (Vec::new(), Vec::new());
    for (id, component) in &release.app.components {
        match document(component, files) {
            None => {}
            Some(Ok(summary)) => checks.push(format!("{id}: {summary}")),
            Some(Err(told)) => {
                let told = told.into_iter().map(|it| format!("component `{id}`: {it}"));
                problems.extend(told);
            }
        }
    }
    (checks, problems)
}

fn document(component: &Component, files: &Files) -> Option<Result<String, Vec<String>>> {
    let path = component.openapi.as_deref()?;
    Some(match files.get(path) {
        Some(bytes) => openapi::check(path, bytes),
        None => Err(vec![format!("its OpenAPI document `{path}` is missing")]),
    })
}

/// Makes components ready, side by side.
struct OneOf<'a> {
    machine: &'a Machine,
    app: &'a App,
    digests: &'a BTreeMap<String, Digest>,
    capabilities: Capabilities,
    made_of: &'a BTreeMap<ComponentId, MadeOf>,
    /// What serves already, and is the same.
    taken: &'a BTreeMap<ComponentId, Shared>,
    linking: &'a Linking<'a>,
    progress: Progress,
}

type Services = BTreeMap<ComponentId, Arc<Service>>;

/// What each component that serves is made of.
fn made_of(
    app: &App,
    digests: &BTreeMap<String, Digest>,
    variables: &Variables,
    power: Power,
) -> BTreeMap<ComponentId, MadeOf> {
    let served = |(id, _): &(&ComponentId, &Component)| !compose::is_part(app, id);
    let commands = wiring::commands(app);
    let made_of = |(id, component): (&ComponentId, &Component)| {
        let files = bundle::of_component(app, id, component, digests).into_iter();
        let made_of = MadeOf {
            files: files
                .map(|(path, digest)| (path.to_owned(), digest))
                .collect(),
            component: component.clone(),
            variables: variables.own(compose::middleware::named(app, id)),
            power,
            triggers: wiring::triggers(app, id),
            command: commands.get(id).cloned(),
        };
        (id.clone(), made_of)
    };
    app.components.iter().filter(served).map(made_of).collect()
}

fn all(one: &OneOf<'_>) -> Result<Services, Vec<String>> {
    let served = |(id, _): &(&ComponentId, &Component)| !compose::is_part(one.app, id);
    let components: Vec<_> = one.app.components.iter().filter(served).collect();
    let next = AtomicUsize::new(0);
    // Whoever is done takes the next one: some compile for seconds, others are found compiled.
    let work = || {
        std::iter::from_fn(|| components.get(next.fetch_add(1, Ordering::Relaxed)))
            .map(|(id, component)| {
                // Whatever is in a file, it ends this deploy and nothing else.
                let service = catch_unwind(AssertUnwindSafe(|| one.service(id, component)));
                let service = service.unwrap_or_else(|_| Err(vec![broken(id)]));
                service.map(|service| ((*id).clone(), service))
            })
            .collect::<Vec<_>>()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(components.len());
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|outcomes| outcomes.expect("its panics are caught"))
            .collect()
    });
    let (services, problems): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let mut problems: Vec<String> = problems
        .into_iter()
        .filter_map(Result::err)
        .flatten()
        .collect();
    // In the order of the components, not of the threads.
    problems.sort();
    match problems.is_empty() {
        true => Ok(services.into_iter().filter_map(Result::ok).collect()),
        false => Err(problems),
    }
}

fn broken(id: &ComponentId) -> String {
    format!("component `{id}`: this host failed at its code; its log says how")
}

impl OneOf<'_> {
    fn service(
        &self,
        id: &ComponentId,
        component: &Component,
    ) -> Result<Arc<Service>, Vec<String>> {
        match self.taken.get(id) {
            Some(Shared(service)) => Ok(Arc::clone(service)),
            None => self.link(id, component, self.made_of[id].clone()),
        }
    }

    fn link(
        &self,
        id: &ComponentId,
        component: &Component,
        made_of: MadeOf,
    ) -> Result<Arc<Service>, Vec<String>> {
        let Linking {
            files, power, pace, ..
        } = self.linking;
        let runtime = &self.machine.runtime;
        // People, logs, quotas, variables and metrics know it as the component that the manifest names.
        let named = compose::middleware::named(self.app, id);
        let (path, wasm) = code(named, component, files).map_err(|missing| vec![missing])?;
        let wasm = componentize::component(wasm)
            .map_err(|error| vec![format!("component `{named}` (`{path}`): {error}")])?;
        let wasm = compose::compose(self.app, files, id, self.machine.ours, wasm)?;
        let refused = |error: PrepareError| vec![worded(named, &path, &error)];
        let start = Instant::now();
        let artifact = runtime.load(&wasm, *pace).map_err(refused)?;
        if *pace == Pace::Start {
            let outcome = match artifact.compiled() {
                true => "compiled",
                false => "found compiled",
            };
            let seconds = start.elapsed().as_secs_f64();
            self.progress
                .note(&format!("Preparing {named}: {outcome} ({seconds:.1} s)"));
        }
        let mounts = self.mounts(named, component)?;
        let component = power.of(component);
        let granted = self
            .capabilities
            .grant(named, artifact.revision(), &component)
            .map_err(|unresolved| unresolved.iter().map(unknown_label).collect::<Vec<_>>())?;
        let triggers = made_of.triggers;
        let revision = runtime
            .link(named, &component, &artifact, granted, triggers, mounts)
            .map_err(refused)?;
        Ok(Service::new(
            made_of,
            revision,
            &self.machine.cores,
            artifact.imports(),
        ))
    }

    /// Writes down what a component mounts, unless it is there already.
    fn mounts(&self, id: &ComponentId, component: &Component) -> Result<Vec<Mount>, Vec<String>> {
        if component.files.is_empty() {
            return Ok(Vec::new());
        }
        let of_component = |told: String| format!("component `{id}`: {told}");
        let refused = |told: Vec<String>| told.into_iter().map(of_component).collect::<Vec<_>>();
        let contents = mounts::contents(component, self.digests).map_err(refused)?;
        let keys: BTreeMap<&Digest, &str> = self
            .digests
            .iter()
            .map(|(key, digest)| (digest, key.as_str()))
            .collect();
        let bytes = |digest: &Digest| self.linking.files.get(keys.get(digest)?).cloned();
        let mount = self.machine.mounts.lend(&contents, bytes);
        let failed = |error| {
            vec![format!(
                "component `{id}`: its files cannot be written to this host: {error}"
            )]
        };
        mount.map(|mount| vec![mount]).map_err(failed)
    }
}

/// A component's code, and what it is called.
fn code<'a>(
    id: &ComponentId,
    component: &'a Component,
    files: &Files,
) -> Result<(Cow<'a, str>, Bytes), String> {
    let key = fetched::of_source(&component.source).key();
    let missing = || format!("component `{id}`: its code `{key}` is not among the files");
    let wasm = files.get(&key).ok_or_else(missing)?.clone();
    Ok((key, wasm))
}

fn unknown_label(missing: &Unresolved) -> String {
    let known: Vec<String> = missing
        .known
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let Unresolved { noun, label, .. } = missing;
    format!(
        "{missing}\n  = hint: add `[{noun}.{label}.embedded]` to the runtime configuration (it has: {known})"
    )
}

fn worded(id: &ComponentId, path: &str, error: &PrepareError) -> String {
    let hint = match error {
        PrepareError::Artifact(_) => {
            "build it for `wasm32-wasip2`, or with your language's component tools".to_owned()
        }
        PrepareError::Import {
            nearest: Some(nearest),
            ..
        } => format!("this host provides `{nearest}`: build against that"),
        PrepareError::Import { nearest: None, .. } => {
            "remove the import, or provide it under `dependencies`".to_owned()
        }
        PrepareError::Mismatch(_) => "rebuild it against the interfaces in `wit/`".to_owned(),
        PrepareError::Memory { .. } => {
            "raise `limits.memory_bytes_max` of the component".to_owned()
        }
        PrepareError::NoHandler { .. } => {
            "is this the right file? a command is served by a route with `executor = { type = \"wagi\" }`"
                .to_owned()
        }
    };
    format!("component `{id}` (`{path}`): {error}\n  = hint: {hint}")
}
