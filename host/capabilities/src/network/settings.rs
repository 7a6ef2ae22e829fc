//! What holds for the connections of all components of a host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::ComponentId;
use stoa_manifest::hosts;
use stoa_manifest::text::Mistake;
use tokio::sync::Semaphore;

use super::config::Config;
use super::lookups::{Lookups, Turns};
use super::{CONNECT_MAX, Kind, tls};

/// What holds for the connections of all components of a host, made once at its start. Cheap to clone. By default
/// link-local networks are blocked, nothing is capped, and TLS trusts whom this machine trusts.
#[derive(Clone)]
pub struct Settings(Arc<Inner>);

struct Inner {
    blocked: Vec<hosts::Network>,
    total: Option<Arc<Semaphore>>,
    sockets: Option<Arc<Semaphore>>,
    http: Option<Arc<Semaphore>>,
    lookups: Lookups,
    pools_http: bool,
    client_tls: Vec<tls::Client>,
    connect_max: Duration,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self::made(&Config::default(), Vec::new())
    }
}

impl Settings {
    /// Reads the files that a configuration names, from this folder where they are relative.
    ///
    /// # Errors
    /// Every file that cannot be used, at its place in the configuration.
    pub fn open(config: &Config, folder: &Path) -> Result<Self, Vec<Mistake>> {
        let clients = config.client_tls.iter();
        let read = clients.map(|client| tls::Client::read(client, folder));
        let (clients, unusable): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        let unusable: Vec<Mistake> = unusable.into_iter().filter_map(Result::err).collect();
        match unusable.is_empty() {
            true => {
                let clients = clients.into_iter().filter_map(Result::ok);
                Ok(Self::made(config, clients.collect()))
            }
            false => Err(unusable),
        }
    }

    /// The defaults, but with exactly these networks blocked.
    pub fn blocking(networks: Vec<hosts::Network>) -> Self {
        let config = Config {
            block_networks: networks,
            ..Config::default()
        };
        Self::made(&config, Vec::new())
    }

    fn made(config: &Config, client_tls: Vec<tls::Client>) -> Self {
        let cap = |most: Option<usize>| most.map(|most| Arc::new(Semaphore::new(most)));
        Self(Arc::new(Inner {
            blocked: config.block_networks.clone(),
            total: cap(config.total_connections_max),
            sockets: cap(config.socket_connections_max),
            http: cap(config.http_connections_max),
            lookups: Lookups::new(),
            pools_http: config.http_pooling,
            client_tls,
            connect_max: CONNECT_MAX,
        }))
    }

    /// With another [`CONNECT_MAX`].
    #[cfg(test)]
    pub(super) fn connecting_within(mut self, connect_max: Duration) -> Self {
        let inner = Arc::get_mut(&mut self.0).expect("nobody has it yet");
        inner.connect_max = connect_max;
        self
    }

    pub(super) fn connect_max(&self) -> Duration {
        self.0.connect_max
    }

    pub(super) fn pools_http(&self) -> bool {
        self.0.pools_http
    }

    /// Whether an address is in a blocked network, in whatever form it is written.
    pub(super) fn blocks(&self, address: IpAddr) -> bool {
        let blocked = |address| self.0.blocked.iter().any(|known| known.contains(address));
        blocked(address) || leads_to(address.to_canonical()).is_some_and(blocked)
    }

    pub(super) fn of_kind(&self, kind: Kind) -> Option<&Arc<Semaphore>> {
        match kind {
            Kind::Http => self.0.http.as_ref(),
            Kind::Socket => self.0.sockets.as_ref(),
            Kind::Driver => None,
        }
    }

    pub(super) fn of_host(&self) -> Option<&Arc<Semaphore>> {
        self.0.total.as_ref()
    }

    /// The look-ups of a component; of one without a name, of it alone.
    pub(super) fn lookups_of(&self, component: Option<&ComponentId>) -> Turns {
        self.0.lookups.of(component)
    }

    /// What `[[client_tls]]` says of a component and a host; the first entry counts.
    pub(super) fn client_tls(&self, id: &ComponentId, host: &str) -> Option<tls::Configured> {
        let mut clients = self.0.client_tls.iter();
        let client = clients.find(|client| client.is_for(id, host))?;
        Some(client.configured())
    }
}

/// The other address that one leads to in the end: this machine by that of nobody (`0.0.0.0` and `::`), and one of IPv4 by
/// the deprecated `::a.b.c.d`, a translator (64:ff9b::/96) or 6to4 (2002::/16). `::ffff:a.b.c.d` is known to every network.
fn leads_to(address: IpAddr) -> Option<IpAddr> {
    let address = match address {
        IpAddr::V4(address) => {
            return address
                .is_unspecified()
                .then_some(Ipv4Addr::LOCALHOST.into());
        }
        IpAddr::V6(address) => address,
    };
    let [.., high, low] = address.segments();
    match address.segments() {
        _ if address.is_unspecified() => Some(Ipv6Addr::LOCALHOST.into()),
        _ if address == Ipv6Addr::LOCALHOST => None,
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(joined(high, low)),
        [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> IpAddr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into()
}
