//! The admin API as a program uses it: one connection per call, every answer kept with its words.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::guests;
use super::release::Release;
use crate::http::{Connection, Request, Response};

/// A deploy may wait for the drains before it, and compile on a busy machine.
const CALL_MAX: Duration = Duration::from_secs(90);

/// How to reach the admin API of a running host.
#[derive(Clone)]
pub(super) struct Admin {
    address: SocketAddr,
    authorization: String,
}

/// What `GET /v1/status` says, as far as it is looked at.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) version: u64,
    pub(super) stable: u64,
    pub(super) candidate: Option<u64>,
    pub(super) percent: Option<u64>,
    /// Why the host does not follow.
    pub(super) behind: Option<String>,
    /// Revisions that are not gone yet.
    pub(super) draining: usize,
    pub(super) drained: u64,
    pub(super) cut_off: u64,
}

/// The answer to a deploy that was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deployed {
    pub(super) release: u64,
    pub(super) prepare: Duration,
    pub(super) record: Duration,
    pub(super) swap: Duration,
}

// === impl Admin ===

impl Admin {
    /// Finds it by what the host leaves in its state directory.
    pub(super) fn of(state: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = state.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
        };
        let (url, token) = (read("admin.url")?, read("admin.token")?);
        let address = url
            .trim()
            .trim_end_matches('/')
            .strip_prefix("http://")
            .and_then(|address| address.parse().ok());
        Ok(Self {
            address: address.with_context(|| format!("not an address to ask: {}", url.trim()))?,
            authorization: format!("Bearer {}", token.trim()),
        })
    }

    /// The same host for one who does not know its token.
    pub(super) fn with_token(&self, token: &str) -> Self {
        Self {
            authorization: format!("Bearer {token}"),
            ..self.clone()
        }
    }

    /// One call, whatever it answers.
    pub(super) fn call(&self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<Response> {
        let content_type = match method {
            "PUT" => "application/octet-stream",
            _ => "application/json",
        };
        let headers = [
            ("authorization", self.authorization.as_str()),
            ("content-type", content_type),
        ];
        let headers = match body {
            [] => &headers[..1],
            _ => &headers[..],
        };
        let mut connection = Connection::open(self.address, CALL_MAX)?;
        connection
            .request(&Request {
                method,
                path,
                headers,
                body,
            })
            .with_context(|| format!("{method} {path}"))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Response> {
        self.call("POST", path, body.to_string().as_bytes())
    }

    /// A call that must succeed.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        successful("GET", path, &self.call("GET", path, &[])?)
    }

    pub(super) fn status(&self) -> anyhow::Result<Status> {
        Status::of(&self.get("/v1/status")?)
    }

    /// The manifest's text of a release.
    pub(super) fn manifest(&self, release: u64) -> anyhow::Result<String> {
        let answer = self.get(&format!("/v1/releases/{release}"))?;
        let manifest = answer["bundle"]["manifest"].as_str();
        let manifest = manifest.with_context(|| format!("a release without a manifest: {answer}"));
        Ok(manifest?.to_owned())
    }

    /// Which of a release's files the host does not have.
    pub(super) fn missing(&self, release: &Release) -> anyhow::Result<Vec<String>> {
        let digests: Vec<String> = release
            .files
            .iter()
            .map(|(_, bytes)| guests::digest_of(bytes))
            .collect();
        let path = "/v1/artifacts/missing";
        let answer = self.post(path, &json!({ "digests": digests }))?;
        let missing = successful("POST", path, &answer)?;
        let list = missing["digests"].as_array();
        let list = list.with_context(|| format!("no list of digests: {missing}"))?;
        let text = |digest: &Value| digest.as_str().map(str::to_owned);
        Ok(list.iter().filter_map(text).collect())
    }

    pub(super) fn put(&self, digest: &str, bytes: &[u8]) -> anyhow::Result<Response> {
        self.call("PUT", &format!("/v1/artifacts/{digest}"), bytes)
    }

    /// Uploads what the host does not have of a release, as the command line does.
    pub(super) fn upload(&self, release: &Release) -> anyhow::Result<()> {
        let missing = self.missing(release)?;
        for (path, bytes) in &release.files {
            let digest = guests::digest_of(bytes);
            if missing.contains(&digest) {
                let answer = self.put(&digest, bytes)?;
                ensure!(
                    (200..300).contains(&answer.status()),
                    "uploading {path}: {}",
                    answer.shown()
                );
            }
        }
        Ok(())
    }

    /// Asks for a deploy of files that are there, whatever is answered. `fields` stand beside the bundle.
    pub(super) fn try_deploy(&self, release: &Release, fields: &Value) -> anyhow::Result<Response> {
        let mut body = fields.clone();
        body["bundle"] = release.bundle();
        self.post("/v1/deploys", &body)
    }

    /// Deploys files that are there.
    pub(super) fn deploy(&self, release: &Release, fields: &Value) -> anyhow::Result<Deployed> {
        let answer = self.try_deploy(release, fields)?;
        Deployed::of(&successful("POST", "/v1/deploys", &answer)?)
    }

    /// Uploads what is missing and deploys.
    pub(super) fn publish(&self, release: &Release) -> anyhow::Result<Deployed> {
        self.upload(release)?;
        self.deploy(release, &json!({}))
    }
}

// === impl Status ===

impl Status {
    fn of(answer: &Value) -> anyhow::Result<Self> {
        let draining = answer["draining"].as_array();
        Ok(Self {
            version: number(answer, "/version")?,
            stable: number(answer, "/stable/release")?,
            candidate: answer["candidate"]["release"].as_u64(),
            percent: answer["percent"].as_u64(),
            behind: answer["behind"].as_str().map(str::to_owned),
            draining: draining.context("a status without `draining`")?.len(),
            drained: number(answer, "/drained")?,
            cut_off: number(answer, "/cut_off")?,
        })
    }
}

// === impl Deployed ===

impl Deployed {
    fn of(answer: &Value) -> anyhow::Result<Self> {
        let ms = |name: &str| answer["timings"][name].as_f64().unwrap_or_default();
        let time = |name: &str| Duration::from_secs_f64(ms(name).max(0.0) / 1_000.0);
        Ok(Self {
            release: number(answer, "/release")?,
            prepare: time("prepare_ms"),
            record: time("record_ms"),
            swap: time("swap_ms"),
        })
    }
}

// === functions ===

/// The JSON of an answer that must be a success.
pub(super) fn successful(method: &str, path: &str, answer: &Response) -> anyhow::Result<Value> {
    ensure!(
        (200..300).contains(&answer.status()),
        "{method} {path} answered {}",
        String::from_utf8_lossy(&answer.body)
    );
    answer.json()
}

fn number(answer: &Value, pointer: &str) -> anyhow::Result<u64> {
    let number = answer.pointer(pointer).and_then(Value::as_u64);
    number.with_context(|| format!("no number at {pointer} of {answer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_an_error_with_its_words() {
        let refusal = Response::of(409, r#"{"code":"conflict"}"#);
        let error = successful("POST", "/v1/deploys", &refusal).expect_err("it was refused");
        assert!(error.to_string().contains("conflict"), "{error}");
    }

    #[test]
    fn a_status_without_a_stable_release_is_none() {
        let mut answer = json!({
            "version": 3, "stable": {"release": 2}, "candidate": null, "percent": null, "behind": null,
            "draining": [{}], "drained": 4, "cut_off": 0,
        });
        let status = Status::of(&answer).expect("it is complete");
        assert_eq!((status.version, status.stable, status.draining), (3, 2, 1));
        answer["stable"] = Value::Null;
        assert!(Status::of(&answer).is_err());
    }
}
