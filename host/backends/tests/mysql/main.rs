//! The driver for MySQL against a server: that of `STOA_TEST_MYSQL`, or one on this machine which trusts `root`. Each test
//! has a database of its own, and drops it at the end.

mod hostile;
mod pool;
mod refusals;
mod results;
mod tls;
mod values;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stoa_backends::mysql::Driver;
use stoa_capabilities::mysql::{
    Client, Column, Config, Connection, Driver as _, Error, Row, Value,
};
use stoa_capabilities::network::{Network, Settings};
use stoa_manifest::Component;
use stoa_manifest::text::Source;

const URL: &str = "mysql://root@127.0.0.1:3306";
/// What is waited for comes well within this.
const SOON: Duration = Duration::from_secs(30);

fn url() -> String {
    let url = std::env::var("STOA_TEST_MYSQL").unwrap_or_else(|_| URL.into());
    // Tests make databases of their own, whichever it names.
    let (scheme, rest) = url.split_once("://").expect("an address has a scheme");
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    format!("{scheme}://{place}")
}

/// Where the server is, as manifests write it.
fn server() -> String {
    format!("mysql://{}", place())
}

/// The host and the port.
fn place() -> String {
    let url = url();
    let (_, rest) = url.split_once("://").expect("it is an address");
    let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    let digits = place.rsplit_once(':').map_or("", |(_, port)| port);
    match digits.parse::<u16>() {
        Ok(_) => place.to_owned(),
        Err(_) => format!("{place}:3306"),
    }
}

/// A connection beside those of a test.
async fn aside(sql: &str) {
    let connection = client().open(&url()).await;
    let connection = connection.unwrap_or_else(|error| {
        panic!("these tests need MySQL: start one, or name it in STOA_TEST_MYSQL ({error})")
    });
    execute(&*connection, sql).await;
}

/// Runs a test with the address of a database of its own, and drops that whatever becomes of the test.
async fn within<F>(test: impl FnOnce(String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("stoa_test_{}_{number}", std::process::id());
    aside(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await;
    let outcome = tokio::spawn(test(format!("{}/{name}", url()))).await;
    aside(&format!("DROP DATABASE {name}")).await;
    if let Err(error) = outcome {
        resume_unwind(error.into_panic());
    }
}

/// The network of a component that may connect to these.
fn network(hosts: &[&str]) -> Network {
    with_component(hosts, |component| {
        Network::new(component, &Settings::default())
    })
}

fn with_component(hosts: &[&str], network: impl FnOnce(&Component) -> Network) -> Network {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"a\"\n[component.a]\nsource = \"a.wasm\"\nallowed_outbound_hosts = {hosts:?}\n"
    );
    let app = stoa_manifest::parse(&Source::new("spin.toml", text), None);
    let app = app.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let component = app.components.values().next();
    network(component.expect("there is one"))
}

fn client_with(config: &Config, hosts: &[&str]) -> Arc<dyn Client> {
    Driver::new(config).client(network(hosts))
}

/// A client that may connect to the server and to nobody else.
fn client() -> Arc<dyn Client> {
    client_with(&Config::default(), &[&server()])
}

async fn opened(client: &dyn Client, address: &str) -> Arc<dyn Connection> {
    let opened = client.open(address).await;
    opened.unwrap_or_else(|error| panic!("there is no connection: {error}"))
}

/// Why there was no connection.
async fn refused(client: &dyn Client, address: &str) -> String {
    match client.open(address).await {
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

async fn execute(connection: &dyn Connection, sql: &str) {
    let executed = connection.execute(sql, Vec::new()).await;
    executed.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
