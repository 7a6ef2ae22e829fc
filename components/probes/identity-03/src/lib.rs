//! Answers HTTP requests out of an identity, for the host's tests: a WASI 0.3 guest that waits without blocking. The
//! calls are those of `identity-02`.
#![cfg(target_family = "wasm")]

use probe_kit_03::{Call, Refusal, text};
use stoa_sdk::http::{Request, Response};
use stoa_sdk::identity::{Claims, Error, Identity, Rejection};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    let identity = Identity::open(call.label()?).map_err(refusal)?;
    match call.op()? {
        "hash" => {
            let hash = identity.hash(call.wanted("password")?).await;
            Ok(text(hash.map_err(refusal)?))
        }
        "check" => {
            let (password, hash) = (call.wanted("password")?, call.wanted("hash")?);
            let verdict = identity.verify_password(password, hash).await;
            let verdict = verdict.map_err(refusal)?;
            let rehash = verdict.rehash.map_or("", |_| " rehash");
            Ok(text(format!("{}{rehash}", verdict.matches)))
        }
        "sign" => Ok(text(identity.sign(claims(call)?).await.map_err(refusal)?)),
        "verify" => {
            let verified = identity.verify(call.wanted("token")?, call.optional("audience"));
            let verified = verified.map_err(refusal)?;
            Ok(text(format!("{} {}", verified.subject, verified.extra)))
        }
        "keys" => Ok(text(identity.public_keys().map_err(refusal)?)),
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

fn claims(call: &Call) -> Result<Claims, Refusal> {
    Ok(Claims {
        subject: call.wanted("subject")?.to_owned(),
        audience: call.optional("audience").map(str::to_owned),
        seconds: call.number("seconds")?.unwrap_or(60) as u32,
        id: None,
        extra: call.optional("extra").unwrap_or_default().to_owned(),
    })
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::NoSuchIdentity => {
            Refusal::forbidden("no-such-identity", "no identity of this label was granted")
        }
        Error::Denied(what) => Refusal::forbidden("denied", &what),
        Error::Invalid(what) => Refusal::failed("invalid", &what),
        Error::TooLarge { limit } => {
            Refusal::failed("too-large", &format!("at most {limit} bytes"))
        }
        Error::Rejected(why) => Refusal::failed("rejected", word(why)),
        Error::Quota(what) => Refusal::failed("quota", &what),
        Error::Overloaded => Refusal::failed("overloaded", "too many passwords are waiting"),
        Error::Deadline => Refusal::failed("deadline", "no answer in time"),
        Error::Unavailable => Refusal::failed("unavailable", "the keys cannot be reached"),
        Error::Other { code, message } => Refusal::failed("other", &format!("{code}: {message}")),
    }
}

/// As the interface writes it.
fn word(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::Malformed => "malformed",
        Rejection::Signature => "signature",
        Rejection::Expired => "expired",
        Rejection::NotYet => "not-yet",
        Rejection::Audience => "audience",
        Rejection::Issuer => "issuer",
        Rejection::UnknownKey => "unknown-key",
    }
}
