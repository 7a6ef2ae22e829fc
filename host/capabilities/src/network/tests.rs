//! The gate against servers of this machine.

mod names;
mod secured;

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use stoa_manifest::text::{self, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Long enough for a connection within this machine, short enough to wait for its end.
const SHORTLY: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_host_that_is_not_allowed_is_refused() {
    let server = Server::start().await;
    let (host, port) = ("127.0.0.1", server.address.port());
    for allowed in [
        "",
        "https://127.0.0.1:*",
        "redis://127.0.0.1:1",
        "redis://10.0.0.0/8:*",
    ] {
        let network = network(&[allowed], "", &Settings::default());
        for outcome in [
            network.dial("redis", host, port).await.err(),
            network.dial_tls("redis", host, port).await.err(),
        ] {
            assert_eq!(outcome, Some(Error::Denied), "{allowed}");
        }
        let place = network.place(Kind::Http).await.expect("there are places");
        let connected = network.connect(place, "redis", host, port, Transport::Plain);
        assert_eq!(connected.await.err(), Some(Error::Denied), "{allowed}");
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn the_default_leads_nowhere() {
    let network = Network::default();
    assert_eq!(refusal(&network, "127.0.0.1", 80).await, Error::Denied);
    assert_eq!(network.try_place(Kind::Socket).err(), Some(Error::Denied));
    let looked_up = network.look_up(&["tcp"], "localhost").await;
    assert_eq!(looked_up, Err(Error::Denied));
    assert!(network.blocks(IpAddr::from([127, 0, 0, 1])));
    assert!(!network.allows_application(&["http", "https"]));
}

#[tokio::test]
async fn blocked_addresses_are_left_out_however_they_are_written() {
    let server = Server::start().await;
    let port = server.address.port();
    let network = network(&["*://*:*"], "", &blocking(&["127.0.0.0/8", "::1"]));
    for host in [
        "127.0.0.1",
        "[::1]",
        "::1",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        // Whoever connects to nobody is connected to this machine.
        "0.0.0.0",
        "[::]",
        "[::ffff:0.0.0.0]",
        "localhost",
    ] {
        let outcome = refusal(&network, host, port).await;
        assert_eq!(outcome, Error::Blocked, "{host}");
    }
    // Forms that only the resolver takes for an address.
    for host in ["2130706433", "0x7f.1"] {
        let outcome = refusal(&network, host, port).await;
        assert!(
            matches!(outcome, Error::Blocked | Error::Name),
            "{host}: {outcome:?}"
        );
    }
    let looked_up = network.look_up(&["tcp"], "localhost").await;
    assert_eq!(looked_up, Err(Error::Blocked));
    assert_eq!(server.accepted(), 0);
    let other = network.look_up(&["tcp"], "203.0.113.7").await;
    assert_eq!(other, Ok(vec![IpAddr::from([203, 0, 113, 7])]));
}

#[tokio::test]
async fn link_local_networks_are_blocked_by_default() {
    let network = network(&["*://*:*"], "", &Settings::default());
    for host in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"] {
        assert_eq!(refusal(&network, host, 80).await, Error::Blocked, "{host}");
    }
}

#[tokio::test]
async fn a_host_that_is_longer_than_any_name_is_none() {
    let network = network(&["*://*:*"], "", &Settings::default());
    let host = "a".repeat(HOST_BYTES_MAX + 1);
    assert_eq!(refusal(&network, &host, 80).await, Error::Name);
    assert_eq!(network.look_up(&["tcp"], &host).await, Err(Error::Name));
}

#[tokio::test]
async fn without_a_place_left_nothing_is_connected() {
    let server = Server::start().await;
    let (host, port) = ("127.0.0.1", server.address.port());
    let settings = Settings::default().connecting_within(SHORTLY);
    let network = network(&["*://*:*"], "outbound_connections_max = 1", &settings);
    let mut first = network.dial("redis", host, port).await.expect("it is free");
    assert_eq!(refusal(&network, host, port).await, Error::Full);
    assert_eq!(network.try_place(Kind::Socket).err(), Some(Error::Full));
    assert!(network.is_full(Kind::Http));
    echoes(&mut first).await;
    drop(first);
    let mut next = network.dial("redis", host, port).await.expect("free again");
    echoes(&mut next).await;
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn caps_of_the_host_hold_for_all_components_together() {
    let settings = configured(
        "[outbound_networking]\nmax_total_connections = 2\nmax_socket_connections = 1\n\
         [outbound_http]\nmax_connections = 1\n",
    );
    let one = network(&["*://*:*"], "", &settings);
    let other = network(&["*://*:*"], "", &settings);
    let socket = one.try_place(Kind::Socket).expect("the first socket");
    assert_eq!(other.try_place(Kind::Socket).err(), Some(Error::Full));
    let http = other.try_place(Kind::Http).expect("the first of HTTP");
    assert_eq!(one.try_place(Kind::Http).err(), Some(Error::Full));
    assert_eq!(one.try_place(Kind::Driver).err(), Some(Error::Full));
    drop(http);
    let driver = one.try_place(Kind::Driver).expect("there is room again");
    drop((socket, driver));
    assert!(!one.is_full(Kind::Socket) && !other.is_full(Kind::Http));
}

#[tokio::test]
async fn who_waits_for_a_place_of_few_holds_none_of_all() {
    let settings = configured(
        "[outbound_networking]\nmax_total_connections = 2\n[outbound_http]\nmax_connections = 1\n",
    );
    let network = network(&["*://*:*"], "", &settings);
    let first = network.place(Kind::Http).await.expect("it is free");
    let mut second = Box::pin(network.place(Kind::Http));
    assert!(waits(second.as_mut()).await);
    let driver = network.try_place(Kind::Driver);
    assert!(driver.is_ok(), "the second of all is free");
    drop((first, driver));
    assert!(second.await.is_ok(), "its turn came");
}

#[tokio::test]
async fn an_allowed_host_is_connected_to_and_its_addresses_are_tried_in_turn() {
    let server = Server::start().await;
    let port = server.address.port();
    let network = network(&["redis://localhost:*"], "", &Settings::default());
    // Where it stands for ::1 as well, nobody listens there.
    let socket = network.dial("redis", "LOCALHOST", port).await;
    echoes(&mut socket.expect("it is allowed")).await;
    assert_eq!(server.accepted(), 1);
    let closed = closed_port().await;
    assert_eq!(refusal(&network, "localhost", closed).await, Error::Refused);
}

#[tokio::test]
async fn only_names_that_may_be_connected_to_are_looked_up() {
    let network = network(
        &["tcp://localhost:5432", "https://*.localhost"],
        "",
        &Settings::default(),
    );
    for (schemes, host) in [
        (&["udp"][..], "localhost"),
        (&["tcp", "udp"][..], "a.localhost"),
        (&["tcp", "udp"][..], "example.com"),
    ] {
        let outcome = network.look_up(schemes, host).await;
        assert_eq!(outcome, Err(Error::Denied), "{host}");
    }
    let found = network.look_up(&["tcp", "udp"], "localhost").await;
    let found = found.expect("it is allowed");
    assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback));
    let itself = network.look_up(&["tcp"], "10.1.2.3").await;
    assert_eq!(itself, Ok(vec![IpAddr::from([10, 1, 2, 3])]));
}

// === helpers ===

/// A component that may connect to these, within these limits.
fn component(hosts: &[&str], limits: &str) -> Component {
    let hosts: Vec<&&str> = hosts.iter().filter(|host| !host.is_empty()).collect();
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"guest\"\n[component.guest]\nsource = \"guest.wasm\"\nallowed_outbound_hosts = {hosts:?}\n\
         [component.guest.tool.stoa]\nschema = 1\nlimits = {{ {limits} }}\n"
    );
    let app = stoa_manifest::parse(&Source::new("spin.toml", text), None);
    let app = app.unwrap_or_else(|error| panic!("{error}"));
    app.components[&guest()].clone()
}

fn guest() -> ComponentId {
    ComponentId::new("guest").expect("it is an id")
}

fn network(hosts: &[&str], limits: &str, settings: &Settings) -> Network {
    Network::held_by(&guest(), "test", &component(hosts, limits), settings)
}

fn blocking(networks: &[&str]) -> Settings {
    let parse = |text: &&str| text.parse::<hosts::Network>().expect("it is a network");
    Settings::blocking(networks.iter().map(parse).collect())
}

/// The settings of a configuration that names no files.
fn configured(written: &str) -> Settings {
    let config = text::read(&Source::new("runtime.toml", written), Config::read);
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Settings::open(&config, Path::new(".")).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// Why there is no connection.
async fn refusal(network: &Network, host: &str, port: u16) -> Error {
    let outcome = network.dial("redis", host, port).await;
    outcome
        .err()
        .unwrap_or_else(|| panic!("{host} was reached"))
}

async fn echoes(socket: &mut Socket) {
    socket.write_all(b"ping").await.expect("it is open");
    let mut answer = [0; 4];
    socket.read_exact(&mut answer).await.expect("it answers");
    assert_eq!(&answer, b"ping");
}

async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let address = listener.and_then(|listener| listener.local_addr());
    address.expect("a port is free").port()
}

/// Whether a future still waits after it was asked once.
async fn waits<F: Future>(mut future: Pin<&mut F>) -> bool {
    let asked =
        |cx: &mut std::task::Context<'_>| Poll::Ready(future.as_mut().poll(cx).is_pending());
    std::future::poll_fn(asked).await
}

/// Sends back what it is sent, on any number of connections.
struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    // It ends with its client.
                    tokio::io::copy(&mut read, &mut write).await.ok();
                });
            }
        });
        Self { address, accepted }
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}
