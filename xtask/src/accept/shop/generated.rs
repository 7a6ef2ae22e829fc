//! A large catalogue that nobody wrote. Its names are made of few words, as those of real ones are.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use serde_json::{Value, json};

use super::catalogue::{self, Report};
use crate::http::Chunks;

pub(in crate::accept) const ROWS: usize = 100_000;
/// Rows in one write: some 80 KiB.
const ROWS_AT_ONCE: usize = 256;
const IMPORT_MAX: Duration = Duration::from_secs(10 * 60);
const SKU_PREFIX: &str = "GEN-";

/// What a name begins with.
pub(in crate::accept) const QUALITIES: [&str; 25] = [
    "alpine", "ancient", "breezy", "clever", "coastal", "compact", "curious", "desert", "early",
    "floral", "gentle", "golden", "hidden", "humble", "lively", "lunar", "marine", "mellow",
    "modern", "narrow", "polar", "rugged", "silent", "sturdy", "velvet",
];
const MATERIALS: [&str; 16] = [
    "bamboo", "brass", "canvas", "ceramic", "copper", "cotton", "leather", "linen", "marble",
    "nylon", "rubber", "silver", "steel", "walnut", "willow", "woollen",
];
/// What a product is.
pub(in crate::accept) const THINGS: [&str; 40] = [
    "anorak", "backpack", "basket", "blanket", "bottle", "bracelet", "bucket", "cabinet", "camera",
    "candle", "compass", "cushion", "dresser", "easel", "flask", "gloves", "hammer", "hammock",
    "helmet", "jacket", "kettle", "ladder", "lantern", "mirror", "necklace", "notebook", "paddle",
    "pillow", "planter", "poncho", "racket", "sandals", "scarf", "skillet", "sleigh", "stool",
    "teapot", "trousers", "umbrella", "whistle",
];

/// Imports all of it, and tells how many rows were acknowledged.
pub(in crate::accept) fn import(address: SocketAddr) -> anyhow::Result<usize> {
    let (rows, report) = catalogue::import(address, IMPORT_MAX)?;
    thread::scope(|scope| {
        let sent = scope.spawn(move || send(rows));
        let acknowledged = acknowledged(report);
        let sent = sent.join().map_err(|_| anyhow!("a thread panicked"))?;
        // The report's own error says more than that nobody took the rows.
        let acknowledged = acknowledged?;
        sent.context("the rows were not taken")?;
        Ok(acknowledged)
    })
}

fn send(mut rows: Chunks) -> io::Result<()> {
    let mut text = String::new();
    for number in 0..ROWS {
        // Writing to a text cannot fail.
        writeln!(text, "{}", row(number)).map_err(io::Error::other)?;
        if number % ROWS_AT_ONCE == ROWS_AT_ONCE - 1 {
            rows.send(text.as_bytes())?;
            text.clear();
        }
    }
    rows.send(text.as_bytes())?;
    rows.end()
}

fn acknowledged(report: Report) -> anyhow::Result<usize> {
    let mut count = 0;
    report.read(|line| {
        ensure!(catalogue::is_acknowledged(line), "refused: {line}");
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// Which of the rows a served product is, if it is one of them.
pub(in crate::accept) fn number(product: &Value) -> Option<usize> {
    let number = product["sku"].as_str()?.strip_prefix(SKU_PREFIX)?;
    number.parse::<usize>().ok()
}

/// Whether a served product has all that its row has. What a service adds (an id, times) does not matter.
pub(in crate::accept) fn is_as_sent(product: &Value, number: usize) -> bool {
    let row = row(number);
    let mut members = row.as_object().into_iter().flatten();
    members.all(|(name, value)| product[name] == *value)
}

fn row(number: usize) -> Value {
    json!({
        "sku": format!("{SKU_PREFIX}{number:06}"),
        "name": name(number),
        "description": format!("Row {number} of a catalogue that nobody wrote, as long as a short description is."),
        "category": format!("generated-{}", number % 8),
        "brand": format!("Brand {}", number % 12),
        "price": {"amount": 100 + number, "currency": "EUR"},
        "stock": number % 500,
        "tags": ["generated", format!("lot-{}", number % 100)],
    })
}

/// Every combination of words is there, again and again.
fn name(number: usize) -> String {
    let (rest, quality) = (number / QUALITIES.len(), number % QUALITIES.len());
    let (rest, material) = (rest / MATERIALS.len(), rest % MATERIALS.len());
    format!(
        "{} {} {} {number}",
        QUALITIES[quality],
        MATERIALS[material],
        THINGS[rest % THINGS.len()]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_combination_of_words_is_there() {
        let combinations: HashSet<String> = (0..ROWS)
            .map(|number| {
                let name = name(number);
                name.rsplit_once(' ')
                    .expect("it ends with a number")
                    .0
                    .to_owned()
            })
            .collect();
        let expected = QUALITIES.len() * MATERIALS.len() * THINGS.len();
        assert_eq!(combinations.len(), expected);
    }

    #[test]
    fn a_product_that_lost_something_is_not_as_sent() {
        let mut product = row(7);
        product["id"] = "1".into();
        assert!(is_as_sent(&product, 7));
        assert!(!is_as_sent(&product, 8));
        product["tags"] = json!([]);
        assert!(!is_as_sent(&product, 7));
    }
}
