//! Arguments, environment and exit codes: read here and nowhere else.

pub(crate) mod registry;
pub(crate) mod remote;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use stoa_capabilities::variables::{Environment, Secret};

use crate::commands::{self, Invalid};
use crate::compose::Ours;
use crate::{output, telemetry};

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
    Up(Up),
    /// Run the build command of every component.
    Build(Application),
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
    /// The manifest, or the folder it lies in.
    #[arg(
        short = 'f',
        long = "from",
        value_name = "FILE",
        default_value = "spin.toml"
    )]
    pub(crate) from: PathBuf,
    /// Apply this profile of the components.
    #[arg(long)]
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) application: Application,
    /// Where clients connect; port 0 takes a free one [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS", env = "STOA_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Certificate chain in PEM; with it, clients connect by TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// What stands behind each label [default: runtime-config/embedded.toml beside the manifest, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) runtime_config_file: Option<PathBuf>,
    /// Where stores, releases, keys and compiled code are kept [default: .stoa beside the manifest]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,
    /// An environment variable for every component.
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) environment: Vec<(String, String)>,
    /// A variable of the application: NAME=VALUE or NAME=@FILE, or several by @FILE.toml or @FILE.json. Whoever may list
    /// processes sees arguments: give secrets by file or environment.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = secret)]
    pub(crate) variables: Vec<Secret>,
    /// Serve what is built, do not build.
    #[arg(long)]
    pub(crate) skip_build: bool,
    /// Serve Stoa's own interfaces by the adapters that the manifest names for them, as under Spin.
    #[arg(long)]
    pub(crate) portable: bool,
    /// Serve what was deployed to this host, never a folder; wait for the first deploy if there was none. What is found
    /// beside the manifest otherwise is looked for in the current folder.
    #[arg(long, conflicts_with_all = ["from", "watch", "skip_build"])]
    pub(crate) deployed: bool,
    /// Build and deploy what is saved while the host runs.
    #[arg(long, conflicts_with = "skip_build")]
    pub(crate) watch: bool,
    /// Say less at the start.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl Up {
    /// What serves Stoa's own interfaces.
    pub(crate) fn ours(&self) -> Ours {
        match self.portable {
            true => Ours::Adapted,
            false => Ours::Native,
        }
    }
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

pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
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
    let logs = telemetry::start();
    let outcome = match arguments.command {
        Command::Up(up) => commands::up(&up, Environment::new(std::env::vars_os()), logs),
        Command::Build(application) => commands::build(&application),
        Command::Deploy(deploy) => commands::deploy(&deploy),
        Command::Diff(diff) => commands::diff(&diff),
        Command::Status(status) => commands::status(&status),
        Command::Releases(releases) => commands::releases(&releases),
        Command::Promote(promote) => commands::promote(&promote),
        Command::Rollback(rollback) => commands::rollback(&rollback),
        Command::Logs(logs) => commands::logs(&logs),
        Command::Audit(audit) => commands::audit(&audit),
        Command::Registry(registry) => commands::registry(&registry),
    };
    match outcome {
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
