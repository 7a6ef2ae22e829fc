//! What a listing is asked for, and how the store is asked.

use super::parameters::{Parameters, bad, bad_cursor};
use crate::cursor;
use crate::product::rules;
use stoa_sdk::documents::{Filter, Query, field};
use stoa_sdk::http::Problem;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;
/// A text to search for has at most so many bytes.
const SEARCH_BYTES_MAX: usize = 1024;
/// What a page shows. Reservations are nobody's business, and may be many.
const FIELDS: [&str; 11] = [
    "sku",
    "name",
    "description",
    "category",
    "brand",
    "price",
    "tags",
    "stock",
    "images",
    "created",
    "updated",
];
/// What can be counted: how clients call it, and where it stands.
pub(super) type Counted = (&'static str, &'static str);
const FACETS: [Counted; 3] = [
    ("category", "category"),
    ("brand", "brand"),
    ("tag", "tags"),
];

/// What a listing is asked for.
pub(super) struct Asked {
    pub(super) search: Option<String>,
    pub(super) limit: u32,
    /// Of the store.
    pub(super) cursor: Option<String>,
    pub(super) facets: Vec<Counted>,
    pub(super) total: bool,
    sort: Sort,
    /// Of each path, the values that were chosen.
    choices: Vec<(&'static str, Filter)>,
    /// All else that products must fulfil.
    bounds: Filter,
}

#[derive(Clone, Copy)]
enum Sort {
    /// The best first.
    Relevance,
    Id,
    Ascending(&'static str),
    Descending(&'static str),
}

impl Asked {
    /// Reads a query. Parameters that are not known are left alone.
    pub(super) fn read(query: &[(String, String)]) -> Result<Self, Problem> {
        let parameters = Parameters(query);
        let search = search(parameters)?;
        let limit = parameters.read(
            "limit",
            |text| number::<u32>(text).filter(|limit| (1..=LIMIT_MAX).contains(limit)),
            &format!("must be an integer from 1 to {LIMIT_MAX}"),
        )?;
        let cursor = parameters.one("cursor")?;
        let cursor = cursor.map(|text| cursor::decode(text).ok_or_else(bad_cursor));
        Ok(Self {
            choices: choices(parameters)?,
            bounds: bounds(parameters)?,
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            cursor: cursor.transpose()?,
            facets: facets(parameters)?,
            total: flag(parameters, "total")?,
            sort: sort(parameters, search.is_some())?,
            search,
        })
    }

    /// What products must fulfil.
    pub(super) fn filter(&self) -> Filter {
        self.filter_without("")
    }

    /// The same, whatever was chosen at this path.
    pub(super) fn filter_without(&self, path: &str) -> Filter {
        let others = self.choices.iter().filter(|(chosen, _)| *chosen != path);
        others.fold(self.bounds.clone(), |all, (_, choice)| all & choice.clone())
    }

    /// Whether values were chosen at this path.
    pub(super) fn is_chosen(&self, path: &str) -> bool {
        self.choices.iter().any(|(chosen, _)| *chosen == path)
    }

    /// The page, as the store is asked for it.
    pub(super) fn query(&self) -> Query {
        let query = Query::of(self.filter())
            .fields(FIELDS)
            .after(self.cursor.clone())
            .limit(self.limit);
        let query = match &self.search {
            Some(search) => query.search(search),
            None => query,
        };
        match self.sort {
            Sort::Relevance | Sort::Id => query,
            Sort::Ascending(path) => query.ascending(path),
            Sort::Descending(path) => query.descending(path),
        }
    }
}

/// `None` where nothing but spaces is looked for, as an empty search field sends it.
fn search(parameters: Parameters<'_>) -> Result<Option<String>, Problem> {
    let must = format!("must have at most {SEARCH_BYTES_MAX} bytes");
    let fits = |text: &str| (text.len() <= SEARCH_BYTES_MAX).then(|| text.to_owned());
    let search = parameters.read("q", fits, &must)?;
    Ok(search.filter(|text| !text.trim().is_empty()))
}

fn choices(parameters: Parameters<'_>) -> Result<Vec<(&'static str, Filter)>, Problem> {
    let any_of = [
        ("category", parameters.all("category", rules::category)?),
        ("brand", parameters.all("brand", rules::brand)?),
        ("tags", parameters.all("tag", rules::tag)?),
        (
            "price.currency",
            parameters.all("currency", rules::currency)?,
        ),
    ];
    let choices = any_of
        .into_iter()
        .filter_map(|(path, values)| match values.as_slice() {
            [] => None,
            [value] => Some((path, field(path).equals(*value))),
            values => Some((path, field(path).one_of(values.iter().copied()))),
        });
    Ok(choices.collect())
}

fn bounds(parameters: Parameters<'_>) -> Result<Filter, Problem> {
    let mut filter = Filter::everything();
    if let Some(least) = price(parameters, "min_price")? {
        filter = filter & field("price.amount").at_least(least);
    }
    if let Some(most) = price(parameters, "max_price")? {
        filter = filter & field("price.amount").at_most(most);
    }
    if flag(parameters, "in_stock")? {
        filter = filter & field("stock.available").at_least(1);
    }
    Ok(filter)
}

fn price(parameters: Parameters<'_>, name: &'static str) -> Result<Option<i64>, Problem> {
    let read = |text: &str| number::<i64>(text);
    parameters.read(name, read, "must be an integer from 0, in minor units")
}

fn flag(parameters: Parameters<'_>, name: &'static str) -> Result<bool, Problem> {
    let read = |text: &str| text.parse::<bool>().ok();
    let flag = parameters.read(name, read, "must be true or false")?;
    Ok(flag.unwrap_or(false))
}

fn sort(parameters: Parameters<'_>, is_search: bool) -> Result<Sort, Problem> {
    let must = "must be relevance, sku, price, -price, name, -name, created or -created";
    match parameters.read("sort", sort_of, must)? {
        Some(Sort::Relevance) if !is_search => Err(bad("sort", "by relevance needs a q")),
        Some(sort) => Ok(sort),
        None if is_search => Ok(Sort::Relevance),
        None => Ok(Sort::Id),
    }
}

fn sort_of(text: &str) -> Option<Sort> {
    Some(match text {
        "relevance" => Sort::Relevance,
        "sku" => Sort::Ascending("sku"),
        "price" => Sort::Ascending("price.amount"),
        "-price" => Sort::Descending("price.amount"),
        "name" => Sort::Ascending("name"),
        "-name" => Sort::Descending("name"),
        "created" => Sort::Ascending("created"),
        "-created" => Sort::Descending("created"),
        _ => return None,
    })
}

fn facets(parameters: Parameters<'_>) -> Result<Vec<Counted>, Problem> {
    let must = "must be one to three of category, brand and tag, joined by commas";
    let facets = parameters.read("facets", facets_of, must)?;
    Ok(facets.unwrap_or_default())
}

/// `None` if one is not known, or named twice.
fn facets_of(text: &str) -> Option<Vec<Counted>> {
    let mut facets = Vec::new();
    for wanted in text.split(',') {
        let facet = *FACETS.iter().find(|(name, _)| *name == wanted)?;
        if facets.contains(&facet) {
            return None;
        }
        facets.push(facet);
    }
    Some(facets)
}

/// Digits only: `+5` is a space and a five to whoever decodes a query.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}
