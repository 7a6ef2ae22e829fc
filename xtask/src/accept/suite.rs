//! Tests of the repository, run as `cargo test` runs them, and what they said.

use anyhow::{Context, ensure};

use crate::process;
use crate::stage::{BUILD_MAX, Stage};

/// Lines of a run that failed, for messages.
const TAIL_LINES: usize = 8;

/// Programs of tests: which of the workspace's, as cargo is told. Of the whole workspace, because a package by itself has
/// other features, and all that it needs would be built once more.
pub(in crate::accept) struct Suite {
    target: &'static [&'static str],
}

pub(in crate::accept) const CONFORMANCE: Suite = Suite {
    target: &["--test", "conformance"],
};
pub(in crate::accept) const CAPABILITIES: Suite = Suite { target: &["--lib"] };
pub(in crate::accept) const GUESTS: Suite = Suite {
    target: &["--test", "guests"],
};
pub(in crate::accept) const DEPENDENCIES: Suite = Suite {
    target: &["--test", "dependencies"],
};
pub(in crate::accept) const PORTABLE: Suite = Suite {
    target: &["--test", "portable"],
};
pub(in crate::accept) const SPIN: Suite = Suite {
    target: &["--test", "spin"],
};
/// Against the servers of this machine: Redis, PostgreSQL, MySQL.
pub(in crate::accept) const DRIVERS: [Suite; 3] = [
    Suite {
        target: &["--test", "redis"],
    },
    Suite {
        target: &["--test", "postgres"],
    },
    Suite {
        target: &["--test", "mysql"],
    },
];

/// How a run ended.
#[derive(Debug)]
pub(in crate::accept) struct Report {
    stdout: String,
    pub(in crate::accept) passed: usize,
    pub(in crate::accept) failed: usize,
}

// === impl Suite ===

impl Suite {
    /// Builds the tests as the stage builds the host, and runs those that the arguments select. Fails where nothing
    /// could be run; tests that fail are in the report.
    pub(in crate::accept) fn run(
        &self,
        stage: &Stage,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Report> {
        let mut command = process::command("cargo", stage.root());
        command
            .args(["test", "--release", "--locked", "--workspace"])
            .args(self.target)
            .arg("--")
            .args(arguments)
            .env("CARGO_TARGET_DIR", stage.target())
            .envs(variables.iter().copied());
        eprintln!("  cargo test {} ...", self.target.join(" "));
        let finished = process::output(&mut command, BUILD_MAX)?;
        let report = Report::read(finished.stdout)
            .with_context(|| format!("no tests were run: {}", tail(&finished.stderr)))?;
        ensure!(
            finished.status.success() || report.failed > 0,
            "the tests ended with {}: {}",
            finished.status,
            tail(&finished.stderr)
        );
        report.show_failures();
        Ok(report)
    }
}

// === impl Report ===

impl Report {
    /// `None` where there is no result.
    pub(in crate::accept) fn read(stdout: String) -> Option<Self> {
        // `test result: ok. 5 passed; 0 failed; …`, a line for each program.
        let results = stdout.lines().filter_map(|line| {
            let (_, counts) = line.split_once("test result: ")?.1.split_once(". ")?;
            let count = |what: &str| {
                let mut counts = counts.split("; ");
                let number = counts.find_map(|count| count.strip_suffix(what))?;
                number.trim().parse::<usize>().ok()
            };
            Some((count("passed")?, count("failed")?))
        });
        let (passed, failed) =
            results.reduce(|(p, f), (passed, failed)| (p + passed, f + failed))?;
        Some(Self {
            stdout,
            passed,
            failed,
        })
    }

    /// What the tests printed, if they were told to.
    pub(in crate::accept) fn lines(&self) -> impl Iterator<Item = &str> {
        self.stdout.lines()
    }

    /// The name of each test, and whether it passed.
    pub(in crate::accept) fn outcomes(&self) -> impl Iterator<Item = (&str, bool)> {
        self.lines().filter_map(|line| {
            let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
            match outcome.trim() {
                "ok" => Some((name, true)),
                "FAILED" => Some((name, false)),
                _ => None,
            }
        })
    }

    /// Whether something was run, and all of it passed.
    pub(in crate::accept) fn is_good(&self) -> bool {
        self.passed > 0 && self.failed == 0
    }

    fn show_failures(&self) {
        for (name, _) in self.outcomes().filter(|(_, passed)| !passed) {
            eprintln!("  failed: {name}");
        }
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join(" | ")
}

#[cfg(test)]
pub(in crate::accept) fn report(stdout: &str) -> Report {
    let result = "\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out\n";
    Report::read(stdout.to_owned() + result).expect("it has a result")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STDOUT: &str = "\nrunning 3 tests\ntest blobs::one ... ok\ntest sql::two ... FAILED\n\
                          test sql::three ... ignored\n\nfailures:\n\n\
                          test result: FAILED. 17 passed; 2 failed; 1 ignored; 0 measured\n";

    #[test]
    fn a_run_without_a_result_is_none() {
        assert!(Report::read("error: could not compile".to_owned()).is_none());
    }

    #[test]
    fn a_result_has_its_counts_and_outcomes() {
        let report = Report::read(STDOUT.to_owned()).expect("it has a result");
        assert_eq!((report.passed, report.failed), (17, 2));
        assert!(!report.is_good());
        let outcomes: Vec<_> = report.outcomes().collect();
        assert_eq!(outcomes, [("blobs::one", true), ("sql::two", false)]);
    }

    #[test]
    fn a_run_that_selected_nothing_is_not_good() {
        let text = "test result: ok. 0 passed; 0 failed; 0 ignored\n";
        let report = Report::read(text.to_owned()).expect("it has a result");
        assert!(!report.is_good());
    }
}
