//! What somebody who reserves asks for.

use crate::document;
use crate::product::{Reader, Violation};
use serde_json::Value;
use stoa_sdk::clock::Timestamp;
use stoa_sdk::http::{Problem, Request};

const ID_BYTES_MAX: usize = 128;
const QUANTITY_MAX: u64 = 1_000_000;
/// A day: what is kept longer belongs to an order.
const SECONDS_MAX: u64 = 86_400;
const SECONDS_DEFAULT: u64 = 900;

/// So many pieces, for so long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) quantity: u64,
    pub(super) seconds: u64,
}

impl Asked {
    pub(super) async fn read(request: &mut Request) -> Result<Self, Problem> {
        let document = document::read(request, "accept", &["application/json"]).await?;
        asked(&document).map_err(document::invalid)
    }

    /// When it expires if it is made now, in milliseconds since 1970.
    pub(super) fn expires(&self, now: Timestamp) -> u64 {
        now.unix_ms() + self.seconds * 1000
    }

    /// The quantity as the store counts.
    pub(super) fn pieces(&self) -> i64 {
        i64::try_from(self.quantity).expect("at most a million")
    }
}

fn asked(document: &Value) -> Result<Asked, Vec<Violation>> {
    let mut reader = Reader::new(document, "#").map_err(|violation| vec![violation])?;
    reader.only(&["quantity", "seconds"]);
    let quantity = reader.required("quantity");
    let quantity = reader.within("quantity", quantity, 1..=QUANTITY_MAX);
    let seconds = match reader.optional("seconds") {
        None => SECONDS_DEFAULT,
        seconds => reader.within("seconds", seconds, 1..=SECONDS_MAX),
    };
    let violations = reader.into_violations();
    match violations.is_empty() {
        true => Ok(Asked { quantity, seconds }),
        false => Err(violations),
    }
}

/// Refuses what cannot be the id of a reservation.
pub(super) fn expect_reservation_id(id: &str) -> Result<(), Problem> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    // In a path, nothing but dots leads elsewhere.
    let is_name = id.bytes().any(|byte| byte != b'.');
    match is_name && id.len() <= ID_BYTES_MAX && id.bytes().all(fits) {
        true => Ok(()),
        false => Err(Problem::new(400).detail(format!(
            "a reservation is called by 1 to {ID_BYTES_MAX} letters, digits and . _ -, not only by dots"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(document: Value) -> Vec<String> {
        let violations = asked(&document).expect_err("refused");
        violations
            .into_iter()
            .map(|violation| violation.pointer)
            .collect()
    }

    #[test]
    fn refused_when_a_number_is_out_of_bounds() {
        for quantity in [
            json!(0),
            json!(-1),
            json!(1_000_001),
            json!(1.5),
            json!("1"),
        ] {
            assert_eq!(refused(json!({ "quantity": quantity })), ["#/quantity"]);
        }
        for seconds in [json!(0), json!(86_401), json!(null)] {
            let document = json!({"quantity": 1, "seconds": seconds});
            assert_eq!(refused(document), ["#/seconds"]);
        }
        assert_eq!(refused(json!({"pieces": 1})), ["#/pieces", "#/quantity"]);
        assert_eq!(refused(json!([])), ["#"]);
    }

    #[test]
    fn a_quarter_of_an_hour_unless_said_otherwise() {
        let asked = asked(&json!({"quantity": 2})).expect("valid");
        let expires = asked.expires(Timestamp::from_unix_ms(5));
        assert_eq!((asked.quantity, expires), (2, 900_005));
    }

    #[test]
    fn refused_when_it_cannot_be_an_id() {
        let long = "a".repeat(129);
        for id in ["", "a b", "a/b", "a:b", "é", ".", "..", long.as_str()] {
            assert!(expect_reservation_id(id).is_err(), "{id}");
        }
        assert!(expect_reservation_id(&"a".repeat(128)).is_ok());
        assert!(expect_reservation_id("..a").is_ok());
    }
}
