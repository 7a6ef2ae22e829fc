//! What every holder of keys must do. A backend's tests run all of it.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{LEEWAY_SECONDS, Provider, Rejection, Verified, keys, tokens};

/// When the tokens of these cases are signed.
const NOW: u64 = 1_800_000_000;

/// A case at work.
pub type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A fact about an identity with one key. It panics where the fact does not hold.
pub struct Case {
    /// The fact.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(Arc<dyn Provider>) -> Trial,
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All facts, to be tried one by one, each on a fresh identity.
        pub const CASES: &[Case] = &[$(Case { name: stringify!($name), run: |provider| Box::pin($name(provider)) }),*];
    };
}

cases![
    a_key_that_is_not_there_does_not_sign,
    the_key_that_signs_is_published,
    a_signature_verifies_with_its_key_and_no_other,
    a_new_key_is_published_and_does_not_sign_yet,
    a_token_may_name_its_key_and_nothing_else,
    a_token_is_good_until_its_time_is_over,
    a_token_is_not_good_before_its_time,
    a_token_of_another_issuer_is_rejected,
    a_token_for_somebody_is_not_for_nobody,
    claims_of_the_wrong_type_make_no_token,
    tokens_stay_good_after_a_rotation,
    nothing_private_is_shown,
];

/// What the key that signs now writes into the header of its tokens.
async fn header(provider: &Arc<dyn Provider>) -> Value {
    let key = provider.signing_key().await.expect("there is one");
    json!({ "alg": key.algorithm().name(), "kid": key.id(), "typ": "JWT" })
}

/// Claims that are good from [`NOW`] on, for a minute.
fn claims(provider: &Arc<dyn Provider>) -> Value {
    json!({ "iss": provider.issuer(), "sub": "ada", "iat": NOW, "exp": NOW + 60 })
}

/// A token of this header and these claims. Its signature is right, so that whatever else is wrong is found by itself.
async fn token(provider: &Arc<dyn Provider>, header: &Value, claims: &Value) -> String {
    let key = provider.signing_key().await.expect("there is one");
    let (header, claims) = (header.to_string(), claims.to_string());
    let unsigned = format!("{}.{}", keys::encode(header), keys::encode(claims));
    let signature = provider.sign(key.id(), unsigned.as_bytes()).await;
    tokens::signed(&unsigned, &signature.expect("it signs"))
}

async fn token_with(provider: &Arc<dyn Provider>, name: &str, value: Value) -> String {
    let mut claims = claims(provider);
    claims[name] = value;
    token(provider, &header(provider).await, &claims).await
}

fn verify(provider: &Arc<dyn Provider>, token: &str, now: u64) -> Result<Verified, Rejection> {
    let keys = provider.public_keys();
    tokens::verify(token, &keys, provider.issuer(), None, now)
}

fn rejected(provider: &Arc<dyn Provider>, token: &str, now: u64, rejection: Rejection) {
    let told = verify(provider, token, now).err();
    assert_eq!(told, Some(rejection), "{token}");
}

async fn a_token_may_name_its_key_and_nothing_else(provider: Arc<dyn Provider>) {
    let (good, claims) = (header(&provider).await, claims(&provider));
    let other = match good["alg"].as_str() {
        Some("ES256") => "EdDSA",
        _ => "ES256",
    };
    for (name, value, rejection) in [
        ("alg", json!("none"), Rejection::Signature),
        ("alg", json!("HS256"), Rejection::Signature),
        ("alg", json!(other), Rejection::Signature),
        ("alg", Value::Null, Rejection::Malformed),
        ("kid", json!("no-such-key"), Rejection::UnknownKey),
        ("kid", Value::Null, Rejection::Malformed),
        (
            "jwk",
            json!({ "kty": "oct", "k": "AA" }),
            Rejection::Malformed,
        ),
        ("jku", json!("https://example.com"), Rejection::Malformed),
        ("crit", json!(["exp"]), Rejection::Malformed),
        ("typ", json!("at+jwt"), Rejection::Malformed),
    ] {
        let mut header = good.clone();
        header[name] = value;
        let token = token(&provider, &header, &claims).await;
        rejected(&provider, &token, NOW, rejection);
    }
    let token = token(&provider, &good, &claims).await;
    assert!(verify(&provider, &token, NOW).is_ok());
}

async fn a_token_is_good_until_its_time_is_over(provider: Arc<dyn Provider>) {
    let token = token(&provider, &header(&provider).await, &claims(&provider)).await;
    let over = NOW + 60 + LEEWAY_SECONDS;
    rejected(&provider, &token, over, Rejection::Expired);
    assert!(verify(&provider, &token, over - 1).is_ok());
}

async fn a_token_is_not_good_before_its_time(provider: Arc<dyn Provider>) {
    let token = token_with(&provider, "nbf", json!(NOW + 30)).await;
    let early = NOW + 30 - LEEWAY_SECONDS;
    rejected(&provider, &token, early - 1, Rejection::NotYet);
    assert!(verify(&provider, &token, early).is_ok());
}

async fn a_token_of_another_issuer_is_rejected(provider: Arc<dyn Provider>) {
    let token = token_with(&provider, "iss", json!("somebody else")).await;
    rejected(&provider, &token, NOW, Rejection::Issuer);
}

async fn a_token_for_somebody_is_not_for_nobody(provider: Arc<dyn Provider>) {
    let token = token_with(&provider, "aud", json!("shop")).await;
    rejected(&provider, &token, NOW, Rejection::Audience);
}

async fn claims_of_the_wrong_type_make_no_token(provider: Arc<dyn Provider>) {
    for (name, value) in [
        ("exp", json!("1900000000")),
        ("exp", json!(-1)),
        ("exp", Value::Null),
        ("nbf", json!("0")),
        ("iat", Value::Null),
        ("sub", json!(1)),
        ("iss", json!([provider.issuer()])),
        ("aud", json!(["shop"])),
    ] {
        let token = token_with(&provider, name, value).await;
        rejected(&provider, &token, NOW, Rejection::Malformed);
    }
}

async fn tokens_stay_good_after_a_rotation(provider: Arc<dyn Provider>) {
    let token = token(&provider, &header(&provider).await, &claims(&provider)).await;
    provider.rotate().await.expect("it rotates");
    let verified = verify(&provider, &token, NOW).expect("its key is still published");
    assert_eq!(verified.subject, "ada");
}

async fn nothing_private_is_shown(provider: Arc<dyn Provider>) {
    let keys = provider.public_keys();
    let set: Value = serde_json::from_str(&keys::set(&keys)).expect("it is JSON");
    let set = set["keys"].as_array().expect("it is a set");
    for (key, jwk) in keys.iter().zip(set) {
        let members = jwk.as_object().expect("a key is an object").keys();
        let public = ["alg", "crv", "kid", "kty", "use", "x", "y"];
        for member in members {
            assert!(public.contains(&member.as_str()), "{member} is not public");
        }
        let shown = format!("PublicKey({} {})", key.algorithm().name(), key.id());
        assert_eq!(format!("{key:?}"), shown);
    }
}

async fn the_key_that_signs_is_published(provider: Arc<dyn Provider>) {
    let key = provider.signing_key().await.expect("there is one");
    assert!(provider.public_keys().contains(&key));
    assert!((1..=super::NAME_BYTES_MAX).contains(&provider.issuer().len()));
}

async fn a_signature_verifies_with_its_key_and_no_other(provider: Arc<dyn Provider>) {
    let key = provider.signing_key().await.expect("there is one");
    let signature = provider.sign(key.id(), b"message").await.expect("it signs");
    assert_eq!(signature.len(), 64);
    assert!(key.verifies(b"message", &signature));
    assert!(!key.verifies(b"massage", &signature));
    provider.rotate().await.expect("it rotates");
    let others = provider.public_keys();
    let others = others.iter().filter(|other| other.id() != key.id());
    for other in others {
        assert!(!other.verifies(b"message", &signature));
    }
}

async fn a_key_that_is_not_there_does_not_sign(provider: Arc<dyn Provider>) {
    assert!(provider.sign("no-such-key", b"message").await.is_err());
}

async fn a_new_key_is_published_and_does_not_sign_yet(provider: Arc<dyn Provider>) {
    let before = provider.signing_key().await.expect("there is one");
    let count = provider.public_keys().len();
    provider.rotate().await.expect("it rotates");
    assert_eq!(provider.public_keys().len(), count + 1);
    assert_eq!(provider.signing_key().await, Ok(before));
    // One that waits is enough.
    provider.rotate().await.expect("it rotates");
    assert_eq!(provider.public_keys().len(), count + 1);
}
