//! What an address says: whom to connect to, and as whom.

use std::fmt;
use std::time::Duration;

use stoa_capabilities::network::{self, Network};
use stoa_capabilities::postgres::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};

/// Under which destinations are allowed.
pub(super) const SCHEME: &str = "postgres";
/// Where PostgreSQL listens, unless the address says otherwise.
const PORT: u16 = 5432;
/// Hosts of one address: more than any cluster has.
const HOSTS_MAX: usize = 16;

/// An address that was understood. It holds the password, so it is never shown.
pub(super) struct Address {
    /// What the driver needs to log in.
    pub(super) config: Config,
    /// At least one, in the order in which they are tried.
    pub(super) servers: Vec<Server>,
}

/// One of the hosts of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Where to connect to: a name, or the address that was given beside it.
    pub(super) target: String,
    /// What its certificate must be for.
    pub(super) name: String,
    pub(super) port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}:{}", bracketed(&self.target), self.port)
    }
}

/// An IPv6 address in the spelling of URLs, anything else as it is.
fn bracketed(host: &str) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

impl Address {
    /// Reads an address, and refuses what no component may use.
    pub(super) fn parse(address: &str) -> Result<Self, Error> {
        // The error of the driver says no more than this, and names no part of the address.
        let config: Config = address
            .parse()
            .map_err(|error: tokio_postgres::Error| failed(error.to_string()))?;
        if config.get_user().is_none() {
            // The driver would take the user that this host runs as.
            return Err(failed("the address names no user"));
        }
        if config.get_ssl_negotiation() == SslNegotiation::Direct
            && config.get_ssl_mode() != SslMode::Require
        {
            return Err(failed("sslnegotiation=direct needs sslmode=require"));
        }
        let servers = servers(&config)?;
        Ok(Self { config, servers })
    }

    /// Refuses an address if one of its hosts is not allowed, whether it would be needed or not.
    pub(super) fn check(&self, network: &Network) -> Result<(), Error> {
        for server in &self.servers {
            let allowed = |host: &str| network.allows(SCHEME, &bracketed(host), server.port);
            // Where both are given, one is connected to and the other one is believed.
            if !allowed(&server.target) || !allowed(&server.name) {
                let denied = network::Error::Denied;
                network.refused(SCHEME, &server.host(), server.port, denied);
                return Err(not_permitted(server));
            }
        }
        Ok(())
    }

    /// How long one host may take, if the address says so.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.config.get_connect_timeout().copied()
    }
}

impl Server {
    /// What the network is asked for.
    pub(super) fn host(&self) -> String {
        bracketed(&self.target)
    }
}

pub(super) fn not_permitted(server: &Server) -> Error {
    failed(format!("address {server} is not permitted"))
}

fn failed(what: impl Into<String>) -> Error {
    Error::ConnectionFailed(what.into())
}

/// The hosts as libpq pairs them up: names, addresses instead of names, ports for each or one for all.
fn servers(config: &Config) -> Result<Vec<Server>, Error> {
    let (names, addresses) = (names(config)?, config.get_hostaddrs());
    let count = names.len().max(addresses.len());
    if count == 0 {
        return Err(failed("the address names no host"));
    }
    if count > HOSTS_MAX {
        return Err(failed(format!(
            "the address names more than {HOSTS_MAX} hosts"
        )));
    }
    let fits = |len: usize| len == 0 || len == count;
    if !fits(names.len()) || !fits(addresses.len()) {
        return Err(failed("the address has not as many hosts as hostaddrs"));
    }
    let ports = config.get_ports();
    if ports.len() > 1 && ports.len() != count {
        return Err(failed("the address has not as many ports as hosts"));
    }
    let server = |index: usize| {
        let address = addresses.get(index).map(ToString::to_string);
        let name = names.get(index).cloned().or_else(|| address.clone())?;
        Some(Server {
            target: address.unwrap_or_else(|| name.clone()),
            name,
            port: *ports.get(index).or(ports.first()).unwrap_or(&PORT),
        })
    };
    Ok((0..count).filter_map(server).collect())
}

fn names(config: &Config) -> Result<Vec<String>, Error> {
    let name = |host: &Host| match host {
        Host::Tcp(name) => Ok(name.clone()),
        #[cfg(unix)]
        Host::Unix(_) => Err(failed("Unix sockets are not supported on WebAssembly")),
    };
    config.get_hosts().iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(address: &str) -> Vec<String> {
        let address = match Address::parse(address) {
            Ok(address) => address,
            Err(error) => panic!("{address}: {error}"),
        };
        let shown = |server: &Server| format!("{server} as {}", server.name);
        address.servers.iter().map(shown).collect()
    }

    fn refusal(address: &str) -> String {
        match Address::parse(address) {
            Ok(_) => panic!("{address} was understood"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        let wrong = [
            "",
            "hello",
            "postgres://root:hunter2@127.0.0.1:port/test",
            "postgres://root:hunter2@127.0.0.1/test?sslmode=maybe",
            "host=a user=root password=hunter2 colour=green",
            "postgres://root:hunter2@a:1,b:2,c/test?port=1,2",
        ];
        for address in wrong {
            let refusal = refusal(address);
            assert!(refusal.starts_with("connection failed: "), "{refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn an_address_needs_a_user_and_a_host() {
        assert!(refusal("postgres://127.0.0.1/test").contains("no user"));
        assert!(refusal("user=root").contains("no host"));
    }

    #[test]
    fn unix_sockets_are_refused() {
        assert!(refusal("host=/var/run/postgresql user=root").contains("Unix sockets"));
        assert!(refusal("postgres://root@%2Fvar%2Frun%2Fpostgresql/test").contains("Unix sockets"));
        let hidden = "host=a,/var/run/postgresql user=root";
        assert!(refusal(hidden).contains("Unix sockets"));
    }

    #[test]
    fn tls_without_asking_must_be_required() {
        let prefer = "host=a user=root sslnegotiation=direct";
        assert!(refusal(prefer).contains("sslmode=require"));
    }

    #[test]
    fn too_many_hosts_are_refused() {
        let hosts = vec!["a"; HOSTS_MAX + 1].join(",");
        assert!(refusal(&format!("host={hosts} user=root")).contains("more than"));
    }

    #[test]
    fn urls_and_pairs_are_understood() {
        let url = "postgresql://root:secret@db.example.com/test?connect_timeout=3";
        assert_eq!(
            servers(url),
            ["postgres://db.example.com:5432 as db.example.com"]
        );
        let pairs = "host=db.example.com port=6543 user=root password='a b'";
        assert_eq!(
            servers(pairs),
            ["postgres://db.example.com:6543 as db.example.com"]
        );
        assert_eq!(
            servers("postgres://root@[::1]:1/test"),
            ["postgres://[::1]:1 as ::1"]
        );
    }

    #[test]
    fn several_hosts_have_their_ports() {
        assert_eq!(
            servers("host=a,b port=1,2 user=root"),
            ["postgres://a:1 as a", "postgres://b:2 as b"]
        );
        assert_eq!(
            servers("host=a,b port=3 user=root"),
            ["postgres://a:3 as a", "postgres://b:3 as b"]
        );
    }

    #[test]
    fn an_address_beside_a_name_is_what_is_connected_to() {
        assert_eq!(
            servers("host=a hostaddr=10.0.0.1 user=root"),
            ["postgres://10.0.0.1:5432 as a"]
        );
        assert_eq!(
            servers("hostaddr=10.0.0.1 user=root"),
            ["postgres://10.0.0.1:5432 as 10.0.0.1"]
        );
        assert!(refusal("host=a,b hostaddr=10.0.0.1 user=root").contains("as many hosts"));
    }

    #[test]
    fn nothing_is_allowed_by_a_network_that_is_not_set_up() {
        let address = Address::parse("host=a user=root").unwrap_or_else(|error| panic!("{error}"));
        let refused = address.check(&Network::default());
        let told = "connection failed: address postgres://a:5432 is not permitted";
        assert_eq!(refused.map_err(|error| error.to_string()), Err(told.into()));
    }
}
