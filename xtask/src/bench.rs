//! `cargo xtask bench`: Stoa beside `wasmtime serve` and bare hyper, in one run on one machine.
//!
//! Only ratios mean something elsewhere: figures of different machines, or of one on different days, do not compare.

mod contender;
mod machine;
mod report;
mod row;
mod workload;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::accept::Scale;
use crate::load::Rounds;
use crate::stage::Stage;
use crate::wasmtime;
use machine::Machine;
use workload::WORKLOADS;

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
    /// Where the report is written. Default: [`OUT`].
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

    /// Where the report goes, beside standard output.
    fn file(&self, stage: &Stage) -> Option<PathBuf> {
        match (&self.out, self.quick) {
            (Some(file), _) => Some(file.clone()),
            (None, false) => Some(stage.root().join(OUT)),
            (None, true) => None,
        }
    }
}

/// Measures every workload and reports. A workload that cannot be measured does not keep the others from it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let stage = Stage::set(Scale::Full)?;
    let wasmtime = wasmtime::installed(&stage)?;
    let machine = Machine::this(stage.root(), &wasmtime)?;
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for workload in &WORKLOADS {
        eprintln!("{} ...", workload.name);
        match row::measure(&stage, &wasmtime, workload, options.rounds()) {
            Ok(row) => rows.push(row),
            Err(error) => problems.push(format!("{}: {error:#}", workload.name)),
        }
    }
    let text = report::text(&machine, options.rounds(), &rows, &problems);
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
            out: Some("x.md".into()),
        };
        assert_eq!(
            Options::parse(&["--out", "x.md", "--quick"]),
            Some(expected)
        );
        assert_eq!(Options::parse(&[]), Some(Options::default()));
        assert_eq!(Options::parse(&["--out"]), None);
        assert_eq!(Options::parse(&["--fast"]), None);
    }
}
