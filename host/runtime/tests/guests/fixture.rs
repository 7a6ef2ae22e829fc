//! One builder hides the set-up: a probe, a few lines of manifest, and what it answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures::FutureExt;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use stoa_backends::{mqtt, mysql, postgres, redis};
use stoa_capabilities::blobs::embedded as blobs;
use stoa_capabilities::blobs::presign::Signer;
use stoa_capabilities::documents::{Store, embedded as documents};
use stoa_capabilities::identity::{Algorithm, embedded as identity};
use stoa_capabilities::keyvalue::embedded::Embedded;
use stoa_capabilities::llm;
use stoa_capabilities::network::Settings;
use stoa_capabilities::sql::embedded as sql;
use stoa_capabilities::telemetry::Exporter;
use stoa_capabilities::variables::{self, Variables};
use stoa_capabilities::{Capabilities, Drivers, Durability, Granted};
use stoa_manifest::grants::documents::{Collection, Index};
use stoa_manifest::hosts::Network;
use stoa_manifest::text::Source;
use stoa_manifest::{Component, ComponentId, Label};
use stoa_runtime::{
    Artifact, Config, Core, CoreDumps, Error, Handler, HostKey, Pace, PrepareError,
    RequestBodyError, ResponseBody, ResponseBodyError, Revision, Runtime, Triggers, Wagi,
};
use tempfile::TempDir;

/// What a component is linked for.
pub(crate) const HTTP: Triggers = Triggers {
    http: true,
    wagi: false,
    redis: false,
};
pub(crate) const WAGI: Triggers = Triggers {
    http: false,
    wagi: true,
    redis: false,
};
pub(crate) const REDIS: Triggers = Triggers {
    http: false,
    wagi: false,
    redis: true,
};

/// The compiled code that most hosts share.
static COMPILED: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    // Made once: tests run at once.
    HostKey::load(&folder.join("host.key")).expect("a key can be made");
    folder
});

fn config(instances_max: u32, compiled: &Path) -> Config {
    Config {
        instances_max,
        cores: 1,
        artifacts: compiled.join("compiled"),
        core_dumps: None,
        pooling: true,
    }
}

/// A runtime with its stores, on one core.
pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    capabilities: Capabilities,
    core: Core,
    folder: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_instances(64)
    }

    /// A host with room for so many instances.
    pub(crate) fn with_instances(instances_max: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self::in_folder(folder, instances_max, Network::link_local())
    }

    /// A host whose components do not reach these networks.
    pub(crate) fn blocking(networks: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let parse = |text: &&str| text.parse::<Network>().expect("it is a network");
        Self::in_folder(folder, 64, networks.iter().map(parse).collect())
    }

    /// A host whose models are run by this.
    pub(crate) fn with_models(models: Option<Arc<dyn llm::Driver>>) -> Self {
        let mut fixture = Self::new();
        fixture.capabilities.drivers.llm = models;
        fixture
    }

    /// A host whose components tell of themselves to this.
    pub(crate) fn with_exporter(exporter: Option<Arc<dyn Exporter>>) -> Self {
        let mut fixture = Self::new();
        fixture.capabilities.drivers.telemetry = exporter;
        fixture
    }

    /// A host with a key and compiled code of its own, where the others share theirs: to compile the JavaScript probe
    /// takes ten seconds.
    pub(crate) fn alone() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let compiled = folder.path().to_owned();
        Self::in_folders(folder, &compiled, 64, Network::link_local())
    }

    /// A host that dumps these components when they trap.
    pub(crate) fn dumping(components: &[&str]) -> Self {
        let mut fixture = Self::new();
        let config = Config {
            core_dumps: Some(CoreDumps {
                folder: fixture.dumps_folder(),
                components: components.iter().map(ToString::to_string).collect(),
            }),
            ..config(64, COMPILED.as_path())
        };
        let key = HostKey::load(&COMPILED.join("host.key")).expect("a key can be made");
        fixture.runtime = Runtime::new(config, key).expect("the engine starts");
        fixture.core = fixture.runtime.core();
        fixture
    }

    fn dumps_folder(&self) -> PathBuf {
        self.folder.path().join("dumps")
    }

    /// What was dumped; nothing where there is no folder.
    pub(crate) fn core_dumps(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.dumps_folder());
        let entries = entries.into_iter().flatten();
        entries
            .map(|entry| entry.expect("the folder can be read").path())
            .collect()
    }

    fn in_folder(folder: TempDir, instances_max: u32, blocked: Vec<Network>) -> Self {
        Self::in_folders(folder, &COMPILED, instances_max, blocked)
    }

    fn in_folders(
        folder: TempDir,
        compiled: &Path,
        instances_max: u32,
        blocked: Vec<Network>,
    ) -> Self {
        let key = HostKey::load(&compiled.join("host.key")).expect("a key can be made");
        let config = config(instances_max, compiled);
        let key_of_urls = key.derive("urls");
        let runtime = Runtime::new(config, key).expect("the engine starts");
        let mut capabilities = Capabilities {
            drivers: Drivers {
                redis: Some(Arc::new(redis::Driver::new(&Default::default()))),
                mqtt: Some(Arc::new(mqtt::Driver::new(&Default::default()))),
                postgres: Some(Arc::new(postgres::Driver::new(&Default::default()))),
                mysql: Some(Arc::new(mysql::Driver::new(&Default::default()))),
                llm: None,
                telemetry: None,
            },
            network: Settings::blocking(blocked),
            ..Capabilities::default()
        };
        for name in ["default", "other"] {
            let store = Embedded::open(
                &folder.path().join(format!("{name}.db")),
                Durability::Process,
            );
            capabilities
                .keyvalue
                .insert(label(name), store.expect("the store opens"));
        }
        for name in ["default", "other"] {
            let path = folder.path().join(format!("{name}-documents.db"));
            let store = documents::Embedded::open(&path, Durability::Process);
            let store = store.expect("the store opens");
            declare(&*store, things());
            capabilities.documents.insert(label(name), store);
        }
        for name in ["default", "other"] {
            let signer = Arc::new(Signer::new(&key_of_urls));
            let path = folder.path().join(format!("{name}-blobs"));
            let store = blobs::Embedded::open(&path, Durability::Process, signer);
            capabilities
                .blobs
                .insert(label(name), store.expect("the store opens"));
        }
        for name in ["default", "other"] {
            let path = folder.path().join(format!("{name}-sql.db"));
            let database = sql::Embedded::open(&path, Durability::Process);
            capabilities
                .sql
                .insert(label(name), database.expect("the database opens"));
        }
        let identity = identity::Config {
            path: PathBuf::new(),
            algorithm: Algorithm::EdDsa,
            issuer: "stoa:test".into(),
            rotate_days: 90,
        };
        let provider = identity::Embedded::open(&folder.path().join("identity"), &identity);
        capabilities
            .identity
            .insert(label("default"), provider.expect("the identity opens"));
        let core = runtime.core();
        Self {
            runtime,
            capabilities,
            core,
            folder,
        }
    }

    /// The same host, started again.
    pub(crate) fn restarted(self) -> Self {
        let Self { folder, .. } = self;
        let compiled = folder.path().to_owned();
        Self::in_folders(folder, &compiled, 64, Network::link_local())
    }

    /// From now on, components find nobody who speaks to outside services for them.
    pub(crate) fn without_drivers(&mut self) {
        self.capabilities.drivers = Drivers::default();
    }

    /// Where compiled code is kept.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.folder.path().join("compiled")
    }

    /// Prepares a probe; `manifest` is what stands in its `[component.guest]`.
    pub(crate) fn prepare(
        &self,
        probe: &str,
        manifest: &str,
    ) -> Result<Arc<Revision>, PrepareError> {
        self.prepare_for(probe, manifest, HTTP)
    }

    /// The same for triggers of other kinds.
    pub(crate) fn prepare_for(
        &self,
        probe: &str,
        manifest: &str,
        triggers: Triggers,
    ) -> Result<Arc<Revision>, PrepareError> {
        let wasm = match probe {
            "javascript" => stoa_testkit::javascript_probe(),
            probe => stoa_testkit::probe(probe),
        };
        let wasm = std::fs::read(wasm).expect("the probe can be read");
        self.linked(&wasm, manifest, triggers)
    }

    pub(crate) fn prepare_wasm(
        &self,
        wasm: &[u8],
        manifest: &str,
    ) -> Result<Arc<Revision>, PrepareError> {
        self.linked(wasm, manifest, HTTP)
    }

    fn linked(
        &self,
        wasm: &[u8],
        manifest: &str,
        triggers: Triggers,
    ) -> Result<Arc<Revision>, PrepareError> {
        let (component, variables) = component(manifest);
        let artifact = self.load(wasm)?;
        let granted = self.granted(&component, &variables, artifact.revision());
        self.runtime.link(
            &guest(),
            &component,
            &artifact,
            granted,
            triggers,
            Vec::new(),
        )
    }

    /// What a component of this manifest is granted, for calls without a guest.
    pub(crate) fn handles(&self, manifest: &str) -> Granted {
        let (component, variables) = component(manifest);
        self.granted(&component, &variables, "native")
    }

    fn granted(&self, component: &Component, variables: &Variables, revision: &str) -> Granted {
        let granted = self.capabilities.grant(&guest(), revision, component);
        Granted {
            variables: variables.handle(&guest(), revision),
            ..granted.expect("the labels are there")
        }
    }

    /// Compiles, or finds compiled.
    pub(crate) fn load(&self, wasm: &[u8]) -> Result<Artifact, PrepareError> {
        self.runtime.load(wasm, Pace::Start)
    }

    /// Serves a probe on this core.
    pub(crate) fn serve(&self, probe: &str, manifest: &str) -> Service {
        let prepared = self
            .prepare(probe, manifest)
            .unwrap_or_else(|error| panic!("{probe}: {error}"));
        self.serve_revision(&prepared)
    }

    pub(crate) fn serve_revision(&self, revision: &Arc<Revision>) -> Service {
        Service {
            handler: Handler::new(revision, &self.core),
            wagi: None,
        }
    }
}

/// Waits for it on a thread of its own: that of the test may have an executor, in which nothing can be waited for.
fn declare(store: &dyn Store, collections: BTreeMap<String, Collection>) {
    let declared = std::thread::scope(|scope| {
        let declaring = scope.spawn(|| {
            let executor = tokio::runtime::Builder::new_current_thread().build();
            let executor = executor.expect("an executor can be made");
            executor.block_on(store.declare(collections))
        });
        declaring.join().expect("it does not panic")
    });
    declared.expect("an empty store takes any shape");
}

/// The collections that the tests of documents declare, as the grants of an application would.
fn things() -> BTreeMap<String, Collection> {
    let sku = Index {
        paths: vec!["sku".into()],
        unique: true,
        each: false,
    };
    let search = [("name".into(), 10), ("about".into(), 1)];
    let things = Collection {
        indexes: BTreeMap::from([("sku".into(), sku)]),
        search: BTreeMap::from(search),
    };
    BTreeMap::from([("things".into(), things)])
}

fn guest() -> ComponentId {
    ComponentId::new("guest").expect("it is an id")
}

/// The component `guest` of a manifest, with the values of its variables.
fn component(manifest: &str) -> (Component, Variables) {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"guest\"\n[component.guest]\nsource = \"guest.wasm\"\n{manifest}"
    );
    let mut app = stoa_manifest::parse(&Source::new("spin.toml", text), None)
        .unwrap_or_else(|error| panic!("{error}"));
    let variables = variables::resolve(&mut app, &[])
        .now_or_never()
        .expect("no provider waits")
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    (app.components[&guest()].clone(), variables)
}

fn label(name: &str) -> Label {
    Label::new(name).expect("it is a label")
}

/// A probe at work.
#[derive(Clone)]
pub(crate) struct Service {
    handler: Handler,
    wagi: Option<Wagi>,
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Service {
    /// The same as a command with these arguments.
    pub(crate) fn with_argv(&self, argv: &str) -> Self {
        Self {
            handler: self.handler.clone(),
            wagi: Some(Wagi { argv: argv.into() }),
        }
    }

    /// Delivers a message of Redis.
    pub(crate) async fn deliver(&self, payload: impl Into<Bytes>) -> Result<(), Error> {
        self.handler.deliver(payload.into(), None).await
    }

    pub(crate) async fn send<B>(
        &self,
        method: Method,
        path: &str,
        body: B,
    ) -> Result<Response<ResponseBody>, Error>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Send + 'static,
    {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "test")
            .body(body);
        self.handle(request.expect("the request is good")).await
    }

    pub(crate) async fn handle<B>(
        &self,
        mut request: Request<B>,
    ) -> Result<Response<ResponseBody>, Error>
    where
        B: Body<Data = Bytes, Error = RequestBodyError> + Send + 'static,
    {
        if let Some(wagi) = &self.wagi {
            request.extensions_mut().insert(wagi.clone());
        }
        self.handler.handle(request).await
    }

    pub(crate) async fn head(&self, path: &str) -> Result<Response<ResponseBody>, Error> {
        self.send(Method::GET, path, nothing()).await
    }

    /// A GET, answered to its end.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Error> {
        let response = self.head(path).await?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("the body is complete")
            .to_bytes();
        Ok(Answer { status, body })
    }

    /// A GET whose body is known to break off.
    pub(crate) async fn broken(&self, path: &str) -> (Bytes, ResponseBodyError) {
        let mut body = self.head(path).await.expect("the head arrives").into_body();
        let mut seen = Vec::new();
        loop {
            match body.frame().await {
                Some(Ok(frame)) => {
                    seen.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data))
                }
                Some(Err(error)) => return (seen.into(), error),
                None => panic!(
                    "the body ended as if complete: {:?}",
                    String::from_utf8_lossy(&seen)
                ),
            }
        }
    }
}

pub(crate) fn nothing() -> impl Body<Data = Bytes, Error = RequestBodyError> + Send + 'static {
    full("")
}

pub(crate) fn full(
    body: impl Into<Bytes>,
) -> impl Body<Data = Bytes, Error = RequestBodyError> + Send + 'static {
    Full::new(body.into()).map_err(|never| match never {})
}
