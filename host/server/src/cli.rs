//! Arguments, environment and exit codes: read here and nowhere else.

pub(crate) mod project;
pub(crate) mod registry;
pub(crate) mod remote;
pub(crate) mod unmeant;
pub(crate) mod up;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use stoa_capabilities::telemetry::Config as Collectors;
use stoa_capabilities::variables::{Environment, Secret};

use crate::commands::{self, Invalid};
use crate::telemetry::Printed;
use crate::{output, telemetry};

pub(crate) use project::{Build, Doctor, Watch};
pub(crate) use up::Up;

/// Bad input of the user: `EX_USAGE` of sysexits.h.
const EXIT_USAGE: u8 = 64;
/// Anything else that kept the command from doing its work.
const EXIT_FAILURE: u8 = 1;

/// Serverless WebAssembly components behind one gateway.
#[derive(Debug, Parser)]
#[command(name = "stoa", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the application, open its stores and serve it.
    #[command(
        after_help = "Started again, a host serves what was deployed last, unless what lies in the folder is new. The \
                      folder is the operator's own word: it may do more than what served, and gets no health probe."
    )]
    Up(Box<Up>),
    /// Run the build command of every component.
    Build(Build),
    /// Serve the application, and build and publish what is saved.
    Watch(Watch),
    /// Look at a project of Spin or Stoa, and say what to change.
    #[command(
        after_help = "Nothing of the application runs, nothing is fetched, and no store is opened. Exits with 64 if there \
                      are errors; warnings and notes are none."
    )]
    Doctor(Doctor),
    /// Publish the application, or some of its components, on a host that runs.
    #[command(after_help = "To undo it: `stoa rollback`. What it would change: `stoa diff`.")]
    Deploy(Box<remote::Deploy>),
    /// Say what a deploy would change, or what one release may do that another may not.
    Diff(Box<remote::Diff>),
    /// Say what serves.
    Status(remote::Status),
    /// List the releases.
    Releases(remote::Releases),
    /// Make the candidate the stable release.
    Promote(remote::Promote),
    /// Take the candidate away, or go back to an earlier release.
    Rollback(remote::Rollback),
    /// Show what components print, and what the host says of them.
    Logs(remote::Logs),
    /// List who changed what, or was kept from it.
    Audit(remote::Audit),
    /// Send the application to a registry of images, or fetch it from there.
    Registry(registry::Registry),
}

/// Which application.
#[derive(Debug, Clone, Args)]
pub(crate) struct Application {
    /// The manifest, the folder it lies in, or a file with code alone; for `stoa up` an image, `HOST/REPOSITORY:TAG`, too.
    #[arg(
        short = 'f',
        long = "from",
        aliases = ["file", "from-file", "from-registry"],
        value_name = "FILE",
        default_value = "spin.toml"
    )]
    pub(crate) from: PathBuf,
    /// Apply this profile of the components.
    #[arg(long)]
    pub(crate) profile: Option<String>,
}

/// A `stoa up` that another command asks for.
#[derive(Debug, Parser)]
#[command(name = "stoa up")]
struct Serving {
    #[command(flatten)]
    up: Up,
}

/// What is to be done: a command, and perhaps `stoa up` behind it.
struct Wanted {
    first: Option<Command>,
    up: Option<Box<Up>>,
}

// === impl Wanted ===

impl Wanted {
    /// Reads all of it, so that a mistake in what comes last is told before anything is done.
    fn read() -> Result<Self, clap::Error> {
        let Arguments { command } = Arguments::try_parse()?;
        Ok(match command {
            Command::Up(up) => Self {
                first: None,
                up: Some(up),
            },
            Command::Watch(watch) => Self {
                first: None,
                up: Some(serving(watch.serving())?),
            },
            Command::Build(build) if build.up => Self {
                up: Some(serving(build.serving())?),
                first: Some(Command::Build(build)),
            },
            command => Self {
                first: Some(command),
                up: None,
            },
        })
    }

    fn perform(self) -> anyhow::Result<()> {
        let printed = self.up.as_ref().map_or(Printed::All, |up| up.printed());
        let telemetry = telemetry::start(printed);
        if let Some(first) = self.first {
            first.perform()?;
        }
        match self.up {
            Some(up) => commands::up(&up, environment(), &collectors()?, telemetry),
            None => Ok(()),
        }
    }
}

// === impl Command ===

impl Command {
    fn perform(self) -> anyhow::Result<()> {
        match self {
            // They are what comes behind a command.
            Self::Up(_) | Self::Watch(_) => Ok(()),
            Self::Build(build) => commands::build(&build),
            Self::Doctor(doctor) => commands::doctor(&doctor, environment()),
            Self::Deploy(deploy) => commands::deploy(&deploy),
            Self::Diff(diff) => commands::diff(&diff),
            Self::Status(status) => commands::status(&status),
            Self::Releases(releases) => commands::releases(&releases),
            Self::Promote(promote) => commands::promote(&promote),
            Self::Rollback(rollback) => commands::rollback(&rollback),
            Self::Logs(logs) => commands::logs(&logs),
            Self::Audit(audit) => commands::audit(&audit),
            Self::Registry(registry) => commands::registry(&registry),
        }
    }
}

// === functions ===

/// Where telemetry of components goes, by the variables that OpenTelemetry has for it.
fn collectors() -> anyhow::Result<Collectors> {
    let read = Collectors::read(|name| std::env::var(name).ok());
    Ok(read.map_err(|problems| Invalid::all(&problems))?)
}

pub(crate) fn run() -> ExitCode {
    let wanted = match Wanted::read() {
        Ok(wanted) => wanted,
        Err(error) => {
            // Help and version come as errors too, for standard output and with success.
            let usage = error.use_stderr();
            drop(error.print());
            return if usage {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match wanted.perform() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(telemetry::worded(&error));
            ExitCode::from(if error.is::<Invalid>() {
                EXIT_USAGE
            } else {
                EXIT_FAILURE
            })
        }
    }
}

fn serving(arguments: Vec<OsString>) -> Result<Box<Up>, clap::Error> {
    Serving::try_parse_from(arguments).map(|serving| Box::new(serving.up))
}

fn environment() -> Environment {
    Environment::new(std::env::vars_os())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it must be NAME=VALUE".into()),
    }
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}
