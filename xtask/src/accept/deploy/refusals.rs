//! What must not serve, tried: each is refused with a word for programs and words for people, and what served serves on.

mod signed;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::admin::{Admin, Status};
use super::application::Application;
use super::guests::{self, Guests, PROBES, Word};
use super::release::{Extra, Release};
use super::said;
use crate::accept::Shown;
use crate::http::Response;
use crate::process;
use crate::stage::Stage;

const COMMAND_MAX: Duration = Duration::from_secs(60);
const CONFIGURATION: &str = "[keyvalue.default.embedded]\n[sql.default.embedded]\n";
/// A database of the component `p3`, and the folder of its migrations.
const DATABASE: &str = "
[component.p3.tool.stoa.grants.sql.default]
access = \"read-write\"

[component.p3.tool.stoa.migrations.default]
folder = \"migrations\"
";
const EXPANDING: (&str, &str) = (
    "migrations/0001-orders.sql",
    "CREATE TABLE orders (id BIGINT PRIMARY KEY);",
);
const CONTRACTING: (&str, &str) = ("migrations/0002-drop.sql", "DROP TABLE orders;");
/// Deploys are numbered from here on; what serves is 0.
const REFUSED: u64 = 1;
const ALLOWED: u64 = 2;

/// A running host, and what must go on serving.
struct Trial<'a> {
    guests: &'a Guests,
    admin: Admin,
    address: SocketAddr,
    before: Status,
    /// What was tried.
    tried: Vec<&'static str>,
}

/// What refuses: its word, and parts of what it says to people.
struct Words<'a> {
    code: &'a str,
    parts: &'a [&'a str],
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let guests = Guests::built(stage)?;
    let first = with(&guests, Word::steady(0), 0, &Extra::default())?;
    let application = Application::new(stage, "refusals", &first, CONFIGURATION)?;
    let host = application.start()?;
    let admin = application.admin()?;
    let mut trial = Trial {
        guests: &guests,
        before: admin.status()?,
        admin,
        address: host.address(),
        tried: Vec::new(),
    };
    trial.invalid()?;
    trial.widening(&application, stage.folder("refusals-next")?)?;
    trial.strangers()?;
    trial.wrong_bytes()?;
    let logged = trial.logged()?;
    trial.allowed(&application, stage.folder("refusals-next")?)?;
    host.stop()?;
    let signed = signed::show(stage, &guests)?;
    Ok(Shown {
        passed: true,
        figure: format!(
            "refused in words while release 0 went on: {}; {signed}; {logged} entries in the audit log; what was refused \
             for its grants was deployed once they were allowed",
            trial.tried.join(", ")
        ),
    })
}

/// A release of both probes, with a database for one of them.
fn with(guests: &Guests, word: Word, number: u64, extra: &Extra<'_>) -> anyhow::Result<Release> {
    let grants = format!("{DATABASE}{}", extra.grants);
    let extra = Extra {
        databases: &["default"],
        grants: &grants,
        ..*extra
    };
    let release = Release::with(guests, word, number, &extra)?;
    Ok(add(release, EXPANDING))
}

fn add(mut release: Release, (path, text): (&str, &str)) -> Release {
    release
        .files
        .push((path.to_owned(), text.as_bytes().to_vec()));
    release
}

// === impl Trial ===

impl Trial<'_> {
    /// Releases that cannot serve.
    fn invalid(&mut self) -> anyhow::Result<()> {
        let nothing = json!({});
        let allowed = json!({ "allow_new_grants": true });
        let plain = Extra::default();

        let mut release = self.release(Word::steady(1), &plain)?;
        release.manifest = release.manifest.replacen("route = ", "rout = ", 1);
        self.refuses("a bad manifest", &release, &nothing, "invalid", &["rout"])?;

        let mut release = self.release(Word::steady(1), &plain)?;
        for (path, bytes) in &mut release.files {
            if path == "p3.wasm" {
                *bytes = guests::unlinkable(bytes)?;
            }
        }
        let parts = ["p3", "none:clocks/"];
        self.refuses("a missing import", &release, &nothing, "invalid", &parts)?;

        let extra = Extra {
            stores: &["nowhere"],
            ..plain
        };
        let release = self.release(Word::steady(1), &extra)?;
        self.refuses(
            "an unknown label",
            &release,
            &allowed,
            "invalid",
            &["nowhere"],
        )?;

        let extra = Extra {
            policy: "health = \"/p3/health\"",
            ..plain
        };
        let release = self.release(Word::failing(1), &extra)?;
        let parts = ["p3", "/p3/health"];
        self.refuses(
            "a failing health probe",
            &release,
            &nothing,
            "invalid",
            &parts,
        )?;

        let extra = Extra {
            policy: "openapi = \"openapi.json\"",
            ..plain
        };
        let release = self.release(Word::steady(1), &extra)?;
        let release = add(release, ("openapi.json", "{\"openapi\":"));
        let parts = ["openapi.json"];
        self.refuses(
            "a broken OpenAPI document",
            &release,
            &nothing,
            "invalid",
            &parts,
        )?;

        let release = add(self.release(Word::steady(1), &plain)?, CONTRACTING);
        let parts = ["0002-drop.sql"];
        self.refuses(
            "a contracting migration",
            &release,
            &nothing,
            "invalid",
            &parts,
        )
    }

    /// A release that may do more than the one that serves, by the API and by the command line.
    fn widening(&mut self, application: &Application<'_>, next: PathBuf) -> anyhow::Result<()> {
        let release = self.wider(REFUSED)?;
        self.refuses(
            "wider grants",
            &release,
            &json!({}),
            "new-grants",
            &["default", "wider"],
        )?;
        let manifest = release.write(&next)?;
        let finished = process::output(&mut application.deploy(&manifest), COMMAND_MAX)?;
        ensure!(
            !finished.status.success() && finished.stderr.contains("--allow-new-grants"),
            "`stoa deploy` of wider grants ended with {}: {}",
            finished.status,
            finished.stderr
        );
        self.unharmed("wider grants by command")
    }

    /// Callers without the token.
    fn strangers(&mut self) -> anyhow::Result<()> {
        let release = self.release(Word::steady(1), &Extra::default())?;
        let stranger = self.admin.with_token("0123456789abcdef0123456789abcdef");
        let answer = stranger.try_deploy(&release, &json!({}))?;
        ensure!(
            answer.status() == 401,
            "a wrong token got {}",
            answer.shown()
        );
        ensure!(
            !text(&answer).contains(&release.manifest),
            "a stranger was told what it asked for"
        );
        self.unharmed("a wrong token")
    }

    /// Files that are not what they are called, or not there.
    fn wrong_bytes(&mut self) -> anyhow::Result<()> {
        let release = self.release(Word::steady(9), &Extra::default())?;
        let wanted = self.admin.missing(&release)?;
        let digest = wanted.first().context("every file is there already")?;
        let answer = self.admin.put(digest, b"something else")?;
        let words = Words {
            code: "mismatch",
            parts: &[digest.as_str()],
        };
        words.held_against(&answer).context("a wrong digest")?;
        ensure!(
            self.admin.missing(&release)? == wanted,
            "a file with a wrong digest was kept"
        );
        self.unharmed("a wrong digest")?;
        let answer = self.admin.try_deploy(&release, &json!({}))?;
        let words = Words {
            code: "missing-files",
            parts: &[digest.as_str()],
        };
        words.held_against(&answer).context("missing files")?;
        self.unharmed("missing files")
    }

    /// How many entries the audit log has, which has one for each refusal at least.
    fn logged(&self) -> anyhow::Result<usize> {
        let log = self.admin.get("/v1/audit?limit=1000")?;
        let entries = log["entries"].as_array().context("a log without entries")?;
        ensure!(
            entries.len() >= self.tried.len(),
            "{} entries in the audit log, but {} refusals",
            entries.len(),
            self.tried.len()
        );
        Ok(entries.len())
    }

    /// What was refused serves when it is allowed.
    fn allowed(&self, application: &Application<'_>, next: PathBuf) -> anyhow::Result<()> {
        let manifest = self.wider(ALLOWED)?.write(&next)?;
        let mut deploy = application.deploy(&manifest);
        process::successful(deploy.arg("--allow-new-grants"), COMMAND_MAX)?;
        for (component, _) in PROBES {
            let number = said::now(self.address, component)?.number;
            ensure!(number == ALLOWED, "{component} answers as release {number}");
        }
        Ok(())
    }

    fn wider(&self, number: u64) -> anyhow::Result<Release> {
        let extra = Extra {
            stores: &["default"],
            ..Extra::default()
        };
        with(self.guests, Word::steady(0), number, &extra)
    }

    fn release(&self, word: Word, extra: &Extra<'_>) -> anyhow::Result<Release> {
        with(self.guests, word, REFUSED, extra)
    }

    /// Tries a release whose files are there.
    fn refuses(
        &mut self,
        what: &'static str,
        release: &Release,
        fields: &Value,
        code: &str,
        parts: &[&str],
    ) -> anyhow::Result<()> {
        self.admin.upload(release)?;
        let answer = self.admin.try_deploy(release, fields)?;
        Words { code, parts }.held_against(&answer).context(what)?;
        let problem = answer.json()?;
        let serving = problem["serving"].as_str().unwrap_or_default();
        ensure!(
            !serving.is_empty(),
            "{what}: it does not say what serves on"
        );
        self.unharmed(what)
    }

    /// What served serves on.
    fn unharmed(&mut self, what: &'static str) -> anyhow::Result<()> {
        let status = self.admin.status()?;
        ensure!(
            (status.version, status.stable) == (self.before.version, self.before.stable),
            "{what}: version {} is in force after {}",
            status.version,
            self.before.version
        );
        for (component, _) in PROBES {
            let number = said::now(self.address, component)
                .with_context(|| format!("after {what}"))?
                .number;
            ensure!(
                number == 0,
                "{what}: {component} answers as release {number}"
            );
        }
        self.tried.push(what);
        Ok(())
    }
}

// === impl Words ===

impl Words<'_> {
    /// Fails unless the answer is this refusal.
    fn held_against(&self, answer: &Response) -> anyhow::Result<()> {
        let text = text(answer);
        if !(400..500).contains(&answer.status()) {
            bail!("answered {} {text}", answer.status());
        }
        let problem = answer.json()?;
        ensure!(
            problem["code"] == self.code,
            "not refused as {}: {text}",
            self.code
        );
        for part in self.parts {
            ensure!(text.contains(part), "it does not speak of {part}: {text}");
        }
        Ok(())
    }
}

fn text(answer: &Response) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_without_its_words_is_none() {
        let words = Words {
            code: "invalid",
            parts: &["nowhere"],
        };
        for (status, body) in [
            (200, r#"{"code":"invalid","problems":["nowhere"]}"#),
            (500, r#"{"code":"invalid","problems":["nowhere"]}"#),
            (422, r#"{"code":"conflict","problems":["nowhere"]}"#),
            (422, r#"{"code":"invalid","problems":["somewhere"]}"#),
            (422, "nowhere"),
        ] {
            let answer = Response::of(status, body);
            assert!(words.held_against(&answer).is_err(), "{status} {body}");
        }
        let right = Response::of(422, r#"{"code":"invalid","problems":["nowhere"]}"#);
        words.held_against(&right).expect("it is the refusal");
    }
}
