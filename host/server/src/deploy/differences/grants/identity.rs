//! Identities: passwords and tokens.

use stoa_capabilities::identity::TOKEN_SECONDS_MAX_DEFAULT;
use stoa_manifest::grants::identity::{Grant, Operation};

use super::{Noun, compare_calls};
use crate::deploy::differences::found::{SECONDS, Scope, listed, quoted};

impl Noun for Grant {
    const STORE: &'static str = "identity";

    fn powers(&self, store: &str) -> Vec<String> {
        let Self {
            operations,
            token_seconds_max: _,
            audiences,
            calls_per_second_max: _,
        } = self;
        let worded = |operation: &Operation| match (operation, audiences) {
            (Operation::Sign, Some(audiences)) => {
                format!("{} for {}", power(*operation, store), listed(audiences))
            }
            _ => power(*operation, store),
        };
        operations.iter().map(worded).collect()
    }

    fn compare(scope: &mut Scope<'_>, store: &str, old: &Self, new: &Self) {
        let Self {
            operations,
            token_seconds_max,
            audiences,
            calls_per_second_max,
        } = new;
        for operation in operations.iter().filter(|it| !old.operations.contains(it)) {
            scope.gained(power(*operation, store));
        }
        for operation in old.operations.iter().filter(|it| !operations.contains(it)) {
            scope.lost(power(*operation, store));
        }
        // Of tokens that it cannot sign, nothing is told.
        let signs = |grant: &Self| grant.operations.contains(&Operation::Sign);
        if signs(old) && signs(new) {
            let old_seconds = old.token_seconds_max.unwrap_or(TOKEN_SECONDS_MAX_DEFAULT);
            let new_seconds = token_seconds_max.unwrap_or(TOKEN_SECONDS_MAX_DEFAULT);
            scope.bounds(Some(old_seconds), Some(new_seconds), SECONDS, |amount| {
                format!("sign tokens with {store} that are good for {amount}")
            });
            compare_audiences(scope, store, old.audiences.as_deref(), audiences.as_deref());
        }
        compare_calls(
            scope,
            store,
            old.calls_per_second_max,
            *calls_per_second_max,
        );
    }
}

fn power(operation: Operation, store: &str) -> String {
    match operation {
        Operation::Passwords => format!("hash and verify passwords with {store}"),
        Operation::Sign => format!("sign tokens with {store}"),
        Operation::Verify => format!("verify tokens with {store}"),
    }
}

fn compare_audiences(
    scope: &mut Scope<'_>,
    store: &str,
    old: Option<&[String]>,
    new: Option<&[String]>,
) {
    match (old, new) {
        (None, None) => {}
        (Some(old), None) => scope.gained(format_args!(
            "sign tokens with {store} for any audience, not only {}",
            listed(old)
        )),
        (None, Some(new)) => scope.lost(format_args!(
            "sign tokens with {store} for other audiences than {}",
            listed(new)
        )),
        (Some(old), Some(new)) => scope.sets(old, new, |audience| {
            format!(
                "sign tokens with {store} for the audience {}",
                quoted(audience)
            )
        }),
    }
}
