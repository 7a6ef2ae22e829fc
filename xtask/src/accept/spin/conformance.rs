//! Applications of the shape that Spin's conformance suite has, each with its answer or its refusal.

use crate::accept::Shown;
use crate::accept::suite::SPIN;
use crate::stage::Stage;

/// How many there must be.
const APPLICATIONS_MIN: usize = 30;

/// What became of each application, by its name.
#[derive(Debug, Default)]
struct Told<'r> {
    passed: Vec<(&'r str, &'r str)>,
    failed: Vec<&'r str>,
}

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let report = SPIN.run(stage, &["conformance::", "--nocapture"], &[])?;
    let told = Told::of(report.lines());
    for (name, about) in &told.passed {
        println!("  {name:<32}  {about}");
    }
    let count = told.passed.len();
    let mut figure: Vec<String> = told
        .failed
        .iter()
        .map(|name| format!("{name} failed"))
        .collect();
    figure.push(format!(
        "{count} applications do what their tests say, of at least {APPLICATIONS_MIN}"
    ));
    Ok(Shown {
        passed: report.is_good() && told.failed.is_empty() && count >= APPLICATIONS_MIN,
        figure: figure.join(", "),
    })
}

impl<'r> Told<'r> {
    /// Reads `conformance <name>: ok: <about>` and `conformance <name>: FAILED`. The names of tests may stand before it.
    fn of(lines: impl Iterator<Item = &'r str>) -> Self {
        let mut told = Self::default();
        for line in lines {
            let words = line
                .split_once("conformance ")
                .and_then(|(_, rest)| rest.split_once(": "));
            match words {
                Some((name, "FAILED")) => told.failed.push(name),
                Some((name, rest)) => {
                    if let Some(about) = rest.strip_prefix("ok: ") {
                        told.passed.push((name, about));
                    }
                }
                None => {}
            }
        }
        told.passed.sort_unstable();
        told
    }
}

#[test]
fn what_became_of_each_is_read() {
    let lines = "running 2 tests\ntest conformance::every ... conformance b: ok: It is: so.\nconformance a: ok: It is.\n\
                 conformance c: FAILED\nFAILED\ntest conformance::other ... ok";
    let told = Told::of(lines.lines());
    assert_eq!(told.passed, [("a", "It is."), ("b", "It is: so.")]);
    assert_eq!(told.failed, ["c"]);
}
