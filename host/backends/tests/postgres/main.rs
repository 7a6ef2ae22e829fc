//! The driver for PostgreSQL against a server: that of `STOA_TEST_POSTGRES`, or one on this machine which trusts `root`.
//!
//! Tables are temporary, so nothing stays behind.

mod hostile;
mod pool;
mod refusals;
mod results;
mod tls;
mod values;

use std::sync::Arc;
use std::time::Duration;

use stoa_backends::postgres::Driver;
use stoa_capabilities::network::{Network, Settings};
use stoa_capabilities::postgres::{
    Client, Column, Config, Connection, Driver as _, Error, Root, Row, Value,
};
use stoa_manifest::text::Source;

const URL: &str = "postgres://root@127.0.0.1:5432/test";
/// What is waited for comes well within this.
const SOON: Duration = Duration::from_secs(30);

/// Without TLS: the certificate of a server for tests is nobody's.
fn address() -> String {
    let url = std::env::var("STOA_TEST_POSTGRES").unwrap_or_else(|_| URL.into());
    match url.contains("sslmode=") {
        true => url,
        false if url.contains('?') => format!("{url}&sslmode=disable"),
        false => format!("{url}?sslmode=disable"),
    }
}

/// The parts of the address: the host, the port, and the login.
fn parts() -> (String, u16, tokio_postgres::Config) {
    let config: tokio_postgres::Config = address().parse().expect("it is an address");
    let host = match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Tcp(host) => host.clone(),
        _ => panic!("the tests need a server with a port"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    (host, port, config)
}

/// Where the server is, as manifests write it.
fn server() -> String {
    let (host, port, _) = parts();
    format!("postgres://{host}:{port}")
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

fn client_with(config: &Config, hosts: &[&str]) -> Arc<dyn Client> {
    Driver::new(config).client(network(hosts))
}

/// A client that may connect to the server and to nobody else.
fn client() -> Arc<dyn Client> {
    client_with(&Config::default(), &[&server()])
}

async fn opened(client: &dyn Client, address: &str, root: Option<&Root>) -> Arc<dyn Connection> {
    let opened = client.open(address, root).await;
    opened.unwrap_or_else(|error| {
        panic!("these tests need PostgreSQL: start one, or name it in STOA_TEST_POSTGRES ({error})")
    })
}

async fn connection() -> Arc<dyn Connection> {
    opened(&*client(), &address(), None).await
}

/// Why there was no connection.
async fn refused(client: &dyn Client, address: &str, root: Option<&Root>) -> String {
    match client.open(address, root).await {
        Ok(_) => panic!("`{address}` was connected to"),
        Err(error) => error.to_string(),
    }
}

async fn query(
    connection: &dyn Connection,
    sql: &str,
    parameters: Vec<Value>,
) -> Result<(Vec<Column>, Vec<Row>), Error> {
    connection.query(sql, parameters).await?.collect().await
}

/// The only value of a result.
async fn value(connection: &dyn Connection, sql: &str) -> Value {
    let found = query(connection, sql, Vec::new()).await;
    let (_, mut rows) = found.unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(rows.len(), 1, "{sql}");
    rows.remove(0).remove(0)
}

async fn execute(connection: &dyn Connection, sql: &str) -> u64 {
    let executed = connection.execute(sql, Vec::new()).await;
    executed.unwrap_or_else(|error| panic!("{sql}: {error}"))
}
