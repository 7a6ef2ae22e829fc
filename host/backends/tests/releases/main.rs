//! The release history in PostgreSQL passes its suite, and what only a shared one can go through.
//!
//! It needs a server: that of `STOA_TEST_POSTGRES`, or one on this machine which trusts `root`. Each test makes a schema
//! of its own in its database and drops it at the end.

mod proxy;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use stoa_backends::releases::postgres::{OpenError, Postgres};
use stoa_capabilities::releases::config;
use stoa_capabilities::releases::conformance::{CASES, Site};
use stoa_capabilities::releases::{
    AUDIT_KEPT, Cause, Change, Digest, Error, NewChange, NewRelease, Store, Which,
};
use stoa_capabilities::variables::Secret;
use tokio::time::timeout;

use self::proxy::Proxy;

const URL: &str = "postgres://root@127.0.0.1:5432/test";
/// What is waited for comes well within this.
const SOON: Duration = Duration::from_secs(30);

fn url() -> String {
    std::env::var("STOA_TEST_POSTGRES").unwrap_or_else(|_| URL.into())
}

/// A connection beside those of the history.
async fn aside() -> PgConnection {
    let connection = PgConnection::connect(&url()).await;
    connection.expect("these tests need PostgreSQL: start one, or name it in STOA_TEST_POSTGRES")
}

async fn run(sql: String) {
    let mut aside = aside().await;
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut aside).await;
    done.expect("the database does as it is told");
}

/// A schema that is not there yet.
struct Schema(String);

impl Schema {
    fn config(&self) -> config::Postgres {
        config::Postgres {
            url: Secret::new(url()),
            password_file: None,
            schema: self.0.clone(),
            tls: None,
        }
    }

    async fn history(&self) -> Arc<Postgres> {
        Postgres::open(&self.config()).await.expect("it opens")
    }

    /// Why it is not opened.
    async fn refused(&self, config: &config::Postgres) -> OpenError {
        Postgres::open(config).await.err().expect("it is refused")
    }
}

#[async_trait::async_trait]
impl Site for Schema {
    async fn open(&self) -> Arc<dyn Store> {
        self.history().await
    }

    async fn age(&self) {
        let schema = &self.0;
        run(format!(
            "UPDATE {schema}.files SET uploaded_at = uploaded_at - interval '2 hours'"
        ))
        .await;
    }
}

/// Runs a test on a schema of its own, and drops the schema whatever becomes of the test.
async fn within<F>(test: impl FnOnce(Arc<Schema>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let name = format!("stoa_test_{}_{number}", std::process::id());
    let outcome = tokio::spawn(test(Arc::new(Schema(name.clone())))).await;
    run(format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await;
    if let Err(error) = outcome {
        resume_unwind(error.into_panic());
    }
}

async fn publish(store: &dyn Store, expected: u64) -> Result<Change, Error> {
    let release = NewRelease {
        bundle: "{}".into(),
        files: Vec::new(),
        by: "ada".into(),
        note: String::new(),
    };
    let change = NewChange {
        stable: Which::New,
        candidate: None,
        plan: "{}".into(),
        cause: Cause::Deploy,
        reason: String::new(),
        by: "ada".into(),
    };
    store.publish(expected, Some(release), change).await
}

async fn newer(store: &dyn Store, version: u64) {
    let newer = timeout(SOON, store.newer(version)).await;
    newer.expect("it wakes").expect("it is known");
}

#[tokio::test]
async fn the_release_history_in_postgresql_conforms() {
    for case in CASES {
        within(|schema| (case.run)(schema)).await;
        println!("releases  postgres  {}  passed", case.name);
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_told_without_its_password() {
    within(|schema| async move {
        let wrong = [
            "postgres://root:hunter2@127.0.0.1:1/test",
            "postgres://root:hunter2@127.0.0.1:port/test",
            "postgres://root:hunter2@127.0.0.1/test?sslmode=maybe",
        ];
        for url in wrong {
            let url = Secret::new(url);
            let config = config::Postgres {
                url,
                ..schema.config()
            };
            let refused = schema.refused(&config).await;
            let mut told = format!("{refused:?} {refused}");
            let mut source = std::error::Error::source(&refused);
            while let Some(cause) = source {
                told.push_str(&cause.to_string());
                source = cause.source();
            }
            assert!(!told.contains("hunter2"), "{told}");
            assert!(
                matches!(refused, OpenError::Url(_) | OpenError::Database(_)),
                "{told}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_password_file_that_is_not_there_is_told() {
    within(|schema| async move {
        let config = config::Postgres {
            password_file: Some("/nowhere/password".into()),
            ..schema.config()
        };
        let refused = schema.refused(&config).await;
        assert!(
            matches!(refused, OpenError::PasswordFile { .. }),
            "{refused:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_name_that_needs_quotes_is_no_schema() {
    within(|schema| async move {
        let config = config::Postgres {
            schema: "a\" CASCADE; --".into(),
            ..schema.config()
        };
        let refused = schema.refused(&config).await;
        assert!(matches!(refused, OpenError::Schema(_)), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_history_of_a_newer_form_is_refused_in_words() {
    within(|schema| async move {
        let store = schema.history().await;
        run(format!("UPDATE {}.mark SET form = 2", schema.0)).await;
        let refused = schema.refused(&schema.config()).await;
        assert!(
            matches!(refused, OpenError::Newer { found: 2 }),
            "{refused:?}"
        );
        assert!(refused.to_string().contains("newer Stoa"), "{refused}");
        // A host that runs on writes no more.
        let refused = publish(&*store, 0).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        assert_eq!(store.current().await.expect("it can be read"), None);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_file_is_told_and_healed_by_storing_it_again() {
    within(|schema| async move {
        let store = schema.history().await;
        let bytes = Bytes::from(vec![7; 1024 * 1024 + 1]);
        let digest = Digest::of(&bytes);
        let damages = [
            "UPDATE S.pieces SET bytes = 'x' WHERE number = 1",
            "UPDATE S.pieces SET bytes = bytes || bytes WHERE number = 0",
            "DELETE FROM S.pieces WHERE number = 0",
            "UPDATE S.files SET size = 0",
            "UPDATE S.files SET size = 1 << 30",
            "UPDATE S.files SET size = -1",
        ];
        for damage in damages {
            let put = store.put(digest, bytes.clone()).await;
            put.expect("the file can be stored");
            run(damage.replace("S.", &format!("{}.", schema.0))).await;
            let got = store.get(digest).await;
            assert!(
                matches!(got, Err(Error::Damaged(it)) if it == digest),
                "{damage}"
            );
        }
        let put = store.put(digest, bytes.clone()).await;
        put.expect("the file can be stored");
        assert!(store.get(digest).await.expect("it is whole") == bytes);
    })
    .await;
}

#[tokio::test]
async fn many_hosts_may_make_the_tables_at_once() {
    within(|schema| async move {
        let opening: Vec<_> = (0..4)
            .map(|_| {
                let schema = Arc::clone(&schema);
                tokio::spawn(async move { schema.history().await })
            })
            .collect();
        let mut stores = Vec::new();
        for opening in opening {
            stores.push(opening.await.expect("it opens"));
        }
        let change = publish(&*stores[0], 0).await.expect("it is published");
        for store in &stores {
            newer(&**store, 0).await;
            let current = store.current().await.expect("it can be read");
            assert_eq!(current.as_ref(), Some(&change));
        }
    })
    .await;
}

#[tokio::test]
async fn of_many_hosts_at_once_one_wins() {
    within(|schema| async move {
        let (one, other) = (schema.history().await, schema.history().await);
        for version in 0..5 {
            let (first, second) = tokio::join!(publish(&*one, version), publish(&*other, version));
            let outcomes = [first, second];
            let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            let lost = |outcome: &&Result<Change, Error>| {
                matches!(outcome, Err(Error::Conflict { current: Some(change) })
                    if change.version == version + 1)
            };
            assert_eq!(
                (won, outcomes.iter().filter(lost).count()),
                (1, 1),
                "{outcomes:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_that_nobody_was_told_of_is_seen() {
    within(|schema| async move {
        let store = schema.history().await;
        publish(&*store, 0).await.expect("it is published");
        run(format!(
            "INSERT INTO {}.changes (version, stable, plan, cause, reason, actor)
             VALUES (2, 1, '', 'up', '', '')",
            schema.0
        ))
        .await;
        newer(&*store, 1).await;
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_is_cut_to_its_newest_entries() {
    within(|schema| async move {
        let store = schema.history().await;
        run(format!(
            "INSERT INTO {}.audit (actor, origin, action, outcome)
             SELECT 'ada', '', '', '' FROM generate_series(1, {})",
            schema.0,
            AUDIT_KEPT + 5
        ))
        .await;
        store.prune(1).await.expect("it can be pruned");
        let oldest = store.audit(Some(7), 10).await.expect("it can be read");
        let numbers: Vec<u64> = oldest.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [6]);
    })
    .await;
}

#[tokio::test]
async fn while_cut_off_calls_fail_and_who_waits_goes_on_waiting() {
    within(|schema| async move {
        let proxy = Proxy::start(&url()).await;
        let config = config::Postgres {
            url: Secret::new(proxy.url()),
            ..schema.config()
        };
        let store = Postgres::open(&config).await.expect("it opens");
        publish(&*store, 0).await.expect("it is published");
        let waiting = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.newer(1).await }
        });
        proxy.cut();
        let refused = store.current().await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        let refused = publish(&*store, 1).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        let elsewhere = schema.history().await;
        publish(&*elsewhere, 1).await.expect("it is published");
        assert!(!waiting.is_finished());
        proxy.mend();
        let woken = timeout(SOON, waiting).await.expect("it wakes");
        woken.expect("it does not panic").expect("it is known");
        let current = store.current().await.expect("it is reached again");
        assert_eq!(current.map(|change| change.version), Some(2));
        publish(&*store, 2).await.expect("it is published");
    })
    .await;
}
