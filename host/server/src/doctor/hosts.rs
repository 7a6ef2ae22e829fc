//! Whether the code may connect to what it can connect to, and whether what it may call is there.

use stoa_manifest::{Component, ComponentId, hosts};

use super::code::Code;
use super::{Finding as Any, Found, Patient};

#[derive(Debug)]
pub(super) enum Finding {
    /// The code imports an interface of one of these schemes, and may not connect by any.
    Unallowed {
        import: String,
        schemes: &'static [&'static str],
        /// Whether toolchains import it on their own, for code that never calls it.
        habitual: bool,
    },
    /// Something is allowed, and the code imports nothing that connects.
    Unused { entry: String },
    /// It may call a component that is not there.
    Nobody { entry: String, component: String },
}

/// Interfaces that connect, and the schemes of the hosts that they connect to.
struct Reach {
    interfaces: &'static [&'static str],
    schemes: &'static [&'static str],
    habitual: bool,
}

static REACHES: [Reach; 6] = [
    Reach {
        interfaces: &[
            "fermyon:spin/http",
            "wasi:http/client",
            "wasi:http/outgoing-handler",
        ],
        schemes: &["http", "https"],
        habitual: true,
    },
    Reach {
        interfaces: &["fermyon:spin/redis", "spin:redis/redis"],
        schemes: &["redis", "rediss"],
        habitual: false,
    },
    Reach {
        interfaces: &["fermyon:spin/postgres", "spin:postgres/postgres"],
        schemes: &["postgres", "postgresql"],
        habitual: false,
    },
    Reach {
        interfaces: &["fermyon:spin/mysql", "spin:mysql/mysql"],
        schemes: &["mysql"],
        habitual: false,
    },
    Reach {
        interfaces: &["spin:mqtt/mqtt"],
        schemes: &["mqtt", "mqtts"],
        habitual: false,
    },
    Reach {
        interfaces: &[
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/types",
            "wasi:sockets/udp-create-socket",
        ],
        schemes: &["tcp", "udp"],
        habitual: true,
    },
];

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for (id, component) in &patient.app.components {
        let field = match component.allowed_http_hosts.is_empty() {
            true => "allowed_outbound_hosts",
            false => "allowed_http_hosts",
        };
        let mut findings = nobody(patient, component);
        // Joined as it serves: dependencies connect by what they inherit.
        let code = patient.code.get(id).and_then(|it| it.whole.as_ref());
        findings.extend(code.into_iter().flat_map(|code| of_code(component, code)));
        found.extend(
            findings
                .into_iter()
                .map(|finding| found_at(patient, id, field, finding)),
        );
    }
    found
}

fn found_at(patient: &Patient, id: &ComponentId, field: &str, finding: Finding) -> Found {
    let entry = match &finding {
        Finding::Unused { entry } | Finding::Nobody { entry, .. } => Some(entry.clone()),
        Finding::Unallowed { .. } => None,
    };
    let mut found = patient.found(id, &[field], Any::Hosts(finding));
    if let Some(entry) = entry {
        let list = ["component", id.as_str(), "allowed_outbound_hosts"];
        let item = patient.places.item(&list, &entry);
        found.at = item.map(|span| (super::Text::Manifest, span)).or(found.at);
    }
    found
}

fn of_code(component: &Component, code: &Code) -> Vec<Finding> {
    let mut findings = Vec::new();
    for reach in &REACHES {
        let import = code.imports.iter().find(|import| reach.is_by(import));
        let allowed = reach.schemes.iter().any(|scheme| allows(component, scheme));
        if let (Some(import), false) = (import, allowed) {
            findings.push(Finding::Unallowed {
                import: import.clone(),
                schemes: reach.schemes,
                habitual: reach.habitual,
            });
        }
    }
    let mut imports = code.imports.iter();
    let connects = imports.any(|import| REACHES.iter().any(|reach| reach.is_by(import)));
    let entry = component.allowed_outbound_hosts.first();
    if let (false, Some(entry)) = (connects, entry) {
        let entry = entry.clone();
        findings.push(Finding::Unused { entry });
    }
    findings
}

impl Reach {
    fn is_by(&self, import: &str) -> bool {
        let interface = import
            .split_once('@')
            .map_or(import, |(interface, _)| interface);
        self.interfaces.contains(&interface)
    }
}

/// Whether some host may be connected to by a scheme. A template may stand for anything.
fn allows(component: &Component, scheme: &str) -> bool {
    let mut entries = component.allowed_outbound_hosts.iter();
    entries.any(|entry| entry.contains("{{") && may_be(entry, scheme))
        || hosts::destinations(component).any(|it| it.allows_scheme(scheme))
}

fn may_be(entry: &str, scheme: &str) -> bool {
    match entry.split_once("://") {
        Some((written, _)) => written == "*" || written.contains("{{") || written == scheme,
        None => true,
    }
}

/// Components that it may call by name, and that the application does not have.
fn nobody(patient: &Patient, component: &Component) -> Vec<Finding> {
    let entries = component.allowed_outbound_hosts.iter();
    let entries = entries.filter(|entry| !entry.contains("{{"));
    let calls = entries.filter_map(|entry| {
        let (_, rest) = entry.split_once("://")?;
        let host = rest.split([':', '/']).next()?;
        let id = hosts::component(host).filter(|id| *id != "*")?;
        let known = patient.app.components.contains_key(id);
        (!known).then(|| Finding::Nobody {
            entry: entry.clone(),
            component: id.to_owned(),
        })
    });
    calls.collect()
}
