//! `stoa doctor`: reads what there is, and tells what to change.

use anyhow::Context;
use stoa_capabilities::variables::Environment;
use stoa_manifest::text::Source;

use super::{Invalid, configured, manifest, root};
use crate::cli::Doctor;
use crate::cli::project::Form;
use crate::doctor::{Severity, Visit, examine};
use crate::output;

/// What to do where there is no manifest to look at.
const ELSEWHERE: &str =
    "start it in the folder of the application, or name its manifest with `--from`";

pub(crate) fn doctor(arguments: &Doctor, environment: Environment) -> anyhow::Result<()> {
    let (file, text) = manifest(&arguments.application)
        .map_err(|Invalid(told)| Invalid(format!("{told}\n  = hint: {ELSEWHERE}")))?;
    let root = root(&file);
    let (configuration, _) = configured(arguments.runtime_config_file.as_deref(), root)?;
    let visit = Visit {
        manifest: Source::new(file.display().to_string(), text),
        root,
        profile: arguments.application.profile.as_deref(),
        configuration,
        variables: &arguments.variables,
        environment,
        path: arguments.path.clone(),
    };
    let executor = tokio::runtime::Builder::new_current_thread().build();
    let executor = executor.context("cannot start a thread to wait on")?;
    let report = executor.block_on(examine(visit));
    match arguments.format {
        Form::Text => output::line(report.text()),
        Form::Json => output::line(report.json().context("cannot tell it in JSON")?),
    }
    match report.count(Severity::Error) {
        0 => Ok(()),
        _ => Err(Invalid(report.summary()).into()),
    }
}
