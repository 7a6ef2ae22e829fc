//! Hashing passwords: argon2id, on a few threads of its own.
//!
//! A hash is made to be expensive. So there is a fixed number of threads for all components together, which leave at
//! least half of the cores to everything else; what waits for them is bounded, and the rest is told to come again.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::error;
use zeroize::Zeroizing;

use super::{Error, HASH_BYTES_MAX, PASSWORD_BYTES_MAX, Verdict};

/// What a new hash costs, by OWASP's recommendation: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// What verifying a hash may cost: whoever stores a hash would else say how much of this host it takes.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 4;
/// Passwords that wait for a thread, those of all components together.
const QUEUE_PASSWORDS_MAX: usize = 64;

/// Overwritten when it is dropped.
pub(super) type Password = Zeroizing<String>;

type Job = Box<dyn FnOnce() + Send>;

/// The threads that hash.
pub(super) struct Passwords {
    jobs: SyncSender<Job>,
}

impl Passwords {
    /// Those of this process, started with the first password. There is one set, because it is the process whose cores
    /// and memory they take.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Passwords> = LazyLock::new(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Passwords::start((cores / 2).max(1), QUEUE_PASSWORDS_MAX)
        });
        &SHARED
    }

    /// The threads end when this is dropped.
    pub(super) fn start(threads: usize, queue_max: usize) -> Self {
        let (jobs, receiver) = sync_channel::<Job>(queue_max);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = Arc::clone(&receiver);
            std::thread::spawn(move || work(&receiver));
        }
        Self { jobs }
    }

    /// A PHC string. `place` is given back when the work is done or known to be in vain.
    pub(super) async fn hash(
        &self,
        password: Password,
        place: OwnedSemaphorePermit,
    ) -> Result<String, Error> {
        self.run(place, move || hash(&password)).await
    }

    /// Whether `stored` is of this password.
    pub(super) async fn verify(
        &self,
        password: Password,
        stored: Stored,
        place: OwnedSemaphorePermit,
    ) -> Result<Verdict, Error> {
        self.run(place, move || stored.verify(&password)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let job = move || {
            // A caller that has gone costs nothing more than its place in the queue.
            if !reply.is_closed() {
                drop(reply.send(work()));
            }
            drop(place);
        };
        self.jobs
            .try_send(Box::new(job))
            .map_err(|_| Error::Overloaded)?;
        answer.await.map_err(|_| Error::Unavailable)?
    }
}

/// One thread waits for a job and the others for the lock, which is not held while a job runs.
fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().expect("nothing panics under this lock").recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// Checks a password before it waits for anything.
pub(super) fn check(password: &str) -> Result<(), Error> {
    match password.len() {
        0 => Err(Error::Invalid("the password is empty".into())),
        1..=PASSWORD_BYTES_MAX => Ok(()),
        _ => Err(Error::TooLarge {
            limit: PASSWORD_BYTES_MAX,
        }),
    }
}

fn hash(password: &str) -> Result<String, Error> {
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| failed("no randomness"))?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))
        .expect("today's parameters are within argon2's bounds");
    let hash = argon2id(params).hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(failed)?.to_string())
}

fn argon2id(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What went wrong stays in the log. Neither password nor hash is part of it.
fn failed(reason: impl std::fmt::Display) -> Error {
    error!(error = %reason, "a password could not be hashed");
    Error::Unavailable
}

/// A hash that was read and found to cost no more than it may.
pub(super) struct Stored {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Stored {
    /// Reads a PHC string.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        if text.len() > HASH_BYTES_MAX {
            return Err(Error::TooLarge {
                limit: HASH_BYTES_MAX,
            });
        }
        let read = Self::parse(text);
        read.filter(Self::is_affordable).ok_or_else(|| {
            Error::Invalid(format!(
                "the hash is not one of argon2id, version 19, with at most {MEMORY_KIB_MAX} KiB, {PASSES_MAX} passes and \
                 {LANES_MAX} lanes"
            ))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let version = hash.version.map(Version::try_from)?.ok()?;
        if Algorithm::new(hash.algorithm).ok()? != Algorithm::Argon2id || version != Version::V0x13
        {
            return None;
        }
        Some(Self {
            params: Params::try_from(&hash).ok()?,
            salt: hash.salt?.to_vec(),
            output: hash.hash?.as_bytes().to_vec(),
        })
    }

    fn is_affordable(&self) -> bool {
        let params = &self.params;
        params.m_cost() <= MEMORY_KIB_MAX
            && params.t_cost() <= PASSES_MAX
            && params.p_cost() <= LANES_MAX
    }

    /// Whether it would take less to break than a hash of today.
    fn is_weak(&self) -> bool {
        self.params.m_cost() < MEMORY_KIB
            || self.params.t_cost() < PASSES
            || self.salt.len() < SALT_BYTES
            || self.output.len() < OUTPUT_BYTES
    }

    /// Costs the same whether the password is right or not; only a right one is hashed anew.
    fn verify(&self, password: &str) -> Result<Verdict, Error> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        argon2id(self.params.clone())
            .hash_password_into(password.as_bytes(), &self.salt, &mut output)
            .map_err(failed)?;
        let matches = verify_slices_are_equal(&output, &self.output).is_ok();
        let rehash = match matches && self.is_weak() {
            true => Some(hash(password)?),
            false => None,
        };
        Ok(Verdict { matches, rehash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::sync::Semaphore;

    /// Of `password`, with parameters so weak that it is quick.
    fn weak() -> String {
        let params = Params::new(8, 1, 1, Some(OUTPUT_BYTES)).expect("they are parameters");
        let hash = argon2id(params).hash_password_with_salt(b"password", b"saltsalt");
        hash.expect("it can be hashed").to_string()
    }

    fn invalid(text: &str) -> bool {
        matches!(Stored::read(text), Err(Error::Invalid(_)))
    }

    fn verify(password: &str, text: &str) -> Verdict {
        let stored = Stored::read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        stored
            .verify(password)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn place() -> OwnedSemaphorePermit {
        let places = Arc::new(Semaphore::new(1));
        places.try_acquire_owned().expect("it is free")
    }

    #[test]
    fn hashes_of_another_kind_are_refused() {
        let weak = weak();
        assert!(!invalid(&weak));
        for other in ["argon2i", "argon2d", "scrypt", "argon2id2"] {
            assert!(invalid(&weak.replace("argon2id", other)), "{other}");
        }
        assert!(invalid(&weak.replace("v=19", "v=16")));
        assert!(invalid(&weak.replace("v=19$", "")));
        for text in [
            "",
            "password",
            "$argon2id$",
            "$2b$12$abc",
            "$argon2id$v=19$m=8,t=1,p=1",
        ] {
            assert!(invalid(text), "{text}");
        }
    }

    #[test]
    fn hashes_that_cost_too_much_are_refused() {
        for costs in [
            "m=65537,t=1,p=1",
            "m=8,t=11,p=1",
            "m=64,t=1,p=5",
            "m=4294967295,t=1,p=1",
        ] {
            assert!(invalid(&weak().replace("m=8,t=1,p=1", costs)), "{costs}");
        }
        let long = format!("{}{}", weak(), "A".repeat(HASH_BYTES_MAX));
        let limit = HASH_BYTES_MAX;
        assert!(
            matches!(Stored::read(&long), Err(Error::TooLarge { limit: told }) if told == limit)
        );
    }

    #[test]
    fn passwords_are_neither_empty_nor_long() {
        assert!(matches!(check(""), Err(Error::Invalid(_))));
        assert_eq!(check(&"x".repeat(PASSWORD_BYTES_MAX)), Ok(()));
        let limit = PASSWORD_BYTES_MAX;
        assert_eq!(
            check(&"x".repeat(limit + 1)),
            Err(Error::TooLarge { limit })
        );
    }

    #[test]
    fn a_new_hash_is_of_today_and_like_no_other() {
        let first = hash("password").unwrap_or_else(|error| panic!("{error}"));
        let second = hash("password").unwrap_or_else(|error| panic!("{error}"));
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert_ne!(first, second);
        let verdict = verify("password", &first);
        assert!(verdict.matches && verdict.rehash.is_none());
        assert!(!verify("Password", &first).matches);
    }

    #[test]
    fn a_weak_hash_is_replaced_at_the_right_password_only() {
        let wrong = verify("wrong", &weak());
        assert!(!wrong.matches && wrong.rehash.is_none());
        let right = verify("password", &weak());
        assert!(right.matches);
        let rehash = right.rehash.expect("the hash is weak");
        let again = verify("password", &rehash);
        assert!(again.matches && again.rehash.is_none());
    }

    #[tokio::test]
    async fn what_does_not_fit_the_queue_is_refused() {
        let passwords = Arc::new(Passwords::start(1, 1));
        let (go, stop) = mpsc::channel::<()>();
        let (started, starts) = oneshot::channel();
        let busy = Arc::clone(&passwords);
        let first = tokio::spawn(async move {
            let work = move || {
                started.send(()).expect("the test waits");
                stop.recv().expect("the test lets it go");
                Ok(1)
            };
            busy.run(place(), work).await
        });
        starts.await.expect("the thread takes it");
        let mut second = Box::pin(passwords.run(place(), || Ok(2)));
        // One poll puts it into the queue.
        std::future::poll_fn(|context| {
            assert!(second.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        assert_eq!(
            passwords.run(place(), || Ok(3)).await,
            Err(Error::Overloaded)
        );
        go.send(()).expect("the thread waits");
        assert_eq!(first.await.expect("it does not panic"), Ok(1));
        assert_eq!(second.await, Ok(2));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_not_done_and_gives_its_place_back() {
        let passwords = Passwords::start(1, 2);
        let (go, stop) = mpsc::channel::<()>();
        let mut first =
            Box::pin(passwords.run(place(), move || stop.recv().map_err(|_| Error::Unavailable)));
        let places = Arc::new(Semaphore::new(1));
        let taken = Arc::clone(&places).try_acquire_owned().expect("it is free");
        let mut second = Box::pin(passwords.run(taken, || -> Result<(), Error> {
            panic!("nobody waits for it")
        }));
        std::future::poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending());
            assert!(second.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(second);
        assert_eq!(places.available_permits(), 0);
        go.send(()).expect("the thread waits");
        assert_eq!(first.await, Ok(()));
        let free = places.acquire().await;
        assert!(free.is_ok());
    }
}
