//! JSON merge patch (RFC 7396) for products.

use crate::product::{Draft, Violation, read};
use serde_json::{Map, Value};

/// What makes a product this product, or follows from what others do: a patch leaves it alone.
const FIXED: [&str; 6] = ["id", "sku", "available", "images", "created", "updated"];

/// The product after the patch, or what is wrong with the patch.
pub(crate) fn patched(draft: &Draft, patch: &Value) -> Result<Draft, Vec<Violation>> {
    let fixed: Vec<_> = FIXED
        .into_iter()
        .filter(|name| patch.get(name).is_some())
        .map(is_fixed)
        .collect();
    if !fixed.is_empty() {
        return Err(fixed);
    }
    let mut document =
        serde_json::to_value(draft).expect("texts, numbers and lists of them are JSON");
    merge(&mut document, patch);
    read::draft(&document)
}

fn is_fixed(name: &str) -> Violation {
    Violation {
        pointer: format!("#/{name}"),
        detail: "cannot be changed".to_owned(),
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else {
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::{Price, tests};
    use serde_json::json;

    fn draft() -> Draft {
        tests::draft("A-1", 3)
    }

    #[test]
    fn only_what_is_named_changes() {
        let patched =
            patched(&draft(), &json!({"price": {"amount": 990}, "stock": 0})).expect("valid");
        let price = Price {
            amount: 990,
            currency: "EUR".to_owned(),
        };
        assert_eq!(
            patched,
            Draft {
                price,
                stock: 0,
                ..draft()
            }
        );
    }

    #[test]
    fn null_takes_a_member_away() {
        let patched = patched(&draft(), &json!({"tags": null, "brand": null})).expect("valid");
        assert_eq!(
            patched,
            Draft {
                tags: Vec::new(),
                brand: String::new(),
                ..draft()
            }
        );
    }

    #[test]
    fn a_list_is_replaced_as_a_whole() {
        let patched = patched(&draft(), &json!({"tags": ["blue"]})).expect("valid");
        assert_eq!(patched.tags, ["blue"]);
    }

    #[test]
    fn refused_when_it_would_be_another_product() {
        for name in FIXED {
            let mut patch = json!({});
            patch[name] = json!("B-2");
            let violations = patched(&draft(), &patch).expect_err("refused");
            assert_eq!(violations, [is_fixed(name)]);
        }
    }

    #[test]
    fn refused_when_the_result_is_not_valid() {
        let refused = |patch: Value| {
            patched(&draft(), &patch)
                .expect_err("refused")
                .remove(0)
                .pointer
        };
        assert_eq!(refused(json!({"name": null})), "#/name");
        assert_eq!(refused(json!({"price": {"amount": 1.5}})), "#/price/amount");
        assert_eq!(refused(json!({"colour": "blue"})), "#/colour");
        assert_eq!(refused(json!([])), "#");
    }
}
