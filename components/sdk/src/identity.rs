//! Passwords and tokens, with keys that never enter a component: `stoa:identity` as plain Rust.
//!
//! ```
//! use stoa_sdk::identity::{Claims, Error, Identity};
//!
//! /// A token for whoever knows the password that `stored` was made of, and what to store instead, if anything.
//! async fn log_in(
//!     user: &str,
//!     password: &str,
//!     stored: &str,
//! ) -> Result<Option<(String, Option<String>)>, Error> {
//!     let identity = Identity::open("users")?;
//!     let verdict = identity.verify_password(password, stored).await?;
//!     if !verdict.matches {
//!         return Ok(None);
//!     }
//!     let claims = Claims::of(user).for_audience("shop").good_for(900);
//!     Ok(Some((identity.sign(claims).await?, verdict.rehash)))
//! }
//!
//! # stoa_sdk::testing::block_on(async {
//! let identity = Identity::open("users")?;
//! let stored = identity.hash("correct horse").await?;
//! assert!(log_in("u-1", "wrong horse", &stored).await?.is_none());
//! let (token, _) = log_in("u-1", "correct horse", &stored).await?.expect("it is the password");
//! assert_eq!(identity.verify(&token, Some("shop"))?.subject, "u-1");
//! # Ok::<(), Error>(())
//! # }).expect("in memory nothing is refused");
//! ```

mod error;
#[cfg(not(target_family = "wasm"))]
mod memory;
#[cfg(target_family = "wasm")]
mod wasi;

pub use error::{Error, Rejection};
#[cfg(not(target_family = "wasm"))]
pub use memory::Identity;
#[cfg(target_family = "wasm")]
pub use wasi::Identity;

/// What was found of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verdict {
    pub matches: bool,
    /// Set where the password matches but the hash is weaker than those made today: store this one in its place.
    pub rehash: Option<String>,
}

/// What a token is to say. The host adds the issuer and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whom it speaks of.
    pub subject: String,
    /// For whom it is.
    pub audience: Option<String>,
    /// For how many seconds it is good: 1 up to what the grant allows.
    pub seconds: u32,
    /// Tells it from all others.
    pub id: Option<String>,
    /// Further claims, as the text of a JSON object; empty for none.
    pub extra: String,
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub subject: String,
    pub issuer: String,
    pub audience: Option<String>,
    /// In seconds since the start of 1970.
    pub issued_at: u64,
    /// In seconds since the start of 1970.
    pub expires_at: u64,
    pub id: Option<String>,
    /// All other claims, as the text of a JSON object.
    pub extra: String,
}

impl Claims {
    /// Speaks of this subject, for five minutes, to nobody in particular.
    pub fn of(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            audience: None,
            seconds: 300,
            id: None,
            extra: String::new(),
        }
    }

    /// Is for this audience alone.
    #[must_use]
    pub fn for_audience(self, audience: impl Into<String>) -> Self {
        Self {
            audience: Some(audience.into()),
            ..self
        }
    }

    /// Is good for so many seconds.
    #[must_use]
    pub fn good_for(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }

    /// Can be told from all others.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..self
        }
    }

    /// Claims more: the members of a JSON object, none of them a registered one.
    #[must_use]
    pub fn claiming(self, extra: &serde_json::Map<String, serde_json::Value>) -> Self {
        let extra = serde_json::Value::Object(extra.clone()).to_string();
        Self { extra, ..self }
    }
}
