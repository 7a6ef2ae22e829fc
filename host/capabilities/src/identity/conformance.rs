//! What every holder of keys must do. A backend's tests run all of it.

use std::pin::Pin;
use std::sync::Arc;

use super::Provider;

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
];

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
