//! How often values occur. All facets are counted in the same documents, so they are from one moment.

use std::collections::BTreeMap;

use stoa_documents::key::{self, Key};
use stoa_documents::{Bucket, Error as Documents, Facet, Filter};

use crate::database::Database;
use crate::error::Error;
use crate::find::{Asked, matches};
use crate::table::Table;

/// The different values of one facet are held in memory: at most so many.
const VALUES_MAX: usize = 100_000;

/// The buckets of each facet.
pub(crate) fn facets(
    database: &impl Database,
    table: &Table<'_>,
    filter: &Filter,
    search: Option<&str>,
    facets: &[Facet],
) -> Result<Vec<Vec<Bucket>>, Error> {
    let asked = Asked {
        filter,
        search,
        sort: &[],
    };
    let found = matches(database, table, &asked)?.found;
    let mut counts: Vec<BTreeMap<Key, u64>> = vec![BTreeMap::new(); facets.len()];
    for found in found {
        let body = found.document.json()?;
        for (facet, counts) in facets.iter().zip(&mut counts) {
            let subject = found.document.subject(&body);
            for (key, occurrences) in key::occurrences(subject, &facet.path) {
                *counts.entry(key).or_default() += occurrences;
            }
            if counts.len() > VALUES_MAX {
                return Err(too_many(&facet.path));
            }
        }
    }
    let counted = facets.iter().zip(counts);
    Ok(counted
        .map(|(facet, counts)| Bucket::most_frequent(counts.into_iter().collect(), facet.limit))
        .collect())
}

fn too_many(path: &str) -> Error {
    let message = format!("there are more than {VALUES_MAX} values at `{path}`");
    Documents::Invalid(message).into()
}
