//! What one instance may do with sockets, and which it has open.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use stoa_capabilities::network::{Error, Kind, Network, Place};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

use super::names::Names;

/// The schemes of entries in `allowed_outbound_hosts` that are about sockets, besides `*`. They are Spin's.
const TCP: &str = "tcp";
const UDP: &str = "udp";

/// The sockets of one instance.
pub(crate) struct Sockets {
    gate: Arc<Gate>,
    /// By the number of the socket in the instance's table.
    places: HashMap<u32, Arc<Place>>,
}

/// What is asked before an address is used.
pub(super) struct Gate {
    network: Network,
    names: Mutex<Names>,
}

// === impl Sockets ===

impl Sockets {
    /// The sockets of a component with this network. Where it allows none, all of this is refused when a socket is made.
    pub(crate) fn new(network: &Network, wasi: &mut WasiCtxBuilder) -> Self {
        let gate = Arc::new(Gate {
            network: network.clone(),
            names: Mutex::default(),
        });
        let (tcp, udp) = (network.allows_scheme(TCP), network.allows_scheme(UDP));
        wasi.allow_tcp(tcp).allow_udp(udp);
        if tcp || udp {
            let gate = Arc::clone(&gate);
            wasi.socket_addr_check(move |address, usage| {
                Box::pin(std::future::ready(gate.allows(address, usage)))
            });
        }
        Self {
            gate,
            places: HashMap::new(),
        }
    }

    /// A place for a socket that is about to be made. Nobody waits for one: an instance that holds sockets might wait for
    /// itself.
    pub(super) fn place(&self) -> Result<Place, Error> {
        let network = &self.gate.network;
        let place = match network.allows_scheme(TCP) || network.allows_scheme(UDP) {
            true => network.try_place(Kind::Socket),
            false => Err(Error::Denied),
        };
        if let Err(error) = &place {
            network.refused("socket", "", 0, *error);
        }
        place
    }

    /// A socket was made.
    pub(super) fn opened(&mut self, number: u32, place: Place) {
        self.places.insert(number, Arc::new(place));
    }

    /// A socket was dropped. Its place may be shared by what is left of its connection.
    pub(super) fn closed(&mut self, number: u32) {
        self.places.remove(&number);
    }

    /// The place of a socket, to hold it for longer.
    pub(super) fn share(&self, number: u32) -> Option<Arc<Place>> {
        self.places.get(&number).cloned()
    }

    pub(super) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }
}

// === impl Gate ===

impl Gate {
    /// Whether an address may be used so.
    fn allows(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        match usage {
            // What the system does by itself when a socket connects or sends: any address of this machine, any port.
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
                let implicit = address.ip().is_unspecified() && address.port() == 0;
                implicit || self.refuse("bind", address)
            }
            SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => self.refuse("listen", address),
            SocketAddrUse::TcpConnect => self.outcome(TCP, address),
            SocketAddrUse::UdpSend => self.outcome(UDP, address),
            // Dropped in silence: whoever sends it is not our guest, and may send much.
            SocketAddrUse::UdpReceive => self.judge(UDP, address).is_ok(),
        }
    }

    fn outcome(&self, scheme: &str, address: SocketAddr) -> bool {
        let judged = self.judge(scheme, address);
        if let Err(error) = judged {
            let host = address.ip().to_string();
            self.network.refused(scheme, &host, address.port(), error);
        }
        judged.is_ok()
    }

    fn refuse(&self, usage: &str, address: SocketAddr) -> bool {
        let host = address.ip().to_string();
        self.network
            .refused(usage, &host, address.port(), Error::Denied);
        false
    }

    /// An address is allowed as itself, or by a name that this guest looked up and that stood for it then.
    fn judge(&self, scheme: &str, address: SocketAddr) -> Result<(), Error> {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let allows = |host: &str| self.network.allows(scheme, host, port);
        let allowed = allows(&ip.to_string()) || self.names(|names| names.of(ip).any(allows));
        match (allowed, self.network.blocks(ip)) {
            (false, _) => Err(Error::Denied),
            (true, true) => Err(Error::Blocked),
            (true, false) => Ok(()),
        }
    }

    /// The addresses of a name, if the guest may know them.
    pub(super) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        let found = self.network.look_up(&[TCP, UDP], name).await?;
        self.names(|names| names.remember(name, &found));
        Ok(found)
    }

    /// Whether a look-up would be refused, without asking anybody.
    pub(super) fn may_look_up(&self) -> bool {
        self.network.allows_scheme(TCP) || self.network.allows_scheme(UDP)
    }

    fn names<T>(&self, with: impl FnOnce(&mut Names) -> T) -> T {
        // Nothing under the lock leaves it half done.
        with(&mut self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::network::Settings;
    use stoa_manifest::text::Source;

    use super::*;

    /// The gate of a component that may connect to these.
    fn gate(hosts: &[&str]) -> Gate {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
             component = \"guest\"\n[component.guest]\nsource = \"guest.wasm\"\nallowed_outbound_hosts = {hosts:?}\n"
        );
        let app = stoa_manifest::parse(&Source::new("spin.toml", text), None);
        let app = app.unwrap_or_else(|error| panic!("{error}"));
        let component = app.components.values().next().expect("there is one");
        let blocked = "10.9.0.0/16".parse().expect("it is a network");
        Gate {
            network: Network::new(component, &Settings::blocking(vec![blocked])),
            names: Mutex::default(),
        }
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("it is an address")
    }

    #[test]
    fn nobody_listens_and_binds_only_to_connect() {
        let gate = gate(&["*://*:*"]);
        for usage in [SocketAddrUse::TcpListen, SocketAddrUse::TcpAccept] {
            assert!(!gate.allows(at("0.0.0.0:0"), usage), "{usage:?}");
            assert!(!gate.allows(at("127.0.0.1:80"), usage), "{usage:?}");
        }
        for usage in [SocketAddrUse::TcpBind, SocketAddrUse::UdpBind] {
            for address in ["127.0.0.1:0", "0.0.0.0:80", "[::1]:0", "[::]:80"] {
                assert!(!gate.allows(at(address), usage), "{usage:?} {address}");
            }
            assert!(gate.allows(at("0.0.0.0:0"), usage), "{usage:?}");
            assert!(gate.allows(at("[::]:0"), usage), "{usage:?}");
        }
    }

    #[test]
    fn each_protocol_has_its_own_scheme() {
        let gate = gate(&["tcp://10.0.0.1:80", "udp://10.0.0.2:53", "https://10.0.0.3"]);
        let connects = |address| gate.allows(at(address), SocketAddrUse::TcpConnect);
        assert!(!connects("10.0.0.1:81"));
        assert!(!connects("10.0.0.2:53"));
        assert!(!connects("10.0.0.3:443"));
        assert!(connects("10.0.0.1:80"));
        for usage in [SocketAddrUse::UdpSend, SocketAddrUse::UdpReceive] {
            assert!(!gate.allows(at("10.0.0.1:80"), usage), "{usage:?}");
            assert!(!gate.allows(at("10.0.0.2:54"), usage), "{usage:?}");
            assert!(gate.allows(at("10.0.0.2:53"), usage), "{usage:?}");
        }
    }

    #[test]
    fn blocked_networks_hold_whatever_is_allowed() {
        let gate = gate(&["*://*:*"]);
        for usage in [
            SocketAddrUse::TcpConnect,
            SocketAddrUse::UdpSend,
            SocketAddrUse::UdpReceive,
        ] {
            assert!(!gate.allows(at("10.9.1.1:80"), usage), "{usage:?}");
            assert!(!gate.allows(at("[::ffff:10.9.1.1]:80"), usage), "{usage:?}");
            assert!(gate.allows(at("10.8.1.1:80"), usage), "{usage:?}");
        }
    }

    #[test]
    fn an_address_is_allowed_by_a_name_once_that_was_looked_up() {
        let gate = gate(&["tcp://db.example.com:5432", "udp://ns.example.com:53"]);
        let connects = |address| gate.allows(at(address), SocketAddrUse::TcpConnect);
        assert!(!connects("10.0.0.1:5432"));
        gate.names(|names| {
            names.remember("db.example.com", &[IpAddr::from([10, 0, 0, 1])]);
            names.remember("db.example.com", &[IpAddr::from([10, 9, 0, 1])]);
            names.remember("ns.example.com", &[IpAddr::from([10, 0, 0, 2])]);
        });
        assert!(connects("10.0.0.1:5432"));
        assert!(!connects("10.0.0.1:5433"), "another port");
        assert!(!connects("10.0.0.2:53"), "another protocol");
        assert!(!connects("10.0.0.3:5432"), "another address");
        assert!(!connects("10.9.0.1:5432"), "it is blocked");
    }
}
