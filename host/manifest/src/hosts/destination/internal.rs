//! The inside of an application: the names under which its components call one another, and itself. No network leads
//! there, whatever a component may connect to.

use super::{Destination, HTTP, Host, is_below, split_port};
use crate::component::Component;

/// The domain of the application's components.
const INTERNAL: &str = "spin.internal";

/// Whether a host is inside: a component of the application, or what would be one if it had it.
pub fn is_internal(host: &str) -> bool {
    in_front_of_domain(host).is_some()
}

/// The id of the component that a host stands for: `orders` for `orders.spin.internal`.
pub fn component(host: &str) -> Option<&str> {
    in_front_of_domain(host)?
        .strip_suffix('.')
        .filter(|id| !id.is_empty() && !id.contains('.'))
}

/// What stands in front of the domain, with its dot. Allocates nothing: every request asks.
fn in_front_of_domain(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let (front, domain) = host.split_at_checked(host.len().checked_sub(INTERNAL.len())?)?;
    let inside =
        domain.eq_ignore_ascii_case(INTERNAL) && (front.is_empty() || front.ends_with('.'));
    inside.then_some(front)
}

/// All that a component is allowed. An entry that cannot be read, which no application that serves has, allows nothing.
pub fn destinations(component: &Component) -> impl Iterator<Item = Destination> {
    let outbound = component.allowed_outbound_hosts.iter();
    let outbound = outbound.filter_map(|entry| Destination::parse(entry).ok());
    let http = component.allowed_http_hosts.iter();
    let http = http.filter_map(|entry| Destination::parse_http(entry).ok());
    outbound.chain(http.flatten())
}

/// What of an entry of `allowed_outbound_hosts` stays inside, as entries: `*://*.spin.internal:*` and `*://self:*` of
/// `*://*:*`. Of one that cannot be read, nothing.
pub fn inside(entry: &str) -> Vec<String> {
    let Ok(destination) = Destination::parse(entry) else {
        return Vec::new();
    };
    if destination.is_internal() {
        return vec![entry.to_owned()];
    }
    let Some((scheme, rest)) = entry.trim().split_once("://") else {
        return Vec::new();
    };
    let port = match split_port(rest).1 {
        "" => String::new(),
        port => format!(":{port}"),
    };
    let components = destination.allows_components();
    let application = destination.allows_self();
    let hosts = [("*.spin.internal", components), ("self", application)];
    hosts
        .into_iter()
        .filter(|(_, allowed)| *allowed)
        .map(|(host, _)| format!("{scheme}://{host}{port}"))
        .collect()
}

/// The same of an entry of `allowed_http_hosts`.
pub fn inside_http(entry: &str) -> Vec<String> {
    let schemes = match entry.split_once("://") {
        Some(_) => &[""][..],
        None => &["http://", "https://"][..],
    };
    let host = match entry {
        "insecure:allow-all" => "*:*",
        host => host,
    };
    schemes
        .iter()
        .flat_map(|scheme| inside(&format!("{scheme}{host}")))
        .collect()
}

impl Destination {
    /// Whether it allows HTTP requests to the application itself, through its routes.
    pub fn allows_self(&self) -> bool {
        HTTP.iter().any(|scheme| self.allows_application(scheme))
    }

    /// Whether it allows HTTP requests to the component of this id, on some port.
    pub fn allows_component(&self, id: &str) -> bool {
        self.is_http() && self.host.allows(&format!("{id}.{INTERNAL}"))
    }

    /// Whether it allows HTTP requests to any component of the application.
    pub fn allows_components(&self) -> bool {
        self.is_http()
            && match &self.host {
                Host::Any => true,
                Host::Named(name) => component(name).is_some(),
                Host::Subdomains(domain) => domain == INTERNAL || is_below(INTERNAL, domain),
                Host::Application | Host::Network(_) => false,
            }
    }

    fn is_http(&self) -> bool {
        HTTP.iter().any(|scheme| self.scheme.allows(scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(entry: &str) -> Destination {
        Destination::parse(entry).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn hosts_outside_are_not_internal() {
        for host in [
            "",
            "example.com",
            "notspin.internal",
            "spin.internal.example.com",
            "internal",
            "é.internal",
        ] {
            assert!(!is_internal(host), "{host}");
            assert_eq!(component(host), None, "{host}");
        }
    }

    #[test]
    fn hosts_inside_name_a_component_if_they_have_one_more_part() {
        for (host, id) in [
            ("spin.internal", None),
            (".spin.internal", None),
            ("a.b.spin.internal", None),
            ("orders.spin.internal", Some("orders")),
            ("orders.Spin.Internal.", Some("orders")),
            ("ORDERS.spin.internal", Some("ORDERS")),
        ] {
            assert!(is_internal(host), "{host}");
            assert_eq!(component(host), id, "{host}");
        }
    }

    #[test]
    fn entries_that_stay_outside_allow_nothing_inside() {
        for entry in [
            "http://example.com",
            "http://*.example.com",
            "http://10.0.0.0/8:80",
            "redis://*:*",
            "redis://orders.spin.internal",
            "http://spin.internal",
        ] {
            let destination = parsed(entry);
            assert!(!destination.allows_self(), "{entry}");
            assert!(!destination.allows_components(), "{entry}");
            assert!(!destination.allows_component("orders"), "{entry}");
        }
    }

    #[test]
    fn entries_allow_what_they_name_inside() {
        // The entry; the application; any component; `orders`.
        for (entry, application, components, orders) in [
            ("http://self", true, false, false),
            ("https://self.alt:8443", true, false, false),
            ("*://*:*", true, true, true),
            ("https://*", true, true, true),
            ("http://*.spin.internal", false, true, true),
            ("http://*.internal", false, true, true),
            ("http://orders.spin.internal:8080", false, true, true),
            ("http://stock.spin.internal", false, true, false),
        ] {
            let destination = parsed(entry);
            assert_eq!(destination.allows_self(), application, "{entry}");
            assert_eq!(destination.allows_components(), components, "{entry}");
            assert_eq!(destination.allows_component("orders"), orders, "{entry}");
        }
    }

    #[test]
    fn what_stays_inside_of_an_entry_is_narrower_than_it() {
        for (entry, kept) in [
            ("http://example.com", &[][..]),
            ("redis://*:*", &[][..]),
            ("nonsense", &[][..]),
            ("http://self", &["http://self"][..]),
            ("http://a.spin.internal", &["http://a.spin.internal"][..]),
            ("*://*:*", &["*://*.spin.internal:*", "*://self:*"][..]),
            (
                "https://*",
                &["https://*.spin.internal", "https://self"][..],
            ),
            ("http://*.internal:80", &["http://*.spin.internal:80"][..]),
        ] {
            assert_eq!(inside(entry), kept, "{entry}");
            for entry in inside(entry) {
                assert!(parsed(&entry).is_internal(), "{entry}");
            }
        }
    }

    #[test]
    fn what_stays_inside_of_a_deprecated_entry_is_written_as_a_new_one() {
        for (entry, kept) in [
            ("example.com", &[][..]),
            ("http://self", &["http://self"][..]),
            ("self", &["http://self", "https://self"][..]),
            (
                "insecure:allow-all",
                &[
                    "http://*.spin.internal:*",
                    "http://self:*",
                    "https://*.spin.internal:*",
                    "https://self:*",
                ][..],
            ),
        ] {
            assert_eq!(inside_http(entry), kept, "{entry}");
        }
    }
}
