//! What a handle refuses, over an embedded store.

use stoa_manifest::grants::Quota;
use stoa_manifest::{ComponentId, Label};

use super::*;
use crate::Durability;
use crate::blobs::embedded::Embedded;
use crate::blobs::presign::{self, Signer};
use crate::blobs::{CHUNK_BYTES_MAX, Sink, Source, WRITER_IDLE_MAX};

/// A store in a folder of its own.
struct Bench {
    _folder: tempfile::TempDir,
    store: Arc<Embedded>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let signer = Arc::new(Signer::new(&[7; presign::KEY_BYTES]));
        let store = Embedded::open(folder.path(), Durability::Process, signer);
        Self {
            store: store.expect("it opens"),
            _folder: folder,
        }
    }

    fn granted(&self, grant: Grant) -> Handle {
        Self::over(self.store.clone(), grant)
    }

    fn over(store: Arc<dyn Store>, grant: Grant) -> Handle {
        let holder = Holder {
            component: ComponentId::new("guest").expect("it is an id"),
            revision: "1".into(),
            label: Label::new("images").expect("it is a label"),
        };
        Handle::new(
            store,
            grant,
            holder,
            Bounds::within(Duration::from_secs(60)),
        )
    }
}

/// Everything in one container.
fn grant() -> Grant {
    Grant {
        containers: vec!["public".into()],
        presign_seconds_max: Some(60),
        ..Grant::default()
    }
}

/// Ten bytes in that container.
fn bounded() -> Grant {
    Grant {
        quota: Quota {
            bytes_max: Some(10),
            ..Quota::default()
        },
        ..grant()
    }
}

fn place(name: &str) -> Place {
    within("public", name)
}

fn within(container: &str, name: &str) -> Place {
    Place {
        container: container.into(),
        name: name.into(),
    }
}

fn range(limit: usize) -> Range {
    Range {
        prefix: String::new(),
        after: None,
        limit,
    }
}

async fn put(handle: &Handle, place: Place, bytes: &[u8]) -> Result<Info, Error> {
    let writer = handle.put(place, Options::default()).await?;
    writer.write(bytes.to_vec()).await?;
    writer.finish().await
}

/// The answers of everything that names a blob.
async fn attempts(handle: &Handle, place: Place) -> Vec<Result<(), Error>> {
    let good = within("public", "good");
    let always = || Condition::Always;
    vec![
        handle.head(place.clone()).await.map(drop),
        handle.get(place.clone(), Part::Whole).await.map(drop),
        handle
            .put(place.clone(), Options::default())
            .await
            .map(drop),
        handle
            .copy(place.clone(), good.clone(), always())
            .await
            .map(drop),
        handle.copy(good, place.clone(), always()).await.map(drop),
        handle.delete(place.clone()).await.map(drop),
        handle.presign(place.clone(), Method::Get, 1).map(drop),
        handle.presign(place, Method::Put, 1).map(drop),
    ]
}

#[tokio::test]
async fn other_containers_answer_alike_whether_they_exist() {
    let bench = Bench::new();
    let other = bench.granted(Grant {
        containers: vec!["secret".into()],
        ..grant()
    });
    let secret = within("secret", "a");
    let stored = put(&other, secret.clone(), b"1").await;
    stored.expect("the other component may");
    let handle = bench.granted(grant());
    let known = attempts(&handle, secret).await;
    let denied = |outcome: &Result<(), Error>| matches!(outcome, Err(Error::Denied(_)));
    assert!(known.iter().all(denied), "{known:?}");
    let tricks = [
        "absent",
        "",
        ".",
        "..",
        "../secret",
        "public/../secret",
        "public/",
        "/public",
        "Public",
        "public\0",
        "public\\..\\secret",
        "%70ublic",
    ];
    for container in tricks {
        let answers = attempts(&handle, within(container, "a")).await;
        assert_eq!(answers, known, "{container:?}");
        let list = handle.list(container.into(), range(1)).await;
        assert!(matches!(list, Err(Error::Denied(_))), "{container:?}");
    }
}

#[tokio::test]
async fn names_that_are_path_tricks_are_invalid_everywhere() {
    let bench = Bench::new();
    let handle = bench.granted(grant());
    put(&handle, place("good"), b"1").await.expect("it may");
    let long = "a".repeat(NAME_BYTES_MAX + 1);
    let tricks = [
        "", "../x", "..", "a/../b", "a//b", "/a", "a/", "a/./b", ".", "a\\b", "..\\x", "a\0",
        "a\nb", &long,
    ];
    for trick in tricks {
        for answer in attempts(&handle, place(trick)).await {
            assert!(
                matches!(answer, Err(Error::Invalid(_))),
                "{trick:?}: {answer:?}"
            );
        }
    }
    let stored = bench.store.stored(vec!["public".into()]).await;
    assert_eq!(stored, Ok(1), "nothing else was stored");
}

#[tokio::test]
async fn percent_signs_are_plain_text() {
    let bench = Bench::new();
    let handle = bench.granted(grant());
    put(&handle, place("%2e%2e/x"), b"1").await.expect("it may");
    assert_eq!(handle.head(place("x")).await, Ok(None));
    assert!(matches!(handle.head(place("%2e%2e/x")).await, Ok(Some(_))));
}

#[tokio::test]
async fn a_read_grant_changes_nothing() {
    let bench = Bench::new();
    put(&bench.granted(grant()), place("a"), b"1")
        .await
        .expect("it may");
    let handle = bench.granted(Grant {
        access: Access::Read,
        ..grant()
    });
    let put = handle.put(place("b"), Options::default()).await.map(drop);
    assert!(matches!(put, Err(Error::Denied(_))));
    let copy = handle.copy(place("a"), place("b"), Condition::Always).await;
    assert!(matches!(copy, Err(Error::Denied(_))));
    assert!(matches!(
        handle.delete(place("a")).await,
        Err(Error::Denied(_))
    ));
    let url = handle.presign(place("a"), Method::Put, 1);
    assert!(matches!(url, Err(Error::Denied(_))));
    assert!(handle.presign(place("a"), Method::Get, 1).is_ok());
    let reader = handle.get(place("a"), Part::Whole).await;
    let reader = reader.expect("it may be read");
    assert_eq!(reader.remaining(), 1);
    assert_eq!(reader.read(usize::MAX).await, Ok(b"1".to_vec()));
    assert_eq!(reader.read(1).await, Ok(Vec::new()));
    assert!(matches!(reader.read(0).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn urls_are_signed_only_as_far_as_granted() {
    let bench = Bench::new();
    let none = bench.granted(Grant {
        presign_seconds_max: None,
        ..grant()
    });
    let url = none.presign(place("a"), Method::Get, 1);
    assert!(matches!(url, Err(Error::Denied(_))));
    let handle = bench.granted(grant());
    let url = handle.presign(place("a"), Method::Get, 0);
    assert!(matches!(url, Err(Error::Invalid(_))));
    for seconds in [61, u64::MAX] {
        let url = handle.presign(place("a"), Method::Get, seconds);
        assert!(matches!(url, Err(Error::Denied(_))), "{seconds}");
    }
    assert!(handle.presign(place("a"), Method::Put, 60).is_ok());
    let url = bench.granted(bounded()).presign(place("a"), Method::Put, 1);
    assert!(matches!(url, Err(Error::Denied(_))));
}

#[tokio::test]
async fn a_blob_over_the_grant_is_refused_midway_and_when_announced() {
    let bench = Bench::new();
    let handle = bench.granted(Grant {
        blob_bytes_max: Some(4),
        ..grant()
    });
    let limit = 4;
    let announced = Options {
        size: Some(5),
        ..Options::default()
    };
    let begun = handle.put(place("a"), announced).await.map(drop);
    assert_eq!(begun, Err(Error::TooLarge { limit }));
    let writer = handle.put(place("a"), Options::default()).await;
    let writer = writer.expect("it may be begun");
    assert_eq!(writer.write(b"1234".to_vec()).await, Ok(()));
    let more = writer.write(b"5".to_vec()).await;
    assert_eq!(more, Err(Error::TooLarge { limit }));
    assert!(matches!(writer.finish().await, Err(Error::Invalid(_))));
    assert_eq!(handle.head(place("a")).await, Ok(None));
}

#[tokio::test]
async fn bytes_on_their_way_in_are_part_of_the_quota() {
    let bench = Bench::new();
    let handle = bench.granted(bounded());
    let first = handle.put(place("a"), Options::default()).await;
    let first = first.expect("it may be begun");
    assert_eq!(first.write(vec![1; 6]).await, Ok(()));
    let refused = Err(Error::Quota("bytes_max"));
    assert_eq!(put(&handle, place("b"), &[1; 6]).await, refused);
    drop(first);
    assert!(put(&handle, place("b"), &[1; 6]).await.is_ok());
    assert_eq!(put(&handle, place("c"), &[1; 6]).await, refused);
    let copy = handle.copy(place("b"), place("c"), Condition::Always).await;
    assert_eq!(copy, refused);
    assert!(put(&handle, place("c"), &[1; 4]).await.is_ok());
}

#[tokio::test]
async fn bytes_that_are_about_to_come_are_seen_by_whoever_measures() {
    let bench = Bench::new();
    let handle = bench.granted(bounded());
    let (mut first, mut second) = (Arriving::of(&handle), Arriving::of(&handle));
    first.add(6);
    second.add(6);
    assert_eq!(handle.admit(6).await, Err(Error::Quota("bytes_max")));
    drop(first);
    assert_eq!(handle.admit(6).await, Ok(()));
}

/// A store in which every blob was replaced by a larger one since it was looked at.
struct Growing(Arc<Embedded>);

#[async_trait::async_trait]
impl Store for Growing {
    async fn head(&self, place: Place) -> Result<Option<Info>, Error> {
        let info = self.0.head(place).await?;
        let before = |info: Info| Info {
            size: info.size - 1,
            ..info
        };
        Ok(info.map(before))
    }

    async fn get(&self, place: Place, part: Part) -> Result<Box<dyn Source>, Error> {
        self.0.get(place, part).await
    }

    async fn list(&self, container: String, range: Range) -> Result<Page, Error> {
        self.0.list(container, range).await
    }

    async fn put(&self, place: Place, options: Options) -> Result<Box<dyn Sink>, Error> {
        self.0.put(place, options).await
    }

    async fn copy(
        &self,
        source: Place,
        target: Place,
        bytes_max: u64,
        condition: Condition,
    ) -> Result<Info, Error> {
        self.0.copy(source, target, bytes_max, condition).await
    }

    async fn delete(&self, place: Place) -> Result<bool, Error> {
        self.0.delete(place).await
    }

    async fn stored(&self, containers: Vec<String>) -> Result<u64, Error> {
        self.0.stored(containers).await
    }

    fn presign(&self, claims: &Claims) -> Result<String, Error> {
        self.0.presign(claims)
    }
}

#[tokio::test]
async fn a_copy_takes_no_more_than_room_was_made_for() {
    let bench = Bench::new();
    let handle = Bench::over(Arc::new(Growing(bench.store.clone())), bounded());
    put(&handle, place("a"), b"12").await.expect("it may");
    let copy = handle.copy(place("a"), place("b"), Condition::Always).await;
    let name = "a".into();
    assert_eq!(copy, Err(Error::Conflict { name }));
    assert_eq!(handle.head(place("b")).await, Ok(None));
    // Without a quota there is nothing to make room in.
    let handle = Bench::over(Arc::new(Growing(bench.store.clone())), grant());
    let copy = handle.copy(place("a"), place("b"), Condition::Always).await;
    assert_eq!(copy.map(|info| info.size), Ok(2));
}

#[tokio::test]
async fn calls_over_the_rate_are_refused_but_pieces_are_free() {
    let bench = Bench::new();
    let handle = bench.granted(Grant {
        quota: Quota {
            calls_per_second_max: Some(1),
            ..Quota::default()
        },
        ..grant()
    });
    let writer = handle.put(place("a"), Options::default()).await;
    let writer = writer.expect("the first call may");
    let refused = Err(Error::Quota("calls_per_second_max"));
    assert_eq!(handle.head(place("a")).await.map(drop), refused);
    let url = handle.presign(place("a"), Method::Get, 1).map(drop);
    assert_eq!(url, refused);
    for _ in 0..10 {
        assert_eq!(writer.write(vec![1]).await, Ok(()));
    }
}

#[tokio::test]
async fn a_writer_takes_one_piece_at_a_time_and_none_that_is_too_large() {
    let bench = Bench::new();
    let handle = bench.granted(grant());
    let writer = handle.put(place("a"), Options::default()).await;
    let writer = writer.expect("it may be begun");
    // A thread may be done with the first before the second is begun; sooner or later it is not.
    let mut written = 0;
    let busy = loop {
        let (first, second) = tokio::join!(writer.write(vec![1]), writer.write(vec![2]));
        assert_eq!(first, Ok(()));
        written += 1;
        match second {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(busy, Error::Invalid(_)));
    assert_eq!(writer.written(), written);
    let limit = CHUNK_BYTES_MAX as u64;
    let large = writer.write(vec![1; CHUNK_BYTES_MAX + 1]).await;
    assert_eq!(large, Err(Error::TooLarge { limit }));
    assert!(matches!(writer.finish().await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn an_idle_writer_makes_room() {
    let bench = Bench::new();
    let handle = bench.granted(grant());
    let mut writers = Vec::new();
    for _ in 0..OPEN_MAX {
        let writer = handle.put(place("a"), Options::default()).await;
        writers.push(writer.expect("it may be begun"));
    }
    let full = Err(Error::Quota("writers"));
    let more = handle.put(place("a"), Options::default()).await.map(drop);
    assert_eq!(more, full);
    handle.abort_idle(Instant::now() + WRITER_IDLE_MAX);
    assert!(put(&handle, place("a"), b"1").await.is_ok());
    for writer in writers {
        assert!(matches!(
            writer.write(vec![1]).await,
            Err(Error::Invalid(_))
        ));
    }
}

#[tokio::test]
async fn readers_are_bounded_until_they_are_dropped() {
    let bench = Bench::new();
    let handle = bench.granted(grant());
    put(&handle, place("a"), b"1").await.expect("it may");
    let mut readers = Vec::new();
    for _ in 0..OPEN_MAX {
        let reader = handle.get(place("a"), Part::Whole).await;
        readers.push(reader.expect("it may be read"));
    }
    let more = handle.get(place("a"), Part::Whole).await.map(drop);
    assert_eq!(more, Err(Error::Quota("readers")));
    drop(readers.pop());
    assert!(handle.get(place("a"), Part::Whole).await.is_ok());
}

#[tokio::test]
async fn a_page_lists_one_to_a_thousand() {
    let bench = Bench::new();
    let handle = bench.granted(grant());
    for limit in [0, ENTRIES_PER_PAGE_MAX + 1] {
        let page = handle.list("public".into(), range(limit)).await;
        assert!(matches!(page, Err(Error::Invalid(_))), "{limit}");
    }
    let page = handle
        .list("public".into(), range(ENTRIES_PER_PAGE_MAX))
        .await;
    assert_eq!(page, Ok(Page::default()));
}
