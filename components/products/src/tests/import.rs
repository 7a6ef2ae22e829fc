//! Importing streams of products.

use super::{catalogue, changes, cup, etag, handle, put, spoil};
use serde_json::{Value, json};
use stoa_sdk::clock::Timestamp;
use stoa_sdk::documents::Error;
use stoa_sdk::testing::{Call, set_clock};

const IMPORT: &str = "/v1/products:import";
const NDJSON: &str = "application/x-ndjson";

fn ndjson(products: &[Value]) -> String {
    products
        .iter()
        .map(|product| format!("{product}\n"))
        .collect()
}

/// The lines of a report, and its last.
fn report(call: Call) -> (Vec<Value>, Value) {
    let answer = call.send(handle);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(NDJSON))
    );
    let mut lines: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let last = lines.pop().expect("a last line");
    (lines, last)
}

fn import(body: impl Into<Vec<u8>>) -> (Vec<Value>, Value) {
    report(Call::post(IMPORT, NDJSON, body))
}

fn results(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| line["result"].as_str())
        .collect()
}

fn summary(accepted: u64, updated: u64, unchanged: u64, rejected: u64) -> Value {
    json!({
        "rows": accepted + updated + unchanged + rejected,
        "accepted": accepted, "updated": updated, "unchanged": unchanged, "rejected": rejected,
    })
}

#[test]
fn every_row_has_its_line() {
    let (lines, last) = import(ndjson(&[cup("A-1"), json!({"sku": "A-2"}), cup("A-3")]));
    assert_eq!(results(&lines), ["accepted", "rejected", "accepted"]);
    assert_eq!(lines[1]["row"], 2);
    assert_eq!(lines[1]["sku"], "A-2");
    assert!(
        lines[1]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("#/name is required"))
    );
    assert_eq!(last, json!({"summary": summary(2, 0, 0, 1)}));
    let location = format!("/v1/products/{}", lines[0]["id"].as_str().expect("an id"));
    assert_eq!(Call::get(&location).send(handle).json()["sku"], "A-1");
}

#[test]
fn the_same_file_again_changes_nothing() {
    let body = ndjson(&[cup("A-1"), cup("A-2")]);
    import(body.as_str());
    let before = changes();
    let (lines, last) = import(body.as_str());
    assert_eq!(results(&lines), ["unchanged", "unchanged"]);
    assert_eq!(last["summary"], summary(0, 0, 2, 0));
    assert_eq!(changes(), before);
}

#[test]
fn the_later_of_two_rows_of_one_product_wins() {
    let mut later = cup("A-1");
    later["stock"] = json!(7);
    let (lines, _) = import(ndjson(&[cup("A-1"), later.clone(), later]));
    assert_eq!(results(&lines), ["accepted", "updated", "unchanged"]);
    let location = format!("/v1/products/{}", lines[0]["id"].as_str().expect("an id"));
    assert_eq!(Call::get(&location).send(handle).json()["stock"], 7);
}

#[test]
fn an_import_leaves_the_time_of_creation() {
    let (lines, _) = import(ndjson(&[cup("A-1")]));
    let location = format!("/v1/products/{}", lines[0]["id"].as_str().expect("an id"));
    let before = Call::get(&location).send(handle);
    let mut later = cup("A-1");
    later["name"] = json!("Mug");
    import(ndjson(&[later]));
    let after = Call::get(&location).send(handle);
    assert_eq!(after.json()["created"], before.json()["created"]);
    assert_ne!(etag(&after), etag(&before));
}

#[test]
fn rows_may_be_cut_anywhere_and_be_many() {
    let products: Vec<_> = (0..1200)
        .map(|number| cup(&format!("A-{number}")))
        .collect();
    let body = ndjson(&products);
    let cut = body
        .as_bytes()
        .chunks(7)
        .fold(Call::post(IMPORT, NDJSON, ""), |call, chunk| {
            call.chunk(chunk)
        });
    let (lines, last) = report(cut);
    assert_eq!(last["summary"], summary(1200, 0, 0, 0));
    assert!(
        lines
            .iter()
            .zip(1..)
            .all(|(line, number)| line["row"] == number)
    );
    assert_eq!(changes(), 1200);
}

#[test]
fn csv_is_read_by_its_header() {
    let body = "\u{feff}price_currency,price_amount,sku,name,category,tags,description\r\n\
                EUR,1250,A-1,\"Cup, large\",ceramics,cup;blue,\"two\r\nlines\"\r\n\
                EUR,12.50,A-2,Cup,ceramics,,\r\n";
    let (lines, last) = report(Call::post(IMPORT, "text/csv; charset=utf-8", body));
    assert_eq!(results(&lines), ["accepted", "rejected"]);
    assert_eq!(last["summary"], summary(1, 0, 0, 1));
    let product = Call::get(&format!(
        "/v1/products/{}",
        lines[0]["id"].as_str().expect("an id")
    ))
    .send(handle)
    .json();
    assert_eq!(product["name"], "Cup, large");
    assert_eq!(product["description"], "two\r\nlines");
    assert_eq!(product["tags"], json!(["cup", "blue"]));
}

#[test]
fn an_empty_body_is_a_summary_of_zeros() {
    assert_eq!(
        import(""),
        (Vec::new(), json!({"summary": summary(0, 0, 0, 0)}))
    );
    let csv = report(Call::post(IMPORT, "text/csv", ""));
    assert_eq!(csv, (Vec::new(), json!({"summary": summary(0, 0, 0, 0)})));
}

#[test]
fn a_row_that_is_too_long_is_rejected_by_its_number() {
    let body = format!("{}\n{}", "x".repeat(70_000), cup("A-2"));
    let (lines, _) = import(body);
    assert_eq!(results(&lines), ["rejected", "accepted"]);
    assert_eq!(lines[0]["reason"], "row is larger than 65536 bytes");
    assert_eq!(lines[1]["row"], 2);
}

#[test]
fn the_text_of_a_field_that_is_too_long_holds_no_rows() {
    let body = format!(
        "sku,name,category,price_amount,price_currency,description\n\
         A-1,Cup,ceramics,1250,EUR,\"{}\nA-2,Cup,ceramics,1250,EUR,\n\"\n\
         A-3,Cup,ceramics,1250,EUR,\n",
        "x".repeat(70_000)
    );
    let (lines, last) = report(Call::post(IMPORT, "text/csv", body));
    assert_eq!(results(&lines), ["rejected", "accepted"]);
    assert_eq!(lines[1]["sku"], "A-3");
    assert_eq!(last["summary"], summary(1, 0, 0, 1));
}

#[test]
fn refused_when_the_body_is_compressed() {
    let answer = Call::post(IMPORT, NDJSON, "")
        .header("content-encoding", "gzip")
        .send(handle);
    assert_eq!(
        (answer.status, answer.header("accept-encoding")),
        (415, Some("identity"))
    );
    let (lines, _) = report(
        Call::post(IMPORT, NDJSON, ndjson(&[cup("A-1")])).header("content-encoding", "Identity"),
    );
    assert_eq!(results(&lines), ["accepted"]);
}

#[test]
fn a_header_that_is_not_ours_ends_the_import() {
    let (lines, last) = report(Call::post(IMPORT, "text/csv", "sku,name\nA-1,Cup\n"));
    assert!(lines.is_empty());
    assert_eq!(last["error"], "header has no column category");
    assert_eq!(last["summary"], summary(0, 0, 0, 0));
}

#[test]
fn a_body_that_breaks_off_says_so_and_keeps_its_whole_rows() {
    let body = format!("{}\n{{\"sku\":", cup("A-1"));
    let (lines, last) = report(Call::post(IMPORT, NDJSON, body).breaking_off());
    assert_eq!(results(&lines), ["accepted"]);
    assert!(
        last["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("body broke off"))
    );
    assert_eq!(last["summary"], summary(1, 0, 0, 0));
}

#[test]
fn a_row_that_always_conflicts_is_rejected_and_the_others_are_taken() {
    catalogue();
    // Somebody else has the sku under another id.
    spoil("A-1");
    let (lines, last) = import(ndjson(&[cup("A-1"), cup("A-2"), json!({})]));
    assert_eq!(results(&lines), ["rejected", "accepted", "rejected"]);
    assert_eq!(lines[0]["reason"], "conflict");
    assert_eq!(last, json!({"summary": summary(1, 0, 0, 2)}));
}

#[test]
fn a_row_that_leaves_less_than_is_reserved_is_rejected() {
    let mut row = cup("A-1");
    row["stock"] = json!(5);
    let (lines, _) = import(ndjson(std::slice::from_ref(&row)));
    let id = lines[0]["id"].as_str().expect("an id");
    let reservation = format!("/v1/products/{id}/reservations/r");
    put(&reservation, &json!({"quantity": 3})).send(handle);
    let (lines, _) = import(ndjson(std::slice::from_ref(&row)));
    assert_eq!(results(&lines), ["unchanged"]);
    row["stock"] = json!(2);
    let (lines, _) = import(ndjson(std::slice::from_ref(&row)));
    assert_eq!(results(&lines), ["rejected"]);
    assert_eq!(
        lines[0]["reason"],
        "stock is less than the 3 reserved pieces"
    );
}

#[test]
fn what_expired_does_not_keep_a_row_from_leaving_less() {
    set_clock(Timestamp::from_unix_ms(0));
    let mut row = cup("A-1");
    row["stock"] = json!(5);
    let (lines, _) = import(ndjson(std::slice::from_ref(&row)));
    let id = lines[0]["id"].as_str().expect("an id");
    let reservation = format!("/v1/products/{id}/reservations/r");
    put(&reservation, &json!({"quantity": 3, "seconds": 10})).send(handle);
    row["stock"] = json!(2);
    set_clock(Timestamp::from_unix_ms(9_999));
    let (lines, _) = import(ndjson(std::slice::from_ref(&row)));
    assert_eq!(results(&lines), ["rejected"]);
    set_clock(Timestamp::from_unix_ms(10_000));
    let (lines, _) = import(ndjson(std::slice::from_ref(&row)));
    assert_eq!(results(&lines), ["updated"]);
}

#[test]
fn a_store_that_fails_ends_the_import_and_names_the_open_rows() {
    catalogue().refuse(Error::Unavailable);
    let (lines, last) = import(ndjson(&[cup("A-1"), cup("A-2")]));
    assert!(lines.is_empty());
    let expected = "store failed: rows 1 to 2 are not confirmed, import again from row 1";
    assert_eq!(
        last,
        json!({"error": expected, "summary": summary(0, 0, 0, 0)})
    );
}

#[test]
fn refused_when_the_media_type_is_another() {
    let answer = Call::post(IMPORT, "application/json", "[]").send(handle);
    assert_eq!(answer.status, 415);
    assert_eq!(
        answer.header("accept"),
        Some("application/x-ndjson, text/csv")
    );
}

#[test]
fn the_seed_is_accepted_whole() {
    let (lines, last) = import(include_bytes!("../../seed/catalogue.ndjson").as_slice());
    assert!(
        lines.iter().all(|line| line["result"] == "accepted"),
        "{lines:?}"
    );
    assert_eq!(last["summary"]["rejected"], 0);
}
