//! What a handle does by itself, over a store that answers nothing or never.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use stoa_manifest::grants::Quota;
use stoa_manifest::grants::documents::Collection;
use stoa_manifest::{ComponentId, Label};

use super::*;
use crate::documents::{
    CALL_BYTES_MAX, DOCUMENTS_PER_CALL_MAX, DeclareError, HELD_BYTES_MAX, ID_BYTES_MAX, Moment,
    Operator, SEARCH_BYTES_MAX,
};

/// Counts what reaches it, and answers with nothing; never, where it is silent.
#[derive(Default)]
struct Empty {
    reached: AtomicUsize,
    is_silent: bool,
}

impl Empty {
    fn reached(&self) -> usize {
        self.reached.load(Ordering::Relaxed)
    }

    async fn answer<T>(&self, answer: T) -> Result<T, Error> {
        self.reached.fetch_add(1, Ordering::Relaxed);
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        Ok(answer)
    }
}

#[async_trait::async_trait]
impl Store for Empty {
    async fn declare(&self, _: BTreeMap<String, Collection>) -> Result<(), DeclareError> {
        Ok(())
    }

    fn declared(&self) -> BTreeMap<String, Collection> {
        BTreeMap::new()
    }

    async fn get(&self, _: String, ids: Vec<String>) -> Result<Vec<Option<Document>>, Error> {
        self.answer(vec![None; ids.len()]).await
    }

    async fn find(&self, _: String, _: Query) -> Result<Page, Error> {
        self.answer(Page::default()).await
    }

    async fn count(&self, _: String, _: Filter, _: Option<String>) -> Result<u64, Error> {
        self.answer(0).await
    }

    async fn facets(
        &self,
        _: String,
        _: Filter,
        _: Option<String>,
        facets: Vec<Facet>,
    ) -> Result<Vec<Vec<Bucket>>, Error> {
        self.answer(vec![Vec::new(); facets.len()]).await
    }

    async fn put(
        &self,
        _: String,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<Version, Error>>, Error> {
        self.answer(vec![Ok(7); writes.len()]).await
    }

    async fn find_and_update(&self, _: String, _: Update) -> Result<Option<Document>, Error> {
        self.answer(None).await
    }

    async fn delete(&self, _: String, _: String, _: Precondition) -> Result<bool, Error> {
        self.answer(false).await
    }

    async fn delete_matching(&self, _: String, _: Filter, _: usize) -> Result<usize, Error> {
        self.answer(0).await
    }

    /// As if nothing was stored.
    async fn bytes(&self, _: Vec<String>) -> Result<u64, Error> {
        Ok(0)
    }
}

fn grant() -> Grant {
    Grant {
        collections: [("things".to_owned(), Default::default())].into(),
        ..Grant::default()
    }
}

fn handle(store: &Arc<Empty>, grant: Grant) -> Handle {
    let holder = Holder {
        component: ComponentId::new("guest").expect("it is an id"),
        revision: "1".into(),
        label: Label::new("default").expect("it is a label"),
    };
    Handle::new(
        store.clone(),
        grant,
        holder,
        Bounds::within(Duration::from_secs(60)),
    )
}

fn query() -> Query {
    Query {
        filter: Filter::default(),
        search: None,
        sort: Vec::new(),
        fields: None,
        after: None,
        limit: 1,
    }
}

fn write(id: &str, body: &str) -> Write {
    Write {
        id: id.into(),
        body: body.into(),
        precondition: Precondition::Always,
    }
}

fn update(operators: Vec<Operator>) -> Update {
    Update {
        filter: Filter::default(),
        sort: Vec::new(),
        operators,
        answer: Moment::After,
        document_bytes_max: DOCUMENT_BYTES_MAX,
    }
}

/// Calls everything there is on a collection; answers how it went.
async fn everything(handle: &Handle, collection: &str) -> Vec<Result<(), Error>> {
    let named = || collection.to_owned();
    let all = Filter::default;
    vec![
        handle.get(named(), vec!["a".into()]).await.map(drop),
        handle.find(named(), query()).await.map(drop),
        handle.count(named(), all(), None).await.map(drop),
        handle
            .facets(named(), all(), None, Vec::new())
            .await
            .map(drop),
        handle.put(named(), vec![write("a", "{}")]).await.map(drop),
        handle
            .find_and_update(named(), update(Vec::new()))
            .await
            .map(drop),
        handle
            .delete(named(), "a".into(), Precondition::Always)
            .await
            .map(drop),
        handle.delete_matching(named(), all(), 1).await.map(drop),
    ]
}

#[tokio::test]
async fn a_collection_that_was_not_granted_is_denied() {
    let store = Arc::new(Empty::default());
    let handle = handle(&store, grant());
    let hidden = everything(&handle, "others").await;
    let first = hidden[0].clone();
    assert!(matches!(first, Err(Error::Denied(_))), "{first:?}");
    assert!(hidden.iter().all(|outcome| *outcome == first));
    for name in ["", "Things", "things\"; DROP TABLE x", "things:"] {
        assert_eq!(everything(&handle, name).await, hidden, "{name:?}");
    }
    assert_eq!(store.reached(), 0);
    assert!(
        everything(&handle, "things")
            .await
            .iter()
            .all(Result::is_ok)
    );
}

#[tokio::test]
async fn a_read_grant_writes_nothing() {
    let store = Arc::new(Empty::default());
    let access = Access::Read;
    let handle = handle(&store, Grant { access, ..grant() });
    let outcomes = everything(&handle, "things").await;
    assert!(outcomes[..4].iter().all(Result::is_ok));
    for outcome in &outcomes[4..] {
        assert!(matches!(outcome, Err(Error::Denied(_))), "{outcome:?}");
    }
    assert_eq!(store.reached(), 4);
}

#[tokio::test]
async fn requests_over_their_bounds_are_refused() {
    let store = Arc::new(Empty::default());
    let handle = handle(&store, grant());
    let things = || "things".to_owned();
    let order = |path: &str| crate::documents::Order {
        path: path.into(),
        direction: crate::documents::Direction::Ascending,
    };
    let queries = [
        Query {
            limit: 0,
            ..query()
        },
        Query {
            limit: DOCUMENTS_PER_CALL_MAX + 1,
            ..query()
        },
        Query {
            sort: vec![order("a"); 5],
            ..query()
        },
        Query {
            sort: vec![order("a'b")],
            ..query()
        },
        Query {
            fields: Some(vec!["a".into(); 65]),
            ..query()
        },
        Query {
            fields: Some(vec!["$x".into()]),
            ..query()
        },
    ];
    for wrong in queries {
        let outcome = handle.find(things(), wrong.clone()).await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{wrong:?}");
    }
    let search = Some("a".repeat(SEARCH_BYTES_MAX + 1));
    let outcome = handle.find(things(), Query { search, ..query() }).await;
    assert_eq!(
        outcome,
        Err(Error::TooLarge {
            limit: SEARCH_BYTES_MAX
        })
    );
    let long = vec!["a".repeat(ID_BYTES_MAX + 1)];
    let outcome = handle.get(things(), long).await;
    assert_eq!(
        outcome,
        Err(Error::TooLarge {
            limit: ID_BYTES_MAX
        })
    );
    let empty = handle.get(things(), vec![String::new()]).await;
    assert!(matches!(empty, Err(Error::Invalid(_))));
    let none = handle.get(things(), Vec::new()).await;
    assert!(matches!(none, Err(Error::Invalid(_))));
    let facet = Facet {
        path: "a".into(),
        limit: 1,
    };
    let many = handle
        .facets(things(), Filter::default(), None, vec![facet; 9])
        .await;
    assert!(matches!(many, Err(Error::Invalid(_))));
    let operators = [
        Operator::Unset("a..b".into()),
        Operator::Set {
            path: "a".into(),
            value: "{".into(),
        },
        Operator::Push {
            path: "a".into(),
            value: "1".into(),
            keep_last: Some(0),
        },
    ];
    for operator in operators {
        let outcome = handle
            .find_and_update(things(), update(vec![operator]))
            .await;
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    }
    let large = vec![write("a", &" ".repeat(DOCUMENT_BYTES_MAX)); 17];
    let outcome = handle.put(things(), large).await;
    assert_eq!(
        outcome,
        Err(Error::TooLarge {
            limit: CALL_BYTES_MAX
        })
    );
    assert_eq!(store.reached(), 0);
}

#[tokio::test]
async fn a_document_that_is_too_large_is_refused_by_itself() {
    let store = Arc::new(Empty::default());
    let document_bytes_max = Some(4);
    let handle = handle(
        &store,
        Grant {
            document_bytes_max,
            ..grant()
        },
    );
    let writes = vec![write("a", "{   }"), write("b", "{}"), write("", "{}")];
    let outcomes = handle
        .put("things".into(), writes)
        .await
        .expect("it is taken");
    assert_eq!(outcomes[0], Err(Error::TooLarge { limit: 4 }));
    assert_eq!(outcomes[1], Ok(7));
    assert!(matches!(outcomes[2], Err(Error::Invalid(_))));
}

/// `-0` becomes `-0.0`, and would outgrow the grant in the store.
#[tokio::test]
async fn a_document_is_as_large_as_it_is_written() {
    let store = Arc::new(Empty::default());
    let document_bytes_max = Some(8);
    let handle = handle(
        &store,
        Grant {
            document_bytes_max,
            ..grant()
        },
    );
    let writes = vec![write("a", "{\"a\":-0}"), write("b", "{\"a\":-1}")];
    let outcomes = handle.put("things".into(), writes).await;
    let expected = vec![Err(Error::TooLarge { limit: 8 }), Ok(7)];
    assert_eq!(outcomes, Ok(expected));
}

/// A short path makes objects, and a number without digits has some.
#[tokio::test]
async fn what_an_update_adds_counts_as_much_as_it_takes() {
    let store = Arc::new(Empty::default());
    let quota = Quota {
        bytes_max: Some(30),
        ..Quota::default()
    };
    let handle = handle(&store, Grant { quota, ..grant() });
    let path = || "a.b".to_owned();
    let operators = [
        Operator::Increment {
            path: path(),
            by: 1,
        },
        Operator::Set {
            path: path(),
            value: "[-0,-0,-0]".into(),
        },
    ];
    for operator in operators {
        let outcome = handle.find_and_update("things".into(), update(vec![operator]));
        assert_eq!(outcome.await, Err(Error::Quota("bytes_max")));
    }
    let unset = update(vec![Operator::Unset("a.b".into())]);
    assert_eq!(
        handle.find_and_update("things".into(), unset).await,
        Ok(None)
    );
}

#[tokio::test]
async fn quotas_are_held() {
    let store = Arc::new(Empty::default());
    let quota = Quota {
        calls_per_second_max: Some(1),
        ..Quota::default()
    };
    let rated = handle(&store, Grant { quota, ..grant() });
    assert!(rated.find("things".into(), query()).await.is_ok());
    let outcome = rated.find("things".into(), query()).await;
    assert_eq!(outcome, Err(Error::Quota("calls_per_second_max")));
    let quota = Quota {
        bytes_max: Some(4),
        ..Quota::default()
    };
    let sized = handle(&store, Grant { quota, ..grant() });
    let outcome = sized
        .put("things".into(), vec![write("a", "{ }"), write("b", "{}")])
        .await;
    assert_eq!(outcome, Err(Error::Quota("bytes_max")));
    assert!(
        sized
            .put("things".into(), vec![write("b", "{}")])
            .await
            .is_ok()
    );
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<Page, Error>> + 'a>>;

/// Goes on with a call until it waits.
async fn step(call: &mut Call<'_>) -> Poll<Result<Page, Error>> {
    // A task that has done much without giving way is told to wait, whatever it asks for.
    tokio::task::yield_now().await;
    std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await
}

#[tokio::test]
async fn pages_wait_until_they_fit_and_writes_are_refused() {
    let store = Arc::new(Empty {
        is_silent: true,
        ..Empty::default()
    });
    let handle = handle(&store, grant());
    let whole = HELD_BYTES_MAX / budget::OF_PAGE;
    let mut calls: Vec<Call<'_>> = Vec::new();
    for _ in 0..whole {
        let mut call: Call<'_> = Box::pin(handle.find("things".into(), query()));
        assert!(step(&mut call).await.is_pending());
        calls.push(call);
    }
    let reached = store.reached();
    let mut late: Call<'_> = Box::pin(handle.find("things".into(), query()));
    assert!(step(&mut late).await.is_pending());
    assert_eq!(
        store.reached(),
        reached,
        "there is no room for another page"
    );
    let outcome = handle.put("things".into(), vec![write("a", "{}")]).await;
    assert_eq!(outcome, Err(Error::Unavailable));
    drop(calls.pop());
    assert!(step(&mut late).await.is_pending());
    assert_eq!(store.reached(), reached + 1);
}

#[tokio::test]
async fn a_silent_store_is_waited_for_until_the_deadline() {
    let store: Arc<Empty> = Arc::new(Empty {
        is_silent: true,
        ..Empty::default()
    });
    let (limit, patient) = (Duration::from_millis(1), handle(&store, grant()));
    let Inner { grant, holder, .. } = &*patient.inner;
    let handle = Handle::new(
        store.clone(),
        grant.clone(),
        holder.clone(),
        Bounds::within(limit),
    );
    for outcome in everything(&handle, "things").await {
        assert_eq!(outcome, Err(Error::Deadline { limit }));
    }
}
