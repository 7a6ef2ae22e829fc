//! `stoa doctor` on the shop, which is sound, and on a project that is broken in ways that people break projects: each
//! must be told, with its line and what to change.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::accept::Shown;
use crate::process::{self, Finished};
use crate::stage::Stage;

const VISIT_MAX: Duration = Duration::from_secs(60);

/// A manifest, and what must be said of it: parts of the message and of the hint.
struct Break {
    what: &'static str,
    manifest: &'static str,
    told: &'static [&'static str],
}

const BREAKS: [Break; 5] = [
    Break {
        what: "a misspelt field",
        manifest: "[[trigger.http]]\nroute = \"/\"\ncomponent = \"guest\"\n\
                   [component.guest]\nsource = \"guest.wasm\"\nenviroment = { A = \"b\" }\n",
        told: &["enviroment", "did you mean `environment`", "spin.toml:"],
    },
    Break {
        what: "code that is not there",
        manifest: "[[trigger.http]]\nroute = \"/\"\ncomponent = \"guest\"\n\
                   [component.guest]\nsource = \"missing.wasm\"\n",
        told: &["missing.wasm", "hint", "spin.toml:"],
    },
    Break {
        what: "a variable that nobody declares",
        manifest: "[[trigger.http]]\nroute = \"/\"\ncomponent = \"guest\"\n\
                   [component.guest]\nsource = \"guest.wasm\"\n\
                   [component.guest.variables]\ngreeting = \"{{ nmae }}\"\n",
        told: &["nmae", "spin.toml:"],
    },
    Break {
        what: "an allowed host that is none",
        manifest: "[[trigger.http]]\nroute = \"/\"\ncomponent = \"guest\"\n\
                   [component.guest]\nsource = \"guest.wasm\"\nallowed_outbound_hosts = [\"shop.example\"]\n",
        told: &[
            "shop.example",
            "hint: write `https://shop.example`",
            "spin.toml:",
        ],
    },
    Break {
        what: "a store that nothing stands behind",
        manifest: "[[trigger.http]]\nroute = \"/\"\ncomponent = \"guest\"\n\
                   [component.guest]\nsource = \"guest.wasm\"\nkey_value_stores = [\"nowhere\"]\n",
        told: &["nowhere", "hint", "spin.toml:"],
    },
];

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let sound = visit(stage, &stage.manifest())?;
    ensure!(
        sound.status.success(),
        "the shop is not sound ({}): {}{}",
        sound.status,
        sound.stdout,
        sound.stderr
    );
    let folder = stage.folder("doctor")?;
    let guest = stage.probe("hello_02")?;
    fs::copy(&guest, folder.join("guest.wasm")).context("cannot copy the probe")?;
    let mut told = Vec::new();
    for broken in &BREAKS {
        let manifest = folder.join("spin.toml");
        let head = "spin_manifest_version = 2\n[application]\nname = \"broken\"\n";
        fs::write(&manifest, format!("{head}{}", broken.manifest))
            .context("cannot write the manifest")?;
        broken.is_told(&visit(stage, &manifest)?)?;
        told.push(broken.what);
    }
    Ok(Shown {
        passed: true,
        figure: format!(
            "the shop is sound; told with file, line and what to change: {}",
            told.join(", ")
        ),
    })
}

fn visit(stage: &Stage, manifest: &Path) -> anyhow::Result<Finished> {
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let mut command = process::command(stage.stoa(), folder);
    command.arg("doctor").arg("--from").arg(manifest);
    process::output(&mut command, VISIT_MAX)
}

impl Break {
    fn is_told(&self, finished: &Finished) -> anyhow::Result<()> {
        let Finished {
            status,
            stdout,
            stderr,
        } = finished;
        let what = self.what;
        ensure!(
            !status.success(),
            "{what} is called sound: {stdout}{stderr}"
        );
        for part in self.told {
            let found = stdout.contains(part) || stderr.contains(part);
            ensure!(found, "{what}: `{part}` is not told: {stdout}{stderr}");
        }
        Ok(())
    }
}
