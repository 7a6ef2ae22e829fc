//! Variables in memory, for a service under test. Every test has its own, because a test has a thread of its own.

use super::Error;
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static VALUES: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// The value that was set under this name. Of the rules for names there are only those that a typing mistake breaks.
pub(super) async fn get(name: &str) -> Result<String, Error> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        return Err(Error::InvalidName(
            "a variable's name is words in lower case with `_`".to_owned(),
        ));
    }
    let value = VALUES.with_borrow(|values| values.get(name).cloned());
    value.ok_or_else(|| Error::Undefined(format!("this component has no variable `{name}`")))
}

/// Gives a variable its value.
pub(crate) fn set(name: &str, value: &str) {
    VALUES.with_borrow_mut(|values| values.insert(name.to_owned(), value.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    #[test]
    fn a_name_that_no_variable_has_is_told_from_one_that_none_could_have() {
        for name in ["", "Token", "1st", "to-ken", "to.ken"] {
            assert!(
                matches!(block_on(get(name)), Err(Error::InvalidName(_))),
                "{name}"
            );
        }
        assert!(matches!(block_on(get("token")), Err(Error::Undefined(_))));
    }

    #[test]
    fn the_value_that_was_set_last_is_there() {
        set("token", "1");
        set("token", "2");
        assert_eq!(block_on(get("token")), Ok("2".to_owned()));
    }
}
