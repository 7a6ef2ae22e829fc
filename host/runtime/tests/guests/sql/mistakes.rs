//! What a grant allows and the database refuses: what is wrong, breaks a constraint, or is too large.

use super::{CALLERS, FULL, SPIN, each};

#[tokio::test]
async fn what_is_wrong_is_invalid() {
    each(CALLERS, FULL, async |guest| {
        let select = ("sql", "SELECT $1 AS a");
        for wrong in [
            &[("sql", "SELEC 1")][..],
            &[("sql", "SELECT 1; SELECT 2")],
            &[("sql", "")],
            &[select],
            &[select, ("p", "i:1"), ("p", "i:2")],
            &[select, ("p", "d:1e3")],
            &[select, ("p", "m:yesterday")],
            &[select, ("p", "r:NaN")],
        ] {
            guest.failed("query", wrong, "invalid").await;
        }
        let none = [("sql", "SELECT 1 AS a"), ("max", "0")];
        guest.failed("cursor", &none, "invalid").await;
        guest.failed("batch", &[], "invalid").await;
    })
    .await;
    each(SPIN, FULL, async |guest| {
        let wrong = [("sql", "SELECT ?1, ?2"), ("p", "i:1")];
        guest.failed("execute", &wrong, "io").await;
    })
    .await;
}

#[tokio::test]
async fn rows_that_break_a_constraint_change_nothing() {
    each(CALLERS, FULL, async |guest| {
        for broken in [
            "INSERT INTO things VALUES ('a', NULL)",
            "INSERT INTO things VALUES ('a', -1)",
            "INSERT INTO things VALUES ('a', 1), ('a', 2)",
        ] {
            let broken = [("sql", broken)];
            guest.failed("execute", &broken, "constraint").await;
        }
        let batch = [
            ("sql", "INSERT INTO things VALUES ('a', 1)"),
            ("sql", "INSERT INTO things VALUES ('a', 2)"),
        ];
        guest.failed("batch", &batch, "constraint").await;
        guest.expect_no_things().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_is_told_with_the_limit() {
    const MANY: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 10001) SELECT x FROM n";
    each(CALLERS, FULL, async |guest| {
        let large = [
            ("sql", "INSERT INTO notes VALUES ($1)"),
            ("bytes", "4194305"),
        ];
        guest
            .failed("fill", &large, "too-large: at most 4194304")
            .await;
        let many = [("sql", MANY), ("max", "10000")];
        guest
            .failed("query", &many, "too-large: at most 10000")
            .await;
        guest.expect("cursor", &many, "1 10000 1 0").await;
    })
    .await;
}
