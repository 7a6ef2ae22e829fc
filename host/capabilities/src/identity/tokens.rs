//! JSON Web Tokens (RFC 7519) in the compact form, and no more of them than is used here.
//!
//! What goes wrong with tokens is mostly that a token says how it is to be verified. Here it may only say which key
//! signed it; the key says the rest: one algorithm per key, no key or link to one out of a token, nothing critical that
//! is not understood.

use serde_json::{Map, Value, json};

use super::keys::{decode, encode};
use super::{
    Algorithm, Claims, EXTRA_BYTES_MAX, Error, LEEWAY_SECONDS, NAME_BYTES_MAX, PublicKey,
    Rejection, TOKEN_BYTES_MAX, Verified,
};

/// What a component cannot claim by itself.
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// What a signature adds to a token: a point and 64 bytes, for both algorithms.
const SIGNATURE_CHARACTERS: usize = 1 + 86;

/// The part of a token that is signed: header and claims. Refused here where the whole would be too large, so that no
/// key signs in vain.
pub(super) fn unsigned(key: &PublicKey, payload: Map<String, Value>) -> Result<String, Error> {
    let header = encode(header(key.algorithm(), key.id()).to_string());
    let payload = encode(Value::Object(payload).to_string());
    match header.len() + 1 + payload.len() + SIGNATURE_CHARACTERS {
        0..=TOKEN_BYTES_MAX => Ok(format!("{header}.{payload}")),
        _ => Err(Error::TooLarge {
            limit: TOKEN_BYTES_MAX,
        }),
    }
}

fn header(algorithm: Algorithm, key_id: &str) -> Value {
    json!({ "alg": algorithm.name(), "kid": key_id, "typ": "JWT" })
}

/// A whole token.
pub(super) fn signed(unsigned: &str, signature: &[u8]) -> String {
    format!("{unsigned}.{}", encode(signature))
}

/// What a token says that is signed at `now`.
pub(super) fn payload(claims: Claims, issuer: &str, now: u64) -> Result<Map<String, Value>, Error> {
    let mut payload = extra(&claims.extra)?;
    named("subject", &claims.subject)?;
    payload.insert("iss".into(), json!(issuer));
    payload.insert("sub".into(), json!(claims.subject));
    payload.insert("iat".into(), json!(now));
    payload.insert("exp".into(), json!(now.saturating_add(claims.seconds)));
    for (name, shown, value) in [
        ("aud", "audience", claims.audience),
        ("jti", "id", claims.id),
    ] {
        if let Some(value) = value {
            named(shown, &value)?;
            payload.insert(name.into(), json!(value));
        }
    }
    Ok(payload)
}

fn named(what: &str, value: &str) -> Result<(), Error> {
    match value.len() {
        0 => Err(Error::Invalid(format!("the {what} is empty"))),
        1..=NAME_BYTES_MAX => Ok(()),
        _ => Err(Error::TooLarge {
            limit: NAME_BYTES_MAX,
        }),
    }
}

fn extra(text: &str) -> Result<Map<String, Value>, Error> {
    if text.len() > EXTRA_BYTES_MAX {
        return Err(Error::TooLarge {
            limit: EXTRA_BYTES_MAX,
        });
    }
    if text.is_empty() {
        return Ok(Map::new());
    }
    let Ok(Value::Object(extra)) = serde_json::from_str::<Value>(text) else {
        return Err(Error::Invalid("further claims are no JSON object".into()));
    };
    match REGISTERED.iter().find(|name| extra.contains_key(**name)) {
        Some(name) => Err(Error::Invalid(format!(
            "`{name}` is not a component's to claim by itself"
        ))),
        None => Ok(extra),
    }
}

/// What `token` says, if one of `keys` signed it and it is good at `now` for `audience`. Callers have checked its size.
pub(super) fn verify(
    token: &str,
    keys: &[PublicKey],
    issuer: &str,
    audience: Option<&str>,
    now: u64,
) -> Result<Verified, Rejection> {
    let payload = authentic(token, keys)?;
    let verified = read(payload).ok_or(Rejection::Malformed)?;
    if verified.claims.issuer != issuer {
        return Err(Rejection::Issuer);
    }
    if verified.claims.audience.as_deref() != audience {
        return Err(Rejection::Audience);
    }
    if now >= verified.claims.expires_at.saturating_add(LEEWAY_SECONDS) {
        return Err(Rejection::Expired);
    }
    if verified.not_before > now.saturating_add(LEEWAY_SECONDS) {
        return Err(Rejection::NotYet);
    }
    Ok(verified.claims)
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

/// The key that a header names. The header must then be exactly what [`unsigned`] writes for that key: any other
/// algorithm, key or critical extension in it is not this identity's.
fn key<'k>(header: &Map<String, Value>, keys: &'k [PublicKey]) -> Result<&'k PublicKey, Rejection> {
    let id = header.get("kid").and_then(Value::as_str);
    let id = id.ok_or(Rejection::Malformed)?;
    let key = keys
        .iter()
        .find(|key| key.id() == id)
        .ok_or(Rejection::UnknownKey)?;
    match header.get("alg").and_then(Value::as_str) {
        Some(name) if name == key.algorithm().name() => {}
        Some(_) => return Err(Rejection::Signature),
        None => return Err(Rejection::Malformed),
    }
    let expected = self::header(key.algorithm(), id);
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
    use super::*;

    fn claims() -> Claims {
        Claims {
            subject: "ada".into(),
            audience: None,
            seconds: 60,
            id: None,
            extra: String::new(),
        }
    }

    fn refused(claims: Claims) -> Error {
        payload(claims, "stoa:users", 0).expect_err("it is refused")
    }

    #[test]
    fn claims_that_are_the_hosts_are_refused() {
        for name in REGISTERED {
            let extra = format!("{{\"{name}\":1}}");
            let error = refused(Claims { extra, ..claims() });
            assert!(matches!(error, Error::Invalid(why) if why.contains(name)));
        }
    }

    #[test]
    fn further_claims_are_a_json_object() {
        for extra in ["1", "[]", "null", "{", "{} {}", " "] {
            let extra = extra.to_owned();
            assert!(matches!(
                refused(Claims { extra, ..claims() }),
                Error::Invalid(_)
            ));
        }
    }

    #[test]
    fn what_is_empty_or_too_long_is_refused() {
        let subject = String::new();
        assert!(matches!(
            refused(Claims {
                subject,
                ..claims()
            }),
            Error::Invalid(_)
        ));
        let audience = Some(String::new());
        assert!(matches!(
            refused(Claims {
                audience,
                ..claims()
            }),
            Error::Invalid(_)
        ));
        let limit = NAME_BYTES_MAX;
        let id = Some("x".repeat(limit + 1));
        assert_eq!(
            refused(Claims { id, ..claims() }),
            Error::TooLarge { limit }
        );
        let limit = EXTRA_BYTES_MAX;
        let extra = format!("{{\"a\":\"{}\"}}", "x".repeat(limit));
        assert_eq!(
            refused(Claims { extra, ..claims() }),
            Error::TooLarge { limit }
        );
    }

    #[test]
    fn a_token_that_escapes_make_too_large_is_refused_before_it_is_signed() {
        // A control character takes six bytes in JSON.
        let long = "\u{1}".repeat(NAME_BYTES_MAX);
        let claims = Claims {
            subject: long.clone(),
            audience: Some(long.clone()),
            id: Some(long),
            extra: format!("{{\"a\":\"{}\"}}", "x".repeat(EXTRA_BYTES_MAX - 10)),
            seconds: 60,
        };
        let payload = payload(claims, "stoa:users", 0).expect("each part is within its limit");
        // The public key of RFC 8037, appendix A.2.
        let bytes = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").expect("it is base64");
        let key = PublicKey::new(Algorithm::EdDsa, &bytes).expect("it is a key");
        let limit = TOKEN_BYTES_MAX;
        assert_eq!(unsigned(&key, payload), Err(Error::TooLarge { limit }));
    }
}
