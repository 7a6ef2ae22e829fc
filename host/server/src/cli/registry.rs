//! Arguments of the commands that ask a registry of images.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Application;
use crate::registry::{Reference, credentials, parse_host};

/// Images of applications.
#[derive(Debug, Args)]
pub(crate) struct Registry {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the application and send it to a registry.
    Push(Push),
    /// Write the application of an image, one of Stoa or of Spin, into a folder.
    Pull(Pull),
    /// Keep name and password for a registry, once it has accepted them. The password is read from standard input.
    Login(Login),
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// What it will be called: `HOST/REPOSITORY:TAG`.
    #[arg(value_parser = Reference::parse)]
    pub(crate) reference: Reference,
    #[command(flatten)]
    pub(crate) application: Application,
    /// Push what is built, do not build.
    #[arg(long)]
    pub(crate) skip_build: bool,
    /// Sign it with this private key in PEM, Ed25519 or P-256.
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) sign: Option<PathBuf>,
    /// Ask the registry without TLS.
    #[arg(long)]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) places: Places,
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// What it is called: `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`.
    #[arg(value_parser = Reference::parse)]
    pub(crate) reference: Reference,
    /// Where to write it: an empty folder, or one that is not there yet.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
    /// Ask the registry without TLS.
    #[arg(long)]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) places: Places,
}

/// Without the password: whoever may list processes sees arguments.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The registry, like `ghcr.io`.
    #[arg(value_parser = parse_host)]
    pub(crate) host: String,
    /// Who asks.
    #[arg(long, value_name = "NAME", value_parser = username)]
    pub(crate) username: String,
    /// Ask the registry without TLS: everybody on the way can read the password.
    #[arg(long)]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) places: Places,
}

/// Where names and passwords for registries are kept; the environment says. An empty value is none.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Places {
    #[arg(long = "home-in-environment", env = "HOME", hide = true)]
    home: Option<OsString>,
    #[arg(
        long = "xdg-config-home-in-environment",
        env = "XDG_CONFIG_HOME",
        hide = true
    )]
    config_home: Option<OsString>,
    #[arg(
        long = "docker-config-in-environment",
        env = "DOCKER_CONFIG",
        hide = true
    )]
    docker_config: Option<OsString>,
    #[arg(
        long = "registry-auth-file-in-environment",
        env = "REGISTRY_AUTH_FILE",
        hide = true
    )]
    auth_file: Option<OsString>,
}

// === impl Places ===

impl Places {
    pub(crate) fn resolve(&self) -> credentials::Places {
        let home = path(&self.home);
        let below_home = |name: &str| home.as_ref().map(|home| home.join(name));
        let config = path(&self.config_home).or_else(|| below_home(".config"));
        let docker = path(&self.docker_config).or_else(|| below_home(".docker"));
        credentials::Places {
            own: config.map(|folder| folder.join("stoa/registries.json")),
            shared: path(&self.auth_file)
                .or_else(|| docker.map(|folder| folder.join("config.json"))),
        }
    }
}

fn path(value: &Option<OsString>) -> Option<PathBuf> {
    let value = value.as_ref().filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// A colon ends the name where it is sent.
fn username(text: &str) -> Result<String, String> {
    match text.is_empty() || text.contains(':') || text.contains(char::is_control) {
        true => Err("a name is not empty and has no `:`".to_owned()),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::{Command as Clap, FromArgMatches};

    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Registry, clap::Error> {
        let command = Registry::augment_args(Clap::new("registry"));
        let arguments = std::iter::once(&"registry").chain(arguments);
        Registry::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    #[test]
    fn no_argument_is_there_twice() {
        Registry::augment_args(Clap::new("registry")).debug_assert();
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused() {
        for arguments in [
            &["push"][..],
            &["push", "shop:1.0"],
            &["pull", "ghcr.io/me/shop"],
            &["pull", "https://ghcr.io/me/shop", "--to", "x"],
            &["login", "ghcr.io"],
            &["login", "ghcr.io/me", "--username", "me"],
            &["login", "ghcr.io", "--username", "me:hunter2"],
            &[
                "login",
                "ghcr.io",
                "--username",
                "me",
                "--password",
                "hunter2",
            ],
        ] {
            assert!(parsed(arguments).is_err(), "{arguments:?}");
        }
        let login = parsed(&["login", "GHCR.io", "--username", "me"]);
        let Command::Login(login) = login.expect("it is asked for").command else {
            panic!("it is a login");
        };
        assert_eq!(
            (login.host.as_str(), login.username.as_str()),
            ("ghcr.io", "me")
        );
    }

    #[test]
    fn the_environment_says_where_credentials_are() {
        let set = |text: &str| Some(OsString::from(text));
        let nothing = Places::default().resolve();
        assert_eq!((nothing.own, nothing.shared), (None, None));
        let home = Places {
            home: set("/home/me"),
            config_home: set(""),
            ..Places::default()
        };
        let found = home.resolve();
        assert_eq!(
            found.own.as_deref(),
            Some(Path::new("/home/me/.config/stoa/registries.json"))
        );
        assert_eq!(
            found.shared.as_deref(),
            Some(Path::new("/home/me/.docker/config.json"))
        );
        let docker = Places {
            config_home: set("/c"),
            docker_config: set("/d"),
            ..home
        };
        let found = docker.resolve();
        assert_eq!(
            found.own.as_deref(),
            Some(Path::new("/c/stoa/registries.json"))
        );
        assert_eq!(found.shared.as_deref(), Some(Path::new("/d/config.json")));
        let podman = Places {
            auth_file: set("/p/auth.json"),
            ..docker
        };
        assert_eq!(
            podman.resolve().shared.as_deref(),
            Some(Path::new("/p/auth.json"))
        );
    }
}
