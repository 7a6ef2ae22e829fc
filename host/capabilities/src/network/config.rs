//! The configuration of the network, in the sections of Spin: `[outbound_networking]`, `[outbound_http]` and
//! `[[client_tls]]`.

use std::path::PathBuf;

use stoa_manifest::ComponentId;
use stoa_manifest::hosts::{self, Network};
use stoa_manifest::text::{self, Mistake, Report, Spanned, Table, Value};

/// Connections that a cap may allow.
const CAP_MAX: u64 = 1_000_000;

/// What holds for the connections of all components of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `outbound_networking.block_networks`: networks that no component reaches, whatever its manifest allows. Entries are
    /// networks (`10.0.0.0/8`), addresses, or `private` for all that is not globally reachable. What is written replaces
    /// the default, which is link-local (169.254.0.0/16 and fe80::/10), because that is where clouds hand out credentials
    /// to whoever asks from this machine.
    pub block_networks: Vec<Network>,
    /// `outbound_networking.max_total_connections`: connections of all components and kinds at once. Default: what their
    /// manifests allow.
    pub total_connections_max: Option<usize>,
    /// `outbound_networking.max_socket_connections`: sockets that guests have open at once. Default: the same.
    pub socket_connections_max: Option<usize>,
    /// `outbound_http.max_connections`: connections of HTTP at once, idle ones included. Default: the same.
    pub http_connections_max: Option<usize>,
    /// `outbound_http.connection_pooling`: whether a connection of HTTP is kept for the next request. Default true.
    pub http_pooling: bool,
    /// `[[client_tls]]`: as whom components show themselves, and whom they trust. The first entry for a component and a
    /// host counts.
    pub client_tls: Vec<ClientTls>,
}

/// An entry of `[[client_tls]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// `component_ids`: whose connections it is for.
    pub components: Vec<ComponentId>,
    /// `hosts`: to whom, names or addresses without a port.
    pub hosts: Vec<String>,
    /// `ca_use_platform_roots`: whether whom this machine trusts is trusted. Default: if nothing else is named.
    pub platform_roots: Option<bool>,
    /// `ca_use_webpki_roots`: whether the public authorities are trusted. Default false.
    pub public_roots: Option<bool>,
    /// `ca_roots_file`: certificates in PEM that are trusted besides. Default none.
    pub roots_file: Option<Spanned<PathBuf>>,
    /// `client_cert_file` and `client_private_key_file`. Default none.
    pub identity: Option<Identity>,
}

/// As whom a component shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `client_cert_file`: the certificate and those behind it, in PEM.
    pub chain: Spanned<PathBuf>,
    /// `client_private_key_file`: its key, in PEM.
    pub key: Spanned<PathBuf>,
}

/// `[outbound_networking]`.
struct OutboundNetworking {
    block_networks: Vec<Network>,
    total: Option<usize>,
    sockets: Option<usize>,
}

/// `[outbound_http]`.
struct OutboundHttp {
    connections: Option<usize>,
    pooling: bool,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            block_networks: Network::link_local(),
            total_connections_max: None,
            socket_connections_max: None,
            http_connections_max: None,
            http_pooling: true,
            client_tls: Vec::new(),
        }
    }
}

impl Config {
    /// Takes the sections of the network out of a runtime configuration. Mistakes are reported to the document.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        let networking = table.or(
            "outbound_networking",
            OutboundNetworking::default(),
            |value| value.table(OutboundNetworking::read),
        );
        let http = table.or("outbound_http", OutboundHttp::default(), |value| {
            value.table(OutboundHttp::read)
        });
        let client_tls = table.or_default("client_tls", |value| value.tables(ClientTls::read));
        let (networking, http) = (networking?, http?);
        Some(Self {
            block_networks: networking.block_networks,
            total_connections_max: networking.total,
            socket_connections_max: networking.sockets,
            http_connections_max: http.connections,
            http_pooling: http.pooling,
            client_tls: client_tls?,
        })
    }
}

// === impl OutboundNetworking ===

impl Default for OutboundNetworking {
    fn default() -> Self {
        Self {
            block_networks: Network::link_local(),
            total: None,
            sockets: None,
        }
    }
}

impl OutboundNetworking {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let block_networks = table.or("block_networks", Network::link_local(), networks);
        let total = cap(table, "max_total_connections");
        let sockets = cap(table, "max_socket_connections");
        Some(Self {
            block_networks: block_networks?,
            total: total?,
            sockets: sockets?,
        })
    }
}

// === impl OutboundHttp ===

impl Default for OutboundHttp {
    fn default() -> Self {
        Self {
            connections: None,
            pooling: true,
        }
    }
}

impl OutboundHttp {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let pooling = table.or("connection_pooling", true, Value::boolean);
        let connections = cap(table, "max_connections");
        let older = older_cap(table, matches!(connections, Some(None)));
        Some(Self {
            connections: connections?.or(older?),
            pooling: pooling?,
        })
    }
}

// === impl ClientTls ===

impl ClientTls {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let components = table.required("component_ids", components);
        let hosts = table.required("hosts", hosts_of);
        let platform_roots = table.optional("ca_use_platform_roots", Value::boolean);
        let public_roots = table.optional("ca_use_webpki_roots", Value::boolean);
        let roots_file = table.optional("ca_roots_file", path);
        let identity = Identity::read(table);
        let read = Self {
            components: components?,
            hosts: hosts?,
            platform_roots: platform_roots?,
            public_roots: public_roots?,
            roots_file: roots_file?,
            identity: identity?,
        };
        match read.roots() {
            (false, false) if read.roots_file.is_none() => {
                let mistake = Mistake::new(table.span(), "nobody would be trusted");
                table.report().refuse(mistake.hint(
                    "leave `ca_use_platform_roots` out, or name who is trusted in `ca_roots_file`",
                ))
            }
            _ => Some(read),
        }
    }

    /// Whether the roots of this machine, and the public ones, are trusted: as in Spin, what is named replaces the default.
    pub(super) fn roots(&self) -> (bool, bool) {
        match (self.platform_roots, self.public_roots) {
            (None, None) => (self.roots_file.is_none(), false),
            (platform, public) => (platform.unwrap_or(false), public.unwrap_or(false)),
        }
    }
}

// === impl Identity ===

impl Identity {
    /// `Some(None)` if there is none.
    fn read(table: &mut Table<'_>) -> Option<Option<Self>> {
        let chain = table.optional("client_cert_file", path);
        let key = table.optional("client_private_key_file", path);
        let (here, missing) = match (chain?, key?) {
            (None, None) => return Some(None),
            (Some(chain), Some(key)) => return Some(Some(Self { chain, key })),
            (Some(chain), None) => (chain.span, "client_private_key_file"),
            (None, Some(key)) => (key.span, "client_cert_file"),
        };
        let message = format!("certificate and key go together, and `{missing}` is missing");
        table.report().refuse(Mistake::new(here, message))
    }
}

// === functions ===

/// A number of connections; 0 allows none.
fn cap(table: &mut Table<'_>, name: &str) -> Option<Option<usize>> {
    let most = table.optional(name, |value| value.integer(0..=CAP_MAX))?;
    Some(most.and_then(|most| usize::try_from(most).ok()))
}

/// `max_concurrent_requests`, which Spin had first: one more than it says. It is a mistake beside its successor.
fn older_cap(table: &mut Table<'_>, alone: bool) -> Option<Option<usize>> {
    let Some(value) = table.take("max_concurrent_requests") else {
        return Some(None);
    };
    let (span, report) = (value.span(), value.report());
    if !alone {
        let mistake = Mistake::new(
            span,
            "`max_concurrent_requests` is the old name of `max_connections`",
        );
        return report.refuse(mistake.hint("remove it"));
    }
    report.warn(
        Mistake::new(span, "`max_concurrent_requests` is deprecated")
            .hint("write `max_connections`, which is one more for the same effect"),
    );
    let most = value.integer(0..=CAP_MAX)?;
    Some(usize::try_from(most + 1).ok())
}

fn networks(value: Value<'_>) -> Option<Vec<Network>> {
    let report = value.report();
    let entries = value.spanned_strings()?.into_iter();
    text::all(entries.map(|entry| network(&entry, report))).map(|networks| networks.concat())
}

fn network(entry: &Spanned<String>, report: &Report) -> Option<Vec<Network>> {
    if entry.value == "private" {
        return Some(Network::private());
    }
    match entry.value.parse() {
        Ok(network) => Some(vec![network]),
        Err(error) => {
            let message = format!("`{}` cannot be blocked: {error}", entry.value);
            report.refuse(
                Mistake::new(entry.span, message)
                    .hint("`private` blocks all that is not globally reachable"),
            )
        }
    }
}

fn components(value: Value<'_>) -> Option<Vec<ComponentId>> {
    let (span, report) = (value.span(), value.report());
    let entries = value.spanned_strings()?.into_iter();
    let read = |entry: Spanned<String>| match ComponentId::new(&*entry.value) {
        Ok(id) => Some(id),
        Err(error) => {
            let message = format!("`{}` is not a component id: {error}", entry.value);
            report.refuse(Mistake::new(entry.span, message))
        }
    };
    let ids = text::all(entries.map(read))?;
    match ids.is_empty() {
        true => report.refuse(Mistake::new(span, "`component_ids` names no component")),
        false => Some(ids),
    }
}

fn hosts_of(value: Value<'_>) -> Option<Vec<String>> {
    let (span, report) = (value.span(), value.report());
    let entries = value.spanned_strings()?.into_iter();
    let read = |entry: Spanned<String>| match is_host(&entry.value) {
        true => Some(entry.value),
        false => {
            let message = format!("`{}` is not a host", entry.value);
            report.refuse(
                Mistake::new(entry.span, message)
                    .hint("write a name or an address, without scheme, port or wildcard"),
            )
        }
    };
    let hosts = text::all(entries.map(read))?;
    match hosts.is_empty() {
        true => report.refuse(Mistake::new(span, "`hosts` names no host")),
        false => Some(hosts),
    }
}

fn is_host(host: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    hosts::address(host).is_some() || (!host.is_empty() && host.chars().all(allowed))
}

fn path(value: Value<'_>) -> Option<Spanned<PathBuf>> {
    let written = value.spanned_string()?;
    Some(Spanned::new(written.span, written.value.into()))
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::Source;

    use super::*;

    fn read(written: &str) -> Result<Config, String> {
        text::read(&Source::new("runtime.toml", written), Config::read)
            .map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn what_cannot_be_blocked_is_told_with_its_line() {
        let told = read(
            "[outbound_networking]\nblock_networks = [\"10.0.0.0/33\", \"public\"]\nmax_total_connections = -1\n",
        );
        let told = told.expect_err("nothing in it is right");
        for part in [
            "runtime.toml:2:19",
            "`public` cannot be blocked",
            "runtime.toml:3:25",
            "3 mistakes",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn a_client_without_anybody_to_trust_or_half_an_identity_is_told() {
        let told = read(
            "[[client_tls]]\ncomponent_ids = []\nhosts = [\"https://a.com\"]\n\
             [[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"a.com:443\"]\nclient_cert_file = \"a.pem\"\n\
             [[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"a.com\"]\nca_use_webpki_roots = false\n\
             [[client_tls]]\ncomponent_ids = [\"a b\"]\nhosts = []\ncert_chain_file = \"a.pem\"\n",
        );
        let told = told.expect_err("nothing in it is right");
        for part in [
            "`component_ids` names no component",
            "`https://a.com` is not a host",
            "`a.com:443` is not a host",
            "`client_private_key_file` is missing",
            "nobody would be trusted",
            "`a b` is not a component id",
            "`hosts` names no host",
            "unknown field `cert_chain_file`",
            "8 mistakes",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn both_names_of_one_cap_are_a_mistake() {
        let told = read("[outbound_http]\nmax_connections = 1\nmax_concurrent_requests = 1\n");
        let told = told.expect_err("it is said twice");
        assert!(told.contains("runtime.toml:3:27"), "{told}");
    }

    #[test]
    fn nothing_written_blocks_what_is_link_local_and_caps_nothing() {
        assert_eq!(read(""), Ok(Config::default()));
        let sections = read("[outbound_networking]\n[outbound_http]\n");
        assert_eq!(sections, Ok(Config::default()));
    }

    #[test]
    fn blocked_networks_replace_the_default_of_link_local() {
        let blocked = |text: &str| {
            let read = read(&format!("[outbound_networking]\nblock_networks = {text}\n"));
            read.unwrap_or_else(|told| panic!("{told}")).block_networks
        };
        assert!(blocked("[]").is_empty());
        let private = blocked("[\"1.1.1.1\", \"private\"]");
        assert_eq!(private.len(), 1 + Network::private().len());
    }

    #[test]
    fn caps_and_clients_are_read_as_in_spin() {
        let config = read(
            "[outbound_networking]\nmax_total_connections = 9\nmax_socket_connections = 0\n\
             [outbound_http]\nconnection_pooling = false\nmax_concurrent_requests = 4\n\
             [[client_tls]]\ncomponent_ids = [\"orders\"]\nhosts = [\"a.com\", \"[::1]\"]\nca_roots_file = \"ca.pem\"\n\
             client_cert_file = \"a.pem\"\nclient_private_key_file = \"a.key\"\n",
        );
        let config = config.unwrap_or_else(|told| panic!("{told}"));
        assert_eq!(config.total_connections_max, Some(9));
        assert_eq!(config.socket_connections_max, Some(0));
        assert_eq!(config.http_connections_max, Some(5));
        assert!(!config.http_pooling);
        let [client] = &*config.client_tls else {
            panic!("there is one");
        };
        assert_eq!(client.hosts, ["a.com", "[::1]"]);
        assert_eq!(
            client.roots(),
            (false, false),
            "a file replaces the default"
        );
        let identity = client.identity.as_ref().expect("it is there");
        assert_eq!(identity.key.value, PathBuf::from("a.key"));
    }

    #[test]
    fn what_is_named_replaces_whom_this_machine_trusts() {
        let roots = |written: &str| {
            let text =
                format!("[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"a\"]\n{written}\n");
            let config = read(&text).unwrap_or_else(|told| panic!("{told}"));
            config.client_tls[0].roots()
        };
        assert_eq!(roots(""), (true, false));
        assert_eq!(roots("ca_use_webpki_roots = true"), (false, true));
        assert_eq!(roots("ca_use_platform_roots = true"), (true, false));
        assert_eq!(
            roots("ca_use_platform_roots = true\nca_use_webpki_roots = true"),
            (true, true)
        );
    }
}
