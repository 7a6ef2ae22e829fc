//! Keys: what anybody may know of one, and the half that stays here.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::pkcs8::Document;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Bytes of a public Ed25519 key.
const EDDSA_KEY_BYTES: usize = 32;
/// Bytes of a coordinate on P-256.
const ES256_COORDINATE_BYTES: usize = 32;
/// Marks an uncompressed point (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037). Signs and verifies fastest.
    #[default]
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518), for those who cannot verify the other.
    Es256,
}

impl Algorithm {
    /// The words of the configuration, which are the names in tokens, with what they mean.
    pub const NAMES: [(&'static str, Self); 2] = [("EdDSA", Self::EdDsa), ("ES256", Self::Es256)];

    /// The `alg` of tokens and keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

/// The half of a key that everybody may know. It verifies with one algorithm and no other. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey {
    inner: Arc<Public>,
}

struct Public {
    algorithm: Algorithm,
    /// As a JSON Web Key, with its id.
    jwk: Value,
    id: String,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// A key out of its bytes: 32 for EdDSA, an uncompressed point of 65 for ES256. `None` where they are no key.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let members = members(algorithm, bytes)?;
        let key = match algorithm {
            Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, bytes),
            Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes),
        };
        let id = thumbprint(&members);
        let mut jwk = members;
        jwk["kid"] = json!(id);
        jwk["alg"] = json!(algorithm.name());
        jwk["use"] = json!("sig");
        Some(Self {
            inner: Arc::new(Public {
                algorithm,
                jwk,
                id,
                key: key.ok()?,
            }),
        })
    }

    /// Its name in tokens: the thumbprint of RFC 7638, so that one key has one name everywhere.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// What it verifies with.
    pub fn algorithm(&self) -> Algorithm {
        self.inner.algorithm
    }

    /// Whether `signature` is this key's under `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.inner.key.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm().name(), self.id())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.inner.jwk == other.inner.jwk
    }
}

impl Eq for PublicKey {}

/// A JSON Web Key Set (RFC 7517).
pub fn set(keys: &[PublicKey]) -> String {
    let keys: Vec<&Value> = keys.iter().map(|key| &key.inner.jwk).collect();
    json!({ "keys": keys }).to_string()
}

/// The members of a JSON Web Key that make the key, and no others.
fn members(algorithm: Algorithm, bytes: &[u8]) -> Option<Value> {
    match (algorithm, bytes) {
        (Algorithm::EdDsa, x) if x.len() == EDDSA_KEY_BYTES => {
            Some(json!({ "crv": "Ed25519", "kty": "OKP", "x": encode(x) }))
        }
        (Algorithm::Es256, [UNCOMPRESSED, point @ ..])
            if point.len() == 2 * ES256_COORDINATE_BYTES =>
        {
            let (x, y) = point.split_at(ES256_COORDINATE_BYTES);
            Some(json!({ "crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y) }))
        }
        _ => None,
    }
}

/// RFC 7638: the digest of the members in the order of their names, without a space. Names and values here are ASCII
/// that JSON does not escape, so that writing them out needs no serializer that promises an order.
fn thumbprint(members: &Value) -> String {
    let member = |name: &str| Some(format!("\"{name}\":\"{}\"", members.get(name)?.as_str()?));
    let written: Vec<String> = ["crv", "kty", "x", "y"]
        .into_iter()
        .filter_map(member)
        .collect();
    let text = format!("{{{}}}", written.join(","));
    encode(digest(&SHA256, text.as_bytes()).as_ref())
}

/// The base64 of tokens and keys: for URLs, without padding.
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Undoes [`encode`], and nothing else: one sequence of bytes has one text.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The half of a key that never leaves the host. Nothing of it is shown.
pub(super) struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
}

impl PrivateKey {
    /// A new key, as PKCS#8. What is answered is overwritten when it is dropped.
    pub(super) fn generate(algorithm: Algorithm) -> Result<Document, Unspecified> {
        match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::generate()?.to_pkcs8v1(),
            Algorithm::Es256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?.to_pkcs8v1()
            }
        }
    }

    /// Reads PKCS#8.
    pub(super) fn read(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        let pair = match algorithm {
            Algorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8)?),
            Algorithm::Es256 => Pair::Es256(EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                pkcs8,
            )?),
        };
        let public = match &pair {
            Pair::EdDsa(pair) => PublicKey::new(algorithm, pair.public_key().as_ref()),
            Pair::Es256(pair) => PublicKey::new(algorithm, pair.public_key().as_ref()),
        };
        let public = public.expect("the public half of a key is one");
        Ok(Self { pair, public })
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let signature = match &self.pair {
            Pair::EdDsa(pair) => pair.try_sign(message)?,
            Pair::Es256(pair) => pair.sign(&SystemRandom::new(), message)?,
        };
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key of RFC 8037, appendix A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        let point = [7; 64];
        assert_eq!(PublicKey::new(Algorithm::EdDsa, &[7; 31]), None);
        assert_eq!(PublicKey::new(Algorithm::EdDsa, &[]), None);
        assert_eq!(PublicKey::new(Algorithm::Es256, &point), None);
        let beside_the_curve = [&[UNCOMPRESSED][..], &point].concat();
        assert_eq!(PublicKey::new(Algorithm::Es256, &beside_the_curve), None);
    }

    #[test]
    fn a_key_of_one_algorithm_is_none_of_the_other() {
        for (made, read) in [
            (Algorithm::EdDsa, Algorithm::Es256),
            (Algorithm::Es256, Algorithm::EdDsa),
        ] {
            let pkcs8 = PrivateKey::generate(made).expect("a key can be made");
            assert!(PrivateKey::read(read, pkcs8.as_ref()).is_err());
        }
    }

    #[test]
    fn text_that_is_not_the_only_one_for_its_bytes_is_refused() {
        assert_eq!(decode("AA"), Some(vec![0]));
        for text in ["AB", "AA==", "A A", "A+/A"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_has_the_thumbprint_and_the_signature_of_rfc_8037() {
        let bytes = decode(X).expect("it is base64");
        let key = PublicKey::new(Algorithm::EdDsa, &bytes).expect("it is a key");
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = decode(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        )
        .expect("it is base64");
        assert!(key.verifies(message, &signature));
        assert!(!key.verifies(b"another message", &signature));
    }

    #[test]
    fn a_key_on_p256_has_the_thumbprint_of_its_members() {
        let pkcs8 = PrivateKey::generate(Algorithm::Es256).expect("a key can be made");
        let key = PrivateKey::read(Algorithm::Es256, pkcs8.as_ref()).expect("it is one");
        let set: Value = serde_json::from_str(&set(&[key.public().clone()])).expect("it is JSON");
        let jwk = &set["keys"][0];
        let text = format!(
            "{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":{},\"y\":{}}}",
            jwk["x"], jwk["y"]
        );
        let expected = encode(digest(&SHA256, text.as_bytes()).as_ref());
        assert_eq!(jwk["kid"].as_str(), Some(&*expected));
        let signature = key.sign(b"message").expect("it signs");
        assert_eq!(signature.len(), 64);
        assert!(key.public().verifies(b"message", &signature));
    }

    #[test]
    fn nothing_of_a_private_key_is_shown() {
        for (_, algorithm) in Algorithm::NAMES {
            let pkcs8 = PrivateKey::generate(algorithm).expect("a key can be made");
            let key = PrivateKey::read(algorithm, pkcs8.as_ref()).expect("it is one");
            assert_eq!(format!("{key:?} {key:#?}"), "*** ***");
        }
    }
}
