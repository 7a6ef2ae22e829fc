//! What every document store must do, whatever stands behind it. The embedded store passes it too, which is why it may
//! stand in for the others in tests.

mod declarations;
mod filters;
mod pages;
mod searches;
mod updates;
mod writes;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use stoa_manifest::grants::documents::{Collection, Index};

use crate::{
    Comparison, DOCUMENT_BYTES_MAX, DeclareError, Direction, Document, Error, Filter, Moment,
    Operator, Order, Page, Precondition, Query, Scalar, Store, Update, Version, Write,
};

/// A case at work.
pub type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A fact about a store that starts empty and has the [`collections`]. It panics where the fact does not hold.
pub struct Case {
    /// The fact.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(Arc<dyn Store>) -> Trial,
}

macro_rules! cases {
    ($($module:ident::$name:ident),* $(,)?) => {
        /// All facts, to be tried one by one, each on a fresh store.
        pub const CASES: &[Case] =
            &[$(Case { name: stringify!($name), run: |store| Box::pin($module::$name(store)) }),*];
    };
}

cases![
    declarations::what_nobody_declared_cannot_be_used,
    declarations::a_different_declaration_is_refused_whole,
    declarations::a_unique_index_over_shared_values_is_refused,
    declarations::a_collection_may_come_later,
    declarations::an_index_may_come_later,
    declarations::searched_fields_may_come_later,
    declarations::the_same_again_changes_nothing,
    writes::what_is_no_document_is_refused_by_itself,
    writes::missing_documents_are_none,
    writes::bodies_come_back_as_they_were,
    writes::ids_are_any_unicode,
    writes::documents_of_the_largest_size_are_kept,
    writes::documents_together_over_the_limit_are_refused,
    writes::preconditions_are_held,
    writes::a_version_never_comes_again,
    writes::of_two_writers_on_one_version_one_wins,
    writes::a_unique_value_is_taken_once,
    writes::unique_indexes_leave_out_what_has_no_value,
    writes::deletes_answer_whether_it_was_there,
    writes::deletes_by_filter_are_bounded,
    writes::bytes_are_counted,
    filters::kinds_are_never_equal,
    filters::missing_equals_null,
    filters::integers_have_64_bits,
    filters::decimals_are_texts,
    filters::ranges_stay_in_their_kind,
    filters::an_array_fulfils_by_one_element,
    filters::arrays_count_after_they_come_and_go,
    filters::groups_are_held,
    filters::memberships_are_held,
    filters::presence_differs_from_null,
    filters::texts_start_with_others,
    filters::long_texts_are_compared_to_their_end,
    filters::one_element_fulfils_all,
    filters::the_id_is_at_its_path,
    pages::sorts_go_both_ways_and_ties_by_id,
    pages::kinds_come_in_their_order,
    pages::cursors_show_every_document_once,
    pages::cursors_of_other_queries_are_refused,
    pages::pages_of_large_documents_are_cut,
    pages::fields_are_projected,
    pages::facets_count_values,
    pages::facets_keep_to_filter_and_limit,
    updates::operators_change_what_they_name,
    updates::what_does_not_fit_changes_nothing,
    updates::the_first_document_is_changed,
    updates::an_update_cannot_outgrow_a_document,
    updates::an_update_keeps_unique_values_apart,
    updates::the_last_pieces_are_taken_once,
    searches::every_word_is_needed,
    searches::one_letter_may_be_wrong,
    searches::the_last_word_may_be_a_start,
    searches::accents_and_case_do_not_matter,
    searches::better_meetings_come_first,
    searches::the_index_follows_the_documents,
    searches::a_search_joins_filters_sorts_and_facets,
    searches::ranks_are_paged,
    searches::what_is_not_searched_is_refused,
];

/// The collection with indexes: `price`; `category` and `price`; `shelf.row`; `sku`, unique; `tags`, each. Text search
/// reads `title` (10), `tags` (3) and `about` (1).
pub const INDEXED: &str = "indexed";
/// The collection without.
pub const PLAIN: &str = "plain";
/// What must hold with and without indexes is tried on both.
const BOTH: [&str; 2] = [INDEXED, PLAIN];

/// What has to be declared first.
pub fn collections() -> BTreeMap<String, Collection> {
    let index = |paths: &[&str], unique: bool, each: bool| Index {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        unique,
        each,
    };
    let indexes = [
        ("price", index(&["price"], false, false)),
        (
            "category-price",
            index(&["category", "price"], false, false),
        ),
        ("row", index(&["shelf.row"], false, false)),
        ("sku", index(&["sku"], true, false)),
        ("tags", index(&["tags"], false, true)),
    ];
    let search = [("title", 10), ("tags", 3), ("about", 1)];
    let indexed = Collection {
        indexes: indexes.map(|(name, index)| (name.to_owned(), index)).into(),
        search: search
            .map(|(path, weight)| (path.to_owned(), weight))
            .into(),
    };
    BTreeMap::from([
        (INDEXED.to_owned(), indexed),
        (PLAIN.to_owned(), Collection::default()),
    ])
}

fn write(id: &str, body: Value) -> Write {
    Write {
        id: id.into(),
        body: body.to_string(),
        precondition: Precondition::Always,
    }
}

/// Writes documents that nothing is wrong with.
async fn fill(store: &Arc<dyn Store>, collection: &str, bodies: &[(&str, Value)]) {
    let writes = bodies.iter().map(|(id, body)| write(id, body.clone()));
    for outcome in put(store, collection, writes.collect()).await {
        outcome.expect("the document is good");
    }
}

async fn put(
    store: &Arc<dyn Store>,
    collection: &str,
    writes: Vec<Write>,
) -> Vec<Result<Version, Error>> {
    let outcome = store.put(collection.into(), writes).await;
    outcome.expect("the batch is good")
}

async fn get(store: &Arc<dyn Store>, collection: &str, id: &str) -> Option<Document> {
    let outcome = store.get(collection.into(), vec![id.into()]).await;
    outcome.expect("the document can be read").remove(0)
}

async fn body(store: &Arc<dyn Store>, collection: &str, id: &str) -> Option<Value> {
    let document = get(store, collection, id).await?;
    Some(serde_json::from_str(&document.body).expect("it is JSON"))
}

fn compare(path: &str, comparison: Comparison, value: Scalar) -> Filter {
    Filter::Compare {
        path: path.into(),
        comparison,
        value,
    }
}

fn equal(path: &str, value: Scalar) -> Filter {
    compare(path, Comparison::Equal, value)
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.into())
}

fn order(path: &str, direction: Direction) -> Order {
    Order {
        path: path.into(),
        direction,
    }
}

fn query(filter: Filter) -> Query {
    Query {
        filter,
        search: None,
        sort: Vec::new(),
        fields: None,
        after: None,
        limit: 1000,
    }
}

async fn page(store: &Arc<dyn Store>, collection: &str, query: Query) -> Page {
    let outcome = store.find(collection.into(), query).await;
    outcome.expect("the collection can be queried")
}

fn ids_of(page: &Page) -> Vec<&str> {
    let documents = page.documents.iter();
    documents.map(|document| document.id.as_str()).collect()
}

/// Holds what a filter finds in a collection, and how many, against what it should.
async fn finds(store: &Arc<dyn Store>, collection: &str, filter: Filter, expected: &[&str]) {
    let page = page(store, collection, query(filter.clone())).await;
    assert_eq!(ids_of(&page), expected, "{collection}: {filter:?}");
    let count = store.count(collection.into(), filter.clone(), None).await;
    assert_eq!(count, Ok(expected.len() as u64), "{collection}: {filter:?}");
}

/// The ids of all pages.
async fn walk(store: &Arc<dyn Store>, collection: &str, mut query: Query) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = page(store, collection, query.clone()).await;
        assert!(page.documents.len() <= query.limit);
        ids.extend(page.documents.into_iter().map(|document| document.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return ids,
        }
    }
}

fn update(filter: Filter, operators: Vec<Operator>) -> Update {
    Update {
        filter,
        sort: Vec::new(),
        operators,
        answer: Moment::After,
        document_bytes_max: DOCUMENT_BYTES_MAX,
    }
}
