//! Public keys: those of a JSON Web Key Set (RFC 7517) with which the tokens of the interface are signed.
//!
//! ```json
//! { "users": { "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "…", "kid": "…" }] } }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::Error;

/// The variable of the component that holds them, by label.
pub(crate) const VARIABLE: &str = "identity_jwks";
/// A label has at most so many keys: those that sign, will sign, or have signed what is still good.
const KEYS_MAX: usize = 64;
/// Members of a key that would tell what nobody here may know.
const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];
/// Marks an uncompressed point (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The keys of each label.
#[derive(Debug, Default)]
pub(crate) struct Keys(BTreeMap<String, Vec<PublicKey>>);

/// A key and its name. It verifies with one algorithm and no other.
#[derive(Debug)]
pub(crate) struct PublicKey {
    id: String,
    half: Half,
    /// As a JSON Web Key.
    shown: Value,
}

#[derive(Debug)]
enum Half {
    EdDsa(Box<ed25519_dalek::VerifyingKey>),
    Es256(Box<p256::ecdsa::VerifyingKey>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Map<String, Value>>,
}

impl Keys {
    /// Reads the variable. One key that is not understood, or is a private one, makes all of it wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let sets: BTreeMap<String, Set> = serde_json::from_str(text)
            // The reason quotes what it found, which may be half of a private key.
            .map_err(|error| {
                let (line, column) = (error.line(), error.column());
                wrong(&format!(
                    "no JSON of key sets by label, at line {line}, column {column}"
                ))
            })?;
        let read = sets
            .into_iter()
            .map(|(label, set)| Ok((label, set.read()?)));
        Ok(Self(read.collect::<Result<_, Error>>()?))
    }

    /// The keys of a label.
    pub(crate) fn of(&self, label: &str) -> Result<&[PublicKey], Error> {
        let keys = self.0.get(label).map(Vec::as_slice);
        keys.ok_or_else(|| wrong(&format!("there are no keys for `{label}`")))
    }
}

impl Set {
    fn read(self) -> Result<Vec<PublicKey>, Error> {
        if !(1..=KEYS_MAX).contains(&self.keys.len()) {
            return Err(wrong(&format!("a label has 1 to {KEYS_MAX} keys")));
        }
        let keys = self.keys.iter().map(PublicKey::read);
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let ids: BTreeSet<_> = keys.iter().map(|key| &key.id).collect();
        match ids.len() == keys.len() {
            true => Ok(keys),
            false => Err(wrong("two keys of a label have one `kid`")),
        }
    }
}

impl PublicKey {
    fn read(members: &Map<String, Value>) -> Result<Self, Error> {
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(wrong(
                "a private key is in it; only public ones belong there",
            ));
        }
        let member = |name: &str| members.get(name).and_then(Value::as_str);
        let id = member("kid").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| wrong("a key has no `kid`"))?.to_owned();
        let half = match (member("kty"), member("crv")) {
            (Some("OKP"), Some("Ed25519")) => eddsa(member("x")),
            (Some("EC"), Some("P-256")) => es256(member("x"), member("y")),
            _ => None,
        };
        let half = half.ok_or_else(|| {
            wrong("a key is neither one on Ed25519 nor one on P-256, or its point is none")
        })?;
        if member("alg").is_some_and(|name| name != half.algorithm()) {
            return Err(wrong("a key says another `alg` than its curve has"));
        }
        if member("use").is_some_and(|purpose| purpose != "sig") {
            return Err(wrong("a key is there for something else than signatures"));
        }
        let shown = half.shown(&id, member("x"), member("y"));
        Ok(Self { id, half, shown })
    }

    /// Its name in tokens.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The `alg` of tokens that it verifies.
    pub(crate) fn algorithm(&self) -> &'static str {
        self.half.algorithm()
    }

    /// Whether `signature` is this key's under `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.half {
            Half::EdDsa(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Half::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

impl Half {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::EdDsa(_) => "EdDSA",
            Self::Es256(_) => "ES256",
        }
    }

    /// The members that make the key, as the host writes them.
    fn shown(&self, id: &str, x: Option<&str>, y: Option<&str>) -> Value {
        let alg = self.algorithm();
        match self {
            Self::EdDsa(_) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": x, "kid": id, "alg": alg, "use": "sig" })
            }
            Self::Es256(_) => {
                json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y, "kid": id, "alg": alg, "use": "sig" })
            }
        }
    }
}

fn eddsa(x: Option<&str>) -> Option<Half> {
    let bytes = <[u8; 32]>::try_from(decode(x?)?).ok()?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok()?;
    Some(Half::EdDsa(Box::new(key)))
}

fn es256(x: Option<&str>, y: Option<&str>) -> Option<Half> {
    let (x, y) = (decode(x?)?, decode(y?)?);
    if x.len() != 32 || y.len() != 32 {
        return None;
    }
    let point = [&[UNCOMPRESSED][..], x.as_slice(), y.as_slice()].concat();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
    Some(Half::Es256(Box::new(key)))
}

/// A JSON Web Key Set.
pub(crate) fn set(keys: &[PublicKey]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| &key.shown).collect();
    json!({ "keys": keys }).to_string()
}

/// The base64 of tokens and keys, for URLs and without padding: one sequence of bytes has one text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn wrong(what: &str) -> Error {
    Error::no_keys(format!("the variable `{VARIABLE}`: {what}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The public key of RFC 8037, appendix A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn eddsa_pair(seed: u8) -> (ed25519_dalek::SigningKey, Value) {
        let pair = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        let x = encode(pair.verifying_key().as_bytes());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": format!("ed-{seed}") });
        (pair, jwk)
    }

    pub(crate) fn es256_pair(seed: u8) -> (p256::ecdsa::SigningKey, Value) {
        let pair = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("it is a scalar");
        let point = pair.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "kid": format!("es-{seed}"), "use": "sig",
        });
        (pair, jwk)
    }

    /// The keys of the label `users`.
    pub(crate) fn keys(keys: &[Value]) -> Result<Keys, Error> {
        Keys::parse(&json!({ "users": { "keys": keys } }).to_string())
    }

    #[track_caller]
    fn refused(outcome: Result<Keys, Error>) -> String {
        match outcome {
            Err(Error::Other { code, message }) => {
                assert_eq!(code, "no-keys");
                message
            }
            outcome => panic!("{outcome:?}"),
        }
    }

    #[test]
    fn private_keys_are_refused_and_not_shown() {
        let (_, mut jwk) = eddsa_pair(7);
        jwk["d"] = json!("c2VjcmV0");
        let message = refused(keys(&[jwk]));
        assert!(message.contains("private"), "{message}");
        assert!(!message.contains("c2VjcmV0"), "{message}");
        let message = refused(Keys::parse(r#"{ "users": { "keys": ["c2VjcmV0"] } }"#));
        assert!(!message.contains("c2VjcmV0"), "{message}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (_, good) = eddsa_pair(7);
        let with = |name: &str, value: Value| {
            let mut jwk = good.clone();
            jwk[name] = value;
            jwk
        };
        for jwk in [
            with("kid", json!("")),
            with("kid", json!(7)),
            with("kty", json!("RSA")),
            with("crv", json!("X25519")),
            with("x", json!("AA")),
            with("x", json!(format!("{X}="))),
            with("alg", json!("ES256")),
            with("use", json!("enc")),
            json!({}),
        ] {
            refused(keys(&[jwk]));
        }
        let (_, mut beside_the_curve) = es256_pair(7);
        beside_the_curve["y"] = beside_the_curve["x"].clone();
        refused(keys(&[beside_the_curve]));
        refused(keys(&[]));
        refused(keys(&[good.clone(), good]));
        refused(Keys::parse("{"));
    }

    #[test]
    fn labels_are_apart() {
        let (_, jwk) = eddsa_pair(7);
        let keys = keys(&[jwk]).expect("it is a key");
        assert_eq!(keys.of("users").map(<[_]>::len).ok(), Some(1));
        assert!(keys.of("others").is_err());
    }

    #[test]
    fn a_key_verifies_the_signature_of_rfc_8037() {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": "a", "alg": "EdDSA" });
        let keys = keys(&[jwk]).expect("it is a key");
        let [key] = keys.of("users").expect("there are keys") else {
            panic!("there is one");
        };
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = decode(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        );
        let signature = signature.expect("it is base64");
        assert!(key.verifies(message, &signature));
        assert!(!key.verifies(b"another message", &signature));
        assert!(!key.verifies(message, &signature[1..]));
        assert!(!key.verifies(message, b""));
    }

    #[test]
    fn what_is_published_is_what_was_given() {
        let ((_, ed), (_, es)) = (eddsa_pair(7), es256_pair(8));
        let given = keys(&[ed.clone(), es.clone()]).expect("they are keys");
        let shown = set(given.of("users").expect("there are keys"));
        let shown: Value = serde_json::from_str(&shown).expect("it is JSON");
        for (at, (jwk, alg)) in [(ed, "EdDSA"), (es, "ES256")].into_iter().enumerate() {
            for name in ["kty", "crv", "x", "y", "kid"] {
                assert_eq!(shown["keys"][at].get(name), jwk.get(name), "{name}");
            }
            assert_eq!(shown["keys"][at]["alg"], alg);
        }
    }
}
