//! What must be refused in words: imports that nobody provides, results that are too large, files of others. The attempts
//! are written in tests and in the conformance set; here they are named, so that one that is gone is missed.

use std::collections::HashMap;

use crate::accept::Shown;
use crate::accept::suite::{CAPABILITIES, DRIVERS, GUESTS, SPIN, Suite};
use crate::stage::Stage;

/// Applications whose start must end, or whose statement must be refused.
const APPLICATIONS: [&str; 5] = [
    "import-unknown",
    "import-unknown-version",
    "export-nothing",
    "sqlite-attach",
    "sqlite-not-listed",
];

/// Tests of a program, by what they try.
struct Attempts {
    what: &'static str,
    suite: &'static Suite,
    tests: &'static [&'static str],
}

const ATTEMPTS: [Attempts; 6] = [
    Attempts {
        what: "results over the limit of SQLite",
        suite: &CAPABILITIES,
        tests: &["sql::handle::tests::results_over_the_limit_of_large_ones_are_refused"],
    },
    Attempts {
        what: "keys over the limit of a key-value store",
        suite: &CAPABILITIES,
        tests: &[
            "keyvalue::handle::tests::listing::keys_over_the_limit_are_refused_and_nothing_of_them_is_held",
        ],
    },
    Attempts {
        what: "results over the limit of PostgreSQL, seen by guests",
        suite: &GUESTS,
        tests: &["postgres::a_result_that_is_too_large_is_refused"],
    },
    Attempts {
        what: "replies over the limit of Redis",
        suite: &DRIVERS[0],
        tests: &["a_reply_over_the_limit_is_refused_and_closes_the_connection"],
    },
    Attempts {
        what: "rows over the limit of PostgreSQL, before they are here",
        suite: &DRIVERS[1],
        tests: &["results::a_row_that_is_too_large_is_refused_before_it_is_here"],
    },
    Attempts {
        what: "rows over the limit of MySQL, before they are here",
        suite: &DRIVERS[2],
        tests: &["results::a_row_that_is_too_large_is_refused_before_it_is_here"],
    },
];

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let mut wrong = Vec::new();
    for name in APPLICATIONS {
        let alone = [("STOA_CONFORMANCE", name)];
        let report = SPIN.run(stage, &["conformance::"], &alone)?;
        if !report.is_good() {
            wrong.push(format!("the application {name} failed"));
        }
    }
    let mut passed = 0;
    for attempts in &ATTEMPTS {
        let mut arguments = vec!["--exact"];
        arguments.extend(attempts.tests);
        let report = attempts.suite.run(stage, &arguments, &[])?;
        let outcomes: HashMap<&str, bool> = report.outcomes().collect();
        for name in attempts.tests {
            match outcomes.get(name) {
                Some(true) => passed += 1,
                Some(false) => wrong.push(format!("{name} failed")),
                None => wrong.push(format!("there is no test {name}")),
            }
        }
        println!("  {} tests: {}", attempts.tests.len(), attempts.what);
    }
    let good = wrong.is_empty();
    // What is wrong goes first.
    wrong.push(format!(
        "{} applications are refused in words ({}), {passed} tests of results that are too large passed",
        APPLICATIONS.len(),
        APPLICATIONS.join(", ")
    ));
    Ok(Shown {
        passed: good,
        figure: wrong.join(", "),
    })
}
