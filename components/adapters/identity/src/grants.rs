//! What a component was granted. The host reads that from `tool.stoa.grants.identity` and its own configuration, which
//! Spin does not show to components: so it is said again, as JSON, in a variable of the component.
//!
//! ```json
//! { "users": { "operations": ["passwords", "verify"], "issuer": "stoa:users" } }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::Error;

/// The variable of the component that holds them.
pub(crate) const VARIABLE: &str = "identity_grants";
/// An issuer has at most so many bytes, and at least one.
const ISSUER_BYTES_MAX: usize = 255;

/// The identities of a component, by label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Grants(BTreeMap<String, Grant>);

/// One identity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    pub(crate) operations: Vec<Operation>,
    /// Who signs the tokens that are verified.
    issuer: Option<String>,
}

/// What can be done with an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Operation {
    Passwords,
    /// May be said, as it is in the manifest, and is refused when it is called.
    Sign,
    Verify,
}

impl Grants {
    /// Reads the variable. What is not understood is refused, rates among it: they cannot be held on Spin.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let grants: BTreeMap<String, Grant> =
            serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        for grant in grants.values() {
            let issuer = grant.issuer.as_ref().map(String::len);
            let verifies = grant.operations.contains(&Operation::Verify);
            match issuer {
                Some(length) if !(1..=ISSUER_BYTES_MAX).contains(&length) => {
                    return Err(wrong("an `issuer` has 1 to 255 bytes"));
                }
                None if verifies => {
                    return Err(wrong("`verify` needs an `issuer`: who signs the tokens"));
                }
                _ => {}
            }
        }
        Ok(Self(grants))
    }

    /// What was granted under a label.
    pub(crate) fn identity(&self, label: &str) -> Result<&Grant, Error> {
        self.0.get(label).ok_or(Error::NoSuchIdentity)
    }
}

impl Grant {
    /// Who signs the tokens; nobody where none are verified.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.as_deref().unwrap_or_default()
    }
}

fn wrong(what: &str) -> Error {
    Error::no_grants(format!("the variable `{VARIABLE}`: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "[]",
            r#"{ "u": {} }"#,
            r#"{ "u": { "operations": ["hash"] } }"#,
            r#"{ "u": { "operations": ["verify"] } }"#,
            r#"{ "u": { "operations": [], "issuer": "" } }"#,
            r#"{ "u": { "operations": [], "calls_per_second_max": 1 } }"#,
            r#"{ "u": { "operations": [], "token_seconds_max": 1 } }"#,
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
        let text = r#"{ "u": { "operations": ["passwords", "sign", "verify"], "issuer": "i" } }"#;
        let grants = Grants::parse(text).expect("they are grants");
        let grant = grants.identity("u").expect("it is granted");
        let all = [Operation::Passwords, Operation::Sign, Operation::Verify];
        assert_eq!((&*grant.operations, grant.issuer()), (&all[..], "i"));
        assert_eq!(grants.identity("v"), Err(Error::NoSuchIdentity));
    }
}
