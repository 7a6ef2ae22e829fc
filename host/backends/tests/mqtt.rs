//! The driver for MQTT against a broker: that of `STOA_TEST_MQTT`, or one on this machine. What is published is seen by a
//! client of another make.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use stoa_backends::mqtt::Driver;
use stoa_capabilities::mqtt::{
    Address, Client, Config, Connection, Driver as _, Error, Login, Message, Quality,
};
use stoa_capabilities::network::{self, Network, Settings};
use stoa_capabilities::variables::Secret;
use stoa_manifest::text::Source;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is waited for comes well within this.
const SOON: Duration = Duration::from_secs(30);
/// Larger than the first guesses of anybody's buffers.
const LARGE: usize = 300_000;

fn broker() -> String {
    std::env::var("STOA_TEST_MQTT").unwrap_or_else(|_| "mqtt://127.0.0.1:1883".into())
}

/// A name that nobody else has.
fn name(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("stoa-test-{what}-{now}-{count}")
}

fn address() -> String {
    format!("{}?client_id={}", broker(), name("client"))
}

/// The network of a component that may connect to these.
fn network(hosts: &[&str]) -> Network {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"a\"\n[component.a]\nsource = \"a.wasm\"\nallowed_outbound_hosts = {hosts:?}\n"
    );
    let app = stoa_manifest::parse(&Source::new("spin.toml", text), None);
    let app = app.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let component = app.components.values().next();
    Network::new(component.expect("there is one"), &Settings::default())
}

fn client_of(host: &str, config: &Config) -> Arc<dyn Client> {
    Driver::new(config).client(network(&[host]))
}

fn client() -> Arc<dyn Client> {
    client_of(&broker(), &Config::default())
}

fn nobody() -> Login {
    Login {
        user: String::new(),
        password: Secret::default(),
        keep_alive: Duration::from_secs(30),
    }
}

async fn opened(client: &dyn Client, address: &str) -> Arc<dyn Connection> {
    let opened = client.open(address, nobody()).await;
    opened.unwrap_or_else(|error| {
        panic!("these tests need a broker: start one, or name it in STOA_TEST_MQTT ({error})")
    })
}

async fn refused(client: &dyn Client, address: &str) -> Error {
    match client.open(address, nobody()).await {
        Ok(_) => panic!("`{address}` was connected to"),
        Err(error) => error,
    }
}

fn message(topic: &str, quality: Quality, payload: impl Into<Vec<u8>>) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: payload.into(),
        quality,
    }
}

/// A client of another make that listens to a topic.
struct Witness {
    events: EventLoop,
    _client: AsyncClient,
}

impl Witness {
    async fn of(topic: &str) -> Self {
        let address = Address::parse(&address()).expect("it is an address");
        let mut options = MqttOptions::new(name("witness"), address.host, address.port);
        options.set_max_packet_size(2 * LARGE, 2 * LARGE);
        let (client, events) = AsyncClient::new(options, 10);
        let subscribed = client.subscribe(topic, QoS::ExactlyOnce).await;
        subscribed.expect("there is room for it");
        let mut witness = Self {
            events,
            _client: client,
        };
        witness
            .until(|packet| matches!(packet, Packet::SubAck(_)).then_some(()))
            .await;
        witness
    }

    async fn next(&mut self) -> Publish {
        let published = |packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        };
        self.until(published).await
    }

    async fn until<T>(&mut self, is_it: impl Fn(Packet) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.poll().await.expect("the broker is there");
                if let Event::Incoming(packet) = event
                    && let Some(found) = is_it(packet)
                {
                    return found;
                }
            }
        };
        timeout(SOON, found).await.expect("it arrives")
    }
}

/// A broker that lets every client in, acknowledges one message and hangs up. Counts them.
async fn forgetful() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("there is a port");
    let place = listener.local_addr().expect("it has an address");
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            // A client may leave before it has said anything.
            answer_once(stream).await.ok();
        }
    });
    (format!("mqtt://{place}"), seen)
}

async fn answer_once(mut stream: TcpStream) -> std::io::Result<()> {
    for answer in [[0x20, 2, 0, 0], [0x40, 2, 0, 1]] {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await?;
        let mut rest = vec![0; head[1].into()];
        stream.read_exact(&mut rest).await?;
        stream.write_all(&answer).await?;
    }
    Ok(())
}

/// A server that hears one byte and hangs up.
async fn deaf() -> (SocketAddr, JoinHandle<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("there is a port");
    let place = listener.local_addr().expect("it has an address");
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody asks");
        stream.read_u8().await.expect("it says something")
    });
    (place, heard)
}

#[tokio::test]
async fn a_component_without_hosts_connects_to_nobody() {
    let nowhere = Driver::new(&Config::default()).client(Network::default());
    assert_eq!(refused(&*nowhere, &address()).await, Error::Denied);
    let elsewhere = client_of("mqtt://broker.example:1883", &Config::default());
    assert_eq!(refused(&*elsewhere, &address()).await, Error::Denied);
}

#[tokio::test]
async fn what_is_no_address_is_not_connected_to() {
    for address in [
        "",
        "127.0.0.1:1883",
        "mqtt://127.0.0.1:1883",
        "http://127.0.0.1:1883?client_id=a",
    ] {
        assert_eq!(
            refused(&*client(), address).await,
            Error::Address,
            "{address}"
        );
    }
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let place = free.local_addr().expect("it has an address");
    drop(free);
    let client = client_of(&format!("mqtt://{place}"), &Config::default());
    let refused = refused(&*client, &format!("mqtt://{place}?client_id=a")).await;
    assert_eq!(refused, Error::Network(network::Error::Refused));
}

#[tokio::test]
async fn a_server_that_is_no_broker_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("there is a port");
    let place = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody asks");
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).await.expect("it listens");
        stream.read_to_end(&mut Vec::new()).await.ok();
    });
    let client = client_of(&format!("mqtt://{place}"), &Config::default());
    let refused = refused(&*client, &format!("mqtt://{place}?client_id=a")).await;
    assert_eq!(refused, Error::Protocol);
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_tls_is_asked_for() {
    let (place, heard) = deaf().await;
    let place = format!("mqtts://{place}");
    let client = client_of(&place, &Config::default());
    let refused = refused(&*client, &format!("{place}?client_id=a")).await;
    assert!(matches!(refused, Error::Network(_)), "{refused:?}");
    // How a TLS handshake begins.
    assert_eq!(heard.await.expect("it heard something"), 0x16);
}

#[tokio::test]
async fn a_login_that_cannot_be_said_is_refused() {
    let login = Login {
        password: Secret::new("hunter2"),
        ..nobody()
    };
    let outcome = client().open(&address(), login).await;
    let refused = outcome.err().expect("it has no user");
    assert!(matches!(refused, Error::Login(_)), "{refused:?}");
    assert!(!refused.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_connection_more_than_there_are_places_is_refused() {
    let config = Config {
        connections_max: Some(1),
        place_wait_max: Duration::from_millis(10),
        ..Config::default()
    };
    let client = client_of(&broker(), &config);
    let first = opened(&*client, &address()).await;
    assert_eq!(refused(&*client, &address()).await, Error::Full);
    drop(first);
    drop(opened(&*client, &address()).await);
}

#[tokio::test]
async fn what_cannot_be_published_leaves_the_connection_as_it_was() {
    let config = Config {
        payload_bytes_max: 10,
        ..Config::default()
    };
    let client = client_of(&broker(), &config);
    let connection = opened(&*client, &address()).await;
    let topic = name("topic");
    let mut witness = Witness::of(&topic).await;
    let (bytes, limit) = (11, 10);
    let large = message(&topic, Quality::AtLeastOnce, vec![0; bytes]);
    let outcome = connection.publish(large).await;
    assert_eq!(outcome, Err(Error::TooLarge { bytes, limit }));
    let many = message("a/#", Quality::AtLeastOnce, "");
    let outcome = connection.publish(many).await;
    assert!(matches!(outcome, Err(Error::Topic(_))), "{outcome:?}");
    let small = message(&topic, Quality::AtLeastOnce, "small");
    assert_eq!(connection.publish(small).await, Ok(()));
    assert_eq!(witness.next().await.payload, "small");
}

#[tokio::test]
async fn messages_of_every_quality_arrive_in_their_order() {
    let topic = name("topic");
    let mut witness = Witness::of(&topic).await;
    let connection = opened(&*client(), &address()).await;
    let qualities = [
        (Quality::AtMostOnce, QoS::AtMostOnce),
        (Quality::AtLeastOnce, QoS::AtLeastOnce),
        (Quality::ExactlyOnce, QoS::ExactlyOnce),
    ];
    for (quality, seen_as) in qualities {
        for size in [0, 1, 200, LARGE] {
            let payload = vec![b'x'; size];
            let published = connection
                .publish(message(&topic, quality, payload.clone()))
                .await;
            assert_eq!(published, Ok(()), "{quality:?}, {size} bytes");
            let seen = witness.next().await;
            assert_eq!((seen.qos, seen.retain), (seen_as, false));
            assert!(seen.payload == payload, "{quality:?}, {size} bytes");
        }
    }
}

#[tokio::test]
async fn a_connection_that_the_broker_let_go_is_opened_anew() {
    let (place, seen) = forgetful().await;
    let client = client_of(&place, &Config::default());
    let connection = opened(&*client, &format!("{place}?client_id=a")).await;
    let publish = || connection.publish(message("a", Quality::AtLeastOnce, "b"));
    assert_eq!(publish().await, Ok(()));
    // The end may arrive before the next message or after it; then that one is told.
    let again = async {
        while let Err(error) = publish().await {
            assert_eq!(error, Error::Closed);
        }
    };
    timeout(SOON, again).await.expect("it is opened anew");
    assert!(seen.load(Ordering::SeqCst) > 1);
}

#[tokio::test]
async fn a_connection_that_was_silent_for_its_keep_alive_is_opened_anew() {
    let (place, seen) = forgetful().await;
    let client = client_of(&place, &Config::default());
    let login = Login {
        // Every silence is longer.
        keep_alive: Duration::from_nanos(1),
        ..nobody()
    };
    let address = format!("{place}?client_id=a");
    let connection = client.open(&address, login).await;
    let connection = connection.expect("the broker is there");
    let published = connection.publish(message("a", Quality::AtLeastOnce, "b"));
    assert_eq!(timeout(SOON, published).await.expect("it ends"), Ok(()));
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}
