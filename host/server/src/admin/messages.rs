//! What the admin API and the command line say to each other, as JSON. Version 1: fields are added, never changed. A request
//! with a field that the host does not know is refused: it may mean something. An answer may have fields that a command
//! line does not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stoa_capabilities::releases::Digest;

/// An application as it is deployed: its manifest and every file that the manifest names, by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bundle {
    /// The manifest's text.
    pub(crate) manifest: String,
    /// The profile that is applied. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    /// Digests by path, as the manifest writes it: code, dependencies, migrations (`<folder>/<name>.sql`), OpenAPI documents.
    pub(crate) files: BTreeMap<String, Digest>,
    /// A signature over [`Bundle::signed`], in base64, and the id of the key that made it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<Signature>,
}

/// A signature of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    /// The SHA-256 of the public key in DER (SubjectPublicKeyInfo), in hexadecimal.
    pub(crate) key: String,
    /// The signature in base64.
    pub(crate) value: String,
}

/// `POST /v1/artifacts/missing`: which of these does the host not have?
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Digests {
    pub(crate) digests: Vec<Digest>,
}

/// `POST /v1/deploys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deploy {
    pub(crate) bundle: Bundle,
    /// Only these components: the rest stays as the stable release has it. Default: all.
    #[serde(default)]
    pub(crate) components: Vec<String>,
    /// How the new release takes over. Default: all at once.
    #[serde(default)]
    pub(crate) strategy: Strategy,
    /// Why, for people. Default: empty.
    #[serde(default)]
    pub(crate) note: String,
    /// Refuse with a conflict unless this is the version in force. Default: whatever is in force when the deploy starts.
    #[serde(default)]
    pub(crate) expected: Option<u64>,
    /// The new release may do more than the stable one. Default: false.
    #[serde(default)]
    pub(crate) allow_new_grants: bool,
    /// Its migrations may contract while an older release is live. Default: false.
    #[serde(default)]
    pub(crate) allow_contracting: bool,
    /// Check everything, publish nothing. Default: false.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// How a release takes over from the stable one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Strategy {
    /// One swap.
    #[default]
    AllAtOnce,
    /// Ready beside the stable one, reached by the release header only, until it is promoted.
    BlueGreen,
    /// A growing share of clients.
    Canary(Canary),
    /// A header or cookie decides, until it is promoted or rolled back.
    Ab(Ab),
    /// A copy of the stable release's traffic, whose writes are refused and whose answers are only compared.
    Mirror(Mirror),
}

/// A canary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Canary {
    /// Shares in percent, growing, each 1 to 99. Default: 5, 25, 50.
    pub(crate) steps: Vec<u8>,
    /// How long each step lasts at least, in seconds. Default 60.
    pub(crate) step_seconds: u64,
    /// By what a client stays on its side. Default: cookie.
    pub(crate) sticky: Sticky,
    /// Promote by itself after the last step; else wait there for `promote`. Default: true.
    pub(crate) promote: bool,
    /// When it is rolled back by itself.
    pub(crate) guard: Guard,
}

/// By what a client stays on its side of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sticky {
    /// A cookie that the gateway sets.
    #[default]
    Cookie,
    /// The `sub` of its bearer token; its address where there is none.
    Subject,
    /// Its address.
    Address,
}

/// When a canary is rolled back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Guard {
    /// Answers of the candidate before anything is decided. Default 100.
    pub(crate) requests_min: u64,
    /// How much larger its share of 5xx answers may be than the stable release's: 0.02 is two in a hundred. Default 0.02.
    pub(crate) error_ratio_margin: f64,
    /// How much larger its p95 may be, as a factor. Default 2.
    pub(crate) p95_factor: f64,
    /// ... and by so many milliseconds at least. Default 25.
    pub(crate) p95_margin_ms: u64,
}

/// An A/B test: one of both names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ab {
    #[serde(default)]
    pub(crate) header: Option<String>,
    #[serde(default)]
    pub(crate) cookie: Option<String>,
    /// The value that reaches the candidate.
    pub(crate) value: String,
}

/// A mirror.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mirror {
    /// The share of requests that are copied, in percent: 1 to 100. Default 100.
    pub(crate) percent: u8,
}

impl Default for Canary {
    fn default() -> Self {
        Self {
            steps: vec![5, 25, 50],
            step_seconds: 60,
            sticky: Sticky::default(),
            promote: true,
            guard: Guard::default(),
        }
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            requests_min: 100,
            error_ratio_margin: 0.02,
            p95_factor: 2.0,
            p95_margin_ms: 25,
        }
    }
}

impl Default for Mirror {
    fn default() -> Self {
        Self { percent: 100 }
    }
}

/// The answer to a deploy that was taken, and to a dry run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deployed {
    /// The new release; none for a dry run.
    pub(crate) release: Option<u64>,
    /// The version in force now.
    pub(crate) version: u64,
    /// What the new release may do that the stable one may not, and the other way round.
    pub(crate) differences: Vec<Difference>,
    /// What was checked, in words.
    pub(crate) checks: Vec<String>,
    /// What takes the clients' place while it is a candidate: the value of the header `stoa-release`.
    pub(crate) key: Option<String>,
    /// How long each part took.
    pub(crate) timings: Timings,
}

/// Milliseconds of a deploy.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Timings {
    /// Reading, compiling, linking, all checks.
    pub(crate) prepare_ms: f64,
    /// Recording the release durably.
    pub(crate) record_ms: f64,
    /// From recorded to serving.
    pub(crate) swap_ms: f64,
}

/// What one release may do and another may not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Difference {
    pub(crate) direction: Direction,
    /// The component; none for the whole application.
    pub(crate) component: Option<String>,
    /// A clause after the component's name: "may write to key-value store `default`".
    pub(crate) what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    /// More than before: needs `allow_new_grants`.
    Wider,
    /// Less than before.
    Narrower,
    /// Neither: code, routes, limits.
    Other,
}

/// `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Status {
    /// The application's name and version.
    pub(crate) application: String,
    /// The version in force on this host.
    pub(crate) version: u64,
    /// The version in force in the history; another one while this host follows.
    pub(crate) latest: Option<u64>,
    /// Why this host does not follow, if it does not.
    pub(crate) behind: Option<String>,
    pub(crate) stable: Lane,
    pub(crate) candidate: Option<Lane>,
    /// How the candidate gets its requests.
    pub(crate) strategy: Option<Strategy>,
    /// The share of a canary's current step, in percent.
    pub(crate) percent: Option<u8>,
    /// The value of `stoa-release` that reaches the candidate.
    pub(crate) key: Option<String>,
    /// What a mirror has found.
    pub(crate) mirrored: Option<Mirrored>,
    /// Revisions that still finish what they began.
    pub(crate) draining: Vec<Draining>,
    /// Revisions that were drained since the start, and how many of them were cut off at the drain bound.
    pub(crate) drained: u64,
    pub(crate) cut_off: u64,
}

/// One release that serves on this host, with what was observed since it serves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lane {
    pub(crate) release: u64,
    pub(crate) components: Vec<Component>,
    pub(crate) requests: u64,
    /// Answers of 500 to 599.
    pub(crate) errors: u64,
    /// To the answer's head; none before the first answer.
    pub(crate) p95_ms: Option<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) revision: String,
    pub(crate) abi: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Draining {
    pub(crate) component: String,
    pub(crate) revision: String,
    pub(crate) seconds: f64,
}

/// What a mirror has found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Mirrored {
    pub(crate) same: u64,
    pub(crate) different: u64,
    /// Not compared: not chosen, too large, too many at once, or without an answer of the stable release.
    pub(crate) skipped: u64,
    /// The last differences, newest last.
    pub(crate) differences: Vec<String>,
}

/// `POST /v1/promote` and `POST /v1/rollback`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Move {
    /// Of a rollback, the release to go back to. Default: without a candidate, the newest stable release that is older
    /// than this one; with one, the candidate goes and the stable release stays. Of a promotion, the candidate that must
    /// be there. Default: any.
    pub(crate) release: Option<u64>,
    pub(crate) expected: Option<u64>,
    pub(crate) note: String,
}

/// The answer to a promotion or a rollback.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) version: u64,
    pub(crate) stable: u64,
    pub(crate) timings: Timings,
}

/// `GET /v1/releases`, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Releases {
    pub(crate) releases: Vec<Release>,
    /// `before` of the next page, if there is one.
    pub(crate) next: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Release {
    pub(crate) number: u64,
    /// Milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) by: String,
    pub(crate) note: String,
    /// `stable`, `candidate`, or nothing.
    pub(crate) role: Option<String>,
    /// Only for a single release.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) bundle: Option<Bundle>,
}

/// `GET /v1/changes`, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Changes {
    pub(crate) changes: Vec<Change>,
    pub(crate) next: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) stable: u64,
    pub(crate) candidate: Option<u64>,
    pub(crate) cause: String,
    pub(crate) reason: String,
    pub(crate) at_ms: u64,
    pub(crate) by: String,
}

/// `GET /v1/audit`, newest first: every call that changes something, refused ones included.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AuditLog {
    pub(crate) entries: Vec<AuditEntry>,
    pub(crate) next: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AuditEntry {
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    pub(crate) by: String,
    pub(crate) from: String,
    pub(crate) action: String,
    pub(crate) outcome: String,
}

/// A line of `GET /v1/logs`, which answers `application/x-ndjson`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LogLine {
    pub(crate) at_ms: u64,
    /// `info`, `warn`, `error`.
    pub(crate) level: String,
    pub(crate) component: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) text: String,
}

/// Any answer that is not a success: `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// A stable word: see `deploy::Refused::code`, and `admin::Refusal` for what no deploy was asked for.
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) status: u16,
    /// What was refused and why, one entry each, for people.
    #[serde(default)]
    pub(crate) problems: Vec<String>,
    /// Differences that were not allowed.
    #[serde(default)]
    pub(crate) differences: Vec<Difference>,
    /// Files that have to be uploaded first.
    #[serde(default)]
    pub(crate) missing: Vec<Digest>,
    /// What serves, now that this was refused.
    #[serde(default)]
    pub(crate) serving: Option<String>,
}
