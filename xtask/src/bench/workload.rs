//! What is measured, and for whom.

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Value, json};

use crate::abi::Abi;
use crate::bare::{KEY, ROW, ROWS, TABLE};
use crate::load::Ask;

/// The size of what is transformed: the array ends with the entry that reaches it.
const TRANSFORM_BYTES: usize = 4 * 1024;
const STREAM_BYTES: usize = 1024 * 1024;
/// One of ten requests of the mix takes about 2 ms of processor time.
const MIX_REQUESTS: usize = 10;
const MIX_COMPUTE: &str = "/compute?rounds=2000000";

pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) guest: Guest,
    /// What Stoa is told of the guest.
    pub(super) limits: &'static str,
    /// What `wasmtime serve` is told.
    pub(super) serve_options: &'static [&'static str],
    /// What is asked in turn. A server is given, for those who must ask it first.
    pub(super) asks: fn(SocketAddr) -> anyhow::Result<Vec<Ask>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guest {
    /// Hello, which bare hyper can say as well.
    Hello(Abi),
    /// A probe, by the beginning of its name.
    Probe(&'static str, Abi),
    /// A row of a table by its key: for Stoa, and for bare hyper with the same SQLite.
    Row(Abi),
    /// A guest that calls two others of its application, each by its name, and answers what both say: for Stoa, and for
    /// bare hyper with two functions.
    FanOut(Abi),
    /// The shop. Only Stoa has what it needs.
    Shop,
}

impl Guest {
    /// Whether `wasmtime serve` takes part.
    pub(super) fn is_served(self) -> bool {
        matches!(self, Self::Hello(_) | Self::Probe(..))
    }
}

/// What the guest of the fan-out calls are hello guests of these names; it knows them by heart.
pub(super) const CALLED: [&str; 2] = ["left", "right"];

pub(super) static WORKLOADS: [Workload; 14] = [
    Workload {
        name: "hello 0.2, fresh instances",
        guest: Guest::Hello(Abi::P2),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(hello()),
    },
    Workload {
        name: "hello 0.2, reused instances",
        guest: Guest::Hello(Abi::P2),
        limits: "requests_per_instance_max = 100_000",
        serve_options: &["--max-instance-reuse-count", "100000"],
        asks: |_| Ok(hello()),
    },
    Workload {
        name: "hello 0.3",
        guest: Guest::Hello(Abi::P3),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(hello()),
    },
    Workload {
        name: "JSON 4 KiB 0.2",
        guest: Guest::Probe("transform", Abi::P2),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(transform()),
    },
    Workload {
        name: "JSON 4 KiB 0.3",
        guest: Guest::Probe("transform", Abi::P3),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(transform()),
    },
    Workload {
        name: "1 MiB through 0.2",
        guest: Guest::Probe("behaviour", Abi::P2),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(stream()),
    },
    Workload {
        name: "1 MiB through 0.3",
        guest: Guest::Probe("behaviour", Abi::P3),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(stream()),
    },
    Workload {
        name: "one product by its id",
        guest: Guest::Shop,
        limits: "",
        serve_options: &[],
        asks: product,
    },
    Workload {
        name: "one row by its key 0.2",
        guest: Guest::Row(Abi::P2),
        limits: "",
        serve_options: &[],
        asks: row,
    },
    Workload {
        name: "one row by its key 0.3",
        guest: Guest::Row(Abi::P3),
        limits: "",
        serve_options: &[],
        asks: row,
    },
    Workload {
        name: "fan-out to two 0.2",
        guest: Guest::FanOut(Abi::P2),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(hello()),
    },
    Workload {
        name: "fan-out to two 0.3",
        guest: Guest::FanOut(Abi::P3),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(hello()),
    },
    Workload {
        name: "mix, 10 % compute 2 ms, 0.2",
        guest: Guest::Probe("behaviour", Abi::P2),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(mix()),
    },
    Workload {
        name: "mix, 10 % compute 2 ms, 0.3",
        guest: Guest::Probe("behaviour", Abi::P3),
        limits: "",
        serve_options: &[],
        asks: |_| Ok(mix()),
    },
];

fn hello() -> Vec<Ask> {
    vec![Ask::get("/")]
}

fn transform() -> Vec<Ask> {
    vec![Ask::post("/", "application/json", array(TRANSFORM_BYTES))]
}

fn stream() -> Vec<Ask> {
    let body = vec![b'x'; STREAM_BYTES];
    vec![Ask::post("/echo", "application/octet-stream", body)]
}

/// The first product of the seed catalogue.
fn product(address: SocketAddr) -> anyhow::Result<Vec<Ask>> {
    let listed = Ask::get("/v1/products?limit=1").once(address)?.json()?;
    let id = listed["items"][0]["id"].as_str();
    let id = id.with_context(|| format!("no product in {listed}"))?;
    Ok(vec![Ask::get(format!("/v1/products/{id}"))])
}

/// The read, of a table that is made first if it is not there. Bare hyper has one, and answers whatever it is asked.
fn row(address: SocketAddr) -> anyhow::Result<Vec<Ask>> {
    for change in [TABLE, ROWS] {
        Ask::get(statement("execute", change)).once(address)?;
    }
    let read = statement("query", ROW);
    Ok(vec![Ask::get(format!("{read}&p=i:{KEY}"))])
}

/// The path that has the probe of databases run a statement.
fn statement(op: &str, sql: &str) -> String {
    let sql: String = sql.bytes().map(escaped).collect();
    format!("/?api=stoa&op={op}&label=default&sql={sql}")
}

/// A byte of a query, so that nothing in it stands for something else.
fn escaped(byte: u8) -> String {
    match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    }
}

fn mix() -> Vec<Ask> {
    let mut asks = vec![Ask::get("/ok"); MIX_REQUESTS - 1];
    asks.push(Ask::get(MIX_COMPUTE));
    asks
}

/// An array of so many bytes, as a service might send one.
fn array(bytes: usize) -> String {
    let mut entries: Vec<Value> = Vec::new();
    loop {
        let number = entries.len();
        entries.push(json!({
            "id": number,
            "name": format!("Entry {number}"),
            "price": {"amount": 100 + number, "currency": "EUR"},
            "stock": number % 50,
            "tags": ["one", "two"],
        }));
        let text = Value::from(entries.clone()).to_string();
        if text.len() >= bytes {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_as_large_as_it_says_and_little_more() {
        let text = array(TRANSFORM_BYTES);
        assert!((4_096..4_300).contains(&text.len()), "{}", text.len());
        assert!(serde_json::from_str::<Vec<Value>>(&text).is_ok());
    }

    #[test]
    fn a_statement_is_part_of_a_path_as_it_is() {
        let path = statement("query", "SELECT a + 'b%' FROM t");
        assert!(path.ends_with("&sql=SELECT%20a%20%2B%20%27b%25%27%20FROM%20t"));
    }

    #[test]
    fn one_of_ten_requests_of_the_mix_computes() {
        assert_eq!(mix().len(), MIX_REQUESTS);
    }
}
