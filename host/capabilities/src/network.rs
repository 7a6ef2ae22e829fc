//! Where one component may connect to: the gate through which all its connections go, of HTTP, of sockets and of
//! drivers.
//!
//! A host is held against `allowed_outbound_hosts`, its name is looked up once, addresses in blocked networks are left
//! out, and exactly the addresses that were checked are connected to. Every connection has a place, among those of its
//! component, of its kind and of the host, for as long as it is open, and every look-up has a turn. What is spoken over a
//! connection is not known here, but for TLS.

pub mod config;
mod dial;
mod error;
mod lookups;
mod places;
mod settings;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use stoa_manifest::hosts::{self, Destination};
use stoa_manifest::{Component, ComponentId};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, info};

use crate::lines::Lines;
use crate::metrics::{NETWORK_CONNECTIONS_TOTAL, NETWORK_REFUSED_TOTAL};
use lookups::Turns;
use places::Places;

pub use config::Config;
pub use error::Error;
pub use places::{Kind, Place};
pub use settings::Settings;
pub use socket::{Socket, Transport};

/// How long a connection may take to be there, from the look-up of its name to the end of its TLS handshake.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Bytes of a host: names in DNS are no longer, and what guests write ends up in the log.
const HOST_BYTES_MAX: usize = 255;

/// Where one component may connect to. One per revision, cheap to clone; the default leads nowhere.
#[derive(Clone, Default)]
pub struct Network(Option<Arc<Gate>>);

/// Who a network belongs to: what a refusal is logged and counted under.
#[derive(Debug, Clone)]
struct Holder {
    component: ComponentId,
    revision: String,
}

struct Gate {
    /// None in tests.
    holder: Option<Holder>,
    destinations: Vec<Destination>,
    settings: Settings,
    places: Places,
    lookups: Turns,
    /// In which refusals are told.
    lines: Lines,
}

// === impl Network ===

impl Network {
    /// The network of a component without a name, which no `[[client_tls]]` is for.
    pub fn new(component: &Component, settings: &Settings) -> Self {
        Self::open(None, component, settings)
    }

    /// The network of a revision of a component.
    pub fn held_by(
        id: &ComponentId,
        revision: &str,
        component: &Component,
        settings: &Settings,
    ) -> Self {
        let holder = Holder {
            component: id.clone(),
            revision: revision.to_owned(),
        };
        Self::open(Some(holder), component, settings)
    }

    fn open(holder: Option<Holder>, component: &Component, settings: &Settings) -> Self {
        let most = component.limits.outbound_connections_max as usize;
        let lookups = settings.lookups_of(holder.as_ref().map(|holder| &holder.component));
        Self(Some(Arc::new(Gate {
            holder,
            destinations: hosts::destinations(component).collect(),
            settings: settings.clone(),
            places: Places::new(most, settings),
            lookups,
            lines: Lines::default(),
        })))
    }

    /// Whether the manifest allows a connection. `host` is a name or an address, the latter perhaps in brackets.
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.any(|destination| destination.allows(scheme, host, port))
    }

    /// Whether the manifest allows connections with this scheme to any host at all.
    pub fn allows_scheme(&self, scheme: &str) -> bool {
        self.any(|destination| destination.allows_scheme(scheme))
    }

    /// Whether the manifest allows requests to the application itself, with one of these schemes.
    pub fn allows_application(&self, schemes: &[&str]) -> bool {
        let allows = |destination: &Destination| {
            let mut schemes = schemes.iter();
            schemes.any(|scheme| destination.allows_application(scheme))
        };
        self.any(allows)
    }

    /// Whether this host lets nobody connect to an address.
    pub fn blocks(&self, address: IpAddr) -> bool {
        self.0
            .as_ref()
            .is_none_or(|gate| gate.settings.blocks(address))
    }

    /// Connects, within [`CONNECT_MAX`] in all.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dial(&self, scheme: &str, host: &str, port: u16) -> Result<Socket, Error> {
        self.open_socket(scheme, host, port, Transport::Plain).await
    }

    /// Connects and speaks TLS, within [`CONNECT_MAX`] in all. The other side must prove to be `host`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn dial_tls(&self, scheme: &str, host: &str, port: u16) -> Result<Socket, Error> {
        self.open_socket(scheme, host, port, Transport::Tls).await
    }

    /// What to speak TLS to a host with. The first call of a process reads what this machine trusts, and blocks for some
    /// milliseconds.
    pub fn tls(&self, host: &str) -> Arc<rustls::ClientConfig> {
        self.configured(host).plain()
    }

    /// Waits for a place for as long as the caller does.
    ///
    /// # Errors
    /// [`Error::Denied`] where there are none.
    pub async fn place(&self, kind: Kind) -> Result<Place, Error> {
        let gate = self.0.as_ref().ok_or(Error::Denied)?;
        Ok(gate.places.take(kind).await)
    }

    /// A place, if there is one now: for whoever cannot wait without risking that all wait for each other.
    ///
    /// # Errors
    /// [`Error::Full`], or [`Error::Denied`] where there are none.
    pub fn try_place(&self, kind: Kind) -> Result<Place, Error> {
        let gate = self.0.as_ref().ok_or(Error::Denied)?;
        gate.places.try_take(kind).ok_or(Error::Full)
    }

    /// Whether a connection more would have to wait.
    pub fn is_full(&self, kind: Kind) -> bool {
        self.0.as_ref().is_none_or(|gate| gate.places.is_full(kind))
    }

    /// Connects in a place that was taken before, within [`CONNECT_MAX`]. Unlike [`dial`](Self::dial) it leaves it to
    /// the caller to log and count what is refused.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn connect(
        &self,
        place: Place,
        scheme: &str,
        host: &str,
        port: u16,
        transport: Transport,
    ) -> Result<Socket, Error> {
        let gate = self.gate(scheme, host, port)?;
        let established =
            gate.establish(host, port, transport, self.configured_for(host, transport));
        let (stream, http2) = timeout(gate.settings.connect_max(), established)
            .await
            .map_err(|_| Error::TimedOut)??;
        Ok(Socket::new(stream, http2, place))
    }

    /// The addresses of a host that a guest may look up, because some port of it may be connected to with one of these
    /// schemes. Blocked ones are left out. An address is its own.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn look_up(&self, schemes: &[&str], host: &str) -> Result<Vec<IpAddr>, Error> {
        if let Some(address) = hosts::address(host) {
            return Ok(vec![address]);
        }
        let found = self.looked_up(schemes, host).await;
        if let Err(error) = &found {
            self.refused("dns", host, 0, *error);
        }
        found
    }

    /// Whether connections of HTTP are kept for the next request.
    pub fn pools_http(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|gate| gate.settings.pools_http())
    }

    /// Logs and counts that something was not allowed, for whoever does not [`dial`](Self::dial). Other errors are only
    /// logged. At most ten a second are told; `untold` is how many were not since the last one.
    pub fn refused(&self, scheme: &str, host: &str, port: u16, error: Error) {
        let Some(gate) = &self.0 else {
            return;
        };
        let Some(Holder {
            component,
            revision,
        }) = &gate.holder
        else {
            return;
        };
        // Guests choose what stands here.
        let host = &host[..host.floor_char_boundary(HOST_BYTES_MAX)];
        let code = error.code();
        match error {
            Error::Denied | Error::Blocked | Error::Full => {
                metrics::counter!(NETWORK_REFUSED_TOTAL, "component" => component.to_string(), "reason" => code)
                    .increment(1);
                if let Some(untold) = gate.lines.next() {
                    info!(%component, revision, scheme, host, port, reason = code, untold, "connection refused");
                }
            }
            _ => debug!(%component, revision, scheme, host, port, %error, "connection failed"),
        }
    }

    async fn open_socket(
        &self,
        scheme: &str,
        host: &str,
        port: u16,
        transport: Transport,
    ) -> Result<Socket, Error> {
        let opened = self.opened(scheme, host, port, transport).await;
        self.report(scheme, host, port, opened.as_ref().err().copied());
        opened
    }

    async fn opened(
        &self,
        scheme: &str,
        host: &str,
        port: u16,
        transport: Transport,
    ) -> Result<Socket, Error> {
        let gate = self.gate(scheme, host, port)?;
        let until = Instant::now() + gate.settings.connect_max();
        let place = gate.place_until(Kind::Driver, until).await?;
        let tls = self.configured_for(host, transport);
        let established = timeout_at(until, gate.establish(host, port, transport, tls)).await;
        let (stream, http2) = established.map_err(|_| Error::TimedOut)??;
        Ok(Socket::new(stream, http2, place))
    }

    async fn looked_up(&self, schemes: &[&str], host: &str) -> Result<Vec<IpAddr>, Error> {
        fits(host)?;
        let gate = self.0.as_ref().ok_or(Error::Denied)?;
        if !self.allows_host(schemes, host) {
            return Err(Error::Denied);
        }
        let found = timeout(gate.settings.connect_max(), gate.addresses(host, 0)).await;
        let found = found.map_err(|_| Error::TimedOut)??;
        Ok(found
            .iter()
            .map(|found| found.ip().to_canonical())
            .collect())
    }

    /// The gate, for what the manifest allows.
    fn gate(&self, scheme: &str, host: &str, port: u16) -> Result<&Arc<Gate>, Error> {
        fits(host)?;
        let gate = self.0.as_ref().ok_or(Error::Denied)?;
        match self.allows(scheme, host, port) {
            true => Ok(gate),
            false => Err(Error::Denied),
        }
    }

    fn any(&self, allows: impl Fn(&Destination) -> bool) -> bool {
        let gate = self.0.as_ref();
        gate.is_some_and(|gate| gate.destinations.iter().any(allows))
    }

    fn allows_host(&self, schemes: &[&str], host: &str) -> bool {
        self.any(|destination| {
            let mut schemes = schemes.iter();
            schemes.any(|scheme| destination.allows_host(scheme, host))
        })
    }

    fn holder(&self) -> Option<&Holder> {
        self.0.as_ref()?.holder.as_ref()
    }

    fn configured(&self, host: &str) -> tls::Configured {
        let of_component = self.0.as_ref().and_then(|gate| {
            let component = &gate.holder.as_ref()?.component;
            gate.settings.client_tls(component, host)
        });
        of_component.unwrap_or(tls::Configured::System)
    }

    /// None where no TLS is spoken.
    fn configured_for(&self, host: &str, transport: Transport) -> Option<tls::Configured> {
        match transport {
            Transport::Plain => None,
            Transport::Tls | Transport::Https => Some(self.configured(host)),
        }
    }

    fn report(&self, scheme: &str, host: &str, port: u16, error: Option<Error>) {
        if let Some(Holder { component, .. }) = self.holder() {
            let outcome = error.map_or("ok", Error::code);
            metrics::counter!(NETWORK_CONNECTIONS_TOTAL, "component" => component.to_string(), "outcome" => outcome)
                .increment(1);
        }
        if let Some(error) = error {
            self.refused(scheme, host, port, error);
        }
    }
}

// === impl Gate ===

impl Gate {
    async fn place_until(&self, kind: Kind, until: Instant) -> Result<Place, Error> {
        timeout_at(until, self.places.take(kind))
            .await
            .map_err(|_| Error::Full)
    }
}

// === functions ===

fn fits(host: &str) -> Result<(), Error> {
    match host.len() <= HOST_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::Name),
    }
}
