//! The PostgreSQL of this machine, and a schema in it that lasts as long as its point.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::process;
use crate::random;

/// Names another server.
const VARIABLE: &str = "STOA_TEST_POSTGRES";
/// A server as distributions install it, which trusts this machine.
const DEFAULT: &str = "postgres://root@127.0.0.1:5432/test";
const STATEMENT_MAX: Duration = Duration::from_secs(20);

/// A schema, dropped with this.
pub(super) struct Schema(String);

impl Schema {
    /// Chooses a name that nothing else has.
    pub(super) fn new() -> anyhow::Result<Self> {
        let schema = Self(format!("stoa_accept_{:x}", random::seed()));
        execute(&format!("CREATE SCHEMA \"{}\"", schema.0)).with_context(|| {
            format!("no PostgreSQL that can be used; `{VARIABLE}` names another")
        })?;
        Ok(schema)
    }

    /// What a host's runtime configuration says of it, perhaps by way of another address.
    pub(super) fn configuration(&self, through: Option<SocketAddr>) -> anyhow::Result<String> {
        let url = match through {
            Some(address) => redirected(&url(), &address.to_string())?,
            None => url(),
        };
        let schema = &self.0;
        // A text looks the same in Rust and in TOML.
        Ok(format!(
            "[releases.postgres]\nurl = {url:?}\nschema = {schema:?}\n"
        ))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Err(error) = execute(&format!("DROP SCHEMA \"{}\" CASCADE", self.0)) {
            eprintln!("cannot drop the schema `{}`: {error:#}", self.0);
        }
    }
}

/// Where the server listens.
pub(super) fn address() -> anyhow::Result<SocketAddr> {
    let url = url();
    let (_, server, _) = parts(&url)?;
    let mut addresses = server
        .to_socket_addrs()
        .with_context(|| format!("`{server}` is no host and port"))?;
    let address = addresses.next().context("the server has no address")?;
    ensure!(
        address.ip().is_loopback(),
        "the server is not on this machine: a proxy to it is not for this point"
    );
    Ok(address)
}

fn url() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| DEFAULT.to_owned())
}

/// The same URL for another server.
fn redirected(url: &str, server: &str) -> anyhow::Result<String> {
    let (before, _, after) = parts(url)?;
    Ok(format!("{before}{server}{after}"))
}

/// What stands before the server, the server, and what stands behind it.
fn parts(url: &str) -> anyhow::Result<(&str, &str, &str)> {
    // The URL may hold a password: it is in no message.
    let from = url
        .find("://")
        .context("the database's URL has no scheme")?
        + 3;
    let until = url[from..].find('/').map_or(url.len(), |at| from + at);
    let from = url[from..until].rfind('@').map_or(from, |at| from + at + 1);
    Ok((&url[..from], &url[from..until], &url[until..]))
}

fn execute(statement: &str) -> anyhow::Result<()> {
    let mut psql = process::command("psql", Path::new("/"));
    psql.args(["-X", "-q", "-w", "-v", "ON_ERROR_STOP=1"])
        .arg("-c")
        .arg(statement)
        .arg(url());
    let finished = process::output(&mut psql, STATEMENT_MAX)?;
    ensure!(
        finished.status.success(),
        "psql failed ({}): {}",
        finished.status,
        finished.stderr.trim()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_scheme_is_none() {
        assert!(parts("localhost/test").is_err());
    }

    #[test]
    fn only_the_server_of_a_url_changes() {
        let redirected = |url| redirected(url, "127.0.0.1:7").expect("it is a URL");
        assert_eq!(redirected(DEFAULT), "postgres://root@127.0.0.1:7/test");
        assert_eq!(
            redirected("postgres://a:b@c@db:1/x?y=@z"),
            "postgres://a:b@c@127.0.0.1:7/x?y=@z"
        );
        assert_eq!(redirected("postgres://db"), "postgres://127.0.0.1:7");
    }
}
