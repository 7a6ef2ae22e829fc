//! The runtime configuration: what stands behind each label on this machine, and the limits of this host.
//!
//! It accepts the sections of Spin's `runtime-config.toml` and ours. What of Spin's this version cannot honour is a mistake,
//! not silence.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use stoa_capabilities::{Config as Capabilities, keyvalue, network, releases, sql};
use stoa_gateway::config::{Limits, Tls};
use stoa_manifest::text::{self, Mistake, Mistakes, Source, Table, Value};
use stoa_manifest::{ComponentId, Label};

use crate::{admin, deploy};

/// What a runtime configuration says. Everything has a default.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// `state_dir`: relative to the manifest's folder. Default `.stoa`.
    pub(crate) state_dir: Option<PathBuf>,
    /// `log_dir`: where files with what components print go, relative to the manifest's folder; empty for none. Default
    /// none.
    pub(crate) log_dir: Option<PathBuf>,
    /// `max_instance_memory`: bytes of memory of one instance, in place of what manifests say. 64 KiB to 4 GiB. Default:
    /// what they say.
    pub(crate) max_instance_memory: Option<u64>,
    /// `seed`: whether the manifest's seeds are loaded at the first start. Default `never`.
    pub(crate) seed: Seed,
    /// The stores, by noun and label, and `[[variables_provider]]`. Where our own section `keyvalue` or `sql` is not
    /// written, there is Spin's store or database `default`, embedded.
    pub(crate) capabilities: Capabilities,
    /// `[gateway]`.
    pub(crate) gateway: Gateway,
    /// `[runtime]`.
    pub(crate) runtime: Runtime,
    /// `[outbound_networking]`, `[outbound_http]` and `[[client_tls]]`.
    pub(crate) network: network::Config,
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
    /// `core_dumps`: the components that are dumped when they trap, into `dumps` below the state directory; `"*"` stands
    /// for all. A dump holds whatever the component held, secrets and data of users included. Default none.
    pub(crate) core_dumps: Vec<String>,
}

const INSTANCES_MAX: u32 = 1000;
/// Bytes of memory that instances can have: a page of WebAssembly, to all that it can address.
pub(crate) const MEMORY_BYTES: RangeInclusive<u64> = 64 << 10..=4 << 30;

/// What Spin's default store and database are called.
const DEFAULT: &str = "default";

impl Default for Runtime {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            instances_max: INSTANCES_MAX,
            cores,
            core_dumps: Vec::new(),
        }
    }
}

impl Configuration {
    /// Reads a configuration, or every mistake in it.
    pub(crate) fn parse(source: &Source) -> Result<Self, Mistakes> {
        text::read(source, |table| {
            let state_dir = table.optional("state_dir", Value::string);
            let log_dir = table.optional("log_dir", Value::string);
            let memory = table.optional("max_instance_memory", |value| value.integer(MEMORY_BYTES));
            let seed = table.or_default("seed", |value| {
                value.choice(&[("never", Seed::Never), ("first-start", Seed::FirstStart)])
            });
            let defaults = Defaults::wanted(table);
            let capabilities = Capabilities::read(table);
            let gateway = table.or_default("gateway", |value| value.table(Gateway::read));
            let runtime = table.or_default("runtime", |value| value.table(Runtime::read));
            let network = network::Config::read(table);
            let releases = releases::Config::read(table);
            let deploy = table.or_default("deploy", |value| value.table(deploy::Config::read));
            let admin = table.or_default("admin", |value| value.table(admin::Config::read));
            Some(Self {
                state_dir: state_dir?.map(PathBuf::from),
                log_dir: log_dir?.map(PathBuf::from),
                max_instance_memory: memory?,
                seed: seed?,
                capabilities: defaults.added(capabilities?),
                gateway: gateway?,
                runtime: runtime?,
                network: network?,
                releases: releases?,
                deploy: deploy?,
                admin: admin?,
            })
        })
    }
}

/// What there is without being written, as in Spin: its configurations name only what differs from it. Whoever writes
/// our sections says what there is.
struct Defaults {
    keyvalue: bool,
    sql: bool,
}

impl Defaults {
    fn wanted(table: &Table<'_>) -> Self {
        Self {
            keyvalue: !table.has("keyvalue"),
            sql: !table.has("sql"),
        }
    }

    fn added(&self, mut capabilities: Capabilities) -> Capabilities {
        let label = Label::new(DEFAULT).expect("it is a label");
        if self.keyvalue && !capabilities.keyvalue.contains_key(&label) {
            let store = keyvalue::Config::embedded(&label);
            // One file has one writer: somebody else may have been given it.
            if !capabilities.keyvalue.values().any(|other| *other == store) {
                capabilities.keyvalue.insert(label.clone(), store);
            }
        }
        if self.sql && !capabilities.sql.contains_key(&label) {
            let database = sql::Config::embedded(&label);
            if !capabilities.sql.values().any(|other| *other == database) {
                capabilities.sql.insert(label, database);
            }
        }
        capabilities
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
        let core_dumps = table.or_default("core_dumps", read_core_dumps);
        Some(Self {
            instances_max: u32::try_from(instances?).ok()?,
            cores: usize::try_from(cores?).ok()?,
            core_dumps: core_dumps?,
        })
    }
}

/// Ids of components, which may be deployed later, or `*`.
fn read_core_dumps(value: Value<'_>) -> Option<Vec<String>> {
    let report = value.report();
    let written = value.spanned_strings()?;
    let mut components = Vec::new();
    for component in written {
        match component.value == "*" || ComponentId::new(&*component.value).is_ok() {
            true => components.push(component.value),
            false => {
                let mistake = Mistake::new(component.span, "this is not a component")
                    .hint("write the id of a component, or `*` for all");
                return report.refuse(mistake);
            }
        }
    }
    Some(components)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(&Source::new("runtime.toml", text))
            .map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_lines() {
        let text = "seed = \"often\"\n[gateway]\nlisten = \"here\"\n[keyvalue.default]\n[gatway]\n";
        let told = parse(text).expect_err("nothing in it is right");
        for part in [
            "runtime.toml:1:8",
            "runtime.toml:3:10",
            "nothing is said of what stands behind `default`",
            "did you mean `gateway`?",
            "4 mistakes",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn cores_are_dumped_of_those_that_are_named_and_by_default_of_nobody() {
        let dumped = |text: &str| parse(text).map(|configuration| configuration.runtime.core_dumps);
        assert_eq!(dumped("").expect("it is valid"), [] as [&str; 0]);
        let named = dumped("[runtime]\ncore_dumps = [\"checkout\", \"*\"]\n");
        assert_eq!(named.expect("it is valid"), ["checkout", "*"]);
        let told = dumped("[runtime]\ncore_dumps = [\"no id\"]\n").expect_err("it is no id");
        assert!(told.contains("runtime.toml:2:15"), "{told}");
    }

    #[test]
    fn spins_settings_are_held_to_their_bounds() {
        let text = "max_instance_memory = 1000\nlog_dir = 5\nunused = true\n";
        let told = parse(text).expect_err("nothing in it is right");
        for part in [
            "`max_instance_memory` must be between",
            "`log_dir` must be a string",
            "unknown field `unused`",
            "3 mistakes",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn spins_default_stores_are_there_unless_our_sections_say_what_is() {
        let labels = |text: &str| {
            let configuration = parse(text).unwrap_or_else(|told| panic!("{told}"));
            let Capabilities { keyvalue, sql, .. } = configuration.capabilities;
            let keyvalue: Vec<String> = keyvalue.keys().map(Label::to_string).collect();
            let sql: Vec<String> = sql.keys().map(Label::to_string).collect();
            (keyvalue.join(" "), sql.join(" "))
        };
        let both = ("default".to_owned(), "default".to_owned());
        assert_eq!(labels(""), both);
        let spins = labels("[key_value_store.a]\ntype = \"spin\"\n");
        assert_eq!(spins, ("a default".to_owned(), "default".to_owned()));
        let ours = labels("[keyvalue.a.embedded]\n");
        assert_eq!(ours, ("a".to_owned(), "default".to_owned()));
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
