//! Arguments of the commands that look at a project on this machine.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stoa_capabilities::variables::Secret;

use super::{Application, secret};

/// What to build.
#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) application: Application,
    /// Build this component, and what is joined with it; may be given several times [default: all]
    #[arg(
        short = 'c',
        long = "component-id",
        visible_alias = "component",
        value_name = "ID"
    )]
    pub(crate) components: Vec<String>,
    /// Nothing to skip: builds are not checked against the environments in `targets`.
    #[arg(long, alias = "skip-target-check", hide = true)]
    pub(crate) skip_target_checks: bool,
    /// Nothing to skip: builds write no WIT.
    #[arg(long, alias = "skip-generate-wit", hide = true)]
    pub(crate) skip_generate_wits: bool,
    /// Serve it when it is built.
    #[arg(short, long)]
    pub(crate) up: bool,
    /// What `stoa up` is told then.
    #[arg(requires = "up", allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) up_arguments: Vec<OsString>,
}

/// Serve an application, and build and publish what is saved meanwhile: `stoa up --watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) application: Application,
    /// Clear the screen before each build.
    #[arg(short, long)]
    pub(crate) clear: bool,
    /// Files are at rest when nothing was saved for so long.
    #[arg(short, long, value_name = "MILLISECONDS", default_value_t = 100)]
    pub(crate) debounce: u64,
    /// Do not build: publish what was built by others.
    #[arg(long)]
    pub(crate) skip_build: bool,
    /// What `stoa up` is told.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) up_arguments: Vec<OsString>,
}

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) application: Application,
    /// The runtime configuration that the application is to run with [default: that of `stoa up`]
    #[arg(long, value_name = "FILE")]
    pub(crate) runtime_config_file: Option<PathBuf>,
    /// A variable of the application, as `stoa up` takes it.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = secret)]
    pub(crate) variables: Vec<Secret>,
    /// How to tell what was found.
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub(crate) format: Form,
    /// Where programs are looked for.
    #[arg(long = "path-in-environment", env = "PATH", hide = true)]
    pub(crate) path: Option<OsString>,
}

/// How findings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

// === impl Build ===

impl Build {
    /// The arguments of the `stoa up` that comes after it.
    pub(crate) fn serving(&self) -> Vec<OsString> {
        // What was built just now is not built again.
        let told = vec![OsString::from("--skip-build")];
        up(&self.application, told, &self.up_arguments)
    }
}

// === impl Watch ===

impl Watch {
    /// The arguments of the `stoa up` that it is.
    pub(crate) fn serving(&self) -> Vec<OsString> {
        let debounce = self.debounce.to_string();
        let mut told = vec!["--watch", "--debounce", &debounce];
        told.extend(self.clear.then_some("--clear"));
        told.extend(self.skip_build.then_some("--skip-build"));
        let told = told.into_iter().map(OsString::from).collect();
        up(&self.application, told, &self.up_arguments)
    }
}

// === functions ===

fn up(application: &Application, told: Vec<OsString>, more: &[OsString]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["stoa up".into(), "--from".into()];
    arguments.push(application.from.clone().into());
    if let Some(profile) = &application.profile {
        arguments.push("--profile".into());
        arguments.push(profile.into());
    }
    arguments.extend(told);
    arguments.extend(more.iter().cloned());
    arguments
}
