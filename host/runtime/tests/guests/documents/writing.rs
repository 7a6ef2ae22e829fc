//! What is written, updated and deleted.

use super::{ABC, THINGS, each, granted};

#[tokio::test]
async fn documents_are_written_read_and_deleted() {
    each(&granted(THINGS), async |guest| {
        let ids = [("id", "b"), ("id", "z"), ("id", "a")];
        guest.expect("get", &ids, 200, "b\nz\na\n").await;
        guest.put_abc().await;
        let (a, b) = (ABC[0].1, ABC[1].1);
        let answer = format!("b {b}\nz\na {a}\n");
        guest.expect("get", &ids, 200, &answer).await;
        guest.put("a", "{}").await;
        guest.expect("get", &[("id", "a")], 200, "a {}\n").await;
        guest.expect("delete", &[("id", "a")], 200, "true").await;
        guest.expect("get", &[("id", "a")], 200, "a\n").await;
        let delete = [("c", "greater:n:1"), ("limit", "1")];
        guest.expect("delete-matching", &delete, 200, "1").await;
        guest.expect("delete-matching", &delete, 200, "1").await;
        guest.expect("delete-matching", &delete, 200, "0").await;
        guest.expect("count", &[], 200, "0").await;
    })
    .await;
}

#[tokio::test]
async fn a_write_that_fails_does_not_disturb_the_others() {
    each(&granted(THINGS), async |guest| {
        let writes = [
            ("id", "a"),
            ("body", r#"{"sku":"s1"}"#),
            ("id", "b"),
            ("body", r#"{"sku":"s1"}"#),
            ("id", "c"),
            ("body", "[]"),
            ("id", "d"),
            ("body", "{}"),
        ];
        let answer = "written\nconflict\ninvalid\nwritten\n";
        guest.expect("put", &writes, 200, answer).await;
        guest.filtered(&[], "a d").await;
    })
    .await;
}

#[tokio::test]
async fn an_update_makes_all_its_changes_in_one_step() {
    each(&granted(THINGS), async |guest| {
        guest.put("a", r#"{"list":[1,2,{"id":7}],"n":1}"#).await;
        let update = [
            ("c", "equal:_id:a"),
            ("change", "increment:n:41"),
            ("change", r#"set:price.amount:"9.99""#),
            ("change", "push:list:3"),
            ("change", "pull:list:equal:id:7"),
            ("change", "pull:list:equal::1"),
            ("change", "push-keeping:log:1:1"),
            ("change", "push-keeping:log:1:2"),
            ("change", "unset:missing.too"),
        ];
        let after = r#"a {"list":[2,3],"log":[2],"n":42,"price":{"amount":"9.99"}}"#;
        let answer = guest.call("update", &update).await;
        assert_eq!(parsed(&answer.text()), parsed(after), "{}", guest.probe);
        let update = [("change", "unset:price"), ("answer", "before")];
        let answer = guest.call("update", &update).await;
        assert_eq!(parsed(&answer.text()), parsed(after), "{}", guest.probe);
        let update = [("c", "exists:price:true"), ("change", "unset:n")];
        guest.expect("update", &update, 404, "").await;
    })
    .await;
}

#[tokio::test]
async fn the_first_by_the_sort_is_updated() {
    each(&granted(THINGS), async |guest| {
        guest.put_abc().await;
        let update = [
            ("c", "less:n:3"),
            ("sort", "-n"),
            ("change", "increment:n:10"),
        ];
        let answer = r#"b {"n":12,"name":"Winter jacket","tags":["x"]}"#;
        guest.expect("update", &update, 200, answer).await;
    })
    .await;
}

#[tokio::test]
async fn an_update_that_cannot_be_made_changes_nothing() {
    each(&granted(THINGS), async |guest| {
        guest.put("a", r#"{"n":9223372036854775807}"#).await;
        let update = [("change", "set:m:1"), ("change", "increment:n:1")];
        guest.failed("update", &update, "invalid: ").await;
        let same = "a {\"n\":9223372036854775807}\n";
        guest.expect("get", &[("id", "a")], 200, same).await;
    })
    .await;
}

/// The id and the body of an answer: where new keys go, the contract does not say.
fn parsed(answer: &str) -> (&str, serde_json::Value) {
    let (id, body) = answer.split_once(' ').expect("an id and a body");
    (id, serde_json::from_str(body).expect("the body is JSON"))
}
