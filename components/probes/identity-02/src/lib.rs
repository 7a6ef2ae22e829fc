//! Answers HTTP requests out of an identity, for the host's tests: a WASI 0.2 guest that blocks.
//!
//! `GET /?op=O&label=L…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `hash` | `password` | 200 and the hash |
//! | `check` | `password`, `hash` | 200 and `true` or `false`, and ` rehash` if there is a new one |
//! | `sign` | `subject`, `audience`, `seconds`, `extra` | 200 and the token |
//! | `verify` | `token`, `audience` | 200 and subject and further claims |
//! | `keys` | | 200 and the key set |
//!
//! An error of the interface is answered as `<variant>: <message>`: 403 if it says that there is no right to this,
//! 500 otherwise. A request that the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod bindings;

use bindings::stoa::identity::types::{Claims, Error};
use bindings::stoa::identity::{passwords, tokens, verify};
use probe_kit_02::{Answer, Call};

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    let label = call.label()?;
    match call.op()? {
        "hash" => {
            let identity = passwords::open(label)?;
            Ok(Answer::text(passwords::hash(
                &identity,
                call.wanted("password")?,
            )?))
        }
        "check" => {
            let identity = passwords::open(label)?;
            let (password, hash) = (call.wanted("password")?, call.wanted("hash")?);
            let verdict = passwords::verify(&identity, password, hash)?;
            let rehash = verdict.rehash.map_or("", |_| " rehash");
            Ok(Answer::text(format!("{}{rehash}", verdict.matches)))
        }
        "sign" => {
            let identity = tokens::open(label)?;
            Ok(Answer::text(tokens::sign(&identity, &claims(call)?)?))
        }
        "verify" => {
            let identity = verify::open(label)?;
            let token = call.wanted("token")?;
            let verified = verify::verify(&identity, token, call.optional("audience"))?;
            Ok(Answer::text(format!(
                "{} {}",
                verified.subject, verified.extra
            )))
        }
        "keys" => Ok(Answer::text(verify::public_keys(&verify::open(label)?)?)),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn claims(call: &Call) -> Result<Claims, Answer> {
    Ok(Claims {
        subject: call.wanted("subject")?.to_owned(),
        audience: call.optional("audience").map(str::to_owned),
        seconds: call.number("seconds")?.unwrap_or(60) as u32,
        id: None,
        extra: call.optional("extra").unwrap_or_default().to_owned(),
    })
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchIdentity => {
                Self::forbidden("no-such-identity", "no identity of this label was granted")
            }
            Error::Denied(what) => Self::forbidden("denied", &what),
            Error::Invalid(what) => Self::failed("invalid", &what),
            Error::TooLarge(limit) => Self::failed("too-large", &format!("at most {limit} bytes")),
            Error::Rejected(why) => Self::failed("rejected", &word(&format!("{why:?}"))),
            Error::Quota(what) => Self::failed("quota", &what),
            Error::Overloaded => Self::failed("overloaded", "too many passwords are waiting"),
            Error::Deadline => Self::failed("deadline", "no answer in time"),
            Error::Unavailable => Self::failed("unavailable", "the keys cannot be reached"),
            Error::Other(failure) => {
                Self::failed("other", &format!("{}: {}", failure.code, failure.message))
            }
        }
    }
}

/// `Rejection::UnknownKey` as the interface writes it: `unknown-key`.
fn word(shown: &str) -> String {
    let mut word = String::new();
    for letter in shown.rsplit("::").next().unwrap_or(shown).chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.extend(letter.to_lowercase());
    }
    word
}
