//! An identity in memory, for a service under test. It hashes nothing and signs nothing: whoever looks at its hashes and
//! tokens can read and forge them.

use super::{Claims, Error, Rejection, Verdict, Verified};
use crate::clock;
use serde_json::{Map, Value, json};

/// An identity this component was granted.
pub struct Identity {
    label: String,
}

const HASH: &str = "not-hashed:";
const TOKEN: &str = "not-signed:";
/// What a component cannot claim by itself.
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

impl Identity {
    /// Opens the identity that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        Ok(Self {
            label: label.to_owned(),
        })
    }

    /// The label it was opened under.
    pub fn label(&self) -> String {
        self.label.clone()
    }

    /// A hash of the password, to be stored. In memory it is the password.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        match password.len() {
            0 => Err(Error::Invalid("the password is empty".into())),
            1..=1024 => Ok(format!("{HASH}{password}")),
            _ => Err(Error::TooLarge { limit: 1024 }),
        }
    }

    /// Whether this is the password that `hash` was made of. For a user that does not exist, verify against any hash:
    /// else the time tells who exists.
    pub async fn verify_password(&self, password: &str, hash: &str) -> Result<Verdict, Error> {
        match hash.strip_prefix(HASH) {
            Some(stored) => Ok(Verdict {
                matches: stored == password,
                rehash: None,
            }),
            None => Err(Error::Invalid("this is not a hash".into())),
        }
    }

    /// A token. In memory nothing signs it.
    pub async fn sign(&self, claims: Claims) -> Result<String, Error> {
        if claims.subject.is_empty() || claims.seconds == 0 {
            let why = "a token has a subject and is good for at least a second";
            return Err(Error::Invalid(why.into()));
        }
        let mut payload = Value::Object(extra(&claims.extra)?);
        let now = clock::now().unix_ms() / 1000;
        payload["iss"] = json!(format!("stoa:{}", self.label));
        payload["sub"] = json!(claims.subject);
        payload["aud"] = json!(claims.audience);
        payload["iat"] = json!(now);
        payload["exp"] = json!(now + u64::from(claims.seconds));
        payload["jti"] = json!(claims.id);
        Ok(format!("{TOKEN}{payload}"))
    }

    /// What a token says that this identity signed, if it is good now. Never waits.
    pub fn verify(&self, token: &str, audience: Option<&str>) -> Result<Verified, Error> {
        let payload = token.strip_prefix(TOKEN);
        let payload = payload.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let verified = payload.and_then(read);
        let verified = verified.ok_or(Error::Rejected(Rejection::Malformed))?;
        if verified.issuer != format!("stoa:{}", self.label) {
            return Err(Error::Rejected(Rejection::Issuer));
        }
        if verified.audience.as_deref() != audience {
            return Err(Error::Rejected(Rejection::Audience));
        }
        match verified.expires_at > clock::now().unix_ms() / 1000 {
            true => Ok(verified),
            false => Err(Error::Rejected(Rejection::Expired)),
        }
    }

    /// What others verify this identity's tokens with: in memory, nothing.
    pub fn public_keys(&self) -> Result<String, Error> {
        Ok(json!({ "keys": [] }).to_string())
    }
}

fn extra(text: &str) -> Result<Map<String, Value>, Error> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    let extra: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_| Error::Invalid("further claims are no JSON object".into()))?;
    match REGISTERED.iter().find(|name| extra.contains_key(**name)) {
        Some(name) => Err(Error::Invalid(format!("`{name}` is the host's to claim"))),
        None => Ok(extra),
    }
}

fn read(mut payload: Value) -> Option<Verified> {
    let object = payload.as_object_mut()?;
    let mut text = |name: &str| object.remove(name)?.as_str().map(str::to_owned);
    let (subject, issuer) = (text("sub")?, text("iss")?);
    let (audience, id) = (text("aud"), text("jti"));
    let mut number = |name: &str| object.remove(name)?.as_u64();
    let (issued_at, expires_at) = (number("iat")?, number("exp")?);
    Some(Verified {
        subject,
        issuer,
        audience,
        issued_at,
        expires_at,
        id,
        extra: payload.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::testing::{block_on, set_clock};

    #[test]
    fn what_the_host_refuses_is_refused_here() {
        let identity = Identity::open("users").expect("every label is granted");
        for extra in ["[]", "1", "{", "{\"sub\":\"root\"}"] {
            let extra = extra.to_owned();
            let claims = Claims {
                extra,
                ..Claims::of("u")
            };
            let signed = block_on(identity.sign(claims));
            assert!(matches!(signed, Err(Error::Invalid(_))), "{signed:?}");
        }
        let signed = block_on(identity.sign(Claims::of("u").good_for(0)));
        assert!(matches!(signed, Err(Error::Invalid(_))), "{signed:?}");
    }

    #[test]
    fn a_token_ends_when_its_time_is_over() {
        let identity = Identity::open("users").expect("every label is granted");
        set_clock(Timestamp::from_unix_ms(1_000_000));
        let token = block_on(identity.sign(Claims::of("u").good_for(10))).expect("signed");
        assert_eq!(
            identity.verify(&token, None).expect("it is good").subject,
            "u"
        );
        set_clock(Timestamp::from_unix_ms(1_010_000));
        let expired = Err(Error::Rejected(Rejection::Expired));
        assert_eq!(identity.verify(&token, None), expired);
    }
}
