//! Makes a release ready: reads its manifest, compiles, links, and tries everything that can be tried before it serves.
//!
//! In this order, because each step trusts the one before: nothing of a release runs before its powers are known and
//! allowed, its stores change before its first instance looks at them, and nothing serves before an instance has answered.

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
use stoa_manifest::component::Source as Code;
use stoa_manifest::{App, Component, ComponentId};
use stoa_runtime::{Pace, PrepareError};

use super::machine::Machine;
use super::openapi;
use super::prepared::{MadeOf, Prepared, Service};
use super::refused::Refused;
use super::shadow::Power;
use crate::admin::messages::Bundle;
use crate::bundle::Files;
use crate::progress::Progress;
use crate::{bundle, compose, stores, wiring};

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
        let variables = self.values.resolve(&mut app).await;
        let variables = variables.map_err(Refused::Invalid)?;
        wiring::check_supported(&app, self.ours).map_err(Refused::Invalid)?;
        for component in app.components.values_mut() {
            component
                .environment
                .extend(self.environment.iter().cloned());
        }
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
        let capabilities = Capabilities {
            variables: variables.clone(),
            ..self.capabilities.clone()
        };
        let one = OneOf {
            machine: self,
            app: &app,
            digests: &bundle.files,
            variables,
            capabilities,
            linking,
            progress: Progress::start(match linking.pace {
                Pace::Start => app.components.len(),
                Pace::Niced => 0,
            }),
        };
        let services = tokio::task::block_in_place(|| all(&one)).map_err(Refused::Invalid)?;
        let OneOf { progress, .. } = one;
        progress.done();
        let of =
            |(id, service): (&ComponentId, &Arc<Service>)| (id.clone(), service.imports.clone());
        let imports = services.iter().map(of).collect();
        let of = |(id, service): (&ComponentId, &Arc<Service>)| {
            (id.clone(), service.revision().id().to_owned())
        };
        let revisions = services.iter().map(of).collect();
        Ok(Prepared {
            number: 0,
            bundle,
            power: linking.power,
            written,
            app,
            services,
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
    variables: Variables,
    capabilities: Capabilities,
    linking: &'a Linking<'a>,
    progress: Progress,
}

type Services = BTreeMap<ComponentId, Arc<Service>>;

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
        let files = bundle::of_component(self.app, component, self.digests);
        let made_of = MadeOf {
            files: files
                .into_iter()
                .map(|(path, digest)| (path.to_owned(), digest))
                .collect(),
            component: component.clone(),
            variables: self.variables.clone(),
            power: self.linking.power,
        };
        let mut live = self.linking.live.iter();
        match live.find_map(|release| release.reusable(id, &made_of)) {
            Some(service) => Ok(Arc::clone(service)),
            None => self.link(id, component, made_of),
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
        let (path, wasm) = code(id, component, files).map_err(|missing| vec![missing])?;
        let wasm = compose::compose(self.app, files, id, self.machine.ours, wasm)?;
        let refused = |error: PrepareError| vec![worded(id, path, &error)];
        let start = Instant::now();
        let artifact = runtime.load(&wasm, *pace).map_err(refused)?;
        if *pace == Pace::Start {
            let outcome = match artifact.compiled() {
                true => "compiled",
                false => "found compiled",
            };
            let seconds = start.elapsed().as_secs_f64();
            self.progress
                .note(&format!("Preparing {id}: {outcome} ({seconds:.1} s)"));
        }
        let component = power.of(component);
        let granted = self
            .capabilities
            .grant(id, artifact.revision(), &component.grants)
            .map_err(|unresolved| unresolved.iter().map(unknown_label).collect::<Vec<_>>())?;
        let revision = runtime
            .link(id, &component, &artifact, granted)
            .map_err(refused)?;
        Ok(Service::new(
            made_of,
            revision,
            &self.machine.cores,
            artifact.imports(),
        ))
    }
}

fn code<'a>(
    id: &ComponentId,
    component: &'a Component,
    files: &Files,
) -> Result<(&'a str, Bytes), String> {
    let path = match &component.source {
        Code::Path(path) => path,
        Code::Url { .. } | Code::Registry { .. } => {
            return Err(format!("the source of `{id}` is not a file"));
        }
    };
    let missing = || format!("component `{id}`: its code `{path}` is not among the files");
    Ok((path, files.get(path).ok_or_else(missing)?.clone()))
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
            "only HTTP components can be served; is this the right file?".to_owned()
        }
    };
    format!("component `{id}` (`{path}`): {error}\n  = hint: {hint}")
}
