//! Calls that are in order: transactions, values, batches and cursors.

use super::{CALLERS, FULL, each};

#[tokio::test]
async fn a_transaction_takes_effect_only_when_it_is_committed() {
    each(CALLERS, FULL, async |guest| {
        let insert = ("step", "execute:INSERT INTO things VALUES ('a', 1)");
        let select = ("step", "query:SELECT id FROM things");
        let open = [("access", "write"), insert, select];
        guest
            .expect("transaction", &open, "1 1\nid TEXT, t:a\n")
            .await;
        guest.expect_no_things().await;
        let undone = [("access", "write"), insert, ("step", "rollback")];
        guest.expect("transaction", &undone, "1 1\ndone\n").await;
        guest.expect_no_things().await;
        let kept = [("access", "write"), insert, ("step", "commit")];
        guest.expect("transaction", &kept, "1 1\ndone\n").await;
        let read = [("access", "read"), select, ("step", "commit")];
        guest
            .expect("transaction", &read, "id TEXT, t:a\ndone\n")
            .await;
    })
    .await;
}

#[tokio::test]
async fn values_come_back_as_what_they_were() {
    each(CALLERS, FULL, async |guest| {
        guest.expect("label", &[], "default").await;
        let insert = [
            (
                "sql",
                "INSERT INTO kinds VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *",
            ),
            ("p", "i:9007199254740993"),
            ("p", "b:true"),
            ("p", "r:1.5"),
            ("p", "d:19.90"),
            ("p", "t:ä"),
            ("p", "x:abc"),
            ("p", "m:2026-03-01T14:00:00.5+02:00"),
        ];
        let rows = "n BIGINT|b BOOLEAN|r DOUBLE PRECISION|d DECIMAL(10,2)|t TEXT|x BYTEA|m TIMESTAMPTZ\n\
            i:9007199254740993|b:true|r:1.5|d:19.9|t:ä|x:abc|m:2026-03-01T12:00:00.500000Z\n";
        guest
            .expect("execute", &insert, &format!("1 1\n{rows}"))
            .await;
        guest
            .expect("query", &[("sql", "SELECT * FROM kinds")], rows)
            .await;
        let null = [("sql", "SELECT $1 AS a"), ("p", "null")];
        guest.expect("query", &null, "a\nnull\n").await;
    })
    .await;
}

#[tokio::test]
async fn batches_and_cursors_go_through() {
    const SOME: &str =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 250) SELECT x FROM n";
    each(CALLERS, FULL, async |guest| {
        let batch = [
            ("sql", "INSERT INTO things VALUES ('a', 1), ('b', 2)"),
            ("sql", "UPDATE things SET count = count + 1"),
            ("sql", "DELETE FROM things WHERE id = 'a' RETURNING count"),
        ];
        let told = "2 2\n2 -\n1 -\ncount BIGINT\ni:2\n";
        guest.expect("batch", &batch, told).await;
        let some = [("sql", SOME), ("max", "100")];
        guest.expect("cursor", &some, "1 100 100 50 0").await;
    })
    .await;
}
