//! The API over an embedded history. What stands behind it is canned: that the host does right is tried where it is.

mod denied;
mod described;
mod served;
mod sockets;

use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use stoa_capabilities::releases::embedded::Embedded;
use stoa_capabilities::releases::{Audit, Cause, NewChange, NewRelease, Which};
use tokio::sync::{Notify, Semaphore};
use tracing_subscriber::layer::SubscriberExt;

use super::gate::Peer;
use super::messages::{Direction, Lane, Problem, Timings};
use super::*;

/// The host's own token is used unless a test says otherwise.
struct Bench {
    _folder: tempfile::TempDir,
    fake: Fake,
    logs: Logs,
    stop: CancellationToken,
    api: Api<Fake>,
    front: Arc<Front<Fake>>,
    token: String,
}

/// A host whose answers are canned, with a history of its own.
#[derive(Clone)]
struct Fake {
    store: Arc<dyn Store>,
    /// Has a permit for each deploy with the note `wait` that has begun; it goes on when `go` is told.
    began: Arc<Semaphore>,
    go: Arc<Notify>,
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        Self::configured(true, |_| Config::default())
    }

    fn configured(loopback: bool, config: impl FnOnce(&Path) -> Config) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let fake = Fake::new(&folder.path().join("releases"));
        let (logs, stop) = (Logs::new(), CancellationToken::new());
        let api = Api::new(fake.clone(), logs.clone(), stop.clone());
        let config = config(folder.path());
        let tokens = Tokens::load(&config, folder.path()).expect("they can be read");
        let front = Front::new(api.clone(), tokens, loopback);
        let token = fs::read_to_string(folder.path().join(tokens::FILE));
        Self {
            fake,
            logs,
            stop,
            api,
            front: Arc::new(front),
            token: token.expect("it was made"),
            _folder: folder,
        }
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:3001")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
    }

    async fn answer(&self, request: Request<Body>) -> Answered {
        Answered::read(self.front.answer(&peer(None), request).await).await
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answered {
        let request = self.request(method, path).body(body.into());
        self.answer(request.expect("it is a request")).await
    }

    async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, Body::empty()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answered {
        self.send("POST", path, body.to_string()).await
    }

    /// The whole audit log, oldest first.
    async fn audit(&self) -> Vec<Audit> {
        let mut entries = self.fake.store.audit(None, 100).await.expect("it is there");
        entries.reverse();
        entries
    }

    /// Who, what and with which outcome.
    async fn audited(&self) -> Vec<(String, String, String)> {
        let entries = self.audit().await.into_iter();
        entries
            .map(|entry| (entry.by, entry.action, entry.outcome))
            .collect()
    }

    /// Has the ring collect what `say` logs.
    fn log(&self, say: impl FnOnce()) {
        let subscriber = tracing_subscriber::registry().with(self.logs.layer());
        tracing::subscriber::with_default(subscriber, say);
    }
}

fn peer(certificate: Option<&str>) -> Peer {
    Peer {
        address: ([127, 0, 0, 1], 50_000).into(),
        certificate: certificate.map(str::to_owned),
    }
}

fn deploy_of(note: &str) -> Value {
    json!({ "bundle": { "manifest": "spin_manifest_version = 2", "files": {} }, "note": note })
}

impl Answered {
    async fn read(response: http::Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("it is read").to_bytes();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_vec(),
        }
    }

    fn header(&self, name: header::HeaderName) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("it is printable"))
    }

    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header(header::CONTENT_TYPE), "application/json");
        serde_json::from_slice(&self.body).expect("it is JSON")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> Problem {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header(header::CONTENT_TYPE),
            "application/problem+json"
        );
        let problem: Problem = serde_json::from_slice(&self.body).expect("it is a problem");
        assert_eq!((problem.status, problem.code.as_str()), (status, code));
        problem
    }
}

impl Fake {
    fn new(folder: &Path) -> Self {
        let store = Embedded::open(folder).expect("it opens");
        Self {
            store,
            began: Arc::new(Semaphore::new(0)),
            go: Arc::default(),
        }
    }

    /// When so many deploys have begun that wait.
    async fn begun(&self, deploys: usize) {
        let deploys = u32::try_from(deploys).expect("they are few");
        let begun = self.began.acquire_many(deploys).await;
        begun.expect("it is never closed").forget();
    }
}

impl Behind for Fake {
    async fn deploy(&self, deploy: Deploy, by: &str) -> Result<Deployed, Refusal> {
        match deploy.note.as_str() {
            "panic" => panic!("a deploy that panics, as a test asked for"),
            "wait" => {
                self.began.add_permits(1);
                self.go.notified().await;
            }
            _ => {}
        }
        if deploy.dry_run {
            return Ok(deployed(None, 0));
        }
        let current = self.store.current().await?;
        let release = NewRelease {
            bundle: serde_json::to_string(&deploy.bundle).expect("it has a form"),
            files: deploy.bundle.files.into_values().collect(),
            by: by.to_owned(),
            note: deploy.note,
        };
        let change = NewChange {
            stable: Which::New,
            candidate: None,
            plan: String::new(),
            cause: Cause::Deploy,
            reason: String::new(),
            by: by.to_owned(),
        };
        let expected = current.map_or(0, |current| current.version);
        let change = self.store.publish(expected, Some(release), change).await?;
        Ok(deployed(Some(change.stable), change.version))
    }

    async fn promote(&self, _: Move, _: &str) -> Result<Moved, Refusal> {
        Err(Refusal::from(Problem {
            code: "nothing-to-do".into(),
            title: "there is no candidate".into(),
            status: 409,
            problems: Vec::new(),
            differences: Vec::new(),
            missing: Vec::new(),
            serving: None,
        }))
    }

    async fn rollback(&self, to: Move, _: &str) -> Result<Moved, Refusal> {
        Ok(Moved {
            version: 9,
            stable: to.release.unwrap_or(8),
            timings: Timings::default(),
        })
    }

    async fn differences(
        &self,
        from: Option<u64>,
        to: Option<u64>,
    ) -> Result<Vec<Difference>, Refusal> {
        Ok(vec![Difference {
            direction: Direction::Wider,
            component: Some("products".into()),
            what: format!("from {from:?} to {to:?}"),
        }])
    }

    async fn status(&self) -> Status {
        Status {
            application: "shop 1".into(),
            version: 3,
            latest: Some(3),
            behind: None,
            stable: Lane {
                release: 2,
                components: Vec::new(),
                requests: 5,
                errors: 1,
                p95_ms: None,
            },
            candidate: None,
            strategy: None,
            percent: None,
            key: None,
            mirrored: None,
            draining: Vec::new(),
            drained: 0,
            cut_off: 0,
        }
    }

    fn serving(&self) -> String {
        "release 2 serves (version 3)".into()
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

fn deployed(release: Option<u64>, version: u64) -> Deployed {
    Deployed {
        release,
        version,
        differences: Vec::new(),
        checks: vec!["the manifest".into()],
        key: None,
        timings: Timings::default(),
    }
}
