//! A share of the clients for the candidate, and that each stays where it is.

use super::*;
use crate::traffic::bucket::Bucket;

#[tokio::test]
async fn a_bad_bucket_is_replaced_and_a_good_one_is_kept() {
    let front = front(share(5_000, 0, Sticky::Cookie));
    for cookie in ["stoa-bucket=10000", "stoa-bucket=x", "stoa-bucket2=7"] {
        let answered = ask(&front, request(&[("cookie", cookie)])).await;
        assert!(answered.bucket().is_some(), "{cookie}");
        assert_eq!(answered.header("cache-control"), "private");
        assert_eq!(answered.header("vary"), "stoa-release, cookie");
    }
    for (cookie, expected) in [
        ("stoa-bucket=4999", "candidate"),
        ("stoa-bucket=5000", "stable"),
        ("stoa-bucket=4999; stoa-bucket=5000", "candidate"),
    ] {
        let answered = ask(&front, request(&[("cookie", cookie)])).await;
        assert_eq!(answered.body, expected, "{cookie}");
        assert_eq!(answered.bucket(), None);
        assert_eq!(answered.header("cache-control"), "");
        assert_eq!(answered.header("vary"), "stoa-release, cookie");
    }
}

#[tokio::test]
async fn of_a_thousand_new_clients_their_share_sees_the_candidate_and_stays_there_as_it_grows() {
    let front = front(share(500, 1_234, Sticky::Cookie));
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let answered = ask(&front, request(&[])).await;
        let bucket = answered.bucket().expect("a new client gets one");
        clients.push((bucket, answered.body == "candidate"));
    }
    let seen = clients.iter().filter(|(_, candidate)| *candidate).count();
    assert!((47..=51).contains(&seen), "{seen}");
    let mut before = seen;
    for per_10_000 in [500, 2_500, 10_000] {
        front.publish(Snapshot {
            stable: named("stable"),
            candidate: tried(named("candidate"), share(per_10_000, 1_234, Sticky::Cookie)),
        });
        let mut seen = 0;
        for (bucket, was_there) in &mut clients {
            let there = side(&front, &[("cookie", bucket.as_str())]).await == "candidate";
            assert!(there || !*was_there, "{bucket} left at {per_10_000}");
            *was_there = there;
            seen += usize::from(there);
        }
        assert!(seen >= before);
        before = seen;
    }
    assert_eq!(before, 1_000);
}

#[tokio::test]
async fn another_salt_chooses_other_clients() {
    for (salt, expected) in [(0, "candidate"), (1, "candidate"), (100, "stable")] {
        let front = front(share(100, salt, Sticky::Cookie));
        let side = side(&front, &[("cookie", "stoa-bucket=0")]).await;
        assert_eq!(side, expected, "{salt}");
    }
    let front = front(share(100, 9_999, Sticky::Cookie));
    assert_eq!(side(&front, &[("cookie", "stoa-bucket=0")]).await, "stable");
    assert_eq!(
        side(&front, &[("cookie", "stoa-bucket=1")]).await,
        "candidate"
    );
}

#[tokio::test]
async fn a_subject_decides_and_without_one_the_address() {
    // The claims are {"sub":"ada"} and {}.
    let (ada, nobody) = ("Bearer e30.eyJzdWIiOiJhZGEifQ.c2ln", "Bearer e30.e30.c2ln");
    let headers = request(&[("authorization", ada)]).headers().clone();
    let subject = Bucket::of_subject(&headers).expect("she has one").number();
    let address = Bucket::of_address([192, 0, 2, 1].into()).number();
    assert_ne!(subject, address);
    // A share of one bucket, turned to where it is.
    let only = |number: u16| 10_000 - u64::from(number);
    let front = front(share(1, only(subject), Sticky::Subject));
    let answered = ask(&front, request(&[("authorization", ada)])).await;
    assert_eq!(answered.body, "candidate");
    assert_eq!(answered.header("vary"), "stoa-release, authorization");
    assert_eq!(answered.bucket(), None);
    for other in [&[("authorization", nobody)][..], &[]] {
        assert_eq!(side(&front, other).await, "stable");
    }
    for sticky in [Sticky::Subject, Sticky::Address] {
        front.publish(Snapshot {
            stable: named("stable"),
            candidate: tried(named("candidate"), share(1, only(address), sticky)),
        });
        for other in [&[("authorization", nobody)][..], &[]] {
            assert_eq!(side(&front, other).await, "candidate");
        }
    }
    assert_eq!(side(&front, &[("authorization", ada)]).await, "candidate");
}
