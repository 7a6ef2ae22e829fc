//! Real data of another project is imported as the README says and served back complete.

use std::net::SocketAddr;

use serde_json::Value;

use crate::accept::Shown;
use crate::accept::shop::catalogue;
use crate::accept::shop::eshop::Eshop;
use crate::stage::Stage;

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let eshop = Eshop::found(stage)?;
    let host = stage.shop("import-real")?;
    let acknowledged = eshop.import(stage, host.address())?;
    let complete = complete(eshop.products(), host.address())?;
    Ok(Shown {
        passed: complete == eshop.products().len(),
        figure: format!(
            "{complete} of {} products are served complete, {acknowledged} rows acknowledged",
            eshop.products().len(),
        ),
    })
}

/// How many of the source's products are served with all they have there.
fn complete(source: &[Value], address: SocketAddr) -> anyhow::Result<usize> {
    let served = catalogue::all(address)?;
    let is_served = |product: &&Value| served.iter().any(|served| is_same(product, served));
    let found: Vec<_> = source.iter().filter(is_served).collect();
    for missing in source.iter().filter(|product| !found.contains(product)) {
        eprintln!("  not served as it is in the source: {missing}");
    }
    Ok(found.len())
}

fn is_same(source: &Value, served: &Value) -> bool {
    let texts = [
        ("Name", "name"),
        ("Description", "description"),
        ("Brand", "brand"),
    ];
    let price = &served["price"];
    texts
        .iter()
        .all(|(theirs, ours)| source[*theirs] == served[*ours])
        && slug(&source["Type"]) == slug(&served["category"])
        && price["currency"].as_str() == Some("USD")
        && price["amount"].as_u64() == cents(&source["Price"])
        && number(&served["sku"]) == source["Id"].as_u64()
}

/// Our categories are slugs, theirs are words: what is left of both.
fn slug(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn cents(price: &Value) -> Option<u64> {
    // Rounded: 109.99 times 100 is a little less than 10999.
    price.as_f64().map(|price| (price * 100.0).round() as u64)
}

/// The number a sku ends with.
fn number(sku: &Value) -> Option<u64> {
    let sku = sku.as_str()?;
    let start = sku.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    sku[start..].parse::<u64>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source() -> Value {
        json!({"Id": 7, "Type": "Ski/boarding", "Brand": "B", "Name": "N", "Description": "D", "Price": 109.99})
    }

    fn served() -> Value {
        json!({
            "sku": "ESHOP-007", "name": "N", "description": "D", "category": "ski-boarding", "brand": "B",
            "price": {"amount": 10999, "currency": "USD"}, "stock": 0, "tags": [],
        })
    }

    #[test]
    fn a_product_is_the_same_in_both_forms() {
        assert!(is_same(&source(), &served()));
    }

    #[test]
    fn a_product_that_lost_something_is_another() {
        let changes = [
            ("/sku", json!("ESHOP-008")),
            ("/brand", json!("")),
            ("/category", json!("ski")),
            ("/price/amount", json!(10998)),
            ("/price/currency", json!("EUR")),
        ];
        for (pointer, value) in changes {
            let mut served = served();
            *served.pointer_mut(pointer).expect("it is there") = value;
            assert!(!is_same(&source(), &served), "{pointer}");
        }
    }
}
