//! Copies of requests for a candidate whose answers nobody sees.

use super::*;

/// A stable release that answers `hello`, and a candidate that is only asked.
fn mirrored(candidate: Lane<Full<Bytes>>, per_10_000: u16) -> (Front<Full<Bytes>>, Arc<Found>) {
    let found = Arc::<Found>::default();
    let plan = Plan::Mirror {
        per_10_000,
        found: Arc::clone(&found),
    };
    let front = Front::new(Snapshot {
        stable: named("hello"),
        candidate: tried(candidate, plan),
    });
    (front, found)
}

fn counts(found: &Found) -> (u64, u64, u64) {
    (found.same(), found.different(), found.skipped())
}

#[tokio::test]
async fn what_is_too_large_or_not_in_the_share_is_not_copied() {
    let (front, found) = mirrored(named("hello"), 0);
    assert_eq!(side(&front, &[]).await, "hello");
    assert_eq!(counts(&found), (0, 0, 1));
    let (front, found) = mirrored(named("hello"), 10_000);
    let large = request(&[]).map(|_| RequestBody::from(Bytes::from(vec![b'x'; 64 * 1024 + 1])));
    assert_eq!(ask(&front, large).await.body, "hello");
    assert_eq!(counts(&found), (0, 0, 1));
}

#[tokio::test]
async fn a_copy_is_the_same_request_and_counts_for_the_candidate_only() {
    let seen = Arc::<Seen>::default();
    let candidate = seeing(&seen, 200, "hello");
    let observed = Arc::clone(&candidate.observed);
    let (front, found) = mirrored(candidate, 10_000);
    let mut asked = request(&[("cookie", "a=1; stoa-bucket=7")]);
    *asked.body_mut() = RequestBody::from(Bytes::from_static(b"a body"));
    let answered = ask(&front, asked).await;
    assert_eq!(answered.body, "hello");
    assert_eq!(answered.bucket(), None);
    eventually(|| counts(&found) == (1, 0, 0)).await;
    assert_eq!(seen.last()["cookie"], "a=1");
    assert_eq!(observed.requests(), 1);
    let stable = &front.0.snapshot.load().stable;
    assert_eq!(stable.observed.requests(), 1);
}

#[tokio::test]
async fn the_candidate_is_told_that_nobody_waits_and_gets_the_body() {
    let candidate = lane(|request: Request<RequestBody>| async move {
        let extensions = request.extensions();
        let told = (extensions.get::<Mirrored>(), extensions.get::<Connected>());
        let told = matches!(told, (Some(_), Some(_)));
        let body = request.into_body().collect().await;
        let body = body.expect("it is all there").to_bytes();
        Response::new(match told && body == "a body" {
            true => "hello",
            false => "it was not told",
        })
    });
    let (front, found) = mirrored(candidate, 10_000);
    let asked = request(&[]).map(|_| RequestBody::from(Bytes::from_static(b"a body")));
    ask(&front, asked).await;
    eventually(|| counts(&found) == (1, 0, 0)).await;
}

#[tokio::test]
async fn the_client_does_not_notice_that_the_candidate_fails() {
    let (front, found) = mirrored(seeing(&Arc::default(), 500, "oh"), 10_000);
    let mut asked = request(&[]);
    *asked.uri_mut() = "/a?b=c".parse().expect("it is a path");
    assert_eq!(ask(&front, asked).await.body, "hello");
    eventually(|| counts(&found) == (0, 1, 0)).await;
    assert_eq!(
        found.differences(),
        ["GET /a: stable 200, candidate 500, body differs"]
    );
}

#[tokio::test]
async fn a_slow_candidate_holds_no_client_and_only_so_many_copies() {
    let (release, seen) = (CancellationToken::new(), Arc::<Seen>::default());
    let held = release.clone();
    let begun = Arc::clone(&seen);
    let candidate = lane(move |request: Request<RequestBody>| {
        let (held, begun) = (held.clone(), Arc::clone(&begun));
        async move {
            begun.add(request.into_parts().0.headers);
            held.cancelled().await;
            Response::new("hello")
        }
    });
    let (front, found) = mirrored(candidate, 10_000);
    for _ in 0..70 {
        assert_eq!(side(&front, &[]).await, "hello");
    }
    eventually(|| seen.count() == 64).await;
    assert_eq!(counts(&found), (0, 0, 6), "the others found no place");
    release.cancel();
    eventually(|| counts(&found) == (64, 0, 6)).await;
    assert_eq!(side(&front, &[]).await, "hello");
    eventually(|| counts(&found) == (65, 0, 6)).await;
}
