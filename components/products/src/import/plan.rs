//! What to do about a row: decided from what is stored, before anything is written.

use crate::catalogue::Readable;
use crate::product::{Draft, Stored, id};
use stoa_sdk::clock::Timestamp;
use stoa_sdk::documents::{Document, Precondition, Write};

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Updated,
    Unchanged,
    Rejected(String),
}

/// What to write, if anything, and what that makes of the row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) verdict: Verdict,
    pub(crate) write: Option<Write>,
}

/// Decides about a product.
pub(crate) fn plan(
    draft: &Draft,
    stored: Option<Document<Readable<Stored>>>,
    now: Timestamp,
) -> Plan {
    let Some(document) = stored else {
        let stored = Stored::new(draft.clone(), now);
        let id = id::of(&draft.sku);
        let write = Write::new(id, &stored).when(Precondition::Absent);
        return written(Verdict::Accepted, write);
    };
    let (id, version) = (document.id, document.version);
    match document.body.0 {
        Ok(stored) if stored.draft() == *draft => unwritten(Verdict::Unchanged),
        Ok(stored) => match stored.redrafted(draft.clone(), now) {
            Ok(stored) => {
                let write = Write::new(id, &stored).when(Precondition::Version(version));
                written(Verdict::Updated, write)
            }
            Err(oversold) => rejected(format!(
                "stock is less than the {} reserved pieces",
                oversold.reserved
            )),
        },
        Err(error) => {
            eprintln!("products: document of {} is no product: {error}", draft.sku);
            rejected("what is stored under this sku cannot be read".to_owned())
        }
    }
}

fn written(verdict: Verdict, write: Write) -> Plan {
    let write = Some(write);
    Plan { verdict, write }
}

fn unwritten(verdict: Verdict) -> Plan {
    let write = None;
    Plan { verdict, write }
}

fn rejected(reason: String) -> Plan {
    unwritten(Verdict::Rejected(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::tests::{draft, stored};

    fn now() -> Timestamp {
        Timestamp::from_unix_ms(1)
    }

    fn document(body: Stored) -> Option<Document<Readable<Stored>>> {
        Some(Document {
            id: id::of(&body.sku),
            version: 7,
            body: Readable(Ok(body)),
        })
    }

    #[test]
    fn refused_when_less_is_left_than_is_reserved() {
        let stored = document(stored("A-1", 5, 3));
        let expected = rejected("stock is less than the 3 reserved pieces".to_owned());
        assert_eq!(plan(&draft("A-1", 2), stored, now()), expected);
    }

    #[test]
    fn refused_when_what_is_stored_is_no_product() {
        let error = serde_json::from_str::<Stored>("{}").expect_err("no product");
        let document = Document {
            id: id::of("A-1"),
            version: 7,
            body: Readable(Err(error)),
        };
        let plan = plan(&draft("A-1", 2), Some(document), now());
        assert!(matches!(plan.verdict, Verdict::Rejected(_)));
        assert_eq!(plan.write, None);
    }

    #[test]
    fn what_is_not_stored_is_written_if_it_is_still_absent() {
        let draft = draft("A-1", 2);
        let write = Write::new(id::of("A-1"), &Stored::new(draft.clone(), now()));
        let expected = written(Verdict::Accepted, write.when(Precondition::Absent));
        assert_eq!(plan(&draft, None, now()), expected);
    }

    #[test]
    fn what_is_stored_like_this_is_not_written() {
        let plan = plan(&draft("A-1", 8), document(stored("A-1", 5, 3)), now());
        assert_eq!(plan, unwritten(Verdict::Unchanged));
    }

    #[test]
    fn what_is_stored_otherwise_is_written_over_the_version_that_was_seen() {
        let before = stored("A-1", 5, 3);
        let after = before.clone().redrafted(draft("A-1", 9), now());
        let write = Write::new(id::of("A-1"), &after.expect("enough are left"));
        let expected = written(Verdict::Updated, write.when(Precondition::Version(7)));
        assert_eq!(plan(&draft("A-1", 9), document(before), now()), expected);
    }
}
