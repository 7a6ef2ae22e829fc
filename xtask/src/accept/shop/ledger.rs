//! What clients sent and what they were promised, to be held against what is served.
//!
//! The content of a product follows from its sku and a version that is its stock: so any mix of two versions is seen.
//! Every sku has one writer, which sends one version after the other.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::losses::Losses;

#[derive(Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Default)]
struct Book {
    claims: HashMap<String, Claim>,
    counts: Counts,
}

/// Versions of a product; 0 is none.
#[derive(Debug, Clone, Copy, Default)]
struct Claim {
    sent: u64,
    acknowledged: u64,
}

/// A kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Import,
    Create,
    Change,
}

/// Acknowledged writes.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::accept) struct Counts {
    imported: usize,
    created: usize,
    changed: usize,
}

// === impl Ledger ===

impl Ledger {
    /// The next version of a product, noted before it is sent.
    pub(super) fn next(&self, sku: &str) -> u64 {
        let mut book = self.book();
        let claim = book.claims.entry(sku.to_owned()).or_default();
        claim.sent += 1;
        claim.sent
    }

    /// Notes that the version sent last was acknowledged.
    pub(super) fn acknowledge(&self, sku: &str, write: Write) {
        let mut book = self.book();
        book.counts.count(write);
        let claim = book.claims.entry(sku.to_owned()).or_default();
        claim.acknowledged = claim.sent;
    }

    pub(super) fn counts(&self) -> Counts {
        self.book().counts
    }

    /// Holds every claim against what is served, by sku.
    pub(super) fn check(&self, served: &HashMap<String, Value>) -> Losses {
        let mut losses = Losses::default();
        for (sku, claim) in &self.book().claims {
            match served.get(sku) {
                None if claim.acknowledged > 0 => losses.note_lost(format!("{sku} is not there")),
                None => {}
                Some(product) => claim.check(sku, product, &mut losses),
            }
        }
        losses
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// The acknowledged version, or a later one that was on its way when the host died.
    fn check(self, sku: &str, product: &Value, losses: &mut Losses) {
        let version = product["stock"].as_u64().unwrap_or_default();
        if version < self.acknowledged {
            losses.note_lost(format!("{self:?}, but there is {product}"));
        } else if version == 0 || version > self.sent || !is_content(product, sku, version) {
            losses.note_broken(format!("{self:?}, but there is {product}"));
        }
    }
}

// === impl Counts ===

impl Counts {
    fn count(&mut self, write: Write) {
        match write {
            Write::Import => self.imported += 1,
            Write::Create => self.created += 1,
            Write::Change => self.changed += 1,
        }
    }

    pub(in crate::accept) fn is_some_of_each(&self) -> bool {
        self.imported > 0 && self.created > 0 && self.changed > 0
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            imported,
            created,
            changed,
        } = self;
        let sum = imported + created + changed;
        write!(
            f,
            "{sum} acknowledged ({imported} imported, {created} created, {changed} changed)"
        )
    }
}

// === functions ===

/// A version of a product, as a client describes it.
pub(super) fn product(sku: &str, version: u64) -> Value {
    let mut product = content(version);
    product["sku"] = sku.into();
    product["name"] = format!("{sku}, version {version}").into();
    product
}

/// What turns the product into this version.
pub(super) fn change(sku: &str, version: u64) -> Value {
    let mut change = content(version);
    change["name"] = format!("{sku}, version {version}").into();
    change
}

fn content(version: u64) -> Value {
    // Versions differ in length, so that one written over another would show.
    let repeated = 1 + (version % 20) as usize;
    json!({
        "description": format!("Written as version {version}. ").repeat(repeated),
        "category": format!("category-{}", version % 8),
        "brand": format!("Brand {version}"),
        "price": {"amount": version * 100 + 99, "currency": "EUR"},
        "stock": version,
        "tags": ["written", format!("v{version}")],
    })
}

fn is_content(served: &Value, sku: &str, version: u64) -> bool {
    let expected = product(sku, version);
    let mut members = expected.as_object().into_iter().flatten();
    members.all(|(name, value)| served[name] == *value)
}

/// Whether a product has all that every product has.
pub(super) fn is_complete(product: &Value) -> bool {
    let texts = ["id", "sku", "name", "description", "category", "brand"];
    let price = &product["price"];
    texts.iter().all(|name| product[*name].is_string())
        && price["amount"].is_u64()
        && price["currency"].is_string()
        && product["stock"].is_u64()
        && product["tags"].is_array()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two versions sent, the first acknowledged.
    fn ledger() -> Ledger {
        let ledger = Ledger::default();
        ledger.next("A");
        ledger.acknowledge("A", Write::Create);
        ledger.next("A");
        ledger
    }

    fn found(served: Option<Value>) -> (usize, usize) {
        let served = served.map(|product| ("A".to_owned(), product));
        let losses = ledger().check(&served.into_iter().collect());
        losses.counts()
    }

    #[test]
    fn the_acknowledged_version_and_a_later_one_that_was_sent_are_right() {
        assert_eq!(found(Some(product("A", 1))), (0, 0));
        assert_eq!(found(Some(product("A", 2))), (0, 0));
    }

    #[test]
    fn what_is_not_there_is_lost() {
        assert_eq!(found(None), (1, 0));
        assert_eq!(found(Some(product("A", 0))), (1, 0));
    }

    #[test]
    fn a_mix_of_versions_and_one_nobody_sent_are_half_written() {
        let mut mixed = product("A", 2);
        mixed["price"]["amount"] = 199.into();
        assert_eq!(found(Some(mixed)), (0, 1));
        assert_eq!(found(Some(product("A", 3))), (0, 1));
    }

    #[test]
    fn a_product_without_a_member_is_incomplete() {
        let mut product = product("A", 1);
        product["id"] = "1".into();
        assert!(is_complete(&product));
        product["tags"] = Value::Null;
        assert!(!is_complete(&product));
    }
}
