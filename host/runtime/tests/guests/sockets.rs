//! Sockets and names from both versions of WASI, to servers that each test makes for itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, UdpSocket};

use crate::fixture::{Fixture, Service};

const BOTH: [&str; 2] = ["sockets-02", "sockets-03"];
/// Spin's schemes for sockets are `tcp`, `udp` and `*`; these say nothing of them.
const OTHERS: [&str; 4] = [
    "",
    "https://127.0.0.1:*",
    "http://*:*",
    "redis://127.0.0.1:*",
];

#[tokio::test]
async fn a_component_that_is_allowed_no_sockets_makes_none() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        for allowed in OTHERS {
            let guest = allowing(&fixture, probe, &[allowed], "");
            for query in [
                format!("op=tcp&to={}", upstream.tcp),
                format!("op=udp&to={}", upstream.udp),
                "op=listen&at=127.0.0.1:0".to_owned(),
                "op=look-up&name=localhost".to_owned(),
            ] {
                refused(&guest, &query).await;
            }
            assert_eq!(answer(&guest, "op=hold&count=3").await, "0", "{probe}");
        }
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        for allowed in [
            "tcp://127.0.0.1:1",
            "tcp://10.0.0.0/8:*",
            "tcp://localhost:*",
            "tcp://*.0.0.1:*",
            "*://*:1..2",
        ] {
            let guest = allowing(&fixture, probe, &[allowed, "https://127.0.0.1:*"], "");
            refused(&guest, &format!("op=tcp&to={}", upstream.tcp)).await;
            refused(&guest, &format!("op=udp&to={}", upstream.udp)).await;
        }
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn what_is_allowed_of_one_protocol_is_not_of_the_other() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &["udp://127.0.0.1:*"], "");
        refused(&guest, &format!("op=tcp&to={}", upstream.tcp)).await;
        let guest = allowing(&fixture, probe, &["tcp://127.0.0.1:*"], "");
        refused(&guest, &format!("op=udp&to={}", upstream.udp)).await;
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_blocked_network_is_not_reached_whatever_the_manifest_allows() {
    let fixture = Fixture::blocking(&["127.0.0.0/8", "::1"]);
    let upstream = Upstream::start().await;
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &["*://*:*"], "");
        refused(&guest, &format!("op=tcp&to={}", upstream.tcp)).await;
        refused(&guest, &format!("op=udp&to={}", upstream.udp)).await;
        refused(&guest, "op=look-up&name=localhost").await;
        let port = upstream.tcp.port();
        let named = format!("/?op=named&host=localhost&port={port}");
        let named = guest.get(&named).await.expect("the probe answers");
        assert_ne!(named.status, 200, "{probe}: {}", named.text());
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn nobody_listens() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let guest = allowing(&fixture, probe, &["*://*:*"], "");
        for at in ["127.0.0.1:0", "0.0.0.0:0", "0.0.0.0:8080"] {
            refused(&guest, &format!("op=listen&at={at}")).await;
        }
    }
}

#[tokio::test]
async fn an_allowed_address_is_connected_to() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    let exact = format!("tcp://{}", upstream.tcp);
    for probe in BOTH {
        for allowed in ["tcp://127.0.0.1:*", "*://127.0.0.0/8:*", "*://*:*", &exact] {
            let guest = allowing(&fixture, probe, &[allowed], "");
            let said = answer(&guest, &format!("op=tcp&to={}", upstream.tcp)).await;
            assert_eq!(said, "ping", "{probe} {allowed}");
        }
    }
}

#[tokio::test]
async fn datagrams_are_sent_where_they_are_allowed_and_answered() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    for probe in BOTH {
        for allowed in ["udp://127.0.0.1:*", "*://*:*"] {
            let guest = allowing(&fixture, probe, &[allowed], "");
            let said = answer(&guest, &format!("op=udp&to={}", upstream.udp)).await;
            assert_eq!(said, "ping", "{probe} {allowed}");
        }
    }
}

#[tokio::test]
async fn only_names_that_are_allowed_are_looked_up() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let allowed = ["tcp://localhost:5432", "https://a.localhost"];
        let guest = allowing(&fixture, probe, &allowed, "");
        for name in ["a.localhost", "example.com", "localhost.example.com"] {
            refused(&guest, &format!("op=look-up&name={name}")).await;
        }
        let found = answer(&guest, "op=look-up&name=localhost").await;
        assert!(
            found.lines().any(|line| line == "127.0.0.1"),
            "{probe}: {found}"
        );
        // An address is no secret, and none is looked up for it.
        let itself = answer(&guest, "op=look-up&name=10.1.2.3").await;
        assert_eq!(itself, "10.1.2.3\n", "{probe}");
    }
}

#[tokio::test]
async fn an_address_is_allowed_by_a_name_that_was_looked_up() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    let port = upstream.tcp.port();
    for probe in BOTH {
        let allowed = format!("tcp://localhost:{port}");
        let guest = allowing(&fixture, probe, &[&allowed], "");
        refused(&guest, &format!("op=tcp&to={}", upstream.tcp)).await;
        let named = format!("op=named&host=localhost&port={port}");
        assert_eq!(answer(&guest, &named).await, "ping", "{probe}");
        // The name is allowed with one port.
        let other = upstream.other.port();
        let named = format!("/?op=named&host=localhost&port={other}");
        let named = guest.get(&named).await.expect("the probe answers");
        assert_ne!(named.status, 200, "{probe}: {}", named.text());
    }
}

#[tokio::test]
async fn sockets_count_among_the_connections_of_their_component() {
    let fixture = Fixture::new();
    for probe in BOTH {
        let limit = "outbound_connections_max = 2";
        let guest = allowing(&fixture, probe, &["*://*:*"], limit);
        assert_eq!(answer(&guest, "op=hold&count=1").await, "1", "{probe}");
        assert_eq!(answer(&guest, "op=hold&count=5").await, "2", "{probe}");
        // They were closed.
        assert_eq!(answer(&guest, "op=hold&count=5").await, "2", "{probe}");
    }
}

#[tokio::test]
async fn sockets_that_a_guest_does_not_close_go_with_its_instance() {
    let fixture = Fixture::new();
    let limit = "outbound_connections_max = 2";
    let guest = allowing(&fixture, "sockets-02", &["*://*:*"], limit);
    assert_eq!(answer(&guest, "op=leak&count=5").await, "2");
    // The answer may be out a little before the instance is gone.
    let freed = async {
        while answer(&guest, "op=hold&count=5").await != "2" {
            tokio::task::yield_now().await;
        }
    };
    let freed = tokio::time::timeout(std::time::Duration::from_secs(10), freed).await;
    assert!(freed.is_ok(), "they are still open");
}

#[tokio::test]
async fn a_connection_whose_streams_are_left_still_counts() {
    let (fixture, upstream) = (Fixture::new(), Upstream::start().await);
    let limit = "outbound_connections_max = 1";
    let guest = allowing(&fixture, "sockets-03", &["*://*:*"], limit);
    let counts = answer(&guest, &format!("op=streams&to={}", upstream.tcp)).await;
    assert_eq!(counts, "0 1", "none while they are left, one after");
}

// === helpers ===

/// A probe that may connect to these, within these limits.
fn allowing(fixture: &Fixture, probe: &str, hosts: &[&str], limits: &str) -> Service {
    let hosts: Vec<&&str> = hosts.iter().filter(|host| !host.is_empty()).collect();
    let manifest = format!(
        "allowed_outbound_hosts = {hosts:?}\n[component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n"
    );
    fixture.serve(probe, &manifest)
}

async fn answer(guest: &Service, query: &str) -> String {
    let answer = guest.get(&format!("/?{query}")).await;
    let answer = answer.expect("the probe answers");
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.text()
}

async fn refused(guest: &Service, query: &str) {
    let answer = guest.get(&format!("/?{query}")).await;
    let answer = answer.expect("the probe answers");
    let told = (answer.status.as_u16(), answer.text());
    assert_eq!(told, (403, "access-denied: ".to_owned()), "{query}");
}

/// Sends back what it is sent, over TCP on two ports and in datagrams.
struct Upstream {
    tcp: SocketAddr,
    other: SocketAddr,
    udp: SocketAddr,
    seen: Arc<AtomicUsize>,
}

impl Upstream {
    async fn start() -> Self {
        let seen = Arc::new(AtomicUsize::new(0));
        Self {
            tcp: connections(&seen).await,
            other: connections(&seen).await,
            udp: datagrams(&seen).await,
            seen,
        }
    }

    /// Connections and datagrams.
    fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }
}

async fn connections(seen: &Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                // It ends with its client.
                tokio::io::copy(&mut read, &mut write).await.ok();
            });
        }
    });
    address
}

async fn datagrams(seen: &Arc<AtomicUsize>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await;
    let socket = socket.expect("a port is free");
    let address = socket.local_addr().expect("it has an address");
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        let mut datagram = [0; 64];
        while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
            seen.fetch_add(1, Ordering::Relaxed);
            // A client that is gone gets no answer.
            socket.send_to(&datagram[..length], from).await.ok();
        }
    });
    address
}
