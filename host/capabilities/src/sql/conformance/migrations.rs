//! Migrations: applied once, as a whole, and checked without a trace.

use super::*;
use crate::sql::{Migration, migrations};

fn file(name: &str, text: &str) -> Migration {
    Migration {
        name: name.into(),
        text: text.into(),
        contracts: false,
    }
}

const ALLOWED: migrations::Contracting = migrations::Contracting::Allowed;
const REFUSED: migrations::Contracting = migrations::Contracting::Refused;

pub(super) async fn migrations_are_applied_once_and_as_a_whole(database: Arc<dyn Database>) {
    let first = file(
        "1",
        "CREATE TABLE n (id BIGINT NOT NULL); INSERT INTO n VALUES (1);",
    );
    let broken = file("2", "INSERT INTO n VALUES (2); INSERT INTO n VALUES (NULL)");
    let outcome = database.migrate(vec![first.clone(), broken], ALLOWED).await;
    let Err(migrations::Error::Rejected {
        name, statement, ..
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((name.as_str(), statement), ("2", 2));
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
    let good = file("2", "INSERT INTO n VALUES (2)");
    let set = vec![good, first];
    assert_eq!(
        database.migrate(set.clone(), REFUSED).await,
        Ok(vec!["2".to_owned()])
    );
    assert_eq!(database.migrate(set, ALLOWED).await, Ok(vec![]));
    assert_eq!(
        integers(&database, "SELECT id FROM n ORDER BY id").await,
        [1, 2]
    );
}

/// What takes something away, as the second statement of a file.
const CONTRACTING: [&str; 5] = [
    "DROP TABLE n",
    "ALTER TABLE n DROP COLUMN word",
    "ALTER TABLE n RENAME TO m",
    "ALTER TABLE n RENAME COLUMN word TO term",
    "CREATE UNIQUE INDEX i ON n (word)",
];

pub(super) async fn migrations_that_contract_are_refused_unless_flagged(
    database: Arc<dyn Database>,
) {
    let first = file("1", "CREATE TABLE n (id BIGINT NOT NULL, word TEXT)");
    for text in CONTRACTING {
        let second = file("2", &format!("CREATE TABLE o (id BIGINT); {text}"));
        let set = vec![first.clone(), second];
        let checked = database.check(set.clone(), ALLOWED).await;
        let outcome = database.migrate(set, ALLOWED).await;
        assert_eq!(checked, outcome, "{text}");
        let Err(error @ migrations::Error::Contracts { .. }) = outcome else {
            panic!("{text}: {outcome:?}");
        };
        let words = error.to_string();
        assert!(
            words.contains("`2` contracts in its statement 2: "),
            "{words}"
        );
        assert!(
            words.contains("list the file under `contracting`"),
            "{words}"
        );
        assert!(rows(&database, "SELECT word FROM n").await.is_empty());
    }
    let mut second = file("2", "DROP TABLE n");
    second.contracts = true;
    let set = vec![first, second];
    let applied = Ok(vec!["2".to_owned()]);
    assert_eq!(database.check(set.clone(), ALLOWED).await, applied);
    assert!(rows(&database, "SELECT word FROM n").await.is_empty());
    assert_eq!(database.migrate(set, ALLOWED).await, applied);
}

pub(super) async fn migrations_that_contract_are_refused_while_an_older_release_is_live(
    database: Arc<dyn Database>,
) {
    let first = file("1", "CREATE TABLE n (id BIGINT NOT NULL, word TEXT)");
    let applied = database.migrate(vec![first.clone()], REFUSED).await;
    assert_eq!(applied, Ok(vec!["1".to_owned()]));
    for (text, flagged) in CONTRACTING
        .into_iter()
        .flat_map(|text| [(text, false), (text, true)])
    {
        let mut second = file("2", &format!("CREATE TABLE o (id BIGINT); {text}"));
        second.contracts = flagged;
        let set = vec![first.clone(), second];
        let checked = database.check(set.clone(), REFUSED).await;
        let outcome = database.migrate(set, REFUSED).await;
        assert_eq!(checked, outcome, "{text}");
        let Err(error @ migrations::Error::Contracts { .. }) = outcome else {
            panic!("{text}: {outcome:?}");
        };
        let words = error.to_string();
        assert!(words.starts_with("the migration `2` contracts "), "{words}");
        assert!(
            words.ends_with("an older release still uses the schema"),
            "{words}"
        );
        assert!(rows(&database, "SELECT word FROM n").await.is_empty());
    }
}

pub(super) async fn changed_migrations_are_refused(database: Arc<dyn Database>) {
    let first = file("1", "CREATE TABLE n (id BIGINT)");
    let applied = database.migrate(vec![first], ALLOWED).await;
    assert_eq!(applied, Ok(vec!["1".to_owned()]));
    let changed = file("1", "CREATE TABLE m (id BIGINT)");
    let second = file("2", "CREATE TABLE o (id BIGINT)");
    let set = vec![changed, second];
    let name = "1".to_owned();
    let refused = Err(migrations::Error::Changed { name });
    assert_eq!(database.check(set.clone(), ALLOWED).await, refused);
    assert_eq!(database.migrate(set, ALLOWED).await, refused);
}

pub(super) async fn a_check_that_fails_leaves_nothing(database: Arc<dyn Database>) {
    let set = |second: &str| {
        vec![
            file(
                "1",
                "CREATE TABLE n (id BIGINT NOT NULL); INSERT INTO n VALUES (1)",
            ),
            file("2", second),
            file("3", "CREATE TABLE p (id BIGINT)"),
        ]
    };
    let broken = set("CREATE TABLE o (id BIGINT); INSERT INTO n VALUES (NULL)");
    let outcome = database.check(broken, REFUSED).await;
    let Err(migrations::Error::Rejected {
        name, statement, ..
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((name.as_str(), statement), ("2", 2));
    // Made again, they would be there twice.
    let good = set("CREATE TABLE o (id BIGINT)");
    let all = Ok(["1", "2", "3"].map(String::from).to_vec());
    assert_eq!(database.migrate(good, REFUSED).await, all);
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
}

pub(super) async fn a_check_says_what_a_migration_would(database: Arc<dyn Database>) {
    let set = vec![
        file("1", "CREATE TABLE n (id BIGINT NOT NULL)"),
        file("2", "INSERT INTO n VALUES (1)"),
    ];
    let first = set[..1].to_vec();
    let one = Ok(vec!["1".to_owned()]);
    assert_eq!(database.check(first.clone(), REFUSED).await, one);
    assert_eq!(database.migrate(first.clone(), REFUSED).await, one);
    assert_eq!(database.check(first, REFUSED).await, Ok(vec![]));
    let two = Ok(vec!["2".to_owned()]);
    for _ in 0..2 {
        assert_eq!(database.check(set.clone(), REFUSED).await, two);
        assert!(rows(&database, "SELECT id FROM n").await.is_empty());
    }
    assert_eq!(database.migrate(set, REFUSED).await, two);
    assert_eq!(integers(&database, "SELECT id FROM n").await, [1]);
}
