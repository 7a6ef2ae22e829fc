//! Every backend passes its noun's cases in every class, and guests of every kind see what they promise and are refused
//! what they were not granted.

mod table;

use std::collections::BTreeMap;

use self::table::Table;
use crate::accept::Shown;
use crate::accept::suite::{CONFORMANCE, GUESTS, Report};
use crate::stage::Stage;

/// Nouns with a backend, and so with cases.
const NOUNS: [&str; 5] = ["blobs", "documents", "identity", "keyvalue", "sql"];
/// Nouns that guests call. Each has a file of tests.
const GUEST_NOUNS: [&str; 6] = [
    "blobs",
    "documents",
    "identity",
    "keyvalue",
    "sql",
    "variables",
];

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let facts = CONFORMANCE.run(stage, &["--nocapture"], &[])?;
    let table = Table::read(facts.lines());
    print!("{table}");
    let guests = GUESTS.run(stage, &[], &[])?;
    let per_noun = per_noun(&guests);
    for (noun, count) in &per_noun {
        println!(
            "  {noun:<10}  guests: {} ok, {} failed",
            count.ok, count.failed
        );
    }
    let mut wrong = table.incomplete(&NOUNS);
    wrong.extend(unseen(&per_noun));
    Ok(Shown {
        passed: wrong.is_empty() && facts.is_good() && guests.is_good(),
        figure: figure(&wrong, &table, &facts, &guests),
    })
}

fn figure(wrong: &[String], table: &Table, facts: &Report, guests: &Report) -> String {
    // What is wrong goes first.
    let mut figure = wrong.to_vec();
    figure.push(format!(
        "{} cases of {} nouns passed in every class, {} suites failed; {} tests of guests passed, {} failed",
        table.cases(),
        table.nouns(),
        facts.failed,
        guests.passed,
        guests.failed
    ));
    figure.join(", ")
}

/// Tests of a noun.
#[derive(Default)]
struct Count {
    ok: usize,
    failed: usize,
}

/// By the file that they stand in.
fn per_noun(guests: &Report) -> BTreeMap<&'static str, Count> {
    let mut counts: BTreeMap<_, _> = GUEST_NOUNS
        .iter()
        .map(|noun| (*noun, Count::default()))
        .collect();
    for (name, passed) in guests.outcomes() {
        let file = name.split("::").next().unwrap_or_default();
        if let Some(count) = counts.get_mut(file) {
            match passed {
                true => count.ok += 1,
                false => count.failed += 1,
            }
        }
    }
    counts
}

/// Nouns that no guest has called.
fn unseen(per_noun: &BTreeMap<&'static str, Count>) -> Vec<String> {
    per_noun
        .iter()
        .filter(|(_, count)| count.ok == 0)
        .map(|(noun, _)| format!("no guest called {noun}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::suite;

    #[test]
    fn tests_of_guests_are_counted_by_their_file() {
        let report = suite::report(
            "test blobs::a ... ok\ntest blobs::b ... FAILED\ntest sql::a ... ok\ntest limits::a ... ok",
        );
        let counts = per_noun(&report);
        let seen: Vec<_> = counts
            .iter()
            .filter(|(_, count)| count.ok + count.failed > 0)
            .map(|(noun, count)| (*noun, count.ok, count.failed))
            .collect();
        assert_eq!(seen, [("blobs", 1, 1), ("sql", 1, 0)]);
        assert_eq!(unseen(&counts).len(), 4);
    }
}
