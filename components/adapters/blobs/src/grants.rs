//! What a component was granted. The host reads that from `tool.stoa.grants.blobs`, which Spin does not show to
//! components: so the same is said again, as JSON, in a variable of the component.
//!
//! ```json
//! { "media": { "containers": ["images"], "access": "read-write", "blob_bytes_max": 8388608 } }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::blob::BLOB_BYTES_MAX;
use crate::error::Error;

/// The variable of the component that holds them.
pub(crate) const VARIABLE: &str = "blobs_grants";

/// The stores of a component, by label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Grants(BTreeMap<String, Grant>);

/// One store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    #[serde(default)]
    pub(crate) access: Access,
    pub(crate) containers: Vec<String>,
    blob_bytes_max: Option<u64>,
}

/// What may be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    Read,
    #[default]
    ReadWrite,
}

impl Grants {
    /// Reads the variable. What is not understood is refused, quotas and times of URLs among it: they cannot be held on
    /// Spin.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let grants: BTreeMap<String, Grant> = serde_json::from_str(text)
            .map_err(|error| Error::no_grants(format!("the variable `{VARIABLE}`: {error}")))?;
        let possible = 1..=BLOB_BYTES_MAX;
        let impossible = grants
            .values()
            .filter_map(|grant| grant.blob_bytes_max)
            .any(|bytes| !possible.contains(&bytes));
        match impossible {
            false => Ok(Self(grants)),
            true => Err(Error::no_grants(format!(
                "the variable `{VARIABLE}`: `blob_bytes_max` is 1 to {BLOB_BYTES_MAX}"
            ))),
        }
    }

    /// What was granted under a label.
    pub(crate) fn store(&self, label: &str) -> Result<&Grant, Error> {
        self.0.get(label).ok_or(Error::NoSuchStore)
    }
}

impl Grant {
    /// A blob of it holds at most so many bytes.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.blob_bytes_max.unwrap_or(BLOB_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "[]",
            r#"{ "s": {} }"#,
            r#"{ "s": { "containers": "images" } }"#,
            r#"{ "s": { "containers": [], "bytes_max": 1 } }"#,
            r#"{ "s": { "containers": [], "presign_seconds_max": 1 } }"#,
            r#"{ "s": { "containers": [], "access": "write" } }"#,
            r#"{ "s": { "containers": [], "blob_bytes_max": 0 } }"#,
            r#"{ "s": { "containers": [], "blob_bytes_max": 5368709121 } }"#,
        ] {
            let outcome = Grants::parse(text);
            let Err(Error::Other { code, message }) = outcome else {
                panic!("{text}: {outcome:?}");
            };
            assert_eq!(code, "no-grants", "{text}");
            assert!(message.contains(VARIABLE), "{message}");
        }
    }

    #[test]
    fn it_says_what_a_grant_says() {
        let text = r#"{ "m": { "containers": ["a"], "access": "read", "blob_bytes_max": 9 }, "n": { "containers": [] } }"#;
        let grants = Grants::parse(text).expect("they are grants");
        let media = grants.store("m").expect("it is granted");
        assert_eq!((media.access, media.bytes_max()), (Access::Read, 9));
        assert_eq!(media.containers, ["a"]);
        let other = grants.store("n").expect("it is granted");
        assert_eq!(other.access, Access::ReadWrite);
        assert_eq!(other.bytes_max(), BLOB_BYTES_MAX);
        assert_eq!(grants.store("o"), Err(Error::NoSuchStore));
    }
}
