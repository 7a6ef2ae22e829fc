//! A host that serves only what a certain key signed.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::json;

use super::{COMMAND_MAX, Words};
use crate::accept::deploy::application::Application;
use crate::accept::deploy::guests::{Guests, Word};
use crate::accept::deploy::release::{self, Release};
use crate::accept::deploy::said;
use crate::host::{Host, START_MAX};
use crate::process;
use crate::stage::Stage;

/// The example of RFC 8410, section 10.3: everybody has this private key, and nobody trusts it but this point.
const PRIVATE: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
const SIGNED: u64 = 1;
const UNSIGNED: u64 = 2;

/// Tries what is not signed beside what is. Tells what was seen.
pub(super) fn show(stage: &Stage, guests: &Guests) -> anyhow::Result<String> {
    let folder = stage.folder("refusals-signed-keys")?;
    let (private, public) = (folder.join("private.pem"), folder.join("public.pem"));
    release::write(&private, PRIVATE.as_bytes())?;
    release::write(&public, PUBLIC.as_bytes())?;
    let signed = Release::of(guests, Word::steady(0), SIGNED)?;
    let keys = format!(
        "[deploy.signatures]\nkeys = [{:?}]\n",
        public.display().to_string()
    );
    let application = Application::new(stage, "refusals-signed", &signed, &keys)?;
    let host = Host::start(&mut application.up_deployed(), START_MAX)?;
    let manifest = signed.write(&stage.folder("refusals-signed-next")?)?;
    deploy(&application, &manifest, &private)?;
    serves(&host)?;

    let admin = application.admin()?;
    let unsigned = Release::of(guests, Word::steady(0), UNSIGNED)?;
    let words = Words {
        code: "unsigned",
        parts: &["sign"],
    };
    let answer = admin.try_deploy(&unsigned, &json!({}))?;
    words.held_against(&answer).context("an unsigned bundle")?;
    serves(&host)?;

    // A signature of something else that the same key signed.
    let stable = admin.status()?.stable;
    let known = admin.get(&format!("/v1/releases/{stable}"))?;
    let mut bundle = unsigned.bundle();
    bundle["signature"] = known["bundle"]["signature"].clone();
    ensure!(
        bundle["signature"].is_object(),
        "a release without its signature"
    );
    let answer = admin.post("/v1/deploys", &json!({ "bundle": bundle }))?;
    words
        .held_against(&answer)
        .context("a borrowed signature")?;
    serves(&host)?;
    host.stop()?;
    Ok(
        "an unsigned bundle and one with a borrowed signature, where the signed one went on"
            .to_owned(),
    )
}

fn deploy(application: &Application<'_>, manifest: &Path, private: &Path) -> anyhow::Result<()> {
    let mut deploy = application.deploy(manifest);
    // The first release of this host may do what no other did before.
    deploy.arg("--allow-new-grants").arg("--sign").arg(private);
    process::successful(&mut deploy, COMMAND_MAX).map(drop)
}

fn serves(host: &Host) -> anyhow::Result<()> {
    let number = said::now(host.address(), "p3")?.number;
    ensure!(
        number == SIGNED,
        "release {number} serves, which nobody signed"
    );
    Ok(())
}
