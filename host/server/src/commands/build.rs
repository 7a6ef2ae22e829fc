//! `stoa build`: runs the build commands.

use super::Project;
use super::deploy::chosen;
use crate::cli::Build;
use crate::{build, bundle};

pub(crate) fn build(arguments: &Build) -> anyhow::Result<()> {
    let project = Project::read(&arguments.application)?;
    let only = chosen(&project.app, &arguments.components)?;
    let only = bundle::with_parts(&project.app, &only);
    build::run(&project.app, &project.root, &only)
}
