//! What is done and told for those who may.

use stoa_capabilities::releases::Digest;
use tracing::info;

use super::*;

fn with_token_of_ci(folder: &Path) -> Config {
    let file = folder.join("ci.token");
    fs::write(&file, "a-token-for-the-pipeline\n").expect("it can be written");
    Config {
        tokens: [("ci".to_owned(), file)].into(),
        ..Config::default()
    }
}

#[tokio::test]
async fn what_the_host_refuses_is_told_with_what_serves_and_audited() {
    let bench = Bench::new();
    let answered = bench.post("/v1/promote", &json!({})).await;
    let problem = answered.refused(409, "nothing-to-do");
    assert_eq!(
        problem.serving.as_deref(),
        Some("release 2 serves (version 3)")
    );
    let (by, action, outcome) = bench.audited().await.remove(0);
    let told = (by.as_str(), action.as_str(), outcome.as_str());
    assert_eq!(told, ("local", "promote", "refused: nothing-to-do"));
}

#[tokio::test]
async fn a_deploy_that_panics_is_answered_and_audited() {
    let bench = Bench::new();
    let answered = bench.post("/v1/deploys", &deploy_of("panic")).await;
    answered.refused(500, "internal");
    assert_eq!(bench.audited().await[0].2, "refused: internal");
    bench.post("/v1/deploys", &deploy_of("")).await.json();
}

#[tokio::test]
async fn a_change_is_finished_although_its_client_leaves() {
    let bench = Bench::new();
    let request = bench.request("POST", "/v1/deploys");
    let request = request.body(Body::from(deploy_of("wait").to_string()));
    let (front, request) = (Arc::clone(&bench.front), request.expect("it is a request"));
    let client = tokio::spawn(async move { front.answer(&peer(None), request).await });
    bench.fake.begun(1).await;
    client.abort();
    assert!(client.await.is_err_and(|error| error.is_cancelled()));
    bench.fake.go.notify_one();
    bench.api.finish().await;
    assert_eq!(bench.audited().await[0].2, "done: release 1");
}

#[tokio::test]
async fn nothing_is_begun_while_the_host_stops() {
    let bench = Bench::new();
    bench.stop.cancel();
    let deploy = bench.post("/v1/deploys", &deploy_of("")).await;
    deploy.refused(503, "stopping");
    bench.get("/v1/health").await.refused(503, "stopping");
    assert!(bench.audited().await.is_empty());
    bench.get("/v1/status").await.json();
}

#[tokio::test]
async fn from_upload_to_history_everything_has_a_name_to_it() {
    let bench = Bench::configured(true, with_token_of_ci);
    let digest = Digest::of(b"wasm");
    let path = format!("/v1/artifacts/{digest}");
    let put = bench.send("PUT", &path, "wasm").await;
    assert_eq!(put.status, 204);
    let others = json!({ "digests": [digest, Digest::of(b"other")] });
    let missing = bench.post("/v1/artifacts/missing", &others).await.json();
    assert_eq!(missing, json!({ "digests": [Digest::of(b"other")] }));

    let mut deploy = deploy_of("as ordered");
    deploy["bundle"]["files"]["app.wasm"] = json!(digest);
    let request = Request::builder().method("POST").uri("/v1/deploys");
    let request = request
        .header(header::HOST, "127.0.0.1:3001")
        .header(header::AUTHORIZATION, "bearer a-token-for-the-pipeline")
        .body(Body::from(deploy.to_string()));
    let answered = bench.answer(request.expect("it is a request")).await;
    assert_eq!(answered.json()["release"], 1);

    let release = bench.get("/v1/releases/1").await.json();
    assert_eq!(
        (&release["by"], &release["note"]),
        (&json!("ci"), &json!("as ordered"))
    );
    assert_eq!(release["role"], "stable");
    assert_eq!(release["bundle"]["files"]["app.wasm"], json!(digest));
    let changes = bench.get("/v1/changes").await.json();
    assert_eq!(changes["changes"][0]["cause"], "deploy");
    assert_eq!(changes["next"], Value::Null);

    let audit = bench.get("/v1/audit").await.json();
    let entries = audit["entries"].as_array().expect("it is a list");
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry["by"].clone(),
                entry["action"].clone(),
                entry["outcome"].clone(),
            )
        })
        .collect();
    let expected = [
        ("ci", "deploy".to_owned(), "done: release 1"),
        ("local", format!("upload {digest}"), "done: stored"),
    ];
    let expected = expected.map(|(by, action, outcome)| (json!(by), json!(action), json!(outcome)));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn pages_lead_to_the_next_and_the_last_to_none() {
    let bench = Bench::new();
    for note in ["a", "b", "c"] {
        bench.post("/v1/deploys", &deploy_of(note)).await.json();
    }
    let numbers = |page: &Value| -> Vec<u64> {
        let releases = page["releases"].as_array().expect("it is a list").iter();
        let number = |release: &Value| release["number"].as_u64();
        releases.filter_map(number).collect()
    };
    let first = bench.get("/v1/releases?limit=2").await.json();
    assert_eq!((numbers(&first), &first["next"]), (vec![3, 2], &json!(2)));
    assert_eq!(first["releases"][0]["role"], "stable");
    assert_eq!(first["releases"][1]["role"], Value::Null);
    let last = bench.get("/v1/releases?limit=2&before=2").await.json();
    assert_eq!((numbers(&last), &last["next"]), (vec![1], &Value::Null));
    let exact = bench.get("/v1/releases?limit=3").await.json();
    assert_eq!(exact["next"], Value::Null);
    let audit = bench.get("/v1/audit?limit=1").await.json();
    assert_eq!(audit["entries"][0]["outcome"], "done: release 3");
    assert!(audit["next"].is_u64());
}

#[tokio::test]
async fn a_long_list_is_read_in_parts_and_none_is_missing() {
    let bench = Bench::new();
    for _ in 0..70 {
        bench.post("/v1/deploys", &deploy_of("")).await.json();
    }
    for (limit, next) in [
        (1_000, Value::Null),
        (70, Value::Null),
        (64, json!(7)),
        (63, json!(8)),
    ] {
        let page = bench
            .get(&format!("/v1/releases?limit={limit}"))
            .await
            .json();
        let releases = page["releases"].as_array().expect("it is a list").iter();
        let numbers: Vec<_> = releases.filter_map(|it| it["number"].as_u64()).collect();
        let newest: Vec<u64> = (1..=70).rev().take(limit).collect();
        assert_eq!((numbers, &page["next"]), (newest, &next));
    }
}

#[tokio::test]
async fn the_audit_log_says_what_was_asked_for() {
    let bench = Bench::new();
    let mut dry = deploy_of("");
    dry["dry_run"] = json!(true);
    dry["allow_new_grants"] = json!(true);
    dry["strategy"] = json!({ "kind": "canary" });
    bench.post("/v1/deploys", &dry).await.json();
    let back = bench.post("/v1/rollback", &json!({ "release": 4 })).await;
    assert_eq!(back.json()["stable"], 4);
    let audited = bench.audited().await;
    let told: Vec<_> = audited
        .iter()
        .map(|(_, action, outcome)| (action.as_str(), outcome.as_str()))
        .collect();
    let expected = [
        (
            "deploy canary, new grants allowed, dry run",
            "done: dry run",
        ),
        ("rollback to release 4", "done: release 4 in version 9"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn status_and_differences_are_the_hosts() {
    let bench = Bench::new();
    let status: Status =
        serde_json::from_value(bench.get("/v1/status").await.json()).expect("it is a status");
    assert_eq!((status.version, status.stable.release), (3, 2));
    let found = bench.get("/v1/differences?from=1&to=2").await.json();
    assert_eq!(found[0]["what"], "from Some(1) to Some(2)");
    let found = bench.get("/v1/differences").await.json();
    assert_eq!(found[0]["what"], "from None to None");
}

#[tokio::test]
async fn the_last_lines_of_a_component_are_told() {
    let bench = Bench::new();
    bench.log(|| {
        info!(component = "a", "one");
        info!(component = "b", "of another");
        info!(component = "a", "two");
        info!(component = "a", "three");
    });
    let answered = bench.get("/v1/logs?component=a&lines=2").await;
    assert_eq!(
        answered.header(header::CONTENT_TYPE),
        "application/x-ndjson"
    );
    let texts: Vec<Value> = answered
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("it is JSON")["text"].clone())
        .collect();
    assert_eq!(texts, ["two", "three"]);
    assert!(bench.get("/v1/logs?lines=0").await.body.is_empty());
}

#[tokio::test]
async fn who_follows_is_sent_every_line_until_the_host_stops() {
    let bench = Bench::new();
    bench.log(|| info!(component = "a", "before"));
    let request = bench.request("GET", "/v1/logs?follow=true");
    let request = request.body(Body::empty()).expect("it is a request");
    let mut body = bench.front.answer(&peer(None), request).await.into_body();
    let mut next = async || {
        let frame = body.frame().await?.expect("it is read");
        let data = frame.into_data().expect("it is data");
        Some(String::from_utf8_lossy(&data).into_owned())
    };
    let first = next().await.expect("there are lines");
    assert!(first.contains("\"before\""), "{first}");
    bench.log(|| info!(component = "a", "after"));
    let second = next().await.expect("there is another");
    assert!(
        second.contains("\"after\"") && second.ends_with('\n'),
        "{second}"
    );
    bench.stop.cancel();
    assert_eq!(next().await, None);
}
