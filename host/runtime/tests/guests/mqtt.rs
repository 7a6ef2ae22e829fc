//! MQTT from 0.2 and 0.3 Rust, through the interface of every version of Spin: refusals first. The broker is that of
//! `STOA_TEST_MQTT`, or one on this machine. That what is published arrives is the driver's to prove.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{Answer, Fixture, Service};

const PROBES: [&str; 2] = ["mqtt-02", "mqtt-03"];

fn broker() -> String {
    std::env::var("STOA_TEST_MQTT").unwrap_or_else(|_| "mqtt://127.0.0.1:1883".into())
}

/// The manifest of a component that may connect to the broker.
fn allowed() -> String {
    format!("allowed_outbound_hosts = [\"{}\"]", broker())
}

/// A name that nobody else has.
fn name(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("stoa-test-{what}-{now}-{count}")
}

/// As a parameter of a query.
fn address(broker: &str) -> String {
    format!("{broker}%3Fclient_id={}", name("client")).replace("client_id=", "client_id%3D")
}

async fn call(guest: &Service, address: &str, query: &str) -> Answer {
    let answer = guest.get(&format!("/?address={address}&{query}")).await;
    answer.unwrap_or_else(|error| panic!("{query}: {error}"))
}

async fn refused(guest: &Service, address: &str, query: &str, variant: &str) -> String {
    let answer = call(guest, address, query).await;
    let text = answer.text();
    assert_eq!(answer.status.as_u16(), 500, "{query}: {text}");
    assert!(text.starts_with(&format!("{variant}: ")), "{query}: {text}");
    text
}

async fn every(manifest: &str, ask: impl AsyncFn(&Service)) {
    let fixture = Fixture::new();
    for probe in PROBES {
        ask(&fixture.serve(probe, manifest)).await;
    }
}

/// A broker that lets nobody in, and why.
async fn closed_door(code: u8) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("there is a port");
    let place = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(&[0x20, 2, 0, code]).await.ok();
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
    });
    format!("mqtt://{place}")
}

#[tokio::test]
async fn what_the_manifest_does_not_allow_is_no_connection() {
    let elsewhere = "allowed_outbound_hosts = [\"mqtt://broker.example:1883\", \"redis://*:*\"]";
    for manifest in ["", elsewhere] {
        every(manifest, async |guest| {
            refused(guest, &address(&broker()), "op=open", "connection-failed").await;
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_no_address_is_told() {
    every("allowed_outbound_hosts = [\"mqtt://*:*\"]", async |guest| {
        for address in [
            "",
            "localhost",
            "mqtt://localhost",
            "http://localhost%3Fclient_id%3Da",
        ] {
            refused(guest, address, "op=open", "invalid-address").await;
        }
    })
    .await;
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let place = free.local_addr().expect("it has an address");
    drop(free);
    let address = address(&format!("mqtt://{place}"));
    every("allowed_outbound_hosts = [\"mqtt://*:*\"]", async |guest| {
        refused(guest, &address, "op=open", "connection-failed").await;
    })
    .await;
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let address = address(&closed_door(4).await);
    every("allowed_outbound_hosts = [\"mqtt://*:*\"]", async |guest| {
        let query = "op=open&user=me&password=hunter2";
        let told = refused(guest, &address, query, "connection-failed").await;
        assert!(
            told.contains("the user name or password is wrong"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_published_is_told() {
    every(&allowed(), async |guest| {
        for topic in ["", "a%2F%23"] {
            let query = format!("op=publish&topic={topic}&qos=1&value=a");
            refused(guest, &address(&broker()), &query, "other").await;
        }
        refused(guest, &address(&broker()), "op=open&password=a", "other").await;
    })
    .await;
}

#[tokio::test]
async fn messages_of_every_quality_are_published_over_one_connection() {
    every(&allowed(), async |guest| {
        for qos in ["0", "1", "2"] {
            let topic = name("topic");
            let query =
                format!("op=publish&topic={topic}&qos={qos}&value=a&value=&value=gr%C3%B6%C3%9Fer");
            let answer = call(guest, &address(&broker()), &query).await;
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (204, ""));
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_dropped_makes_room() {
    let manifest = format!(
        "{}\n[component.guest.tool.stoa]\nschema = 1\n\
         [component.guest.tool.stoa.limits]\noutbound_connections_max = 1\n",
        allowed()
    );
    every(&manifest, async |guest| {
        for _ in 0..3 {
            let answer = call(guest, &address(&broker()), "op=open&count=1").await;
            assert_eq!(answer.status.as_u16(), 204, "{}", answer.text());
        }
    })
    .await;
}

#[tokio::test]
async fn a_host_without_a_driver_says_so() {
    let mut fixture = Fixture::new();
    fixture.without_drivers();
    for probe in PROBES {
        let guest = fixture.serve(probe, &allowed());
        let told = refused(&guest, &address(&broker()), "op=open", "connection-failed").await;
        assert!(told.contains("does not connect to MQTT"), "{told}");
    }
}
