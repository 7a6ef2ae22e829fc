//! Who is known to a registry, and where passwords and tokens go.

use super::fake::{Access, TOKEN};
use super::*;

#[tokio::test]
async fn who_is_not_known_is_told_and_no_secret_with_it() {
    let fake = Fake::start().await;
    let realm = format!("{}/token", fake.url());
    for access in [
        Access::Basic {
            pair: "you:hunter3",
        },
        Access::Token {
            pair: "you:hunter3",
            realm,
        },
    ] {
        fake.contents().access = access;
        for who in [None, me()] {
            let told = pushed(&fake, who)
                .await
                .map(drop)
                .expect_err("it is refused");
            assert!(matches!(told, Error::Denied { .. }), "{told}");
            let shown = format!("{told} {told:?}");
            assert!(
                !shown.contains("hunter") && !shown.contains("bWU6"),
                "{shown}"
            );
        }
        let host = fake.address.to_string();
        let credentials = me().expect("I am somebody");
        let told = check_login(&host, false, credentials).await;
        assert!(matches!(told, Err(Error::Denied { .. })), "{told:?}");
    }
}

#[tokio::test]
async fn who_is_known_pushes_and_pulls() {
    let fake = Fake::start().await;
    let realm = format!("{}/token", fake.url());
    for access in [
        Access::Basic { pair: PAIR },
        Access::Token { pair: PAIR, realm },
    ] {
        fake.contents().access = access;
        pushed(&fake, me())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        pulled(&fake, ":1.0")
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let host = fake.address.to_string();
        let known = check_login(&host, false, me().expect("I am somebody")).await;
        known.unwrap_or_else(|error| panic!("{error}"));
    }
    let contents = fake.contents();
    let tokens = contents
        .seen
        .iter()
        .filter(|(_, path, _)| path.starts_with("/token"));
    let scopes: Vec<&str> = tokens.map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(
        scopes,
        [
            "/token?service=fake&scope=repository%3Ashop%3Apull%2Cpush",
            "/token?service=fake&scope=repository%3Ashop%3Apull",
            "/token?service=fake",
        ]
    );
}

#[tokio::test]
async fn passwords_and_tokens_stay_with_their_host() {
    let (fake, elsewhere) = (Fake::start().await, Fake::start().await);
    let realm = format!("{}/token", fake.url());
    fake.contents().access = Access::Token { pair: PAIR, realm };
    fake.contents().uploads_elsewhere = Some(elsewhere.url());
    fake.contents().blobs_elsewhere = Some(elsewhere.url());
    pushed(&fake, me())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let there = elsewhere.contents();
    assert!(there.count("PUT") > 0 && there.count("GET") > 0);
    for (method, path, authorization) in &there.seen {
        assert_eq!(*authorization, None, "{method} {path}");
    }
    // With the password only where tokens are.
    for (_, path, authorization) in &fake.contents().seen {
        let is_password = authorization
            .as_deref()
            .is_some_and(|it| it.starts_with("Basic "));
        assert_eq!(is_password, path.starts_with("/token"), "{path}");
        let is_token = *authorization == Some(format!("Bearer {TOKEN}"));
        assert!(is_token || is_password || authorization.is_none(), "{path}");
    }
}

#[tokio::test]
async fn nothing_leads_where_everybody_can_read_along() {
    let fake = Fake::start().await;
    let realm = "http://tokens.example/token".to_owned();
    fake.contents().access = Access::Token { pair: PAIR, realm };
    let told = pushed(&fake, me())
        .await
        .map(drop)
        .expect_err("it is refused");
    assert!(told.to_string().contains("where tokens are"), "{told}");
    let (fake, _) = filled().await;
    fake.contents().blobs_elsewhere = Some("http://blobs.example".to_owned());
    assert!(refused(&fake).await.contains("read along"));
    let (fake, _) = filled().await;
    // Round and round.
    let own = fake.url();
    fake.contents().blobs_elsewhere = Some(own);
    assert!(refused(&fake).await.contains("redirects more than 5 times"));
}
