//! The catalogue of another project, imported as the README says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::catalogue;
use crate::accept::readme::Readme;
use crate::process;
use crate::stage::Stage;

/// Where the catalogue lies beside the repository, unless the variable says otherwise.
const CATALOGUE: &str = "../shared/data/eshop-catalog/catalog.json";
const CATALOGUE_VARIABLE: &str = "STOA_ESHOP_CATALOG";
const IMPORT_MAX: Duration = Duration::from_secs(60);

/// The catalogue as it was found.
pub(in crate::accept) struct Eshop {
    path: PathBuf,
    products: Vec<Value>,
}

impl Eshop {
    pub(in crate::accept) fn found(stage: &Stage) -> anyhow::Result<Self> {
        let path = path(stage)?;
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let products: Vec<Value> =
            serde_json::from_slice(&text).context("the catalogue is no JSON")?;
        ensure!(!products.is_empty(), "the catalogue is empty");
        Ok(Self { path, products })
    }

    /// Its products, as that project describes them.
    pub(in crate::accept) fn products(&self) -> &[Value] {
        &self.products
    }

    /// Imports them by the README's commands, and tells how many rows were acknowledged.
    pub(in crate::accept) fn import(
        &self,
        stage: &Stage,
        address: SocketAddr,
    ) -> anyhow::Result<usize> {
        for tool in ["jq", "curl"] {
            ensure!(process::find(tool).is_some(), "`{tool}` is not installed");
        }
        let readme = Readme::read(stage.root())?;
        let script = readme.import(&self.path, &address.to_string())?;
        let mut import = process::typed(&script, &stage.folder("eshop")?);
        let report = process::successful(&mut import, IMPORT_MAX)?;
        Ok(acknowledged(&report))
    }
}

fn path(stage: &Stage) -> anyhow::Result<PathBuf> {
    let path = match std::env::var_os(CATALOGUE_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => stage.root().join(CATALOGUE),
    };
    path.canonicalize().with_context(|| {
        format!(
            "no catalogue at `{}`; {CATALOGUE_VARIABLE} names another",
            path.display()
        )
    })
}

fn acknowledged(report: &str) -> usize {
    report
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(catalogue::is_acknowledged)
        .count()
}
