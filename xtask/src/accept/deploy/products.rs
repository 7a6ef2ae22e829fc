//! The products service in a folder of its own, where it can be rebuilt: as other bytes of the same code.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use super::guests;
use super::release::Release;
use crate::stage::Stage;

/// A path of it that every revision answers.
pub(super) const PATH: &str = "/v1/products?limit=1";
/// Where the repository's manifest finds it, and where the manifest of these points does.
const BUILT: &str = "components/target/wasm32-wasip2/release/products.wasm";
const SOURCE: &str = "products.wasm";
/// What its manifest names beside it, or may name.
const FILES: [&str; 2] = [
    "components/products/seed/catalogue.ndjson",
    "components/products/openapi.json",
];
/// What stands behind its labels: as in the configuration that the repository has, without seeds.
pub(super) const CONFIGURATION: &str = "\
[keyvalue.default.embedded]
[documents.catalogue.embedded]
[blobs.media.embedded]
";

/// The manifest and what it names, as it was built.
pub(super) struct Products {
    manifest: String,
    wasm: Vec<u8>,
    others: Vec<(String, Vec<u8>)>,
}

impl Products {
    pub(super) fn built(stage: &Stage) -> anyhow::Result<Self> {
        let text = fs::read_to_string(stage.manifest()).context("cannot read the manifest")?;
        ensure!(text.contains(BUILT), "the manifest does not name `{BUILT}`");
        let mut others = Vec::new();
        for file in FILES {
            others.push((file.to_owned(), read(&stage.root().join(file))?));
        }
        Ok(Self {
            manifest: text.replace(BUILT, SOURCE),
            wasm: read(&stage.guest("products")?)?,
            others,
        })
    }

    /// Serves another guest beside it.
    pub(super) fn beside(mut self, id: &str, guest: &Path) -> anyhow::Result<Self> {
        let bytes = read(guest)?;
        self.manifest.push_str(&format!(
            "\n[[trigger.http]]\nid = \"{id}\"\nroute = \"/{id}/...\"\ncomponent = \"{id}\"\n\n\
             [component.{id}]\nsource = \"{id}.wasm\"\n"
        ));
        self.others.push((format!("{id}.wasm"), bytes));
        Ok(self)
    }

    /// Rebuilt so many times: code that costs the same, under another digest.
    pub(super) fn rebuilt(&self, number: u64) -> Release {
        let mut files = self.others.clone();
        files.push((SOURCE.to_owned(), guests::rebuilt(&self.wasm, number)));
        Release {
            manifest: self.manifest.clone(),
            files,
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))
}
