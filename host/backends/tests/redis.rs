//! The driver for Redis against a server: that of `STOA_TEST_REDIS`, or one on this machine. Each test has keys of its
//! own, and removes them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use stoa_backends::redis::{Driver, Subscription};
use stoa_capabilities::network::{self, Network, Settings};
use stoa_capabilities::redis::{
    Address, Client, Config, Connection, Driver as _, Error, Handle, Reply,
};
use stoa_manifest::text::Source;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is waited for comes well within this.
const SOON: Duration = Duration::from_secs(30);

fn server() -> String {
    std::env::var("STOA_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".into())
}

/// A name that nobody else has.
fn name(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("stoa-test:{what}:{now}:{count}")
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

/// A client that may connect to the server and to nobody else.
fn client_with(config: &Config) -> Arc<dyn Client> {
    let address = Address::parse(&server()).expect("it is an address");
    let host = format!("{}://{}:{}", address.scheme(), address.host, address.port);
    Driver::new(config).client(network(&[&host]))
}

fn client() -> Arc<dyn Client> {
    client_with(&Config::default())
}

async fn opened(client: &dyn Client, address: &str) -> Arc<dyn Connection> {
    let opened = client.open(address).await;
    opened.unwrap_or_else(|error| {
        panic!("these tests need Redis: start one, or name it in STOA_TEST_REDIS ({error})")
    })
}

async fn handle() -> Handle {
    Handle::new(opened(&*client(), &server()).await)
}

/// Whether there was a connection, and why there was none.
async fn refused(client: &dyn Client, address: &str) -> Error {
    match client.open(address).await {
        Ok(_) => panic!("`{address}` was connected to"),
        Err(error) => error,
    }
}

async fn run(handle: &Handle, words: &[&str]) -> Result<Vec<Reply>, Error> {
    let [name, arguments @ ..] = words else {
        panic!("a command has a name");
    };
    let arguments = arguments.iter().map(|word| word.as_bytes().to_vec());
    handle
        .execute((*name).to_owned(), arguments.collect())
        .await
}

fn bytes(text: &str) -> Reply {
    Reply::Bytes(text.as_bytes().to_vec())
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
    assert_eq!(refused(&*nowhere, &server()).await, Error::Denied);
    let elsewhere = network(&["redis://cache.example:6379", "mqtt://127.0.0.1:6379"]);
    let elsewhere = Driver::new(&Config::default()).client(elsewhere);
    assert_eq!(refused(&*elsewhere, &server()).await, Error::Denied);
}

#[tokio::test]
async fn what_is_no_address_is_not_connected_to() {
    for address in ["", "127.0.0.1:6379", "http://127.0.0.1:6379", "redis://"] {
        assert_eq!(refused(&*client(), address).await, Error::Address);
    }
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = free.local_addr().expect("it has an address");
    drop(free);
    let address = format!("redis://{address}");
    let client = Driver::new(&Config::default()).client(network(&[&address]));
    let refused = refused(&*client, &address).await;
    assert_eq!(refused, Error::Network(network::Error::Refused));
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_tls_is_asked_for() {
    let (place, heard) = deaf().await;
    let place = format!("rediss://{place}");
    let client = Driver::new(&Config::default()).client(network(&[&place]));
    let refused = refused(&*client, &place).await;
    assert!(matches!(refused, Error::Network(_)), "{refused:?}");
    // How a TLS handshake begins.
    assert_eq!(heard.await.expect("it heard something"), 0x16);
}

#[tokio::test]
async fn who_has_the_wrong_password_is_not_let_in() {
    let handle = handle().await;
    let user = name("user").replace(':', "-");
    let made = run(
        &handle,
        &["ACL", "SETUSER", &user, "on", ">secret", "~*", "+@all"],
    )
    .await;
    made.expect("a user can be made");
    let place = server();
    let place = place.strip_prefix("redis://").expect("it is an address");
    let client = client();
    let wrong = refused(&*client, &format!("redis://{user}:wrong@{place}")).await;
    let right = opened(&*client, &format!("redis://{user}:secret@{place}")).await;
    let who = run(&Handle::new(right), &["ACL", "WHOAMI"]).await;
    run(&handle, &["ACL", "DELUSER", &user])
        .await
        .expect("it can be removed");
    assert!(
        matches!(&wrong, Error::Rejected(why) if why.starts_with("WRONGPASS")),
        "{wrong:?}"
    );
    assert!(!wrong.to_string().contains("wrong@"), "{wrong}");
    assert_eq!(who, Ok(vec![bytes(&user)]));
}

#[tokio::test]
async fn a_connection_more_than_there_are_places_is_refused() {
    let client = client_with(&Config {
        connections_max: Some(1),
        place_wait_max: Duration::from_millis(10),
        ..Config::default()
    });
    let first = opened(&*client, &server()).await;
    assert_eq!(refused(&*client, &server()).await, Error::Full);
    drop(first);
    drop(opened(&*client, &server()).await);
}

#[tokio::test]
async fn a_value_of_another_type_is_told_and_the_next_call_is_answered() {
    let (handle, key) = (handle().await, name("type"));
    let added = handle.add(key.clone(), vec!["a".into()]).await;
    assert_eq!(added, Ok(1));
    assert_eq!(handle.get(key.clone()).await, Err(Error::WrongType));
    assert_eq!(handle.increment(key.clone()).await, Err(Error::WrongType));
    handle
        .set(key.clone(), b"one".to_vec())
        .await
        .expect("it is set");
    assert_eq!(handle.increment(key.clone()).await, Err(Error::WrongType));
    let added = handle.add(key.clone(), vec!["a".into()]).await;
    assert_eq!(added, Err(Error::WrongType));
    assert_eq!(handle.delete(vec![key]).await, Ok(1));
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_its_words() {
    let handle = handle().await;
    let outcome = run(&handle, &["NONSENSE"]).await;
    assert!(
        matches!(&outcome, Err(Error::Rejected(why)) if why.contains("unknown command")),
        "{outcome:?}"
    );
    let none = handle.delete(Vec::new()).await;
    assert!(matches!(none, Err(Error::Rejected(_))), "{none:?}");
}

#[tokio::test]
async fn a_reply_over_the_limit_is_refused_and_closes_the_connection() {
    let (whole, key) = (handle().await, name("large"));
    whole
        .set(key.clone(), vec![b'x'; 2048])
        .await
        .expect("it is set");
    let client = client_with(&Config {
        reply_bytes_max: 1024,
        ..Config::default()
    });
    let bounded = Handle::new(opened(&*client, &server()).await);
    let outcome = bounded.get(key.clone()).await;
    assert_eq!(outcome, Err(Error::ReplyTooLarge(1024)));
    assert_eq!(bounded.get(key.clone()).await, Err(Error::Closed));
    assert_eq!(whole.delete(vec![key]).await, Ok(1));
}

#[tokio::test]
async fn a_call_that_is_given_up_closes_the_connection() {
    let (handle, key) = (handle().await, name("wait"));
    let given = Duration::from_millis(50);
    let waited = timeout(given, run(&handle, &["BLPOP", &key, "0"])).await;
    assert!(waited.is_err(), "nobody pushes anything");
    assert_eq!(handle.get(key).await, Err(Error::Closed));
}

#[tokio::test]
async fn what_a_command_leaves_is_not_met_by_the_next_handle() {
    let client = client();
    let one = Handle::new(opened(&*client, &server()).await);
    run(&one, &["MULTI"]).await.expect("a transaction begins");
    drop(one);
    let other = Handle::new(opened(&*client, &server()).await);
    let outcome = run(&other, &["EXEC"]).await;
    assert!(matches!(outcome, Err(Error::Rejected(_))), "{outcome:?}");
}

#[tokio::test]
async fn keys_and_sets_are_kept() {
    let (handle, key) = (handle().await, name("key"));
    assert_eq!(handle.get(key.clone()).await, Ok(None));
    let value = vec![0, b'\r', b'\n', 0xff];
    handle
        .set(key.clone(), value.clone())
        .await
        .expect("it is set");
    assert_eq!(handle.get(key.clone()).await, Ok(Some(value)));
    assert_eq!(
        handle.delete(vec![key.clone(), name("nothing")]).await,
        Ok(1)
    );
    assert_eq!(handle.increment(key.clone()).await, Ok(1));
    assert_eq!(handle.increment(key.clone()).await, Ok(2));
    assert_eq!(handle.delete(vec![key.clone()]).await, Ok(1));
    let two = || vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(handle.members(key.clone()).await, Ok(vec![]));
    assert_eq!(handle.add(key.clone(), two()).await, Ok(2));
    assert_eq!(handle.add(key.clone(), two()).await, Ok(0));
    let mut members = handle.members(key.clone()).await.expect("it is a set");
    members.sort();
    assert_eq!(members, two());
    assert_eq!(handle.remove(key, two()).await, Ok(2));
}

#[tokio::test]
async fn any_command_is_answered_by_one_flat_list() {
    let (handle, key) = (handle().await, name("list"));
    let ok = || Reply::Status("OK".into());
    assert_eq!(
        run(&handle, &["SET", &key, "v", "EX", "100"]).await,
        Ok(vec![ok()])
    );
    assert_eq!(
        run(&handle, &["GET", &name("nothing")]).await,
        Ok(vec![Reply::Nil])
    );
    let several = run(&handle, &["MGET", &key, &name("nothing")]).await;
    assert_eq!(several, Ok(vec![bytes("v"), Reply::Nil]));
    let script = "return {1, {'a', {2}}, {}}";
    let nested = run(&handle, &["EVAL", script, "0"]).await;
    assert_eq!(
        nested,
        Ok(vec![Reply::Integer(1), bytes("a"), Reply::Integer(2)])
    );
    assert_eq!(
        run(&handle, &["LRANGE", &name("nothing"), "0", "-1"]).await,
        Ok(vec![])
    );
    run(&handle, &["MULTI"])
        .await
        .expect("a transaction begins");
    let queued = run(&handle, &["GET", &key]).await;
    assert_eq!(queued, Ok(vec![Reply::Status("QUEUED".into())]));
    assert_eq!(run(&handle, &["EXEC"]).await, Ok(vec![bytes("v")]));
    assert_eq!(handle.delete(vec![key]).await, Ok(1));
}

#[tokio::test]
async fn a_database_is_chosen_by_the_address() {
    let (first, key) = (handle().await, name("database"));
    let second = opened(&*client(), &format!("{}/1", server())).await;
    let second = Handle::new(second);
    second
        .set(key.clone(), b"v".to_vec())
        .await
        .expect("it is set");
    assert_eq!(first.get(key.clone()).await, Ok(None));
    assert_eq!(second.delete(vec![key]).await, Ok(1));
}

#[tokio::test]
async fn calls_of_one_handle_take_turns() {
    let (handle, key) = (handle().await, name("turns"));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (handle, key) = (handle.clone(), key.clone());
        calls.spawn(async move { handle.increment(key).await });
    }
    let mut sums = calls.join_all().await;
    sums.sort_by_key(|sum| *sum.as_ref().expect("it is a number"));
    let expected: Vec<Result<i64, Error>> = (1..=100).map(Ok).collect();
    assert_eq!(sums, expected);
    assert_eq!(handle.delete(vec![key]).await, Ok(1));
}

#[tokio::test]
async fn a_subscription_gets_the_messages_of_its_channel_in_their_order() {
    let (handle, channel) = (handle().await, name("channel"));
    let address = Address::parse(&server()).expect("it is an address");
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
    let stream = stream.expect("the server listens");
    let subscription = Subscription::start(stream, &address, &channel).await;
    let mut subscription = subscription.expect("the server takes it");
    let elsewhere = handle.publish(name("elsewhere"), b"not for us".to_vec());
    elsewhere.await.expect("it is published");
    for number in 0..10_u8 {
        let published = handle.publish(channel.clone(), vec![number]).await;
        published.expect("it is published");
    }
    for number in 0..10_u8 {
        let message = timeout(SOON, subscription.next()).await;
        let message = message.expect("it arrives");
        assert_eq!(message, Ok(Bytes::from(vec![number])));
    }
}
