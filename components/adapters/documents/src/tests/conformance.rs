//! The facts that every document store must hold, over several instances at once.

use stoa_documents::conformance::{CASES, collections};
use stoa_documents::{
    Bucket, DeclareError, Document, Error as Documents, Facet, Page, Store as Contract, Version,
};

use super::*;

/// Facts about declaring while a store is in use. The adapter has no such operation: what it makes of a schema that changes
/// is in `declarations`.
const ABOUT_DECLARING: [&str; 6] = [
    "a_different_declaration_is_refused_whole",
    "a_unique_index_over_shared_values_is_refused",
    "a_collection_may_come_later",
    "an_index_may_come_later",
    "searched_fields_may_come_later",
    "the_same_again_changes_nothing",
];
/// More documents than the adapter looks at in one call: it refuses, which is in `bounds`.
const BEYOND_ONE_LOOK: &str = "cursors_show_every_document_once";
/// Callers that meet.
const THREADS: usize = 4;

/// A database; each call opens it as a fresh instance does.
struct Standing(Sqlite);

impl Standing {
    fn store(&self) -> Store<Sqlite> {
        open(self.0.clone(), collections())
    }
}

/// What the contract knows. None of the facts needs what only this adapter answers.
fn told(error: Error) -> Documents {
    match error {
        Error::Documents(error) => error,
        error => panic!("{error}"),
    }
}

#[async_trait::async_trait]
impl Contract for Standing {
    async fn declare(&self, _: BTreeMap<String, Collection>) -> Result<(), DeclareError> {
        panic!("the adapter has no such operation")
    }

    fn declared(&self) -> BTreeMap<String, Collection> {
        collections()
    }

    async fn get(
        &self,
        collection: String,
        ids: Vec<String>,
    ) -> Result<Vec<Option<Document>>, Documents> {
        self.store().get(&collection, &ids).map_err(told)
    }

    async fn find(&self, collection: String, query: Query) -> Result<Page, Documents> {
        self.store().find(&collection, &query).map_err(told)
    }

    async fn count(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
    ) -> Result<u64, Documents> {
        let counted = self.store().count(&collection, &filter, search.as_deref());
        counted.map_err(told)
    }

    async fn facets(
        &self,
        collection: String,
        filter: Filter,
        search: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Documents> {
        let search = search.as_deref();
        let counted = self.store().facets(&collection, &filter, search, &facets);
        counted.map_err(told)
    }

    async fn put(
        &self,
        collection: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<Version, Documents>>, Documents> {
        let written = self.store().put(&collection, writes).map_err(told)?;
        let outcomes = written.into_iter().map(|outcome| outcome.map_err(told));
        Ok(outcomes.collect())
    }

    async fn find_and_update(
        &self,
        collection: String,
        update: Update,
    ) -> Result<Option<Document>, Documents> {
        let changed = self.store().find_and_update(&collection, update);
        changed.map_err(told)
    }

    async fn delete(
        &self,
        collection: String,
        id: String,
        precondition: Precondition,
    ) -> Result<bool, Documents> {
        let removed = self.store().delete(&collection, &id, precondition);
        removed.map_err(told)
    }

    async fn delete_matching(
        &self,
        collection: String,
        filter: Filter,
        limit: usize,
    ) -> Result<usize, Documents> {
        let removed = self.store().delete_matching(&collection, &filter, limit);
        removed.map_err(told)
    }

    /// The adapter has no quotas, but writes the size of each document.
    async fn bytes(&self, collections: Vec<String>) -> Result<u64, Documents> {
        let mut sum = 0;
        for name in collections {
            // Whatever asks first makes the table.
            self.store()
                .count(&name, &Filter::default(), None)
                .map_err(told)?;
            let statement =
                format!("SELECT coalesce(sum(bytes), 0) FROM \"documents/{LABEL}/{name}\"");
            let rows = self.0.execute(&statement, Vec::new()).map_err(told)?;
            sum += rows[0][0].integer().expect("it is a sum").cast_unsigned();
        }
        Ok(sum)
    }
}

#[test]
fn it_is_a_document_store() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .build()
        .expect("threads can be started");
    for name in ABOUT_DECLARING.into_iter().chain([BEYOND_ONE_LOOK]) {
        assert!(CASES.iter().any(|case| case.name == name), "{name}");
    }
    let asked = CASES
        .iter()
        .filter(|case| !ABOUT_DECLARING.contains(&case.name) && case.name != BEYOND_ONE_LOOK);
    for case in asked {
        let store: Arc<dyn Contract> = Arc::new(Standing(Sqlite::new()));
        println!("{}", case.name);
        runtime.block_on((case.run)(store));
    }
}
