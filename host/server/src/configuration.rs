//! The runtime configuration: what stands behind each label on this machine, and the limits of this host.
//!
//! It accepts the sections of Spin's `runtime-config.toml` and ours. A section of Spin's that this version cannot
//! honour is a mistake, not silence.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use stoa_capabilities::{Config as Capabilities, releases};
use stoa_gateway::config::{Limits, Tls};
use stoa_manifest::hosts::Network;
use stoa_manifest::text::{self, Mistake, Mistakes, Report, Source, Spanned, Table, Value};

use crate::{admin, deploy};

/// What a runtime configuration says. Everything has a default.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// `state_dir`: relative to the manifest's folder. Default `.stoa`.
    pub(crate) state_dir: Option<PathBuf>,
    /// `seed`: whether the manifest's seeds are loaded at the first start. Default `never`.
    pub(crate) seed: Seed,
    /// The stores, by noun and label, and `[[variables_provider]]`.
    pub(crate) capabilities: Capabilities,
    /// `[gateway]`.
    pub(crate) gateway: Gateway,
    /// `[runtime]`.
    pub(crate) runtime: Runtime,
    /// `[outbound_networking]`.
    pub(crate) outbound_networking: OutboundNetworking,
    /// `[releases]`: where the history of releases is kept. Default: embedded, in the state directory.
    pub(crate) releases: releases::Config,
    /// `[deploy]`: what is asked of a release, and how old ones go.
    pub(crate) deploy: deploy::Config,
    /// `[admin]`: the admin API.
    pub(crate) admin: admin::Config,
}

/// When the manifest's seeds are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Seed {
    /// Not by the host.
    #[default]
    Never,
    /// Each once, at the first start with an empty state directory.
    FirstStart,
}

/// `[gateway]`.
#[derive(Debug, Default)]
pub(crate) struct Gateway {
    /// `listen`. Default `127.0.0.1:3000`; the command line goes first.
    pub(crate) listen: Option<SocketAddr>,
    /// `tls`. Default none.
    pub(crate) tls: Option<Tls>,
    /// `limits`.
    pub(crate) limits: Limits,
}

/// `[runtime]`.
#[derive(Debug)]
pub(crate) struct Runtime {
    /// `instances_max`: instances alive at once. Default 1000.
    pub(crate) instances_max: u32,
    /// `cores`: cores that serve. Default all.
    pub(crate) cores: usize,
}

/// `[outbound_networking]`, which is Spin's section.
#[derive(Debug)]
pub(crate) struct OutboundNetworking {
    /// `block_networks`: networks that no component reaches, whatever its manifest allows. Entries are networks
    /// (`10.0.0.0/8`), addresses, or `private` for all that is not globally reachable. What is written replaces the
    /// default, which is link-local (169.254.0.0/16 and fe80::/10), because that is where clouds hand out credentials
    /// to whoever asks from this machine.
    pub(crate) block_networks: Vec<Network>,
}

const INSTANCES_MAX: u32 = 1000;

impl Default for Runtime {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            instances_max: INSTANCES_MAX,
            cores,
        }
    }
}

impl Default for OutboundNetworking {
    fn default() -> Self {
        Self {
            block_networks: Network::link_local(),
        }
    }
}

impl Configuration {
    /// Reads a configuration, or every mistake in it.
    pub(crate) fn parse(source: &Source) -> Result<Self, Mistakes> {
        text::read(source, |table| {
            let state_dir = table.optional("state_dir", Value::string);
            let seed = table.or_default("seed", |value| {
                value.choice(&[("never", Seed::Never), ("first-start", Seed::FirstStart)])
            });
            let capabilities = Capabilities::read(table);
            let gateway = table.or_default("gateway", |value| value.table(Gateway::read));
            let runtime = table.or_default("runtime", |value| value.table(Runtime::read));
            let outbound_networking = table.or_default("outbound_networking", |value| {
                value.table(OutboundNetworking::read)
            });
            let releases = releases::Config::read(table);
            let deploy = table.or_default("deploy", |value| value.table(deploy::Config::read));
            let admin = table.or_default("admin", |value| value.table(admin::Config::read));
            unsupported(table, &UNSUPPORTED);
            Some(Self {
                state_dir: state_dir?.map(PathBuf::from),
                seed: seed?,
                capabilities: capabilities?,
                gateway: gateway?,
                runtime: runtime?,
                outbound_networking: outbound_networking?,
                releases: releases?,
                deploy: deploy?,
                admin: admin?,
            })
        })
    }
}

impl Gateway {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let listen = table.optional("listen", address);
        let tls = table.optional("tls", |value| value.table(read_tls));
        let limits = table.or_default("limits", |value| value.table(read_limits));
        Some(Self {
            listen: listen?,
            tls: tls?,
            limits: limits?,
        })
    }
}

impl Runtime {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let default = Self::default();
        let instances = table.or("instances_max", u64::from(default.instances_max), |value| {
            value.integer(1..=100_000)
        });
        let cores = table.or("cores", default.cores as u64, |value| {
            value.integer(1..=1_024)
        });
        Some(Self {
            instances_max: u32::try_from(instances?).ok()?,
            cores: usize::try_from(cores?).ok()?,
        })
    }
}

impl OutboundNetworking {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let default = Self::default();
        let block_networks = table.or("block_networks", default.block_networks, networks);
        unsupported(table, &UNSUPPORTED_OF_OUTBOUND_NETWORKING);
        Some(Self {
            block_networks: block_networks?,
        })
    }
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

pub(crate) fn address(value: Value<'_>) -> Option<SocketAddr> {
    let report = value.report();
    let written = value.spanned_string()?;
    let wrong = || {
        Mistake::new(written.span, "this is not an address")
            .hint("write an IP address and a port: `127.0.0.1:3000`")
    };
    written
        .value
        .parse()
        .ok()
        .or_else(|| report.refuse(wrong()))
}

fn read_tls(table: &mut Table<'_>) -> Option<Tls> {
    let certificate = table.required("certificate", Value::string);
    let key = table.required("key", Value::string);
    Some(Tls {
        certificate: certificate?.into(),
        key: key?.into(),
    })
}

fn read_limits(table: &mut Table<'_>) -> Option<Limits> {
    let default = Limits::default();
    let connections = count(table, "connections_max", default.connections_max, 1_000_000);
    let in_flight = count(
        table,
        "requests_in_flight_max",
        default.requests_in_flight_max,
        1_000_000,
    );
    let body = table.or(
        "request_body_bytes_max",
        default.request_body_bytes_max,
        |value| value.integer(0..=1 << 40),
    );
    let headers = count(
        table,
        "request_headers_max",
        default.request_headers_max,
        10_000,
    );
    let head = count(
        table,
        "request_head_bytes_max",
        default.request_head_bytes_max,
        1 << 20,
    );
    let head_read = duration(table, "head_read_ms_max", default.head_read_max);
    let body_idle = duration(table, "body_idle_ms_max", default.body_idle_max);
    let idle = duration(table, "connection_idle_ms_max", default.connection_idle_max);
    let stall = duration(table, "write_stall_ms_max", default.write_stall_max);
    let drain = duration(table, "drain_ms_max", default.drain_max);
    let streams = table.or(
        "http2_streams_max",
        u64::from(default.http2_streams_max),
        |value| value.integer(1..=10_000),
    );
    Some(Limits {
        connections_max: connections?,
        requests_in_flight_max: in_flight?,
        request_body_bytes_max: body?,
        request_headers_max: headers?,
        request_head_bytes_max: head?,
        head_read_max: head_read?,
        body_idle_max: body_idle?,
        connection_idle_max: idle?,
        write_stall_max: stall?,
        drain_max: drain?,
        http2_streams_max: u32::try_from(streams?).ok()?,
    })
}

fn count(table: &mut Table<'_>, name: &str, default: usize, most: u64) -> Option<usize> {
    let read = table.or(name, default as u64, |value| value.integer(1..=most))?;
    usize::try_from(read).ok()
}

/// Up to a day: nothing waits without a bound.
fn duration(table: &mut Table<'_>, name: &str, default: Duration) -> Option<Duration> {
    let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
    table
        .or(name, default, |value| value.integer(1..=86_400_000))
        .map(Duration::from_millis)
}

/// Sections that Spin knows and this version cannot honour yet.
const UNSUPPORTED: [&str; 9] = [
    "llm_compute",
    "client_tls",
    "outbound_http",
    "outbound_pg",
    "outbound_mysql",
    "outbound_redis",
    "outbound_mqtt",
    "max_instance_memory",
    "log_dir",
];

/// The same within `[outbound_networking]`: here a component's connections are limited in its manifest.
const UNSUPPORTED_OF_OUTBOUND_NETWORKING: [&str; 2] =
    ["max_socket_connections", "max_total_connections"];

fn unsupported(table: &mut Table<'_>, names: &[&str]) {
    for name in names {
        if let Some(value) = table.take(name) {
            let message =
                format!("`{name}` is a setting of Spin that this version of Stoa cannot honour");
            table
                .report()
                .add(Mistake::new(value.span(), message).hint("remove it"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(&Source::new("runtime.toml", text))
            .map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_lines() {
        let text =
            "seed = \"often\"\n[gateway]\nlisten = \"here\"\n[keyvalue.default]\n[llm_compute]\n";
        let told = parse(text).expect_err("nothing in it is right");
        for part in [
            "runtime.toml:1:8",
            "runtime.toml:3:10",
            "nothing is said of what stands behind `default`",
            "`llm_compute` is a setting of Spin",
            "4 mistakes",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn what_cannot_be_blocked_is_told_with_its_line() {
        let text = "[outbound_networking]\nblock_networks = [\"10.0.0.0/33\", \"public\"]\nmax_total_connections = 5\n";
        let told = parse(text).expect_err("nothing in it is right");
        for part in [
            "runtime.toml:2:19",
            "`public` cannot be blocked",
            "`max_total_connections` is a setting of Spin",
            "3 mistakes",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn blocked_networks_replace_the_default_of_link_local() {
        let blocked = |text: &str| {
            let configuration = parse(text).unwrap_or_else(|told| panic!("{told}"));
            configuration.outbound_networking.block_networks
        };
        assert_eq!(blocked(""), Network::link_local());
        assert!(blocked("[outbound_networking]\nblock_networks = []\n").is_empty());
        let private =
            blocked("[outbound_networking]\nblock_networks = [\"1.1.1.1\", \"private\"]\n");
        assert_eq!(private.len(), 1 + Network::private().len());
    }

    #[test]
    fn providers_of_variables_are_part_of_it() {
        let text = "[[variables_provider]]\ntype = \"env\"\n[[variables_provider]]\ntype = \"file\"\npath = \"x\"\n";
        let configuration = parse(text).unwrap_or_else(|told| panic!("{told}"));
        assert_eq!(configuration.capabilities.variables.len(), 2);
        let told =
            parse("[[variables_provider]]\ntype = \"vault\"\n").expect_err("there is no vault");
        assert!(told.contains("runtime.toml:2:8"), "{told}");
    }

    #[test]
    fn a_label_that_is_configured_twice_is_a_mistake() {
        let told = parse("[keyvalue.a.embedded]\n[key_value_store.a]\ntype = \"spin\"\n")
            .expect_err("`a` is there twice");
        assert!(told.contains("the store `a` is configured twice"), "{told}");
    }

    #[test]
    fn every_configuration_in_the_repository_is_valid() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime-config");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            parse(&text).unwrap_or_else(|mistakes| panic!("{}:\n{mistakes}", path.display()));
            read += 1;
        }
        assert!(read > 0, "no configuration was found");
    }
}
