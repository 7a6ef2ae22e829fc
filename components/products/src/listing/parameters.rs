//! Query parameters, one by one. What is wrong with one is told by its name.

use crate::product::rules::Rule;
use stoa_sdk::http::Problem;

/// A parameter that may be repeated is so at most so many times.
const REPEATED_MAX: usize = 20;

/// What stays the same from page to page, beside the limit.
const KEPT: [&str; 11] = [
    "q",
    "category",
    "brand",
    "tag",
    "min_price",
    "max_price",
    "currency",
    "in_stock",
    "sort",
    "facets",
    "total",
];

/// Whether the next page is asked for with this parameter, too.
pub(super) fn is_kept(name: &str) -> bool {
    KEPT.contains(&name)
}

/// The decoded query of a request.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a>(pub(super) &'a [(String, String)]);

impl<'a> Parameters<'a> {
    /// The value of a parameter that is given at most once.
    pub(super) fn one(self, name: &'static str) -> Result<Option<&'a str>, Problem> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(bad(name, "must be given once")),
            (value, None) => Ok(value),
        }
    }

    /// What a parameter means. `must` is told where `read` finds nothing in it.
    pub(super) fn read<T>(
        self,
        name: &'static str,
        read: impl Fn(&'a str) -> Option<T>,
        must: &str,
    ) -> Result<Option<T>, Problem> {
        let value = self.one(name)?;
        let read = |value| read(value).ok_or_else(|| bad(name, must));
        value.map(read).transpose()
    }

    /// The values of a parameter that may be repeated.
    pub(super) fn all(self, name: &'static str, rule: Rule) -> Result<Vec<&'a str>, Problem> {
        let values: Vec<_> = self.values(name).take(REPEATED_MAX + 1).collect();
        if values.len() > REPEATED_MAX {
            let must = format!("must be given at most {REPEATED_MAX} times");
            return Err(bad(name, &must));
        }
        let wrong = values.iter().find_map(|value| rule(value).err());
        wrong.map_or(Ok(values), |must| Err(bad(name, &must)))
    }

    fn values(self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }
}

/// A parameter that cannot be read. `must` says what it must be.
pub(super) fn bad(name: &str, must: &str) -> Problem {
    Problem::new(400)
        .detail(format!("{name} {must}"))
        .member("parameter", name)
}

pub(super) fn bad_cursor() -> Problem {
    bad(
        "cursor",
        "must be the `next` of another page of the same question",
    )
}
