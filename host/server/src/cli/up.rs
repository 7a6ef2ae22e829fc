//! Arguments of `stoa up`: those of `spin up` by the same names where they mean something here, and our own.

use std::convert::Infallible;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stoa_capabilities::variables::Secret;

use super::registry::Places;
use super::unmeant::Unmeant;
use super::{Application, pair, secret};
use crate::compose::Ours;
use crate::configuration::MEMORY_BYTES;
use crate::mounts::Writes;
use crate::telemetry::Printed;

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) application: Application,
    /// Ask the registry of an image without TLS.
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) places: Places,
    /// Serve this component alone, and what is joined with it; may be given several times [default: all]
    #[arg(short = 'c', long = "component-id", value_name = "ID")]
    pub(crate) components: Vec<String>,
    /// Where clients connect; port 0 takes a free one [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS", env = "STOA_LISTEN", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// If the port is in use, take the next one that is not, of the ten from it on.
    #[arg(long)]
    pub(crate) find_free_port: bool,
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
    #[arg(long, value_name = "FOLDER", value_parser = folder)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Write what components print into files there, too; an empty value for none [default: the runtime configuration's]
    #[arg(short = 'L', long, value_name = "FOLDER", value_parser = folder)]
    pub(crate) log_dir: Option<PathBuf>,
    /// Empty these files first.
    #[arg(long)]
    pub(crate) truncate_logs: bool,
    /// Show what this component prints, and nothing of the others; may be given several times.
    #[arg(long, value_name = "ID", conflicts_with = "quiet")]
    pub(crate) follow: Vec<String>,
    /// Say less at the start, and show nothing of what components print.
    #[arg(short, long, aliases = ["sh", "shush"])]
    pub(crate) quiet: bool,
    /// How to tell what is served.
    #[arg(long, value_enum, value_name = "FORM", default_value = "plain")]
    pub(crate) format: Format,
    /// An environment variable for every component.
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) environment: Vec<(String, String)>,
    /// A variable of the application: NAME=VALUE or NAME=@FILE, or several by @FILE.toml or @FILE.json. Whoever may list
    /// processes sees arguments: give secrets by file or environment.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = secret)]
    pub(crate) variables: Vec<Secret>,
    /// Set a key of the key-value store `default` at the start, whatever it had.
    #[arg(long = "key-value", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) key_values: Vec<(String, String)>,
    /// Run a statement in the database `default` at the start, or those of @FILE or @FILE:LABEL in a transaction.
    #[arg(long = "sqlite", value_name = "STATEMENT")]
    pub(crate) statements: Vec<String>,
    /// Let components write into their files: each revision into a copy of its own, which is gone with it.
    #[arg(long)]
    pub(crate) allow_transient_write: bool,
    /// Bytes of memory that an instance of any component may have, in place of what the manifest says.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(MEMORY_BYTES))]
    pub(crate) max_instance_memory: Option<u64>,
    /// Map the memory of instances one by one, and reserve none at the start.
    #[arg(long)]
    pub(crate) disable_pooling: bool,
    /// Nothing to enable: `wasi:otel` is always there.
    #[arg(long, hide = true)]
    pub(crate) experimental_wasi_otel: bool,
    /// What happens without it, too, unless `--skip-build` is given.
    #[arg(long, hide = true, conflicts_with = "skip_build")]
    pub(crate) build: bool,
    /// Serve what is built, do not build.
    #[arg(long)]
    pub(crate) skip_build: bool,
    /// Serve Stoa's own interfaces by the adapters that the manifest names for them, as under Spin.
    #[arg(long)]
    pub(crate) portable: bool,
    /// Serve what was deployed to this host, never a folder; wait for the first deploy if there was none. What is found
    /// beside the manifest otherwise is looked for in the current folder.
    #[arg(long, conflicts_with_all = ["from", "watch", "skip_build", "build"])]
    pub(crate) deployed: bool,
    /// Build and deploy what is saved while the host runs; with `--skip-build`, what was built.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Files are at rest when nothing was saved for so long.
    #[arg(
        long,
        value_name = "MILLISECONDS",
        default_value_t = 100,
        hide = true,
        value_parser = clap::value_parser!(u64).range(1..=60_000)
    )]
    pub(crate) debounce: u64,
    /// Clear the screen before what was saved is built.
    #[arg(long, hide = true)]
    pub(crate) clear: bool,
    #[command(flatten)]
    pub(crate) unmeant: Unmeant,
}

/// How what is served is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Plain,
    /// Spin's document: the address and the routes.
    Json,
}

// === impl Up ===

impl Up {
    /// What serves Stoa's own interfaces.
    pub(crate) fn ours(&self) -> Ours {
        match self.portable {
            true => Ours::Adapted,
            false => Ours::Native,
        }
    }

    /// Whether components may write into what they mount.
    pub(crate) fn writes(&self) -> Writes {
        match self.allow_transient_write {
            true => Writes::Transient,
            false => Writes::Refused,
        }
    }

    /// What is shown of what components print.
    pub(crate) fn printed(&self) -> Printed {
        match (self.quiet, self.follow.is_empty()) {
            (true, _) => Printed::Nothing,
            (false, true) => Printed::All,
            (false, false) => Printed::Of(self.follow.iter().cloned().collect()),
        }
    }
}

// === functions ===

/// An empty one is none, and not a mistake.
fn folder(text: &str) -> Result<PathBuf, Infallible> {
    Ok(PathBuf::from(text))
}

/// An address, or a name and a port. Of several addresses, Spin's choice: that of this machine itself.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let wrong = || "write an address or a name, and a port: `127.0.0.1:3000`".to_owned();
    let found: Vec<SocketAddr> = text.to_socket_addrs().map_err(|_| wrong())?.collect();
    let is_own = |address: &&SocketAddr| address.is_ipv4() && address.ip().is_loopback();
    let own = found.iter().find(is_own).or(found.first());
    own.copied().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_nowhere_is_no_address() {
        for text in ["", "3000", "localhost", "127.0.0.1", "localhost:port"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn memory_that_no_component_could_have_is_refused() {
        let parsed = |bytes: &str| {
            let arguments = ["up", "--max-instance-memory", bytes];
            Up::augment_args(clap::Command::new("up")).try_get_matches_from(arguments)
        };
        for bytes in ["0", "65535", "4294967297", "64MiB"] {
            assert!(parsed(bytes).is_err(), "{bytes}");
        }
        assert!(parsed("65536").is_ok());
    }

    #[test]
    fn a_name_is_looked_up_and_this_machine_goes_first() {
        let expected = "127.0.0.1:3000".parse().expect("it is an address");
        assert_eq!(address("localhost:3000"), Ok(expected));
        let other = "[::1]:80".parse().expect("it is an address");
        assert_eq!(address("[::1]:80"), Ok(other));
    }
}
