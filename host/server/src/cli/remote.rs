//! Arguments of the commands that ask a running host.

mod rollout;

use std::path::{Path, PathBuf};

use clap::Args;
use stoa_capabilities::variables::Secret;

use super::registry::Places;
use super::{Application, secret};
use crate::registry::Reference;

pub(crate) use rollout::Rollout;

/// Releases or entries that are shown unless more are asked for.
const SHOWN: u32 = 20;
/// ... and how many a host gives at once.
const SHOWN_MAX: i64 = 999;

/// Which host, and who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Remote {
    /// The manifest, or the folder it lies in. A host that runs from there is found by its state directory.
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        default_value = "spin.toml"
    )]
    pub(crate) file: PathBuf,
    /// The state directory of the host [default: .stoa beside the manifest]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where the host's admin API is [default: what `admin.url` in the state directory says]
    #[arg(long, value_name = "URL", env = "STOA_HOST")]
    pub(crate) host: Option<String>,
    /// A file with the token that the host asks for [default: STOA_TOKEN, or `admin.token` in the state directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Meant for the environment: whoever may list processes sees arguments.
    #[arg(
        long = "token-in-environment",
        value_name = "TOKEN",
        env = "STOA_TOKEN",
        hide = true,
        hide_env_values = true,
        value_parser = secret
    )]
    pub(crate) token: Option<Secret>,
    /// Certificates in PEM that vouch for the host [default: those that this machine trusts]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Certificate chain in PEM to show to the host.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,
    /// Private key of that certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,
}

/// What is deployed.
#[derive(Debug, Clone, Args)]
#[group(id = "offered")]
pub(crate) struct Offered {
    /// Apply this profile of the components.
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Only this component; given more than once, only these. The others stay as they serve.
    #[arg(long = "component", value_name = "NAME")]
    pub(crate) components: Vec<String>,
    /// Deploy what is built, do not build.
    #[arg(long)]
    pub(crate) skip_build: bool,
    /// Sign it with this private key in PEM, Ed25519 or P-256.
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) sign: Option<PathBuf>,
    /// It may do more than the release that serves: so does the first one on an empty host.
    #[arg(long)]
    pub(crate) allow_new_grants: bool,
    /// Its migrations may take away what the release that serves still uses, where the manifest names them.
    #[arg(long)]
    pub(crate) allow_contracting: bool,
    /// Only if this version is in force: see `stoa status`.
    #[arg(long, value_name = "VERSION")]
    pub(crate) expected: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// An image in a registry, `HOST/REPOSITORY:TAG` or `…@DIGEST`, instead of what lies beside the manifest.
    #[arg(
        long,
        value_name = "REFERENCE",
        value_parser = image,
        conflicts_with_all = ["profile", "skip_build"]
    )]
    pub(crate) from: Option<Reference>,
    /// Ask the registry without TLS.
    #[arg(long, requires = "from")]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) offered: Offered,
    #[command(flatten)]
    pub(crate) rollout: Rollout,
    /// Why, for whoever reads the history.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) note: String,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) offered: Offered,
    #[command(flatten)]
    pub(crate) rollout: Rollout,
    /// Compare this release with that of `--to`, instead of what is here with what serves.
    #[arg(long, value_name = "RELEASE", requires = "to", conflicts_with_all = ["offered", "rollout"])]
    pub(crate) from: Option<u64>,
    /// See `--from`.
    #[arg(long, value_name = "RELEASE", requires = "from")]
    pub(crate) to: Option<u64>,
    /// Print the answer of the host, in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Print the answer of the host, in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Releases {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) page: Page,
    /// Print the answer of the host, in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// The release to go back to [default: the candidate goes, or the stable release before this one comes back]
    pub(crate) release: Option<u64>,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Only lines about this component.
    #[arg(long, value_name = "NAME")]
    pub(crate) component: Option<String>,
    /// How many of the last lines; a host keeps 2000.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) lines: u32,
    /// Go on with what comes.
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    pub(crate) page: Page,
    /// Print the answer of the host, in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which part of a history, whose newest comes first.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Page {
    /// How many at most.
    #[arg(
        long,
        value_name = "N",
        default_value_t = SHOWN,
        value_parser = clap::value_parser!(u32).range(1..=SHOWN_MAX)
    )]
    pub(crate) limit: u32,
    /// Only what is older than this number.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) before: Option<u64>,
}

/// Why something is moved, and from where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reason {
    /// Why, for whoever reads the history.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) note: String,
    /// Only if this version is in force: see `stoa status`.
    #[arg(long, value_name = "VERSION")]
    pub(crate) expected: Option<u64>,
}

/// Other commands have the manifest by this name.
fn image(text: &str) -> Result<Reference, String> {
    Reference::parse(text).map_err(|reason| format!("{reason}; a manifest is named by `--file`"))
}

// === impl Remote ===

impl Remote {
    /// Where the host keeps its state, if it runs here.
    pub(crate) fn state(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| {
            let folder = match self.file.is_dir() {
                true => Some(self.file.as_path()),
                false => self.file.parent(),
            };
            // Not joined with an empty path: what is printed begins with `.stoa` then.
            folder.unwrap_or(Path::new("")).join(".stoa")
        })
    }

    pub(crate) fn application(&self, profile: Option<&str>) -> Application {
        Application {
            from: self.file.clone(),
            profile: profile.map(str::to_owned),
        }
    }
}

// === impl Page ===

impl Page {
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let limit = ("limit", self.limit.to_string());
        let before = self.before.map(|before| ("before", before.to_string()));
        std::iter::once(limit).chain(before).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;
    use clap::error::ErrorKind;

    use super::*;

    #[track_caller]
    fn parsed<A: Args>(arguments: &[&str]) -> Result<A, ErrorKind> {
        let command = A::augment_args(Command::new("stoa"));
        let arguments = std::iter::once(&"stoa").chain(arguments);
        let matches = command.try_get_matches_from(arguments);
        let matches = matches.map_err(|error| error.kind())?;
        A::from_arg_matches(&matches).map_err(|error| error.kind())
    }

    fn check<A: Args>() {
        A::augment_args(Command::new("stoa")).debug_assert();
    }

    #[test]
    fn no_argument_is_there_twice() {
        check::<Deploy>();
        check::<Diff>();
        check::<Status>();
        check::<Releases>();
        check::<Promote>();
        check::<Rollback>();
        check::<Logs>();
        check::<Audit>();
    }

    #[test]
    fn two_releases_are_compared_or_one_is_offered() {
        for arguments in [
            &["--from", "5", "--to", "7", "--component", "a"][..],
            &["--from", "5", "--to", "7", "--strategy", "canary"],
            &["--from", "5", "--to", "7", "--skip-build"],
        ] {
            let outcome = parsed::<Diff>(arguments).err();
            assert_eq!(outcome, Some(ErrorKind::ArgumentConflict), "{arguments:?}");
        }
        for arguments in [["--from", "5"], ["--to", "7"]] {
            let outcome = parsed::<Diff>(&arguments).err();
            assert_eq!(outcome, Some(ErrorKind::MissingRequiredArgument));
        }
        let both = parsed::<Diff>(&["--from", "5", "--to", "7", "-f", "x", "--json"]);
        let both = both.expect("that is all it needs");
        assert_eq!((both.from, both.to), (Some(5), Some(7)));
    }

    #[test]
    fn an_image_is_neither_built_nor_given_a_profile() {
        let image = ["--from", "ghcr.io/me/shop:1.0"];
        for more in [&["--profile", "x"][..], &["--skip-build"]] {
            let arguments = [&image[..], more].concat();
            let outcome = parsed::<Deploy>(&arguments).err();
            assert_eq!(outcome, Some(ErrorKind::ArgumentConflict), "{arguments:?}");
        }
        let outcome = parsed::<Deploy>(&["--insecure"]).err();
        assert_eq!(outcome, Some(ErrorKind::MissingRequiredArgument));
        let outcome = parsed::<Deploy>(&["--from", "shop:1.0"]).err();
        assert_eq!(outcome, Some(ErrorKind::ValueValidation));
        let arguments = [&image[..], &["--component", "a", "--insecure"]].concat();
        let deploy = parsed::<Deploy>(&arguments).expect("it is asked for");
        assert_eq!(deploy.from, Reference::parse(image[1]).ok());
    }

    #[test]
    fn a_certificate_comes_with_its_key() {
        for option in ["--client-cert", "--client-key"] {
            let outcome = parsed::<Status>(&[option, "x.pem"]).err();
            assert_eq!(outcome, Some(ErrorKind::MissingRequiredArgument));
        }
    }

    #[test]
    fn no_more_is_asked_for_than_fits() {
        for limit in ["0", "1000", "-1", "x"] {
            assert!(parsed::<Audit>(&["--limit", limit]).is_err(), "{limit}");
        }
        let page = parsed::<Audit>(&["--before", "7"]).expect("it is asked for");
        assert_eq!(
            page.page.query(),
            [("limit", "20".to_owned()), ("before", "7".to_owned())]
        );
    }

    #[test]
    fn the_state_directory_is_beside_the_manifest() {
        let state = |arguments: &[&str]| {
            let status = parsed::<Status>(arguments).expect("it is asked for");
            status.remote.state()
        };
        assert_eq!(state(&[]), Path::new(".stoa"));
        assert_eq!(state(&["-f", "shop/spin.toml"]), Path::new("shop/.stoa"));
        let folder = tempfile::tempdir().expect("a folder can be made");
        let shown = folder.path().display().to_string();
        assert_eq!(state(&["-f", &shown]), folder.path().join(".stoa"));
        assert_eq!(state(&["--state-dir", "x"]), Path::new("x"));
    }

    #[test]
    fn a_token_is_not_shown() {
        let status = parsed::<Status>(&["--token-in-environment", "hunter2"]);
        let shown = format!("{:?}", status.expect("it is asked for"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
