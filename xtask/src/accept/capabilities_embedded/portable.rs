//! The adapter that serves Stoa's interface on Spin's, composed as `stoa up --portable` does, answers as the host does.

use crate::accept::Shown;
use crate::accept::suite::DEPENDENCIES;
use crate::stage::Stage;

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let report = DEPENDENCIES.run(stage, &[], &[])?;
    Ok(Shown {
        passed: report.is_good(),
        figure: format!(
            "{} tests of composed components passed, {} failed",
            report.passed, report.failed
        ),
    })
}
