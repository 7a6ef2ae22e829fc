//! One page of keys in their order, out of a listing that has none.

use std::collections::BTreeSet;

/// The first keys of a range among those that it is offered; it never holds more than a page and one.
pub(crate) struct Page<'r> {
    prefix: &'r str,
    after: Option<&'r str>,
    limit: usize,
    keys: BTreeSet<String>,
}

impl<'r> Page<'r> {
    pub(crate) fn new(prefix: &'r str, after: Option<&'r str>, limit: usize) -> Self {
        Self {
            prefix,
            after,
            limit,
            keys: BTreeSet::new(),
        }
    }

    /// Takes a key if it is one of the first so far.
    pub(crate) fn offer(&mut self, key: String) {
        if !self.wants(&key) {
            return;
        }
        self.keys.insert(key);
        // One more than the page has, to know whether there are more.
        if self.keys.len() > self.limit + 1 {
            self.keys.pop_last();
        }
    }

    fn wants(&self, key: &str) -> bool {
        let behind = self.after.is_none_or(|after| key > after);
        behind && key.starts_with(self.prefix)
    }

    /// The keys of the page, and whether there are more behind them.
    pub(crate) fn finish(self) -> (Vec<String>, bool) {
        let more = self.keys.len() > self.limit;
        (self.keys.into_iter().take(self.limit).collect(), more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(prefix: &str, after: Option<&str>, limit: usize, keys: &[&str]) -> (Vec<String>, bool) {
        let mut page = Page::new(prefix, after, limit);
        for key in keys {
            page.offer((*key).to_owned());
        }
        page.finish()
    }

    #[test]
    fn only_keys_of_the_range_are_taken() {
        let keys = ["b/2", "a", "b/1", "c", "b", "b/3"];
        assert_eq!(page("b/", Some("b/1"), 9, &keys).0, ["b/2", "b/3"]);
        assert_eq!(page("d", None, 9, &keys).0, [""; 0]);
        assert_eq!(page("", Some("c"), 9, &keys).0, [""; 0]);
    }

    #[test]
    fn keys_come_in_the_order_of_their_bytes() {
        let keys = ["ä", "a", "Z", "a/", "\u{10000}", "\u{ffff}"];
        let expected = ["Z", "a", "a/", "ä", "\u{ffff}", "\u{10000}"];
        assert_eq!(
            page("", None, 9, &keys),
            (expected.map(String::from).to_vec(), false)
        );
    }

    #[test]
    fn a_page_says_whether_there_are_more() {
        let keys = ["c", "a", "d", "b"];
        let first = |keys: &[&str], more: bool| -> (Vec<String>, bool) {
            (keys.iter().map(|key| (*key).to_owned()).collect(), more)
        };
        assert_eq!(page("", None, 2, &keys), first(&["a", "b"], true));
        assert_eq!(page("", Some("b"), 2, &keys), first(&["c", "d"], false));
        assert_eq!(
            page("", None, 4, &keys),
            first(&["a", "b", "c", "d"], false)
        );
    }

    #[test]
    fn pages_one_behind_the_other_show_every_key_once() {
        let keys: Vec<String> = (0..100).map(|n| format!("{:02}", n * 37 % 100)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (found, more) = page("", after.as_deref(), 7, &keys);
            after = found.last().cloned();
            seen.extend(found);
            if !more {
                break;
            }
        }
        let expected: Vec<String> = (0..100).map(|n| format!("{n:02}")).collect();
        assert_eq!(seen, expected);
    }
}
