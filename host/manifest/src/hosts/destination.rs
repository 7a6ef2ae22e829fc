//! An entry of `allowed_outbound_hosts`, parsed once.

mod internal;

use std::net::IpAddr;
use std::ops::Range;

use super::{Error, Network};

pub use internal::{component, destinations, inside, inside_http, is_internal};

/// Where a component may connect to.
///
/// ```
/// use stoa_manifest::hosts::Destination;
///
/// let destination = Destination::parse("https://*.example.com")?;
/// assert!(destination.allows("https", "api.example.com", 443));
/// assert!(!destination.allows("https", "example.com", 443));
/// # Ok::<(), stoa_manifest::hosts::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    scheme: Scheme,
    host: Host,
    ports: Ports,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scheme {
    Any,
    Named(String),
}

/// Names are kept as [`normal`] makes them, and are never addresses: those are networks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Any,
    /// `self`, `self.alt`: the application, which is not behind any name.
    Application,
    Named(String),
    /// `*.example.com`, without its `*.`.
    Subdomains(String),
    Network(Network),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ports {
    Any,
    One(u16),
    /// As in Spin, the end is not part of it.
    Range(Range<u16>),
}

// === impl Destination ===

impl Destination {
    /// Parses an entry of `allowed_outbound_hosts` that has no templates.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse(entry: &str) -> Result<Self, Error> {
        let (scheme, rest) = entry.trim().split_once("://").ok_or(Error::NoScheme)?;
        let (host, port) = split_port(rest);
        Ok(Self {
            scheme: Scheme::parse(scheme)?,
            host: Host::parse(host.trim())?,
            ports: Ports::parse(port, scheme)?,
        })
    }

    /// Parses an entry of `allowed_http_hosts`: `host[:port]`, perhaps behind `http://` or `https://`, and both without.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse_http(entry: &str) -> Result<Vec<Self>, Error> {
        if entry == "insecure:allow-all" {
            return Ok(HTTP.map(Self::everywhere).to_vec());
        }
        let (schemes, rest) = split_http(entry)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') {
            return Err(Error::Path);
        }
        let (host, port) = split_port(rest);
        if !port.is_empty() && !is_port(port) {
            return Err(Error::Port(port.to_owned()));
        }
        let host = Host::parse(host)?;
        let destination = |scheme: &&str| -> Result<Self, Error> {
            Ok(Self {
                scheme: Scheme::parse(scheme)?,
                host: host.clone(),
                ports: Ports::parse(port, scheme)?,
            })
        };
        schemes.iter().map(destination).collect()
    }

    fn everywhere(scheme: &str) -> Self {
        Self {
            scheme: Scheme::Named(scheme.to_owned()),
            host: Host::Any,
            ports: Ports::Any,
        }
    }

    /// Whether a connection is allowed. `host` is a name or an address, the latter perhaps in brackets; a name is not
    /// resolved.
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.scheme.allows(scheme) && self.host.allows(host) && self.ports.allow(port)
    }

    /// Whether connections with this scheme are allowed to any host at all.
    pub fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme.allows(scheme)
    }

    /// Whether a host may be connected to with this scheme, on a port that is not known yet: then its name may be looked
    /// up.
    pub fn allows_host(&self, scheme: &str, host: &str) -> bool {
        self.scheme.allows(scheme) && self.host.allows(host)
    }

    /// Whether requests to the application itself are allowed: those to `self`, and those whose URL names no host. As in
    /// Spin, `*` stands for it too, and the port does not matter.
    pub fn allows_application(&self, scheme: &str) -> bool {
        self.scheme.allows(scheme) && matches!(self.host, Host::Any | Host::Application)
    }

    /// Whether all that the other allows is allowed by this one. In doubt it is not.
    pub fn covers(&self, other: &Self) -> bool {
        self.scheme.covers(&other.scheme)
            && self.host.covers(&other.host)
            && self.ports.cover(&other.ports)
    }

    /// Whether it is the application itself or another of its components, which no network leads to.
    pub fn is_internal(&self) -> bool {
        match &self.host {
            Host::Application => true,
            Host::Named(name) | Host::Subdomains(name) => is_internal(name),
            Host::Any | Host::Network(_) => false,
        }
    }
}

// === impl Scheme ===

impl Scheme {
    fn parse(scheme: &str) -> Result<Self, Error> {
        match scheme {
            "*" => Ok(Self::Any),
            _ if !scheme.is_empty() && scheme.chars().all(char::is_alphabetic) => {
                Ok(Self::Named(scheme.to_owned()))
            }
            _ => Err(Error::Scheme(scheme.to_owned())),
        }
    }

    fn allows(&self, scheme: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(name) => name.eq_ignore_ascii_case(scheme),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Any => *self == Self::Any,
            Self::Named(scheme) => self.allows(scheme),
        }
    }
}

// === impl Host ===

impl Host {
    fn parse(host: &str) -> Result<Self, Error> {
        if host == "*" {
            return Ok(Self::Any);
        }
        if let Ok(network) = host.parse() {
            return Ok(Self::Network(network));
        }
        let (host, path) = host.split_once('/').unwrap_or((host, ""));
        if !path.is_empty() {
            return Err(Error::Path);
        }
        let (domain, subdomains) = match host.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (host, false),
        };
        check_domain(domain)?;
        Ok(match (host, address(host)) {
            ("self" | "self.alt", _) => Self::Application,
            (_, Some(address)) => Self::Network(Network::of(address)),
            _ if subdomains => Self::Subdomains(normal(domain)),
            _ => Self::Named(normal(domain)),
        })
    }

    fn allows(&self, host: &str) -> bool {
        match (self, address(host)) {
            (Self::Any, _) => true,
            (Self::Network(network), Some(address)) => network.contains(address),
            (Self::Named(name), None) => *name == normal(host),
            (Self::Subdomains(domain), None) => is_below(&normal(host), domain),
            _ => false,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            // The application included.
            (Self::Any, _) => true,
            (Self::Network(network), Self::Network(other)) => network.covers(other),
            (Self::Subdomains(domain), Self::Named(name)) => is_below(name, domain),
            (Self::Subdomains(domain), Self::Subdomains(other)) => {
                domain == other || is_below(other, domain)
            }
            _ => self == other,
        }
    }
}

// === impl Ports ===

impl Ports {
    fn parse(port: &str, scheme: &str) -> Result<Self, Error> {
        let wrong = || match port.contains('/') {
            true => Error::Path,
            false => Error::Port(port.to_owned()),
        };
        match (port, port.split_once("..")) {
            ("*", _) => Ok(Self::Any),
            ("", _) => default_port(scheme)
                .map(Self::One)
                .ok_or_else(|| Error::NoPort(scheme.to_owned())),
            (_, Some((first, end))) => match (first.parse(), end.parse()) {
                (Ok(first), Ok(end)) => Ok(Self::Range(first..end)),
                _ => Err(wrong()),
            },
            (_, None) => port.parse().map(Self::One).map_err(|_| wrong()),
        }
    }

    fn allow(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => *one == port,
            Self::Range(range) => range.contains(&port),
        }
    }

    fn cover(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (_, Self::One(port)) => self.allow(*port),
            (Self::One(port), Self::Range(range)) => {
                range.is_empty() || (range.start == *port && range.len() == 1)
            }
            (Self::Range(outer), Self::Range(range)) => {
                range.is_empty() || (outer.start <= range.start && range.end <= outer.end)
            }
        }
    }
}

// === functions ===

/// The address that a host of a URL is, with or without brackets; `None` for a name.
pub fn address(host: &str) -> Option<IpAddr> {
    let inside = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inside.unwrap_or(host).parse().ok()
}

/// Names are compared without regard to case or to the dot of the root.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(|rest| !rest.is_empty())
}

fn check_domain(domain: &str) -> Result<(), Error> {
    if domain.contains('*') {
        return Err(Error::Wildcard);
    }
    // Brackets and colons are those of IPv6 addresses; letters outside ASCII are left to name resolution.
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    match domain.chars().find(|c| !allowed(*c)) {
        Some(wrong) => Err(Error::HostCharacter(wrong)),
        None if domain.is_empty() => Err(Error::NoHost),
        None => Ok(()),
    }
}

static HTTP: [&str; 2] = ["http", "https"];

fn split_http(entry: &str) -> Result<(&'static [&'static str], &str), Error> {
    match entry.split_once("://") {
        None => Ok((&HTTP[..], entry)),
        Some(("http", rest)) => Ok((&HTTP[..1], rest)),
        Some(("https", rest)) => Ok((&HTTP[1..], rest)),
        Some((scheme, _)) => Err(Error::NotHttp(scheme.to_owned())),
    }
}

/// Splits at the last colon, unless that is inside an IPv6 address in brackets.
fn split_port(rest: &str) -> (&str, &str) {
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.strip_suffix('/').unwrap_or(port)),
        _ => (rest, ""),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" => 443,
        "redis" => 6379,
        "mysql" => 3306,
        "postgres" => 5432,
        "mqtt" => 1883,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
