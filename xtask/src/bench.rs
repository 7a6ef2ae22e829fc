//! `cargo xtask bench`: Stoa beside `wasmtime serve` and bare hyper, in one run on one machine.
//!
//! Only ratios mean something elsewhere: figures of different machines, or of one on different days, do not compare.

mod contender;
mod layers;
mod machine;
mod report;
mod row;
mod workload;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::accept::Scale;
use crate::load::Rounds;
use crate::stage::{Profile, Stage};
use crate::wasmtime;
use machine::Machine;
use workload::{WORKLOADS, Workload};

/// Where the figures are kept, in the repository.
const OUT: &str = "docs/benchmarks.md";

const ROUNDS: Rounds = Rounds {
    count: 3,
    seconds: 5,
};
const ROUNDS_QUICK: Rounds = Rounds {
    count: 1,
    seconds: 1,
};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Shows that everything runs. Its figures are not worth keeping, so they are not, unless `out` is given.
    quick: bool,
    /// One workload alone, without the layers.
    only: Option<String>,
    /// Where the report is written. Default: [`OUT`], unless it is of one workload alone.
    out: Option<PathBuf>,
}

impl Options {
    /// Reads the words behind `bench`; `None` if they are wrong.
    pub(crate) fn parse(mut words: &[&str]) -> Option<Self> {
        let mut options = Self::default();
        loop {
            words = match words {
                [] => return Some(options),
                ["--quick", rest @ ..] => {
                    options.quick = true;
                    rest
                }
                ["--only", name, rest @ ..] => {
                    options.only = Some((*name).to_owned());
                    rest
                }
                ["--out", file, rest @ ..] => {
                    options.out = Some(PathBuf::from(file));
                    rest
                }
                _ => return None,
            };
        }
    }

    fn rounds(&self) -> Rounds {
        match self.quick {
            true => ROUNDS_QUICK,
            false => ROUNDS,
        }
    }

    /// What is not worth keeping is not worth the build of what is handed out.
    fn profile(&self) -> Profile {
        match self.quick {
            true => Profile::Release,
            false => Profile::Dist,
        }
    }

    /// Where the report goes, beside standard output.
    fn file(&self, stage: &Stage) -> Option<PathBuf> {
        let kept = !self.quick && self.only.is_none();
        match &self.out {
            Some(file) => Some(file.clone()),
            None => kept.then(|| stage.root().join(OUT)),
        }
    }

    fn workloads(&self) -> anyhow::Result<Vec<&'static Workload>> {
        let Some(only) = &self.only else {
            return Ok(WORKLOADS.iter().collect());
        };
        let one = WORKLOADS.iter().find(|workload| workload.name == only);
        let known = || {
            let names = WORKLOADS.iter().map(|workload| workload.name);
            names.collect::<Vec<_>>().join("`, `")
        };
        let one = one.with_context(|| format!("no workload `{only}`; there is: `{}`", known()))?;
        Ok(vec![one])
    }
}

/// Measures every workload and reports. A workload that cannot be measured does not keep the others from it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let workloads = options.workloads()?;
    let stage = Stage::set(Scale::Full, options.profile())?;
    let needed = workloads.iter().any(|workload| workload.guest.is_served());
    let wasmtime = needed.then(|| wasmtime::installed(&stage)).transpose()?;
    let wasmtime = wasmtime.as_deref();
    let machine = Machine::this(stage.root(), wasmtime)?;
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for workload in workloads {
        eprintln!("{} ...", workload.name);
        match row::measure(&stage, wasmtime, workload, options.rounds()) {
            Ok(row) => rows.push(row),
            Err(error) => problems.push(format!("{}: {error:#}", workload.name)),
        }
    }
    let mut layers = None;
    if options.only.is_none() {
        eprintln!("layers ...");
        match layers::measure(&stage, options.quick) {
            Ok(measured) => layers = Some(measured),
            Err(error) => problems.push(format!("layers: {error:#}")),
        }
    }
    let text = report::text(
        &machine,
        options.rounds(),
        &rows,
        layers.as_ref(),
        &problems,
    );
    println!("{text}");
    if let Some(file) = options.file(&stage) {
        write(&file, &text)?;
    }
    if !problems.is_empty() {
        bail!("not measured: {}", problems.join("; "));
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order() {
        let expected = Options {
            quick: true,
            only: Some("hello".into()),
            out: Some("x.md".into()),
        };
        assert_eq!(
            Options::parse(&["--out", "x.md", "--only", "hello", "--quick"]),
            Some(expected)
        );
        assert_eq!(Options::parse(&[]), Some(Options::default()));
        assert_eq!(Options::parse(&["--out"]), None);
        assert_eq!(Options::parse(&["--fast"]), None);
    }

    #[test]
    fn one_workload_is_found_by_its_name_and_another_name_is_told_the_known_ones() {
        let only = |name: &str| Options {
            only: Some(name.to_owned()),
            ..Options::default()
        };
        let found = only("hello 0.3").workloads().expect("there is one");
        assert_eq!(found.len(), 1);
        let refused = only("hello 0.4").workloads().err();
        let told = refused.expect("there is none").to_string();
        assert!(told.contains("`hello 0.3`"), "{told}");
    }
}
