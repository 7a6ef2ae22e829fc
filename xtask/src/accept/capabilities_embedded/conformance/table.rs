//! The table noun × case, made of what the suites print.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The cases that passed, by noun, each with the classes in which it did.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<String, Cases>);

type Cases = BTreeMap<String, BTreeSet<String>>;

impl Table {
    pub(super) fn read<'l>(lines: impl Iterator<Item = &'l str>) -> Self {
        let mut table = Self::default();
        for (noun, class, case) in lines.filter_map(passed) {
            let cases = table.0.entry(noun.to_owned()).or_default();
            let classes = cases.entry(case.to_owned()).or_default();
            classes.insert(class.to_owned());
        }
        table
    }

    pub(super) fn nouns(&self) -> usize {
        self.0.len()
    }

    pub(super) fn cases(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// What is missing: nouns without cases, and cases that did not pass in every class of their noun.
    pub(super) fn incomplete(&self, nouns: &[&str]) -> Vec<String> {
        let mut missing: Vec<String> = nouns
            .iter()
            .filter(|noun| !self.0.contains_key(**noun))
            .map(|noun| format!("{noun} has no cases"))
            .collect();
        for (noun, cases) in &self.0 {
            let all = classes(cases);
            let short = cases
                .iter()
                .filter(|(_, classes)| classes.len() < all.len());
            missing.extend(short.map(|(case, _)| format!("{noun}: {case} not in every class")));
        }
        missing
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (noun, cases) in &self.0 {
            let all = joined(&classes(cases));
            writeln!(f, "  {noun:<10}  {} cases passed  ({all})", cases.len())?;
            for (case, classes) in cases {
                writeln!(f, "    {case}  ({})", joined(classes))?;
            }
        }
        Ok(())
    }
}

fn classes(cases: &Cases) -> BTreeSet<String> {
    cases.values().flatten().cloned().collect()
}

fn joined(classes: &BTreeSet<String>) -> String {
    let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
    classes.join(", ")
}

/// Noun, class and case of a line such as `keyvalue  embedded (Power)  a case  passed`. The test's own line may stand
/// before it.
fn passed(line: &str) -> Option<(&str, &str, &str)> {
    let (before, after) = line.split_once("  embedded (")?;
    let noun = before.rsplit(' ').next()?;
    let (class, rest) = after.split_once(")  ")?;
    let case = rest.strip_suffix("  passed")?;
    Some((noun, class, case))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 6] = [
        "test the_embedded_database_conforms ... sql  embedded (Process)  a null is none  passed",
        "sql  embedded (Power)  a null is none  passed",
        "sql  embedded (Process)  conflicts  passed",
        "keyvalue  embedded (Process)  conflicts  passed",
        "keyvalue  embedded (Process)  half",
        "ok",
    ];

    #[test]
    fn what_is_missing_is_told() {
        let table = Table::read(LINES.into_iter());
        assert_eq!((table.nouns(), table.cases()), (2, 3));
        assert_eq!(
            table.incomplete(&["blobs", "sql"]),
            ["blobs has no cases", "sql: conflicts not in every class"]
        );
    }

    #[test]
    fn a_line_has_noun_class_and_case() {
        assert_eq!(passed(LINES[0]), Some(("sql", "Process", "a null is none")));
        assert_eq!(passed(LINES[4]), None);
    }
}
