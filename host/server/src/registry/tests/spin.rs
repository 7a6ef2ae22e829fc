//! What Spin reads of an image of ours, and what is taken of one that Spin pushed.

use super::*;

#[test]
fn what_spin_reads_says_what_the_manifest_says() {
    let lock = lock(&app(), &files()).unwrap_or_else(|told| panic!("{told:?}"));
    assert!(lock.composed.is_empty());
    let text: Value = serde_json::from_slice(&lock.text).expect("it is JSON");
    assert_eq!(text["spin_lock_version"], 1);
    assert_eq!(
        text["must_understand"],
        json!(["component_host_requirements"])
    );
    let routes: Vec<&Value> = ["/triggers/0/trigger_config", "/triggers/1/trigger_config"]
        .iter()
        .filter_map(|path| text.pointer(path))
        .collect();
    assert_eq!(
        routes,
        [
            &json!({ "component": "a", "route": "/a/:id" }),
            &json!({ "component": "b", "route": { "private": true } }),
        ]
    );
    // Read back, it grants the same.
    let converted = locked::convert(&lock.text).unwrap_or_else(|told| panic!("{told}"));
    let source = Source::new("spin.toml", &*converted.manifest);
    let again = stoa_manifest::parse(&source, None).unwrap_or_else(|told| panic!("{told}"));
    for (id, component) in &app().components {
        let again = &again.components[id];
        assert_eq!(again.grants, component.grants, "{id}");
        assert_eq!(
            again.allowed_outbound_hosts, component.allowed_outbound_hosts,
            "{id}"
        );
        assert_eq!(again.environment, component.environment, "{id}");
    }
}

#[test]
fn what_spin_could_not_run_is_told() {
    let told = lock(&app(), &Files::default()).map(drop);
    let told = told.expect_err("there is no code");
    assert_eq!(
        told,
        ["component `a` has no code", "component `b` has no code"]
    );
}

#[tokio::test]
async fn what_spin_pushed_is_refused_like_a_manifest() {
    let fake = Fake::start().await;
    let code = layer(&fake, WASM, "\0asm");
    let digest = code["digest"].as_str().expect("it is text").to_owned();
    for (component, told) in [
        (
            json!({ "files": [{ "path": "../a", "inline": "eA==" }] }),
            "does not stay below `/`",
        ),
        (
            json!({ "metadata": { "key_value_stores": ["a b"] } }),
            "it makes no manifest",
        ),
        (json!({ "dependencies": { "a:b/c": {} } }), "--compose=true"),
    ] {
        let locked = locked(&fake, &digest, component);
        put(&fake, &[code.clone(), locked]);
        let shown = refused(&fake).await;
        assert!(shown.contains(told), "{shown}");
    }
    let seen = fake.contents();
    assert!(!seen.seen.iter().any(|(_, path, _)| path.contains(&digest)));
}

#[tokio::test]
async fn what_spin_pushed_is_taken() {
    let fake = Fake::start().await;
    let code = layer(&fake, WASM, "\0asm");
    let digest = code["digest"].as_str().expect("it is text").to_owned();
    let granted = json!({ "metadata": { "key_value_stores": ["default"] } });
    let locked = locked(&fake, &digest, granted);
    put(&fake, &[code.clone(), locked.clone()]);
    let image = pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        image
            .bundle
            .manifest
            .contains("key_value_stores = [\"default\"]\n")
    );
    let code_of = image.files.get("components/web.wasm");
    assert_eq!(code_of.map(|it| &it[..]), Some(&b"\0asm"[..]));
    // As older versions of Spin push it.
    let manifest = json!({ "schemaVersion": 2, "config": locked, "layers": [code] });
    fake.contents().manifest("1.0", manifest.to_string());
    let old = pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(old.bundle, image.bundle);
}
