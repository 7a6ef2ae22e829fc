//! Every interface that the host provides is imported by a probe that tests drive, and of those whose definition is in the
//! repository every function is called.

use crate::accept::Shown;
use crate::accept::suite::{GUESTS, SPIN};
use crate::stage::Stage;

/// What the tests tell of an interface: its name, how many of its functions probes call and how many it has, and the
/// probes.
#[derive(Debug, PartialEq, Eq)]
struct Covered<'r> {
    name: &'r str,
    called: usize,
    /// 0 where the definition is not in the repository.
    functions: usize,
    probes: &'r str,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let coverage = SPIN.run(stage, &["coverage::", "--nocapture"], &[])?;
    let covered: Vec<Covered<'_>> = coverage.lines().filter_map(Covered::read).collect();
    for Covered {
        name,
        called,
        functions,
        probes,
    } in &covered
    {
        println!("  {name:<48}  {called:>3} of {functions:>3}  {probes}");
    }
    let guests = GUESTS.run(stage, &[], &[])?;
    let wrong: Vec<&str> = covered
        .iter()
        .filter(|covered| !covered.is_whole())
        .map(|covered| covered.name)
        .collect();
    let calls: usize = covered.iter().map(|covered| covered.functions).sum();
    let mut figure: Vec<String> = wrong
        .iter()
        .map(|name| format!("no probe calls all of {name}"))
        .collect();
    figure.push(format!(
        "{} interfaces provided, each imported by a probe; {calls} functions defined here, each called; {} tests of guests \
         passed, {} failed",
        covered.len(),
        guests.passed,
        guests.failed
    ));
    let good = coverage.is_good() && guests.is_good();
    Ok(Shown {
        passed: good && wrong.is_empty() && !covered.is_empty(),
        figure: figure.join(", "),
    })
}

impl<'r> Covered<'r> {
    /// Reads `interface <name>: <called> of <functions>: <probes>`.
    fn read(line: &'r str) -> Option<Self> {
        let (_, rest) = line.split_once("interface ")?;
        let mut parts = rest.splitn(3, ": ");
        let (name, counts, probes) = (parts.next()?, parts.next()?, parts.next()?);
        let (called, functions) = counts.split_once(" of ")?;
        Some(Self {
            name,
            called: called.parse().ok()?,
            functions: functions.parse().ok()?,
            probes,
        })
    }

    fn is_whole(&self) -> bool {
        self.called == self.functions && !self.probes.is_empty()
    }
}

#[test]
fn what_is_told_of_an_interface_is_read() {
    let line = "interface spin:redis/redis@3.0.0: 10 of 10: redis-03 spin-sdk-7";
    let covered = Covered::read(line).expect("it is one");
    assert_eq!((covered.called, covered.functions), (10, 10));
    assert!(covered.is_whole());
    let gap = Covered::read("interface a:b/c@1.0.0: 0 of 2: ").expect("it is one");
    assert!(!gap.is_whole());
    assert_eq!(Covered::read("test coverage::a ... ok"), None);
}
