//! What Spin gives: the component's variables, a clock and randomness.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bindings::fermyon::spin::variables;
use crate::error::Error;
use crate::grants::{self, Grants};
use crate::identity::Shared;
use crate::keys::{self, Keys};
use crate::passwords::{SALT_BYTES, Salt};

thread_local! {
    /// Made by the first call that opens an identity. A mistake in the grants is told again each time: nothing is kept of
    /// it.
    static SHARED: RefCell<Option<Rc<Shared>>> = const { RefCell::new(None) };
    /// Whether the host is being asked something.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// The grants and the keys of this component.
pub(crate) fn shared() -> Result<Rc<Shared>, Error> {
    if let Some(shared) = SHARED.with_borrow(Clone::clone) {
        return Ok(shared);
    }
    let shared = Rc::new(alone(made).ok_or_else(busy)??);
    // Who could not tell the keys now may do so later.
    if !matches!(shared.keys, Err(Error::Unavailable)) {
        SHARED.set(Some(Rc::clone(&shared)));
    }
    Ok(shared)
}

fn made() -> Result<Shared, Error> {
    let grants = variable(grants::VARIABLE)?.ok_or_else(|| {
        let name = grants::VARIABLE;
        Error::no_grants(format!(
            "the component has no variable `{name}`, which says what `tool.stoa.grants.identity` does; let the adapter \
             inherit `variables`"
        ))
    })?;
    Ok(Shared {
        grants: Grants::parse(&grants)?,
        keys: keys(),
    })
}

/// Asks the host, alone: while it waits there, it may let another task of the component in, by an interface that blocks,
/// and what that one asked would wait on the stack of the first. Nothing where the host is being asked already.
fn alone<T>(ask: impl FnOnce() -> T) -> Option<T> {
    if BUSY.replace(true) {
        return None;
    }
    let answer = ask();
    BUSY.set(false);
    Some(answer)
}

fn busy() -> Error {
    let message = "a call that blocks cannot be made while one that waits is under way";
    Error::Invalid(message.to_owned())
}

fn keys() -> Result<Keys, Error> {
    let name = keys::VARIABLE;
    let keys = variable(name)?.ok_or_else(|| {
        Error::no_keys(format!(
            "the component has no variable `{name}` with the public keys"
        ))
    })?;
    Keys::parse(&keys)
}

/// A variable of the component, if it has one of this name.
fn variable(name: &str) -> Result<Option<String>, Error> {
    match variables::get(name) {
        Ok(value) => Ok(Some(value)),
        Err(variables::Error::Undefined(_)) => Ok(None),
        Err(error) => {
            eprintln!("the variable `{name}` cannot be read: {error}");
            Err(Error::Unavailable)
        }
    }
}

/// In seconds since 1970. A clock that is set before that says 0.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// A salt that never was.
pub(crate) fn salt() -> Salt {
    let bytes = wasip2::random::random::get_random_bytes(SALT_BYTES as u64);
    Salt::try_from(bytes).expect("as many bytes come as were asked for")
}
