//! `grants.identity.<label>`: what a component may do with passwords and tokens.

use super::quota;
use crate::text::{self, Mistake, Table, Value};

/// What a component may do with one identity. At least one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// `operations`: what it may do, at least one.
    pub operations: Vec<Operation>,
    /// `token_seconds_max`: how long a token that it signs is good for, 1 second to 400 days. Default: an hour.
    pub token_seconds_max: Option<u64>,
    /// `audiences`: what the `aud` of its tokens may be. Default: anything.
    pub audiences: Option<Vec<String>>,
    /// `calls_per_second_max`. Default: as many as it can; hashing has a bound of its own.
    pub calls_per_second_max: Option<u64>,
}

/// What can be done with an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `"passwords"`: hash and verify passwords.
    Passwords,
    /// `"sign"`: sign tokens.
    Sign,
    /// `"verify"`: verify tokens and read the public keys.
    Verify,
}

pub(crate) fn read(table: &mut Table<'_>) -> Option<Grant> {
    let (span, report) = (table.span(), table.report());
    let operations = table.required("operations", read_operations);
    let token_seconds = table.optional("token_seconds_max", |value| {
        value.integer(1..=400 * 24 * 3600)
    });
    let audiences = table.optional("audiences", Value::strings);
    let calls = quota::read_calls(table);
    let operations = operations?;
    if operations.is_empty() {
        report.add(Mistake::new(span, "`operations` names no operation"));
    }
    Some(Grant {
        operations,
        token_seconds_max: token_seconds?,
        audiences: audiences?,
        calls_per_second_max: calls?,
    })
}

fn read_operations(value: Value<'_>) -> Option<Vec<Operation>> {
    text::all(value.items()?.into_iter().map(|value| {
        value.choice(&[
            ("passwords", Operation::Passwords),
            ("sign", Operation::Sign),
            ("verify", Operation::Verify),
        ])
    }))
}
