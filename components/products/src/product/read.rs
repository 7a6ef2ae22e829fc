//! From a JSON document to a valid [`Draft`], or to everything that is wrong with it.

use super::reader::{Reader, Violation};
use super::{Draft, Price, rules};
use serde_json::Value;

const MEMBERS: [&str; 8] = [
    "sku",
    "name",
    "description",
    "category",
    "brand",
    "price",
    "stock",
    "tags",
];
const AMOUNT_MAX: u64 = 1_000_000_000_000;
const STOCK_MAX: u64 = 1_000_000_000;
const TAGS_MAX: usize = 20;

/// Reads a product as clients describe it.
pub(crate) fn draft(document: &Value) -> Result<Draft, Vec<Violation>> {
    let mut reader = Reader::new(document, "#").map_err(|violation| vec![violation])?;
    reader.only(&MEMBERS);
    let draft = members(&mut reader);
    let violations = reader.into_violations();
    if violations.is_empty() {
        Ok(draft)
    } else {
        Err(violations)
    }
}

/// Whether this could be the sku of a product.
pub(crate) fn is_sku(text: &str) -> bool {
    rules::sku(text).is_ok()
}

fn members(reader: &mut Reader<'_>) -> Draft {
    let sku = reader.required("sku");
    let name = reader.required("name");
    let category = reader.required("category");
    let price = reader.required("price");
    Draft {
        sku: reader.text("sku", sku, rules::sku),
        name: reader.text("name", name, rules::name),
        description: reader.text(
            "description",
            reader.optional("description"),
            rules::description,
        ),
        category: reader.text("category", category, rules::category),
        brand: reader.text("brand", reader.optional("brand"), rules::brand),
        price: self::price(reader, price),
        stock: reader.integer("stock", reader.optional("stock"), STOCK_MAX),
        tags: reader.texts("tags", reader.optional("tags"), TAGS_MAX, rules::tag),
    }
}

fn price(product: &mut Reader<'_>, document: Option<&Value>) -> Price {
    let nothing = Price {
        amount: 0,
        currency: String::new(),
    };
    let Some(document) = document else {
        return nothing;
    };
    let mut reader = match Reader::new(document, "#/price") {
        Ok(reader) => reader,
        Err(violation) => {
            product.adopt(vec![violation]);
            return nothing;
        }
    };
    reader.only(&["amount", "currency"]);
    let amount = reader.required("amount");
    let currency = reader.required("currency");
    let price = Price {
        amount: reader.integer("amount", amount, AMOUNT_MAX),
        currency: reader.text("currency", currency, rules::currency),
    };
    product.adopt(reader.into_violations());
    price
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "sku": "A-1", "name": "Cup", "description": "Holds coffee.", "category": "ceramics-2", "brand": "Ostrakon",
            "price": {"amount": 1250, "currency": "EUR"}, "stock": 3, "tags": ["cup", "blue"],
        })
    }

    /// The pointers of what is wrong when one member is set to this.
    fn pointers(pointer: &str, value: Value) -> Vec<String> {
        let mut document = document();
        *document.pointer_mut(pointer).expect("the member is there") = value;
        let violations = draft(&document).expect_err("refused");
        violations
            .into_iter()
            .map(|violation| violation.pointer)
            .collect()
    }

    #[test]
    fn refused_when_a_value_is_out_of_bounds() {
        assert_eq!(pointers("/sku", json!("A 1")), ["#/sku"]);
        assert_eq!(pointers("/sku", json!("a".repeat(65))), ["#/sku"]);
        assert_eq!(pointers("/name", json!("")), ["#/name"]);
        assert_eq!(pointers("/name", json!(" \u{2003}")), ["#/name"]);
        assert_eq!(pointers("/name", json!("Cup\u{0}")), ["#/name"]);
        assert_eq!(pointers("/brand", json!("Ostra\nkon")), ["#/brand"]);
        assert_eq!(
            pointers("/description", json!("\u{1b}[2J")),
            ["#/description"]
        );
        assert_eq!(
            pointers("/description", json!("a".repeat(4001))),
            ["#/description"]
        );
        assert_eq!(pointers("/category", json!("Ceramics")), ["#/category"]);
        assert_eq!(pointers("/category", json!("ceramics--2")), ["#/category"]);
        assert_eq!(pointers("/stock", json!(-1)), ["#/stock"]);
        assert_eq!(
            pointers("/price/amount", json!(1_000_000_000_001_u64)),
            ["#/price/amount"]
        );
        assert_eq!(
            pointers("/price/currency", json!("eur")),
            ["#/price/currency"]
        );
        assert_eq!(
            pointers("/price/currency", json!("ABC")),
            ["#/price/currency"]
        );
        assert_eq!(pointers("/tags", json!(vec!["a"; 21])), ["#/tags"]);
        assert_eq!(pointers("/tags/1", json!("")), ["#/tags/1"]);
        // Twice, it would be counted twice.
        assert_eq!(pointers("/tags/1", json!("cup")), ["#/tags/1"]);
    }

    #[test]
    fn no_more_is_told_than_a_client_can_use() {
        let mut document = document();
        for number in 0..1000 {
            document[format!("x-{number}")] = json!(0);
        }
        assert_eq!(draft(&document).expect_err("refused").len(), 100);
    }

    #[test]
    fn a_description_may_have_lines() {
        let mut document = document();
        document["description"] = json!("Holds:\r\n\tcoffee");
        assert!(draft(&document).is_ok());
    }

    #[test]
    fn refused_when_a_value_has_the_wrong_type() {
        assert_eq!(pointers("/price/amount", json!(12.5)), ["#/price/amount"]);
        assert_eq!(pointers("/price/amount", json!(12.0)), ["#/price/amount"]);
        assert_eq!(pointers("/price/amount", json!("12")), ["#/price/amount"]);
        assert_eq!(pointers("/price", json!(12)), ["#/price"]);
        assert_eq!(pointers("/tags", json!("cup")), ["#/tags"]);
        assert_eq!(pointers("", json!([])), ["#"]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let violations = draft(&json!({"price": {}, "colour/2": "blue"})).expect_err("refused");
        let pointers: Vec<_> = violations
            .iter()
            .map(|violation| violation.pointer.as_str())
            .collect();
        let expected = [
            "#/colour~12",
            "#/sku",
            "#/name",
            "#/category",
            "#/price/amount",
            "#/price/currency",
        ];
        assert_eq!(pointers, expected);
    }

    #[test]
    fn what_may_be_missing_is_empty() {
        let bare = json!({
            "sku": "A-1", "name": "Cup", "category": "ceramics", "price": {"amount": 0, "currency": "EUR"},
        });
        let draft = draft(&bare).expect("valid");
        assert_eq!(
            (
                draft.stock,
                draft.brand.as_str(),
                draft.description.as_str()
            ),
            (0, "", "")
        );
        assert!(draft.tags.is_empty());
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let mut document = document();
        document["name"] = json!("é".repeat(200));
        assert!(draft(&document).is_ok());
    }
}
