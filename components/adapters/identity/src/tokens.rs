//! JSON Web Tokens (RFC 7519) as the host signs them, and no others.
//!
//! A token may only say which key signed it; the key says the rest: one algorithm per key, no key or link to one out of a
//! token, nothing critical that is not understood.

use serde_json::{Map, Value, json};

use crate::error::{Error, Rejection};
use crate::keys::{PublicKey, decode};

/// A token has at most so many bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// By so much the clocks of those who sign and verify may differ, in seconds.
const LEEWAY_SECONDS: u64 = 5;

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) audience: Option<String>,
    /// In seconds since 1970.
    pub(crate) issued_at: u64,
    /// In seconds since 1970.
    pub(crate) expires_at: u64,
    pub(crate) id: Option<String>,
    /// All other claims: the text of a JSON object.
    pub(crate) extra: String,
}

/// What `token` says, if one of `keys` signed it and it is good at `now` for `audience`.
pub(crate) fn verify(
    token: &str,
    keys: &[PublicKey],
    issuer: &str,
    audience: Option<&str>,
    now: u64,
) -> Result<Verified, Error> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::TooLarge(TOKEN_BYTES_MAX as u64));
    }
    let payload = authentic(token, keys).map_err(Error::Rejected)?;
    let read = read(payload).ok_or(Error::Rejected(Rejection::Malformed))?;
    match rejection(&read, issuer, audience, now) {
        None => Ok(read.claims),
        Some(rejection) => Err(Error::Rejected(rejection)),
    }
}

fn rejection(read: &Read, issuer: &str, audience: Option<&str>, now: u64) -> Option<Rejection> {
    let claims = &read.claims;
    if claims.issuer != issuer {
        return Some(Rejection::Issuer);
    }
    if claims.audience.as_deref() != audience {
        return Some(Rejection::Audience);
    }
    if now >= claims.expires_at.saturating_add(LEEWAY_SECONDS) {
        return Some(Rejection::Expired);
    }
    let early = read.not_before > now.saturating_add(LEEWAY_SECONDS);
    early.then_some(Rejection::NotYet)
}

/// The claims of a token whose signature is right. Nothing of them is looked at before.
fn authentic(token: &str, keys: &[PublicKey]) -> Result<Map<String, Value>, Rejection> {
    let (message, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(Rejection::Malformed)?;
    let header = object(header).ok_or(Rejection::Malformed)?;
    let payload = object(payload).ok_or(Rejection::Malformed)?;
    let signature = decode(signature).ok_or(Rejection::Malformed)?;
    let key = key(&header, keys)?;
    match key.verifies(message.as_bytes(), &signature) {
        true => Ok(payload),
        false => Err(Rejection::Signature),
    }
}

/// The key that a header names. The header must then be exactly what the host writes for that key.
fn key<'k>(header: &Map<String, Value>, keys: &'k [PublicKey]) -> Result<&'k PublicKey, Rejection> {
    let id = header.get("kid").and_then(Value::as_str);
    let id = id.ok_or(Rejection::Malformed)?;
    let key = keys
        .iter()
        .find(|key| key.id() == id)
        .ok_or(Rejection::UnknownKey)?;
    match header.get("alg").and_then(Value::as_str) {
        Some(name) if name == key.algorithm() => {}
        Some(_) => return Err(Rejection::Signature),
        None => return Err(Rejection::Malformed),
    }
    let expected = json!({ "alg": key.algorithm(), "kid": id, "typ": "JWT" });
    match expected.as_object() == Some(header) {
        true => Ok(key),
        false => Err(Rejection::Malformed),
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice::<Value>(&decode(part)?).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

struct Read {
    claims: Verified,
    /// 0 where the token does not say.
    not_before: u64,
}

/// The registered claims by name, and all others together. A claim of the wrong type makes no token.
fn read(mut payload: Map<String, Value>) -> Option<Read> {
    let not_before = match payload.remove("nbf") {
        Some(value) => value.as_u64()?,
        None => 0,
    };
    let claims = Verified {
        subject: text(payload.remove("sub")?)?,
        issuer: text(payload.remove("iss")?)?,
        audience: optional_text(payload.remove("aud"))?,
        issued_at: payload.remove("iat")?.as_u64()?,
        expires_at: payload.remove("exp")?.as_u64()?,
        id: optional_text(payload.remove("jti"))?,
        extra: Value::Object(payload).to_string(),
    };
    Some(Read { claims, not_before })
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn optional_text(value: Option<Value>) -> Option<Option<String>> {
    match value {
        Some(value) => text(value).map(Some),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;

    use super::*;
    use crate::keys::tests::{eddsa_pair, encode, es256_pair, keys};

    const NOW: u64 = 1_700_000_000;
    const ISSUER: &str = "stoa:users";

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "sub": "ada", "aud": "shop", "jti": "1", "iat": NOW, "exp": NOW + 60, "role": "admin",
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn without(name: &str) -> Value {
        let mut claims = claims();
        claims
            .as_object_mut()
            .expect("it is an object")
            .remove(name);
        claims
    }

    fn header() -> Value {
        json!({ "alg": "EdDSA", "kid": "ed-7", "typ": "JWT" })
    }

    fn signed(header: &Value, claims: &Value) -> String {
        let (pair, _) = eddsa_pair(7);
        let message = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = pair.sign(message.as_bytes());
        format!("{message}.{}", encode(signature.to_bytes()))
    }

    fn judged(token: &str, audience: Option<&str>, now: u64) -> Result<Verified, Error> {
        let keys = keys(&[eddsa_pair(7).1, es256_pair(8).1]).expect("they are keys");
        verify(token, keys.of("users")?, ISSUER, audience, now)
    }

    #[track_caller]
    fn rejected(token: &str, rejection: Rejection) {
        let outcome = judged(token, Some("shop"), NOW);
        assert_eq!(outcome, Err(Error::Rejected(rejection)), "{token}");
    }

    #[test]
    fn what_is_no_token_is_malformed() {
        let good = signed(&header(), &claims());
        let parts: Vec<_> = good.split('.').collect();
        for token in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            parts[..2].join("."),
            format!("{good}="),
            format!("{}.{}.{}", parts[0], parts[0], "a"),
            format!("x.{good}"),
            signed(&json!([]), &claims()),
            signed(&header(), &json!([])),
            signed(&header(), &without("sub")),
            signed(&header(), &without("exp")),
            signed(&header(), &with("sub", json!(7))),
            signed(&header(), &with("aud", json!(["shop"]))),
            signed(&header(), &with("exp", json!("never"))),
        ] {
            rejected(&token, Rejection::Malformed);
        }
        let long = "x".repeat(TOKEN_BYTES_MAX + 1);
        let limit = TOKEN_BYTES_MAX as u64;
        assert_eq!(judged(&long, None, NOW), Err(Error::TooLarge(limit)));
    }

    #[test]
    fn a_token_does_not_say_how_it_is_verified() {
        let header = |name: &str, value: Value| {
            let mut header = header();
            header[name] = value;
            signed(&header, &claims())
        };
        rejected(&header("alg", json!("none")), Rejection::Signature);
        rejected(&header("alg", json!("ES256")), Rejection::Signature);
        rejected(&header("alg", json!("HS256")), Rejection::Signature);
        rejected(&header("alg", json!(null)), Rejection::Malformed);
        rejected(&header("crit", json!(["b64"])), Rejection::Malformed);
        rejected(&header("jwk", eddsa_pair(9).1), Rejection::Malformed);
        rejected(&header("typ", json!("at+jwt")), Rejection::Malformed);
        rejected(&header("kid", json!("ed-9")), Rejection::UnknownKey);
        rejected(&header("kid", json!("es-8")), Rejection::Signature);
    }

    #[test]
    fn what_was_changed_since_is_not_believed() {
        let good = signed(&header(), &claims());
        let forged = signed(&header(), &with("sub", json!("eve")));
        let (good_parts, forged_parts): (Vec<_>, Vec<_>) =
            (good.split('.').collect(), forged.split('.').collect());
        let mixed = [good_parts[0], forged_parts[1], good_parts[2]].join(".");
        rejected(&mixed, Rejection::Signature);
        let unsigned = format!("{}.{}.", good_parts[0], good_parts[1]);
        rejected(&unsigned, Rejection::Signature);
    }

    #[test]
    fn what_is_for_others_or_of_others_or_not_now_is_rejected() {
        rejected(
            &signed(&header(), &with("iss", json!("stoa:others"))),
            Rejection::Issuer,
        );
        rejected(
            &signed(&header(), &with("aud", json!("bank"))),
            Rejection::Audience,
        );
        rejected(&signed(&header(), &without("aud")), Rejection::Audience);
        rejected(
            &signed(&header(), &with("nbf", json!(NOW + 6))),
            Rejection::NotYet,
        );
        let good = signed(&header(), &claims());
        let audience = judged(&good, None, NOW);
        assert_eq!(audience, Err(Error::Rejected(Rejection::Audience)));
        let late = judged(&good, Some("shop"), NOW + 65);
        assert_eq!(late, Err(Error::Rejected(Rejection::Expired)));
        assert!(judged(&good, Some("shop"), NOW + 64).is_ok());
    }

    #[test]
    fn a_good_token_says_what_was_signed() {
        let expected = Verified {
            subject: "ada".to_owned(),
            issuer: ISSUER.to_owned(),
            audience: Some("shop".to_owned()),
            issued_at: NOW,
            expires_at: NOW + 60,
            id: Some("1".to_owned()),
            extra: r#"{"role":"admin"}"#.to_owned(),
        };
        let good = signed(&header(), &claims());
        assert_eq!(judged(&good, Some("shop"), NOW).as_ref(), Ok(&expected));
        let (pair, _) = es256_pair(8);
        let header = json!({ "alg": "ES256", "kid": "es-8", "typ": "JWT" });
        let message = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims().to_string())
        );
        let signature: p256::ecdsa::Signature = pair.sign(message.as_bytes());
        let token = format!("{message}.{}", encode(signature.to_bytes()));
        assert_eq!(judged(&token, Some("shop"), NOW), Ok(expected));
    }
}
