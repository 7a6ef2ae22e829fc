//! What is particular to Spin's contracts.

use super::{FULL, SPIN, each};

#[tokio::test]
async fn spins_statements_are_those_of_sqlite() {
    each(SPIN, FULL, async |guest| {
        let create = "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, s TEXT, b BLOB, flag BOOLEAN, d DECIMAL, n INTEGER)";
        guest.expect("execute", &[("sql", create)], "\n").await;
        let insert = [
            ("sql", "INSERT INTO t VALUES (?, ?2, :s, ?, ?, ?, ?)"),
            ("p", "i:7"),
            ("p", "r:1.5"),
            ("p", "t:ä"),
            ("p", "x:abc"),
            ("p", "i:1"),
            ("p", "r:0.5"),
            ("p", "null"),
        ];
        guest.expect("execute", &insert, "\n").await;
        let rows = "id|r|s|b|flag|d|n\ni:7|r:1.5|t:ä|x:abc|i:1|r:0.5|null\n";
        guest
            .expect("execute", &[("sql", "SELECT * FROM t")], rows)
            .await;
        let nan = [("sql", "SELECT ? AS a"), ("p", "r:NaN")];
        guest.expect("execute", &nan, "a\nnull\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_of_spin_remembers_what_it_changed() {
    let remembering = [
        ("sql-02", "spin"),
        ("sql-03", "spin"),
        ("sql-03", "spin-blocking"),
    ];
    each(remembering, FULL, async |guest| {
        guest.expect("numbers", &[("sql", "SELECT 1")], "0 0").await;
        let statements = [
            ("sql", "INSERT INTO notes VALUES ('a'), ('b'), ('c')"),
            ("sql", "UPDATE notes SET note = 'd' WHERE note <> 'c'"),
            ("sql", "SELECT note FROM notes"),
        ];
        guest.expect("numbers", &statements, "2 3").await;
    })
    .await;
}
