//! What the code imports: an interface gives power if calling it reaches beyond computing and the component's own answers.
//!
//! What a call may do is decided by grants. That code begins to ask for something it never asked for is worth a look
//! even so.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Scope, quoted};

/// What importing one of some interfaces, or of whole packages, gives.
struct Power {
    interfaces: &'static [&'static str],
    /// What the component does by it, as in: it imports …, by which it `sends HTTP requests`.
    does: &'static str,
}

static POWERS: [Power; 24] = [
    Power {
        interfaces: &[
            "fermyon:spin/http",
            "wasi:http/outgoing-handler",
            "wasi:http/client",
        ],
        does: "sends HTTP requests",
    },
    Power {
        interfaces: &[
            "wasi:sockets/tcp",
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/types",
        ],
        does: "connects over TCP",
    },
    Power {
        interfaces: &[
            "wasi:sockets/udp",
            "wasi:sockets/udp-create-socket",
            "wasi:sockets/types",
        ],
        does: "sends over UDP",
    },
    Power {
        interfaces: &["wasi:sockets/ip-name-lookup"],
        does: "looks up the names of hosts",
    },
    Power {
        interfaces: &["fermyon:spin/mqtt", "spin:mqtt"],
        does: "publishes over MQTT",
    },
    Power {
        interfaces: &["fermyon:spin/mysql", "spin:mysql"],
        does: "uses databases of MySQL",
    },
    Power {
        interfaces: &["fermyon:spin/postgres", "spin:postgres"],
        does: "uses databases of PostgreSQL",
    },
    Power {
        interfaces: &["fermyon:spin/redis", "spin:redis"],
        does: "uses servers of Redis",
    },
    Power {
        interfaces: &["fermyon:spin/llm"],
        does: "asks language models",
    },
    Power {
        interfaces: &["wasi:filesystem"],
        does: "reads files",
    },
    Power {
        interfaces: &["wasi:cli/environment"],
        does: "reads its environment",
    },
    Power {
        interfaces: &[
            "fermyon:spin/config",
            "fermyon:spin/variables",
            "spin:variables",
            "wasi:config",
        ],
        does: "reads its variables",
    },
    Power {
        interfaces: &[
            "fermyon:spin/key-value",
            "spin:key-value",
            "stoa:keyvalue/read",
            "stoa:keyvalue/read-async",
            "wasi:keyvalue",
        ],
        does: "reads key-value stores",
    },
    Power {
        interfaces: &[
            "fermyon:spin/key-value",
            "spin:key-value",
            "stoa:keyvalue/write",
            "stoa:keyvalue/write-async",
            "wasi:keyvalue",
        ],
        does: "writes to key-value stores",
    },
    Power {
        interfaces: &[
            "fermyon:spin/sqlite",
            "spin:sqlite",
            "stoa:sql/read",
            "stoa:sql/read-async",
            "stoa:sql/transactions",
            "stoa:sql/transactions-async",
        ],
        does: "reads databases",
    },
    Power {
        interfaces: &[
            "fermyon:spin/sqlite",
            "spin:sqlite",
            "stoa:sql/transactions",
            "stoa:sql/transactions-async",
            "stoa:sql/write",
            "stoa:sql/write-async",
        ],
        does: "writes to databases",
    },
    Power {
        interfaces: &["stoa:documents/read", "stoa:documents/read-async"],
        does: "reads document stores",
    },
    Power {
        interfaces: &["stoa:documents/write", "stoa:documents/write-async"],
        does: "writes to document stores",
    },
    Power {
        interfaces: &["stoa:blobs/read", "stoa:blobs/read-async"],
        does: "reads blob stores",
    },
    Power {
        interfaces: &["stoa:blobs/write", "stoa:blobs/write-async"],
        does: "writes to blob stores",
    },
    Power {
        interfaces: &["stoa:blobs/presign"],
        does: "hands out URLs into blob stores",
    },
    Power {
        interfaces: &["stoa:identity/passwords", "stoa:identity/passwords-async"],
        does: "hashes and verifies passwords",
    },
    Power {
        interfaces: &["stoa:identity/tokens", "stoa:identity/tokens-async"],
        does: "signs tokens",
    },
    Power {
        interfaces: &["stoa:identity/verify"],
        does: "verifies tokens",
    },
];

/// What gives no power, and why.
static HARMLESS: [(&str, &[&str]); 6] = [
    (
        "what it writes goes to its own log, and there is nothing to read",
        &[
            "wasi:cli/stderr",
            "wasi:cli/stdin",
            "wasi:cli/stdout",
            "wasi:cli/terminal-input",
            "wasi:cli/terminal-output",
            "wasi:cli/terminal-stderr",
            "wasi:cli/terminal-stdin",
            "wasi:cli/terminal-stdout",
        ],
    ),
    ("it ends only itself", &["wasi:cli/exit"]),
    (
        "what it tells of itself goes where the operator says",
        &["wasi:otel"],
    ),
    (
        "time and chance are nobody's, and waiting harms only itself",
        &["wasi:clocks", "wasi:io", "wasi:random"],
    ),
    (
        "a network without sockets or names leads nowhere",
        &["wasi:sockets/instance-network", "wasi:sockets/network"],
    ),
    (
        "types and messages do nothing without what gives or takes them",
        &[
            "fermyon:spin/http-types",
            "fermyon:spin/rdbms-types",
            "fermyon:spin/redis-types",
            "stoa:blobs/types",
            "stoa:documents/types",
            "stoa:identity/types",
            "stoa:keyvalue/types",
            "stoa:sql/types",
            "wasi:cli/types",
            "wasi:http/types",
        ],
    ),
];

/// The versions in which each interface is imported.
type Imports<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

pub(super) fn compare(scope: &mut Scope<'_>, old: &[String], new: &[String]) {
    let (old, new) = (by_interface(old), by_interface(new));
    compare_gained(scope, &old, &new);
    compare_lost(scope, &old, &new);
    compare_versions(scope, &old, &new);
}

fn compare_gained(scope: &mut Scope<'_>, old: &Imports<'_>, new: &Imports<'_>) {
    let before = powers(old);
    for interface in new.keys().filter(|interface| !old.contains_key(*interface)) {
        let name = quoted(interface);
        if !is_known(interface) {
            scope.wider(format_args!(
                "imports {name}, and nobody can say what it does by that"
            ));
            continue;
        }
        let gained: Vec<&str> = given(interface)
            .filter(|does| !before.contains(does))
            .collect();
        match gained.is_empty() {
            true => scope.other(format_args!("imports {name}")),
            false => {
                let does = gained.join(" and ");
                scope.wider(format_args!("imports {name}, by which it {does}"));
            }
        }
    }
}

fn compare_lost(scope: &mut Scope<'_>, old: &Imports<'_>, new: &Imports<'_>) {
    let after = powers(new);
    for interface in old.keys().filter(|interface| !new.contains_key(*interface)) {
        let name = quoted(interface);
        let lost: Vec<&str> = given(interface)
            .filter(|does| !after.contains(does))
            .collect();
        let clause = format!("no longer imports {name}");
        match (is_known(interface), lost.is_empty()) {
            (true, true) => scope.other(clause),
            (true, false) => {
                scope.narrower(format_args!("{clause}, by which it {}", lost.join(" and ")));
            }
            (false, _) => scope.narrower(clause),
        }
    }
}

/// Another version of an interface gives what the one before gave.
fn compare_versions(scope: &mut Scope<'_>, old: &Imports<'_>, new: &Imports<'_>) {
    for (interface, after) in new {
        match old.get(interface) {
            Some(before) if before != after => {
                let name = quoted(interface);
                let (before, after) = (worded(before), worded(after));
                scope.other(format_args!("imports {name} {after}, not {before}"));
            }
            _ => {}
        }
    }
}

fn by_interface(imports: &[String]) -> Imports<'_> {
    let mut interfaces = Imports::new();
    for import in imports {
        let (interface, version) = import.split_once('@').unwrap_or((import, ""));
        interfaces.entry(interface).or_default().insert(version);
    }
    interfaces
}

fn powers(imports: &Imports<'_>) -> BTreeSet<&'static str> {
    imports
        .keys()
        .flat_map(|interface| given(interface))
        .collect()
}

/// What one interface gives.
fn given(interface: &str) -> impl Iterator<Item = &'static str> {
    POWERS
        .iter()
        .filter(move |power| is_among(interface, power.interfaces))
        .map(|power| power.does)
}

fn is_known(interface: &str) -> bool {
    given(interface).next().is_some()
        || HARMLESS
            .iter()
            .any(|(_, interfaces)| is_among(interface, interfaces))
}

fn is_among(interface: &str, names: &[&str]) -> bool {
    let stands_for = |name: &&str| {
        interface
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    names.iter().any(stands_for)
}

fn worded(versions: &BTreeSet<&str>) -> String {
    let worded = |version: &&str| match *version {
        "" => "without a version".to_owned(),
        version => quoted(version),
    };
    versions
        .iter()
        .map(worded)
        .collect::<Vec<_>>()
        .join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the host provides, read from its source: `runtime` shows it to nobody.
    fn provided() -> Vec<String> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/src/host.rs");
        let text = std::fs::read_to_string(file).expect("the file can be read");
        let names = text.split('"').filter(|part| {
            part.contains('@') && part.contains(':') && part.contains('/') && !part.contains(' ')
        });
        names.map(str::to_owned).collect()
    }

    #[test]
    fn every_interface_of_the_host_has_been_thought_about() {
        let provided = provided();
        assert!(provided.len() > 50, "only {} were found", provided.len());
        for interface in by_interface(&provided).keys() {
            assert!(is_known(interface), "{interface} is in neither table");
        }
    }

    #[test]
    fn no_interface_is_both_harmless_and_not() {
        for (reason, interfaces) in &HARMLESS {
            for interface in *interfaces {
                assert_eq!(given(interface).count(), 0, "{interface}: {reason}");
            }
        }
    }

    #[test]
    fn a_name_that_only_begins_alike_is_unknown() {
        for interface in [
            "wasi:clocksmith/time",
            "wasi:http/types-of-mine",
            "wasi:http",
            "run",
        ] {
            assert!(!is_known(interface), "{interface}");
        }
        assert!(is_known("wasi:clocks/wall-clock"));
    }
}
