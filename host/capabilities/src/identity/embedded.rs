//! The embedded identity: keys in a folder of this host, each in a file that only its owner can read.
//!
//! A new key is published for a day before it signs, so that whoever keeps a copy of the public keys knows it by then;
//! the first key signs at once. A key that was followed by another is published until the last token that it may have
//! signed is over, and then removed.

mod folder;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{error, info};

use self::folder::Folder;
use super::keys::PrivateKey;
use super::{
    Algorithm, Error, LEEWAY_SECONDS, PUBLISHED_SECONDS_BEFORE, Provider, PublicKey,
    TOKEN_SECONDS_MAX, now,
};

pub use folder::OpenError;

const DAY: u64 = 24 * 3600;
/// A key that could not be made is tried again after so long, in seconds.
const RETRY_SECONDS: u64 = 3600;

/// Where the keys lie and what they are: `[identity.<label>.embedded]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `path`: the folder, relative to the state directory; default `identity/<label>`.
    pub path: PathBuf,
    /// `algorithm`: of new keys; default `EdDSA`. Changed, a new key is made at the next start.
    pub algorithm: Algorithm,
    /// `issuer`: the `iss` of tokens; default `stoa:<label>`.
    pub issuer: String,
    /// `rotate_days`: how old the newest key becomes before another is made; 1 to 3650, default 90.
    pub rotate_days: u64,
}

/// An open identity.
pub struct Embedded {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    folder: Folder,
    keys: Mutex<Arc<Keys>>,
    /// Held by whoever makes a key: one at a time.
    making: Mutex<()>,
    /// When a call last found a key due and took it upon itself, in seconds since 1970.
    tried: AtomicU64,
}

/// A key and when it was made, in seconds since 1970.
#[derive(Clone)]
struct Key {
    made: u64,
    private: Arc<PrivateKey>,
}

/// All keys, the oldest first; there is at least one.
struct Keys {
    keys: Vec<Key>,
    public: Arc<[PublicKey]>,
}

impl Keys {
    fn new(keys: Vec<Key>) -> Self {
        let public = keys.iter().map(|key| key.private.public().clone());
        Self {
            public: public.collect(),
            keys,
        }
    }

    fn newest(&self) -> &Key {
        self.keys.last().expect("there is at least one key")
    }

    /// The newest that was published for long enough; the first signs at once.
    fn signing(&self, now: u64) -> &Key {
        let published = |key: &&Key| key.made.saturating_add(PUBLISHED_SECONDS_BEFORE) <= now;
        let known = self.keys.iter().rev().find(published);
        known.unwrap_or_else(|| self.keys.first().expect("there is at least one key"))
    }

    /// Those whose last token is over: another has been signing for longer than any token is good.
    fn is_over(&self, index: usize, now: u64) -> bool {
        let Some(next) = self.keys.get(index + 1) else {
            return false;
        };
        let last_signed = next.made.saturating_add(PUBLISHED_SECONDS_BEFORE);
        last_signed.saturating_add(TOKEN_SECONDS_MAX + LEEWAY_SECONDS) < now
    }
}

impl Embedded {
    /// Reads the keys in the folder at `path`, or makes the first one.
    ///
    /// # Errors
    /// When the folder or a key in it cannot be used.
    pub fn open(path: &Path, config: &Config) -> Result<Arc<Self>, OpenError> {
        Self::open_at(path, config, now())
    }

    fn open_at(path: &Path, config: &Config, now: u64) -> Result<Arc<Self>, OpenError> {
        let folder = Folder::open(path)?;
        let mut keys = folder.read()?;
        if keys.is_empty() {
            keys.push(folder.make(config.algorithm, now)?);
        }
        let inner = Inner {
            config: config.clone(),
            folder,
            keys: Mutex::new(Arc::new(Keys::new(keys))),
            making: Mutex::new(()),
            tried: AtomicU64::new(0),
        };
        inner.tidy(now)?;
        if inner.is_due(now) {
            inner.make(now)?;
        }
        Ok(Arc::new(Self {
            inner: Arc::new(inner),
        }))
    }

    fn signing_at(&self, now: u64) -> PublicKey {
        if self.inner.is_due(now) && self.inner.takes_turn(now) {
            self.rotate_aside(now);
        }
        self.inner.keys().signing(now).private.public().clone()
    }

    /// Makes a key on another thread: nobody waits for it, since it does not sign today.
    fn rotate_aside(&self, now: u64) {
        let inner = Arc::clone(&self.inner);
        let make = move || {
            if let Err(source) = inner.make_if_due(now) {
                error!(error = %source, "keys could not be renewed, the old one goes on signing");
            }
        };
        let thread = std::thread::Builder::new().name("identity-keys".into());
        if let Err(source) = thread.spawn(make) {
            error!(error = %source, "keys could not be renewed, the old one goes on signing");
        }
    }
}

impl Inner {
    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, keys: Vec<Key>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Keys::new(keys));
    }

    fn is_due(&self, now: u64) -> bool {
        let keys = self.keys();
        let newest = keys.newest();
        let old = newest.made.saturating_add(self.config.rotate_days * DAY) <= now;
        old || newest.private.public().algorithm() != self.config.algorithm
    }

    /// Whether this call is the one that makes a key: one in [`RETRY_SECONDS`], however many sign meanwhile and however
    /// often it fails.
    fn takes_turn(&self, now: u64) -> bool {
        let next = |tried: u64| (tried.saturating_add(RETRY_SECONDS) <= now).then_some(now);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.tried.fetch_update(set, fetch, next).is_ok()
    }

    fn make_if_due(&self, now: u64) -> Result<(), OpenError> {
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        match self.is_due(now) {
            true => self.make(now).and_then(|()| self.tidy(now)),
            false => Ok(()),
        }
    }

    fn make(&self, now: u64) -> Result<(), OpenError> {
        let mut keys = self.keys().keys.clone();
        // The order of files is that of keys, also where a clock went back.
        let last = keys.last().map_or(0, |newest| newest.made + 1);
        let key = self.folder.make(self.config.algorithm, now.max(last))?;
        let id = key.private.public().id();
        info!(
            key = id,
            issuer = self.config.issuer,
            "a new key is published"
        );
        keys.push(key);
        self.put(keys);
        Ok(())
    }

    /// Removes the keys that no good token was signed with.
    fn tidy(&self, now: u64) -> Result<(), OpenError> {
        let keys = self.keys();
        let mut kept = Vec::new();
        for (index, key) in keys.keys.iter().enumerate() {
            match keys.is_over(index, now) {
                true => self.folder.remove(key)?,
                false => kept.push(key.clone()),
            }
        }
        self.put(kept);
        Ok(())
    }

    fn sign(&self, key_id: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
        let keys = self.keys();
        let named = |key: &&Key| key.private.public().id() == key_id;
        let key = keys.keys.iter().find(named).ok_or(Error::Unavailable)?;
        key.private.sign(message).map_err(|_| {
            error!(key = key_id, "the key does not sign");
            Error::Unavailable
        })
    }
}

#[async_trait::async_trait]
impl Provider for Embedded {
    fn issuer(&self) -> &str {
        &self.inner.config.issuer
    }

    fn public_keys(&self) -> Arc<[PublicKey]> {
        Arc::clone(&self.inner.keys().public)
    }

    async fn signing_key(&self) -> Result<PublicKey, Error> {
        Ok(self.signing_at(now()))
    }

    async fn sign(&self, key_id: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.inner.sign(key_id, message)
    }

    async fn rotate(&self) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        let made = tokio::task::spawn_blocking(move || {
            let _one = inner.making.lock().unwrap_or_else(PoisonError::into_inner);
            let now = now();
            let keys = inner.keys();
            let waiting = keys.newest().made.saturating_add(PUBLISHED_SECONDS_BEFORE) > now;
            match waiting && keys.keys.len() > 1 {
                true => Ok(()),
                false => inner.make(now),
            }
        });
        let failed = |source: &dyn std::error::Error| {
            error!(error = %source, "a new key could not be made");
            Error::Unavailable
        };
        match made.await {
            Ok(made) => made.map_err(|source| failed(&source)),
            Err(source) => Err(failed(&source)),
        }
    }
}
