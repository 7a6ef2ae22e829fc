//! Components by Spin's SDKs for Rust and by the crates for WASI that the registry has: every function that they offer,
//! refused and done.

use crate::accept::Shown;
use crate::accept::suite::SPIN;
use crate::stage::Stage;

/// What must be among the tests' guests.
const GUESTS: [&str; 6] = [
    "spin-sdk-3",
    "spin-sdk-5",
    "spin-sdk-6",
    "spin-sdk-7",
    "wasip2-http",
    "wstd-http",
];

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    for guest in GUESTS {
        // What is not built was not tried.
        stage.probe(&guest.replace('-', "_"))?;
    }
    let report = SPIN.run(stage, &["sdks::", "crates::", "wasi::"], &[])?;
    Ok(Shown {
        passed: report.is_good(),
        figure: format!(
            "{} tests of {} guests ({}) passed, {} failed",
            report.passed,
            GUESTS.len(),
            GUESTS.join(", "),
            report.failed
        ),
    })
}
