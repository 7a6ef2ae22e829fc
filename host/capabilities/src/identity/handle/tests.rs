//! What a grant refuses, and what tokens are worth.

use stoa_manifest::{ComponentId, Label};

use super::*;
use crate::identity::embedded::{Config, Embedded};
use crate::identity::{Algorithm, Rejection};

struct Bench {
    provider: Arc<Embedded>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(algorithm: Algorithm, issuer: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let config = Config {
            path: "keys".into(),
            algorithm,
            issuer: issuer.into(),
            rotate_days: 90,
        };
        let provider = Embedded::open(&folder.path().join("keys"), &config);
        Self {
            provider: provider.expect("it opens"),
            _folder: folder,
        }
    }

    fn granted(&self, grant: Grant) -> Handle {
        let holder = Holder {
            component: ComponentId::new("guest").expect("it is an id"),
            revision: "1".into(),
            label: Label::new("default").expect("it is a label"),
        };
        let bounds = Bounds::default();
        Handle::new(Arc::clone(&self.provider) as _, grant, holder, bounds)
    }
}

fn grant(operations: &[Operation]) -> Grant {
    Grant {
        operations: operations.to_vec(),
        ..Grant::default()
    }
}

fn all() -> Grant {
    grant(&[Operation::Passwords, Operation::Sign, Operation::Verify])
}

fn claims() -> Claims {
    Claims {
        subject: "user-1".into(),
        audience: None,
        seconds: 60,
        id: None,
        extra: String::new(),
    }
}

fn denied<T>(outcome: Result<T, Error>) {
    assert!(matches!(outcome.err(), Some(Error::Denied(_))));
}

fn rejected(outcome: Result<Verified, Error>, rejection: Rejection) {
    assert_eq!(outcome, Err(Error::Rejected(rejection)));
}

#[tokio::test]
async fn denied_what_is_not_granted() {
    let bench = Bench::new(Algorithm::EdDsa, "a");
    let passwords = bench.granted(grant(&[Operation::Passwords]));
    denied(passwords.sign(claims()).await);
    denied(passwords.verify("", None));
    denied(passwords.public_keys());
    let verify = bench.granted(grant(&[Operation::Verify]));
    denied(verify.sign(claims()).await);
    denied(verify.hash("password".into()).await);
    denied(
        verify
            .verify_password("password".into(), String::new())
            .await,
    );
}

#[tokio::test]
async fn denied_to_sign_for_longer_or_for_others() {
    let bench = Bench::new(Algorithm::EdDsa, "a");
    let handle = bench.granted(Grant {
        token_seconds_max: Some(60),
        audiences: Some(vec!["shop".into()]),
        ..all()
    });
    let for_shop = || Claims {
        audience: Some("shop".into()),
        ..claims()
    };
    let long = Claims {
        seconds: 61,
        ..for_shop()
    };
    denied(handle.sign(long).await);
    let other = Claims {
        audience: Some("bank".into()),
        ..claims()
    };
    denied(handle.sign(other).await);
    denied(handle.sign(claims()).await);
    assert!(handle.sign(for_shop()).await.is_ok());
}

#[tokio::test]
async fn an_hour_is_the_longest_where_the_grant_says_nothing() {
    let handle = Bench::new(Algorithm::EdDsa, "a").granted(all());
    let seconds = TOKEN_SECONDS_MAX_DEFAULT;
    let claims = |seconds| Claims {
        seconds,
        ..claims()
    };
    denied(handle.sign(claims(seconds + 1)).await);
    assert!(handle.sign(claims(seconds)).await.is_ok());
}

#[tokio::test]
async fn calls_over_the_rate_are_refused() {
    let handle = Bench::new(Algorithm::EdDsa, "a").granted(Grant {
        calls_per_second_max: Some(1),
        ..all()
    });
    assert!(handle.public_keys().is_ok());
    let over = Err(Error::Quota("calls_per_second_max"));
    assert_eq!(handle.public_keys(), over);
}

#[tokio::test]
async fn what_a_component_cannot_claim_is_refused() {
    let handle = Bench::new(Algorithm::EdDsa, "a").granted(all());
    for extra in [
        "[]",
        "{",
        "{\"iss\": \"b\"}",
        "{\"exp\": 1}",
        "{\"sub\": \"root\"}",
    ] {
        let claims = Claims {
            extra: extra.into(),
            ..claims()
        };
        let signed = handle.sign(claims).await;
        assert!(matches!(signed, Err(Error::Invalid(_))), "{extra}");
    }
    let empty = Claims {
        subject: String::new(),
        ..claims()
    };
    assert!(matches!(handle.sign(empty).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_token_of_another_identity_is_rejected() {
    let ours = Bench::new(Algorithm::EdDsa, "a").granted(all());
    let theirs = Bench::new(Algorithm::EdDsa, "a").granted(all());
    let token = theirs.sign(claims()).await.expect("it signs");
    rejected(ours.verify(&token, None), Rejection::UnknownKey);
}

#[tokio::test]
async fn a_token_for_another_audience_is_rejected() {
    let handle = Bench::new(Algorithm::EdDsa, "a").granted(all());
    let token = handle.sign(claims()).await.expect("it signs");
    rejected(handle.verify(&token, Some("shop")), Rejection::Audience);
    let for_shop = Claims {
        audience: Some("shop".into()),
        ..claims()
    };
    let token = handle.sign(for_shop).await.expect("it signs");
    rejected(handle.verify(&token, None), Rejection::Audience);
    rejected(handle.verify(&token, Some("bank")), Rejection::Audience);
    assert!(handle.verify(&token, Some("shop")).is_ok());
}

#[tokio::test]
async fn a_token_that_was_changed_is_rejected() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let handle = Bench::new(algorithm, "a").granted(all());
        let token = handle.sign(claims()).await.expect("it signs");
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else {
            panic!("a token has three parts");
        };
        let root = keys::encode(r#"{"exp":9999999999,"iat":1,"iss":"a","sub":"root"}"#);
        let unsigned = keys::encode(r#"{"alg":"none","typ":"JWT"}"#);
        let text = String::from_utf8(keys::decode(header).expect("it is base64"));
        let text = text.expect("it is text");
        let swapped = text.replace(algorithm.name(), "HS256");
        let swapped = keys::encode(swapped);
        for (token, rejection) in [
            (format!("{header}.{root}.{signature}"), Rejection::Signature),
            (format!("{unsigned}.{payload}."), Rejection::Malformed),
            (
                format!("{swapped}.{payload}.{signature}"),
                Rejection::Signature,
            ),
            (format!("{header}.{payload}"), Rejection::Malformed),
            (format!("{header}.{payload}."), Rejection::Signature),
            (format!("{token}="), Rejection::Malformed),
            (format!("{token}.{signature}"), Rejection::Malformed),
            (String::new(), Rejection::Malformed),
        ] {
            rejected(handle.verify(&token, None), rejection);
        }
        assert!(handle.verify(&token, None).is_ok());
    }
}

#[tokio::test]
async fn a_token_says_what_was_claimed() {
    let handle = Bench::new(Algorithm::Es256, "https://shop.example").granted(all());
    let signed = handle.sign(Claims {
        audience: Some("shop".into()),
        id: Some("t-1".into()),
        extra: r#"{"role":"admin","n":1}"#.into(),
        ..claims()
    });
    let token = signed.await.expect("it signs");
    let verified = handle.verify(&token, Some("shop")).expect("it is good");
    assert_eq!(verified.subject, "user-1");
    assert_eq!(verified.issuer, "https://shop.example");
    assert_eq!(verified.id.as_deref(), Some("t-1"));
    assert_eq!(verified.expires_at, verified.issued_at + 60);
    let extra: serde_json::Value = serde_json::from_str(&verified.extra).expect("it is JSON");
    assert_eq!(extra, serde_json::json!({"role": "admin", "n": 1}));
}

#[tokio::test]
async fn tokens_are_good_after_the_key_was_rotated() {
    let bench = Bench::new(Algorithm::EdDsa, "a");
    let handle = bench.granted(all());
    let token = handle.sign(claims()).await.expect("it signs");
    bench.provider.rotate().await.expect("it rotates");
    assert!(handle.verify(&token, None).is_ok());
    let keys: serde_json::Value =
        serde_json::from_str(&handle.public_keys().expect("it may")).expect("it is JSON");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(2));
    assert!(
        !keys.to_string().contains("\"d\""),
        "no private half is published"
    );
}

#[tokio::test]
async fn so_many_passwords_wait_and_no_more() {
    let handle = Bench::new(Algorithm::EdDsa, "a").granted(all());
    let hashes = (0..2 * WAITING_MAX).map(|_| handle.hash("password".into()));
    let outcomes = futures_join(hashes.collect()).await;
    let overloaded = outcomes
        .iter()
        .filter(|outcome| **outcome == Err(Error::Overloaded))
        .count();
    assert_eq!(overloaded, WAITING_MAX);
    assert!(handle.hash("password".into()).await.is_ok());
}

/// Runs all at once, in their order.
async fn futures_join<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outcomes: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in futures.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *outcome = Some(ready);
            }
        }
        match outcomes.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}
